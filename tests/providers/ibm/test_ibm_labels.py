"""The user's own tags on the jobs at the service, beside ours."""

from pathlib import Path

import pytest
from support.ibm_client import BACKEND
from support.ibm_shell import Shell, submission, write_circuits
from support.standin.process import StandIn

from qjobs.providers.ibm.labels import fit_labels

MOST = 5


@pytest.fixture
def circuits(tmp_path: Path) -> Path:
    return write_circuits(tmp_path / "circuits.qpy", 2)


@pytest.fixture
def shell(standin: StandIn, tmp_path: Path) -> Shell:
    return Shell(tmp_path / "user", standin)


def tags(standin: StandIn) -> list[list[str]]:
    return [job["sent_tags"] for job in standin.stats()["jobs"]]


@pytest.mark.slow
def test_tags_and_the_name_are_on_every_job_behind_ours(
    shell: Shell, standin: StandIn, circuits: Path
) -> None:
    given = ("--tag", "paper-fig3", "--tag", "ünï ☃", "--name", "ghz")

    ended = shell.run(*submission(circuits), *given)

    set_id = ended.out.strip()
    for job, (first, second, note, *own) in enumerate(sorted(tags(standin))):
        assert (first, second) == (f"qj-{set_id}-{job}-1", f"qj-{set_id}")
        assert note.startswith("qj1.")
        assert own == ["paper-fig3", "ünï ☃", "ghz"]
    assert "only recorded here" not in ended.err
    fresh = Shell(circuits.parent / "fresh", standin)
    assert fresh.run("recover", "-b", f"ibm:{BACKEND}").out.strip() == set_id


@pytest.mark.slow
def test_what_has_no_room_is_said_and_recorded(
    shell: Shell, standin: StandIn, circuits: Path
) -> None:
    many = [word for number in range(6) for word in ("--tag", f"tag-{number}")]
    long, ours = 87 * "x", "qj-0123456789ab"

    ended = shell.run(*submission(circuits, per_job=2)[:-1], *many, "--tag", long, "--tag", ours)

    (sent,) = tags(standin)
    assert sent[3:] == [f"tag-{number}" for number in range(MOST)]
    for label in ("tag-5", long, ours):
        assert f"no room for it: {label!r}" in ended.err
    assert long in shell.run("show", "--json").out


@pytest.mark.slow
@pytest.mark.parametrize("limit", [{"max_tags": 3}, {"max_tag_length": 60}])
def test_where_the_service_takes_less_than_was_seen_jobs_go_without(
    shell: Shell, standin: StandIn, circuits: Path, limit: dict[str, int]
) -> None:
    standin.set(**limit)

    shell.run(*submission(circuits, per_job=2), "--tag", 70 * "y")

    (sent,) = tags(standin)
    assert len(sent) == 3
    assert all(tag.startswith("qj") for tag in sent)


def test_labels_are_fitted_in_their_order() -> None:
    labels = ["a", "qj1.c1", "b", "c", 86 * "d", 87 * "e", "f", "g"]

    taken, left_out = fit_labels(labels)

    assert taken == ["a", "b", "c", 86 * "d", "f"]
    assert left_out == ["qj1.c1", 87 * "e", "g"]
