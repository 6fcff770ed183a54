"""Slices are tasks of job arrays of a real Slurm: few calls, whatever their number."""

from collections.abc import Callable
from pathlib import Path

import pytest
from support.deeds import times
from support.slurm import Slurm, shim
from support.slurm_shell import (
    Shell,
    check_numbers,
    check_tasks,
    tasks_of,
    write_numbers,
)

pytestmark = pytest.mark.slow

LATER = ("--option", "begin=now+1hour")
"""What is only submitted need not run."""


class Counted:
    """How often commands are called in the way of a shell."""

    def __init__(self, folder: Path, *commands: str) -> None:
        folder.mkdir()
        self._log = folder / "calls"
        self._log.touch()
        for command in commands:
            self.path = shim(
                folder / "bin", command, f'echo "{command} $*" >>"{self._log}"; exec "$REAL" "$@"'
            )

    def calls(self) -> list[str]:
        """The command lines since the last time."""
        calls = self._log.read_text().splitlines()
        self._log.write_text("")
        return calls


def test_a_thousand_slices_are_one_sbatch_and_few_questions(
    start_cluster: Callable[..., Slurm], tmp_path: Path
) -> None:
    cluster = start_cluster()
    counted = Counted(tmp_path / "counted", "sbatch", "squeue", "scancel")
    shell = Shell(tmp_path / "user", cluster, shared=tmp_path / "shared", variables=counted.path)
    circuits = write_numbers(tmp_path / "numbers.qpy", 1000)

    set_id = shell.submit(circuits, *LATER)

    assert len([call for call in counted.calls() if call.startswith("sbatch")]) == 1
    check_tasks(cluster, shell)
    assert shell.states(set_id) == ["queued"] * 1000
    assert len(counted.calls()) == 1
    shell.run("cancel", set_id)
    assert len([call for call in counted.calls() if call.startswith("scancel")]) == 1
    assert shell.states(set_id) == ["cancelled"] * 1000


def test_no_more_tasks_run_at_once_than_asked_for(
    start_cluster: Callable[..., Slurm], tmp_path: Path
) -> None:
    cluster = start_cluster()
    shell = Shell(tmp_path / "user", cluster, shared=tmp_path / "shared")

    shell.submit(write_numbers(tmp_path / "numbers.qpy", 6), "--option", "array_limit=2", *LATER)

    (array,) = {task.partition("_")[0] for task in tasks_of(cluster)}
    assert "ArrayTaskThrottle=2" in cluster.run("scontrol", "show", "job", array)


@pytest.mark.timeout(times(600, 7200))
def test_all_of_many_tasks_give_their_own_results(
    start_cluster: Callable[..., Slurm], tmp_path: Path
) -> None:
    """1,000 with QJOBS_CAMPAIGN; each starts a Python, which takes a second or two."""
    count = times(24, 1000)
    cluster = start_cluster()
    shell = Shell(tmp_path / "user", cluster, shared=tmp_path / "shared")

    set_id = shell.submit(write_numbers(tmp_path / "numbers.qpy", count))

    shell.run("wait", set_id, "--poll", "1")
    check_numbers(shell, set_id, count)
    check_tasks(cluster, shell)
