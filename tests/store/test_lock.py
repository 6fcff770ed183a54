"""One holder at a time, in one process as in several, and none once the holder is dead."""

import subprocess
import sys
from pathlib import Path

import pytest

from qjobs.errors import StateUnwritable
from qjobs.lock import FileLock

HOLDER = """
import sys
from pathlib import Path
from qjobs.lock import FileLock

with FileLock(Path(sys.argv[1])).held(wait_s=60):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_two_locks_on_one_file_exclude_each_other(tmp_path: Path) -> None:
    one, other = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")

    assert one.acquire(wait_s=0)
    assert not other.acquire(wait_s=0.01)
    one.release()
    assert other.acquire(wait_s=0)

    one.close()
    other.close()


def test_a_dead_process_holds_nothing(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "lock")
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "lock")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as holder:  # fmt: skip
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"

        with pytest.raises(StateUnwritable, match="another process"), lock.held(wait_s=0.01):
            pass

        holder.kill()
        holder.wait()
        assert lock.acquire(wait_s=60)
    lock.close()
