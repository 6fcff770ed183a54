"""Signals stop what is under way, wherever it is."""

import os
import signal
import subprocess
import sys

import pytest

from qjobs.cli.signals import Interruption
from qjobs.errors import ExitCode

LOCKED = """
import os, signal
from qjobs.cli.signals import Interruption

with Interruption("stopping") as interruption:
    with interruption.stop._cond:  # as `wait` does for a moment, before it lets go of it
        os.kill(os.getpid(), signal.SIGINT)
    assert interruption.stop.wait(60)
"""


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, ExitCode.INTERRUPTED), (signal.SIGTERM, ExitCode.TERMINATED)],
)
def test_a_signal_asks_for_a_stop_and_is_known_by_its_code(number, code):
    before = signal.getsignal(number)

    with Interruption("") as interruption:
        os.kill(os.getpid(), number)
        assert interruption.stop.wait(60)

    assert interruption.exit_code == code
    assert signal.getsignal(number) is before


def test_a_signal_that_comes_just_as_a_wait_begins_is_no_deadlock():
    ended = subprocess.run(
        [sys.executable, "-c", LOCKED], capture_output=True, text=True, timeout=60, check=False
    )

    assert (ended.returncode, ended.stderr) == (0, "stopping\n")
