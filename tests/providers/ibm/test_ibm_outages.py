"""Jobs that run while the service hangs, the key is revoked, or the device is retired."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support.ibm_client import BACKEND
from support.ibm_shell import Shell, submission, write_circuits
from support.standin.account import INSTANCES
from support.standin.process import StandIn

pytestmark = pytest.mark.slow

FIRST, SECOND = INSTANCES.values()
FOR_EVER = {"ibm_timeout_s": "3600", "ibm_post_timeout_s": "3600"}


@pytest.fixture
def circuits(tmp_path: Path) -> Path:
    return write_circuits(tmp_path / "circuits.qpy", 2)


@pytest.fixture
def shell(standin: StandIn, tmp_path: Path) -> Shell:
    return Shell(tmp_path / "user", standin, **FOR_EVER)


@pytest.mark.parametrize("kind", ["list", "job", "token"])
def test_wait_ends_with_its_time_though_the_service_never_answers(
    shell: Shell, standin: StandIn, circuits: Path, kind: str
) -> None:
    set_id = shell.run(*submission(circuits)).out.strip()
    standin.faults("hang", on=kind, times=0)

    ended = shell.run("wait", set_id, "--timeout", "2", codes=(124,))

    assert f"qjobs wait {set_id}" in ended.err
    standin.calm()
    assert shell.run("status", set_id, "--json").code == 0


@pytest.mark.parametrize("words", [("wait",), ("result", "--wait"), ("result",)])
def test_results_that_never_come_hold_nobody_beyond_his_time(
    start_standin: Callable[..., StandIn], tmp_path: Path, circuits: Path, words: tuple[str, ...]
) -> None:
    standin = start_standin(run="cheap")
    shell = Shell(tmp_path / "user", standin, **FOR_EVER)
    standin.faults("hang", on="results", times=0)
    set_id = shell.run(*submission(circuits)).out.strip()
    while '"done"' not in shell.run("status", set_id, "--json").out:
        pass

    ended = shell.run(*words, set_id, "--timeout", "3", codes=(124,))

    assert "the time is up" in ended.err
    standin.calm()
    assert None not in shell.counts(set_id)


@pytest.fixture
def private(
    start_standin: Callable[..., StandIn], tmp_path: Path, circuits: Path
) -> tuple[Shell, StandIn, str]:
    """A set whose jobs are done, and give their results once."""
    standin = start_standin(run="cheap")
    shell = Shell(tmp_path / "user", standin, **FOR_EVER)
    set_id = shell.run(*submission(circuits), "--option", "private=true").out.strip()
    while '"done"' not in shell.run("status", set_id, "--cached", "--json").out:
        shell.run("status", set_id)
    return shell, standin, set_id


@pytest.mark.parametrize("words", [("wait",), ("result",)])
def test_what_can_be_read_once_is_kept_though_it_comes_after_the_time(
    private: tuple[Shell, StandIn, str], words: tuple[str, ...]
) -> None:
    shell, standin, set_id = private
    # It is gone there before it is on its way, and takes longer than the command has.
    standin.faults("slow", on="results", times=0, delay_s=6.0)

    ended = shell.run_cold(*words, set_id, "--timeout", "4")

    assert ended.code == 124, ended.err
    assert "the time is up" in ended.err
    assert "results that can be read only once are on their way" in ended.err
    standin.calm()
    assert None not in shell.counts(set_id)
    assert {job["reads"] for job in shell.bill(set_id)} == {1}


def test_a_key_that_is_revoked_ends_every_verb_that_asks_at_once(
    shell: Shell, standin: StandIn, circuits: Path
) -> None:
    set_id = shell.run(*submission(circuits)).out.strip()
    standin.set(token="another")

    for words in (["status"], ["show"], ["error"], ["result"], ["wait"], ["result", "--wait"]):
        ended = shell.run(*words, set_id, codes=(4,))
        assert ended.err.count("IBM Quantum answers 401") == 1, words
        assert len(ended.err.splitlines()) <= 3, words
    document = json.loads(shell.run("status", set_id, "--json", codes=(4,)).out)
    assert document["sets"][0]["jobs"][0]["job_id"]
    assert shell.run("status", set_id, "--cached").code == 0


def test_results_of_jobs_that_are_done_are_asked_for_with_the_key_that_there_is(
    start_standin: Callable[..., StandIn], tmp_path: Path, circuits: Path
) -> None:
    standin = start_standin(run="cheap")
    shell = Shell(tmp_path / "user", standin)
    set_id = shell.run(*submission(circuits)).out.strip()
    standin.faults("forbidden", on="results", times=0)
    while '"done"' not in shell.run("status", set_id, "--json").out:
        pass

    assert shell.run("result", set_id, codes=(4,)).out == ""
    assert shell.run("wait", set_id, codes=(4,)).code == 4
    standin.calm()
    assert None not in shell.counts(set_id)


def test_an_instance_that_one_may_not_use_is_named(
    shell: Shell, standin: StandIn, circuits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_id = shell.run(*submission(circuits)).out.strip()
    (state,) = shell.home.glob("sets/*/state.toml")
    elsewhere = FIRST.replace("first", "gone")
    lines = state.read_text().replace(FIRST, elsewhere).splitlines(keepends=True)
    state.write_text("".join(line for line in lines if not line.startswith("# crc32")))
    (shell.home / "ibm" / "calls.sqlite").unlink()

    for words in (["status"], ["wait"]):
        ended = shell.run(*words, set_id, codes=(4,))
        assert "403" in ended.err
        assert elsewhere in ended.err


def test_jobs_that_are_not_in_the_instance_may_be_in_another_one(
    shell: Shell, standin: StandIn, circuits: Path, tmp_path: Path
) -> None:
    set_id = shell.run(*submission(circuits)).out.strip()
    (state,) = shell.home.glob("sets/*/state.toml")
    carried = Shell(tmp_path / "other", standin)
    folder = carried.home / "sets" / set_id
    folder.mkdir(parents=True)
    lines = state.read_text().replace(FIRST, SECOND).splitlines(keepends=True)
    (folder / "state.toml").write_text(
        "".join(line for line in lines if not line.startswith(("# crc32", "instance_name")))
    )

    ended = carried.run("status", set_id)

    assert f"in the instance {SECOND}" in ended.out
    assert "is it in another one" in ended.out


def test_jobs_of_a_device_that_is_retired_can_be_read(
    start_standin: Callable[..., StandIn], tmp_path: Path, circuits: Path
) -> None:
    standin = start_standin(run="cheap")
    shell = Shell(tmp_path / "user", standin)
    set_id = shell.run(*submission(circuits, per_job=1)).out.strip()
    expected = json.loads(shell.run("result", set_id, "--wait", "--json").out)["circuits"]
    standin.set(second_only=BACKEND)  # the instance has it no more
    recovered = Shell(tmp_path / "other", standin)
    carried = Shell(tmp_path / "third", standin)
    folder = carried.home / "sets" / set_id
    folder.mkdir(parents=True)
    (state,) = shell.home.glob("sets/*/state.toml")
    facts = state.read_text().splitlines(keepends=True)
    (folder / "state.toml").write_text("".join(facts))

    recovered.run("recover", "-b", "ibm", set_id)
    for other in (recovered, carried):
        for words in (["status"], ["show"], ["wait"]):
            other.run(*words, set_id)
        found = json.loads(other.run("result", set_id, "--json").out)["circuits"]
        assert [one["counts"] for one in found] == [one["counts"] for one in expected]
    refused = recovered.run(*submission(circuits), codes=(2,))
    assert f"no backend '{BACKEND}'" in refused.err
