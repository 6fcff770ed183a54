"""What tests need that do what hints say."""

import re
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from typing import Any

from qjobs.store.state import checks

Qjobs = Callable[..., Any]
"""Runs a command; how it ended has `code`, `out` and `err`."""

FAKE = ("-b", "fake")

BELL = """\
OPENQASM 2.0;
include "qelib1.inc";
qreg q[2];
creg c[2];
h q[0];
cx q[0],q[1];
measure q -> c;
"""

SWEPT = """\
OPENQASM 3.0;
include "stdgates.inc";
input float turn;
qubit q;
bit c;
rx(turn) q;
c = measure q;
"""


def hint_of(ended: Any) -> str:
    """The hint of a command that went wrong."""
    assert ended.code != 0
    (line,) = [line for line in ended.err.splitlines() if line.startswith("hint: ")]
    return str(line.removeprefix("hint: "))


def the(pattern: str, hint: str) -> str:
    """What the hint names."""
    found = re.search(pattern, hint)
    assert found, hint
    return found[1]


def good(qjobs: Qjobs, *words: str) -> Any:
    ended = qjobs(*words)
    assert ended.code == 0, ended.err
    return ended


def as_planned(state: Path, *sizes: int) -> str:
    """The text of a state file as it was when jobs of these sizes had been planned."""
    head = checks.without(state.read_text()).partition("\n[[job]]\n")[0]
    starts = accumulate(sizes, initial=0)
    return head + "".join(
        f"\n[[job]]\nindex = {index}\nstart_index = {start}\nexperiments_count = {size}\n"
        'state = "planned"\nattempt = 1\n'
        for index, (start, size) in enumerate(zip(starts, sizes, strict=False))
    )
