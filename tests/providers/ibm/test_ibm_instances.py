"""Where the jobs of a set go, and so who pays for them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pytest
from support.ibm_client import BACKEND
from support.ibm_shell import write_circuits
from support.standin.account import INSTANCES
from support.standin.process import StandIn

from qjobs.cli.main import run

Qjobs: TypeAlias = Callable[..., "Ended"]

FIRST, SECOND = INSTANCES


class Ended(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def circuits(tmp_path: Path) -> str:
    return str(write_circuits(tmp_path / "circuits.qpy", 2))


@pytest.fixture
def qjobs(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    standin: StandIn,
) -> Qjobs:
    """The command line in this process, with an account that names no instance."""
    monkeypatch.delenv("QISKIT_IBM_INSTANCE")
    monkeypatch.setenv("QJOBS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("QJOBS_IBM_SUBMITS_PER_MINUTE", "100000")

    def call(*words: str) -> Ended:
        capsys.readouterr()
        code = run(words)
        return Ended(code, *capsys.readouterr())

    return call


def submission(circuits: str, *more: str) -> list[str]:
    return ["submit", circuits, "-b", f"ibm:{BACKEND}", *more]


def places(standin: StandIn) -> list[str]:
    return [job["instance"] for job in standin.stats()["jobs"]]


def test_where_the_jobs_go_is_said_and_recorded_although_nobody_named_it(
    standin: StandIn, qjobs: Qjobs, circuits: str
) -> None:
    planned = qjobs(*submission(circuits, "--dry-run", "--json"))
    ended = qjobs(*submission(circuits))

    assert (planned.code, ended.code) == (0, 0), ended
    for said in (qjobs(*submission(circuits, "--dry-run")), ended):
        assert f"ibm:{BACKEND} in the instance {FIRST}, plan open" in said.err
    assert places(standin) == [INSTANCES[FIRST]]
    for document in (planned.document, qjobs("show", "--cached", "--json").document):
        assert document["instance"] == INSTANCES[FIRST]
        assert (document["instance_name"], document["plan"]) == (FIRST, "open")
    assert "plan\topen" in qjobs("show", "--cached").out


def test_a_set_stays_where_it_is_when_another_instance_is_the_usual_one(
    standin: StandIn, qjobs: Qjobs, circuits: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    standin.faults("quota")
    qjobs(*submission(circuits))
    monkeypatch.setenv("QISKIT_IBM_INSTANCE", INSTANCES[SECOND])

    assert qjobs("resume").code == 0

    assert places(standin) == [INSTANCES[FIRST]]


def test_what_is_submitted_once_is_found_again_whoever_chose_the_instance(
    standin: StandIn, qjobs: Qjobs, circuits: str
) -> None:
    first = qjobs(*submission(circuits, "--once"))

    assert qjobs(*submission(circuits, "--once")).out == first.out
    assert len(places(standin)) == 1


@pytest.mark.parametrize("settings", [{"second_only": BACKEND}, {"first_plan": "flex"}])
def test_an_instance_that_is_billed_is_not_used_unless_it_is_named(
    standin: StandIn, qjobs: Qjobs, circuits: str, settings: dict[str, str]
) -> None:
    standin.set(**settings)

    refused = qjobs(*submission(circuits))

    assert refused.code == 2
    assert f"{SECOND} (premium)" in refused.err
    assert qjobs(*submission(circuits, "--dry-run")).code == 2
    assert places(standin) == []
    assert qjobs("list", "-q").out == ""
    hint = next(line for line in refused.err.splitlines() if line.startswith("hint"))
    named = hint.partition("--instance ")[2].partition(",")[0]
    assert qjobs(*submission(circuits, "--instance", named)).code == 0
    assert places(standin) == [INSTANCES[named]]


def test_a_backend_that_is_nowhere_is_unknown_also_where_all_would_be_billed(
    standin: StandIn, qjobs: Qjobs, circuits: str
) -> None:
    standin.set(first_plan="flex")

    ended = qjobs("submit", circuits, "-b", "ibm:ibm_nowhere")

    assert ended.code == 2
    assert "no backend 'ibm_nowhere'" in ended.err


@pytest.mark.parametrize("variable", ["QISKIT_IBM_INSTANCE", "QJOBS_IBM_INSTANCE"])
@pytest.mark.parametrize("word", [SECOND, INSTANCES[SECOND]])
def test_an_instance_that_is_billed_is_named_by_the_environment(
    standin: StandIn,
    qjobs: Qjobs,
    circuits: str,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    word: str,
) -> None:
    monkeypatch.setenv(variable, word)

    ended = qjobs(*submission(circuits))

    assert ended.code == 0, ended
    assert f"in the instance {SECOND}, plan premium" in ended.err
    assert places(standin) == [INSTANCES[SECOND]]


def test_the_least_busy_backend_is_one_that_costs_nothing(
    standin: StandIn, qjobs: Qjobs, circuits: str
) -> None:
    standin.set(second_only="ibm_torino,ibm_fez")
    for _ in range(2):
        qjobs(*submission(circuits))  # the others have nothing to do

    ended = qjobs("submit", circuits, "-b", "ibm", "--least-busy", "--json")

    assert ended.code == 0, ended
    assert ended.document["backend"] == BACKEND


def test_jobs_of_a_set_that_knows_no_instance_do_not_go_to_one_that_is_billed(
    standin: StandIn, qjobs: Qjobs, circuits: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    standin.faults("quota")
    set_id = qjobs(*submission(circuits)).out.split()[0]
    (state,) = tmp_path.glob("home/sets/*/state.toml")
    lines = state.read_text().splitlines(keepends=True)
    ours = ("instance", "plan ", "# crc32")
    state.write_text("".join(line for line in lines if not line.startswith(ours)))
    standin.set(second_only=BACKEND)

    refused = qjobs("resume", set_id)

    assert "may be billed" in refused.err
    assert (refused.code, places(standin)) == (7, [])
    monkeypatch.setenv("QJOBS_IBM_INSTANCE", SECOND)
    assert qjobs("resume", set_id).code == 0
    assert places(standin) == [INSTANCES[SECOND]]


def test_an_instance_that_the_account_does_not_have_is_named_as_wrong(
    standin: StandIn, qjobs: Qjobs, circuits: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = INSTANCES[FIRST].replace("first", "fist")
    for word, said in ((wrong, "has no instance"), ("crn:v1:bluemix:first", "is no CRN")):
        monkeypatch.setenv("QISKIT_IBM_INSTANCE", word)
        ended = qjobs(*submission(circuits))
        assert ended.code == 2
        assert said in ended.err
        assert word in ended.err
    assert places(standin) == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"operational": False}, f"{BACKEND} is offline"),
        ({"backend_status": "maintenance"}, f"{BACKEND} is in maintenance"),
    ],
)
def test_that_a_device_is_away_is_said_before_anything_is_sent(
    standin: StandIn, qjobs: Qjobs, circuits: str, settings: dict[str, object], said: str
) -> None:
    standin.set(**settings)

    assert said in qjobs(*submission(circuits, "--dry-run")).err
    standin.faults("rate-limit", on="submit", retry_after="1")  # what follows comes before it
    ended = qjobs(*submission(circuits))

    assert ended.code == 0
    warned, posted = ended.err.find(said), ended.err.find("Too many")
    assert 0 <= warned < (posted if posted >= 0 else len(ended.err))


@pytest.mark.parametrize(("per_minute", "code"), [("0.9", 2), ("1", 0)])
def test_a_session_is_not_opened_at_a_pace_at_which_it_ends_between_two_jobs(
    standin: StandIn, qjobs: Qjobs, circuits: str, per_minute: str, code: int
) -> None:
    slow = ("--option", f"submits_per_minute={per_minute}", "--per-job", "2")

    ended = qjobs(*submission(circuits, "--mode", "session", *slow))

    assert (ended.code, len(standin.stats()["sessions"])) == (code, 0 if code else 1)
    assert ("--mode batch" in ended.err) == (code == 2)
    if code:  # where one was submitted, the next waits for a minute
        assert qjobs(*submission(circuits, "--mode", "batch", *slow)).code == 0


def test_that_nobody_knows_how_a_device_is_hinders_nothing(
    standin: StandIn, qjobs: Qjobs, circuits: str
) -> None:
    standin.faults("error", on="status", times=0, status=500)

    ended = qjobs(*submission(circuits))

    assert ended.code == 0
    assert "warning" not in ended.err


def test_a_key_that_may_not_list_instances_may_use_one(
    standin: StandIn, qjobs: Qjobs, circuits: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QISKIT_IBM_INSTANCE", INSTANCES[SECOND])
    standin.faults("forbidden", on="search", times=0)

    assert qjobs(*submission(circuits)).code == 0
    assert places(standin) == [INSTANCES[SECOND]]
