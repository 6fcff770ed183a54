"""Clients of a real Slurm are killed at any moment: each slice has exactly one task that runs.

A few usually; with QJOBS_CAMPAIGN_KILLS=100 so many sets.
"""

import os
import random
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
from support import slurm_shell
from support.slurm import Slurm
from support.slurm_shell import Shell, wait_until

SETS = int(os.environ.get("QJOBS_CAMPAIGN_KILLS", "3"))
pytestmark = [pytest.mark.slow, pytest.mark.timeout(max(600, 60 * SETS))]


def test_each_slice_has_one_task_whenever_clients_are_killed(
    tmp_path: Path, cluster: Slurm, shared: Path
) -> None:
    chance = random.Random(SETS)
    usual_s = 0.0
    for number in range(SETS + 1):
        shell = Shell(tmp_path / f"user {number}", cluster, shared)
        file = slurm_shell.numbered(shell.folder / "n.qpy", 30)

        # The first is not killed: it tells how long the others may live.
        moments = (chance.uniform(0, 1.3 * usual_s) if usual_s else None for _ in range(2))
        lived_s = live(shell, next(moments), "submit", file, "-b", "slurm:aer", "--per-job", "10")
        usual_s = usual_s or lived_s
        if number % 2:
            live(shell, next(moments), "resume")
        shell("resume")
        shell("wait")
        assert shell.numbers() == list(range(30))
    begun = shell.begun()
    assert {*begun.values()} == {1}
    assert len(begun) == 3 * (SETS + 1)


def live(shell: Shell, limit_s: float | None, *words: str) -> float:
    """Kill a command so long after there is a set; how long it lived then."""
    process = shell.start(*words)
    wait_until(lambda: [*shell.home.glob("sets/*/state.toml")], "there is no set")
    began_s = time.monotonic()
    with suppress(subprocess.TimeoutExpired):
        process.wait(limit_s)
    process.kill()
    process.communicate()
    return time.monotonic() - began_s
