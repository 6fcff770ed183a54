"""Clients of a real Slurm are killed at any moment: each slice has exactly one task.

They are killed with SIGKILL while they submit and resume, while sbatch is at work too, and while
they wait. A few usually; with QJOBS_CAMPAIGN=7 there are 120, at the moments that follow from
the seed 7.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from support.deeds import chance_of, times
from support.slurm import Slurm
from support.slurm_shell import Shell, check_numbers, check_tasks, write_numbers

from qjobs.engine.submit import unsent_jobs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(times(600, 3600))]

CIRCUITS = 12
SUBMIT_KILLS, WAIT_KILLS = times(3, 100), times(2, 20)
ARRAYS_OF = 5
"""So many tasks an array may have here: a set is several."""


def test_each_slice_has_one_task_whenever_clients_are_killed(
    start_cluster: Callable[..., Slurm], tmp_path: Path
) -> None:
    cluster = start_cluster(MaxArraySize=ARRAYS_OF)
    shell = Shell(tmp_path / "user", cluster, shared=tmp_path / "shared")
    circuits = write_numbers(tmp_path / "numbers.qpy", CIRCUITS)
    # What is only submitted need not run.
    submit = [
        "submit", str(circuits), "-b", "slurm:aer", "--per-job", "1", "-q",
        "--shots", "16", "--option", "begin=now+1hour",
    ]  # fmt: skip
    moments = shell.moments(*submit)
    chance = chance_of("clients of Slurm")

    killed = 0
    while killed < SUBMIT_KILLS:
        (newest, *_) = shell.set_ids()
        left = len(unsent_jobs(shell.store.open(newest)))
        command = ["resume", newest] if left else submit
        killed += shell.start(*command, last=chance.randint(1, moments)).died()
    for set_id in shell.set_ids():
        shell.run("resume", set_id)
    check_tasks(cluster, shell)

    set_id = shell.submit(circuits)
    for _ in range(WAIT_KILLS):
        shell.start("wait", set_id, "--poll", "0.2", last=chance.randint(1, 200)).died()
    shell.run("wait", set_id)
    check_numbers(shell, set_id, CIRCUITS)
    check_tasks(cluster, shell)
