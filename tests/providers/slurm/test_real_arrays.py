"""Slices are tasks of job arrays on a real Slurm: few calls, all in order, several users."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from qiskit import QuantumCircuit
from support import slurm_shell
from support.slurm import Slurm, shim
from support.slurm_shell import LATER, Shell

from qjobs import pool

pytestmark = pytest.mark.slow


class Counted:
    """How often commands of Slurm are called in the way of a shell."""

    def __init__(self, folder: Path, *commands: str) -> None:
        folder.mkdir()
        self._log = folder / "calls"
        self._log.touch()
        for command in commands:
            self.path = shim(
                folder / "bin", command, f'echo "{command} $*" >>"{self._log}"; exec "$REAL" "$@"'
            )

    def calls(self, command: str) -> int:
        """How often a command was called since the last question."""
        lines = self._log.read_text().splitlines()
        self._log.write_text("")
        return sum(line.split()[0] == command for line in lines)


def test_a_thousand_slices_are_one_sbatch_one_question_and_one_scancel(
    start_cluster: Callable[..., Slurm], tmp_path: Path, shared: Path
) -> None:
    counted = Counted(tmp_path / "counted", "sbatch", "squeue", "scancel")
    shell = Shell(tmp_path / "user", start_cluster(), shared, counted.path)
    file = slurm_shell.numbered(shell.folder / "n.qpy", 1000)

    shell("submit", file, "-b", "slurm:aer", "--per-job", "1", *LATER)

    assert counted.calls("sbatch") == 1
    assert shell.states() == ["queued"] * 1000
    assert counted.calls("squeue") == 1
    shell("cancel", "--yes")
    assert counted.calls("scancel") == 1
    assert shell.states() == ["cancelled"] * 1000


def test_more_jobs_than_an_array_may_have_are_several_arrays_and_all_in_order(
    shell: Shell, numbered: str
) -> None:
    shell("submit", numbered, "-b", "slurm:aer", "--per-job", "20", "--wait")

    assert shell.numbers() == list(range(120))
    assert len(shell.arrays()) == 2  # of five, and of one
    assert [*shell.begun().values()] == [1] * 6


def test_no_more_tasks_run_at_once_than_asked_for(
    shell: Shell, numbered: str, cluster: Slurm
) -> None:
    words = ("--per-job", "30", "--option", "array_limit=2")
    shell("submit", numbered, "-b", "slurm:aer", *words, *LATER)

    array = shell.jobs()[0]["job_id"].partition("_")[0]
    assert "ArrayTaskThrottle=2" in cluster.run("scontrol", "show", "job", array)
    shell("cancel", "--yes")


def test_a_task_of_two_cores_gives_what_local_gives(shell: Shell, cluster: Slurm) -> None:
    circuits = []
    for index in range(40):
        circuit = QuantumCircuit(4)
        for qubit in range(4):
            circuit.ry(0.3 + 0.1 * index + qubit, qubit)
        circuit.measure_all()
        circuits.append(circuit)
    file = slurm_shell.write(shell.folder / "turned.qpy", *circuits)
    counts = {}
    for backend in ("slurm:aer", "local:aer"):
        more = ("--option", "cpus-per-task=2") if backend == "slurm:aer" else ()
        words = ("--seed", "11", "--shots", "200", "--per-job", "40", "--format", "jsonl")
        rows = shell("run", file, "-b", backend, *words, *more).splitlines()
        counts[backend] = [json.loads(row)["counts"] for row in rows]

    assert len(counts["slurm:aer"]) == 40
    assert counts["slurm:aer"] == counts["local:aer"]


def test_circuits_of_a_task_run_side_by_side_on_its_cores(shell: Shell, cluster: Slurm) -> None:
    file = slurm_shell.endless(shell.folder / "two.qpy", 2)
    words = ("--per-job", "2", "--option", "cpus-per-task=2", "--option", "mem=4G")
    shell("submit", file, "-b", "slurm:statevector", *words)

    at_once = min(2, pool.usable_cores())
    slurm_shell.wait_until(
        lambda: cluster.processes("qjobs.simulators.part"), "not one a core",
        enough=lambda found: len(found) == at_once,
    )  # fmt: skip
    shell("cancel", "--yes")
    slurm_shell.wait_until(
        lambda: not cluster.processes("qjobs.simulators.part"), "they outlive their task"
    )


def test_two_users_share_a_folder_side_by_side(
    tmp_path: Path, cluster: Slurm, shared: Path
) -> None:
    shells = [Shell(tmp_path / name, cluster, shared) for name in ("one", "two")]
    for number, one in enumerate(shells, start=1):
        file = slurm_shell.numbered(one.folder / "n.qpy", 40 * number)
        one("submit", file, "-b", "slurm:aer", "--per-job", "40")
    shells[0]("wait")
    assert shells[0].numbers() == list(range(40))

    shells[0]("cancel", "--yes", code=None)
    shells[1]("wait")

    assert shells[1].numbers() == list(range(80))
    assert [*shells[1].begun().values()] == [1] * 3
