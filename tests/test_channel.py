"""What is printed in a child process, whenever and by whomever, is no answer of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from qjobs.children import channel

CHILD = """
import atexit, ctypes, os, subprocess, sys
from qjobs.children import channel

print("before", flush=True)
atexit.register(print, "at the end")
requests, answers = channel.take(int(sys.argv[1]))
with requests, answers:
    for request in requests:
        print("from Python", flush=True)
        os.write(1, b"through the descriptor")
        ctypes.CDLL(None).puts(b"from C")
        ctypes.CDLL(None).fflush(None)
        heard = sys.stdin.read() + subprocess.run(["cat"], capture_output=True, text=True).stdout
        shell = f"echo a grandchild; echo more >&{sys.argv[1]}"
        subprocess.run(["sh", "-c", shell], close_fds=False)
        answers.write(request.upper() + heard.encode())
        answers.flush()
"""


def test_only_answers_come_as_answers(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        process, answers = channel.start([sys.executable, "-c", CHILD], printed=log.fileno())
        with answers:
            process.communicate(b"one\ntwo\n")
            heard = answers.read()

    assert process.returncode == 0
    assert heard == b"ONE\nTWO\n"
    printed = (tmp_path / "log").read_text()
    for words in ("before", "from Python", "from C", "a grandchild", "at the end"):
        assert words in printed


def test_what_a_process_prints_before_it_is_ours_is_no_answer(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('loud', flush=True)\n")
    process, answers = channel.start(
        [sys.executable, "-c", CHILD],
        printed=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    with answers:
        process.communicate(b"one\n")

        assert answers.read() == b"ONE\n"


def test_it_works_where_our_own_standard_streams_are_closed() -> None:
    program = f"""
import subprocess, sys
from qjobs.children import channel
process, answers = channel.start([sys.executable, "-c", {CHILD!r}], printed=subprocess.DEVNULL)
process.communicate(b"one\\n")
sys.exit(0 if answers.read() == b"ONE\\n" else 7)
"""
    for closed in (">&-", "<&- >&-", "<&- >&- 2>&-"):
        command = f'exec "$0" -c "$1" {closed}'
        done = subprocess.run(["sh", "-c", command, sys.executable, program], check=False)
        assert done.returncode == 0


def test_a_command_that_cannot_be_started_leaves_no_descriptor() -> None:
    before = len([*Path("/dev/fd").iterdir()])
    with pytest.raises(FileNotFoundError):
        channel.start(["/nowhere/at/all"], printed=subprocess.DEVNULL)

    assert len([*Path("/dev/fd").iterdir()]) == before
