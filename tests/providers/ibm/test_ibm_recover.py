"""All that this machine knew is gone, and the service's tags bring the job sets back."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from support.ibm_client import BACKEND
from support.ibm_shell import SHOTS, Shell, submission, write_circuits
from support.standin.account import INSTANCES
from support.standin.process import StandIn

from qjobs.circuits import codec
from qjobs.model import Accepted, Attempt, Planned

pytestmark = pytest.mark.slow

CIRCUITS = 6
ONLY_IN_FILES = ("name", "source", "position")
Start: TypeAlias = Callable[..., StandIn]


@pytest.fixture
def service(start_standin: Start) -> StandIn:
    return start_standin(run="cheap")


@pytest.fixture
def shell(tmp_path: Path, service: StandIn) -> Shell:
    return Shell(tmp_path / "user", service)


@pytest.fixture
def circuits(tmp_path: Path) -> Path:
    return write_circuits(tmp_path / "circuits.qpy", CIRCUITS)


def submitted(shell: Shell, circuits: Path, *more: str, codes: tuple[int, ...] = (0,)) -> str:
    shell.run(*submission(circuits, per_job=2), "--no-transpile", *more, codes=codes)
    return shell.set_ids()[0]


def states(shell: Shell, set_id: str) -> list[list[str]]:
    """How the jobs of a set are, but for when that was heard of."""
    return [line.split("\t")[:8] for line in shell.run("status", set_id).out.splitlines()]


def told(shell: Shell, set_id: str, *more: str) -> tuple[list[list[str]], Any]:
    """What is said of a set, without what is only in the user's files."""
    status = states(shell, set_id)
    document = json.loads(shell.run("result", set_id, "--partial", "--json", *more).out)
    for circuit in document["circuits"]:
        for key in ONLY_IN_FILES:
            del circuit[key]
    return status, document


def lose(shell: Shell) -> None:
    """The job sets, and what the provider had written down."""
    shutil.rmtree(shell.home)


def test_a_finished_set_comes_back_as_it_was(shell: Shell, circuits: Path) -> None:
    set_id = submitted(shell, circuits, "--wait", "--memory")
    before = told(shell, set_id, "--memory")
    assert len(before[1]["circuits"][0]["memory"]) == SHOTS
    lose(shell)

    assert shell.run("recover", "-b", f"ibm:{BACKEND}").out == f"{set_id}\n"

    assert told(shell, set_id, "--memory") == before
    assert shell.run("recover", "-b", "ibm").out == ""
    assert shell.run("recover", "-b", f"ibm:{BACKEND}", set_id).out == ""


def test_registers_come_back_from_the_results(shell: Shell, tmp_path: Path) -> None:
    circuit = QuantumCircuit(
        QuantumRegister(7, "q"), ClassicalRegister(1, "z"), ClassicalRegister(2, "a")
    )
    circuit.x(0)
    circuit.measure([0, 1, 2], [0, 1, 2])
    path = tmp_path / "registers.qpy"
    path.write_bytes(codec.encode([circuit, circuit]))
    set_id = submitted(shell, path, "--wait")
    before = told(shell, set_id)
    lose(shell)
    shell.run("recover", "-b", "ibm")
    assert told(shell, set_id) == before


def test_a_set_that_still_waits_can_be_waited_for_and_cancelled(
    shell: Shell, service: StandIn, circuits: Path
) -> None:
    service.set(queue_s=3600.0)
    set_id = submitted(shell, circuits)
    before = states(shell, set_id)
    lose(shell)
    shell.run("recover", "-b", f"ibm:{BACKEND}", set_id)
    assert states(shell, set_id) == before
    shell.run("cancel", set_id)
    assert {job["shown"] for job in service.stats()["jobs"]} == {"Cancelled"}


def test_what_was_sent_of_half_a_set_comes_back(
    shell: Shell, service: StandIn, circuits: Path
) -> None:
    service.faults("forbidden", on="submit", skip=1, times=0)
    set_id = submitted(shell, circuits, "--max-workers", "1", codes=(4,))
    service.calm()
    before = states(shell, set_id)
    assert [row[5] for row in before].count("planned") == 2
    lose(shell)

    ended = shell.run("recover", "-b", f"ibm:{BACKEND}")

    assert "no job is found for 2 of 3 slices" in ended.err
    assert states(shell, set_id) == before
    assert "are gone" in shell.run("resume", set_id, codes=(5,)).err
    assert len(service.stats()["jobs"]) == 1


def test_lost_tags_and_duplicates_are_told(shell: Shell, service: StandIn, circuits: Path) -> None:
    service.faults("lose-tags", skip=1)
    set_id = submitted(shell, circuits, "--wait", "--max-workers", "1")
    first, _, last = service.stats()["jobs"]
    lose(shell)
    (twin,) = service.add_jobs(1, user="me", backend=BACKEND, tags=first["sent_tags"])
    service.add_jobs(3)  # of somebody else

    ended = shell.run("recover", "-b", "ibm", "--json")

    (found,) = json.loads(ended.out)["sets"]
    assert (found["id"], found["jobs"], found["found"], found["duplicates"]) == (set_id, 3, 2, 1)
    jobs = shell.jobs(set_id)
    assert jobs[0].attempt._replace(submitted=None) == Attempt(1, Accepted(first["id"]), (twin,))
    assert [job.state for job in jobs[1:]] == [Planned(), Accepted(last["id"])]


def test_a_set_is_looked_for_in_the_instance_that_is_named(
    shell: Shell, service: StandIn, circuits: Path
) -> None:
    service.set(queue_s=3600.0)
    second = ("--instance", "standin-second")
    set_id = submitted(shell, circuits, *second)
    (instance,) = {job["instance"] for job in service.stats()["jobs"]}
    assert instance == INSTANCES["standin-second"]
    before = states(shell, set_id)
    lose(shell)

    assert shell.run("recover", "-b", "ibm").out == ""
    assert shell.run("recover", "-b", "ibm", *second).out == f"{set_id}\n"

    assert states(shell, set_id) == before
    assert json.loads(shell.run("show", set_id, "--json").out)["instance"] == "standin-second"
    shell.run("cancel", set_id)
    wrong = shell.run("recover", "-b", "ibm", "--instance", "third", codes=(2,))
    assert "no instance 'third'" in wrong.err
    assert "no-such" in shell.run("recover", "-b", "ibm", "--account", "no-such", codes=(4,)).err
