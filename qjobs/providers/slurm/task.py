"""What Slurm runs: `python -m qjobs.providers.slurm.task ARRAY_FOLDER`, one task of an array.

This process keeps time and shows that the task lives; others, its children, run the circuits.
"""

import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import FrameType

from qjobs import files, paths, pool
from qjobs.children.child import exit_reason
from qjobs.providers.slurm.shared import Array
from qjobs.providers.slurm.versions import PACKAGES, versions
from qjobs.simulators import parts
from qjobs.simulators.ending import Ended
from qjobs.simulators.sharing import Share, machine_bytes

BEAT_S = 10.0
_BEATS = 3


def main(arguments: list[str]) -> int:
    """Run as a process of its own."""
    (folder,) = arguments
    return _run(Array(Path(folder)), int(paths.variables()["SLURM_ARRAY_TASK_ID"]))


def _run(array: Array, task: int) -> int:
    """Begin the task, have it run, and write down how it ends."""
    array.tell(paths.variables()["SLURM_ARRAY_JOB_ID"])
    if array.outcome(task) is not None or array.ending(task):
        return 0  # Slurm has begun it again, of which somebody may know that it has ended
    if not array.take(task, f"{os.uname().nodename}\n".encode()) and (
        array.is_void(task) or _lives(array, task)
    ):
        return 0  # another attempt has its circuits, or Slurm has forgotten that it runs
    ours, theirs = versions(), dict(array.manifest.get("versions", {}))
    if ours != theirs:
        _write(array, task, Ended(_differs(ours, theirs)))
        return 1
    beat = array.folder / f"{task}.beat"
    beat.touch(mode=0o600)
    signal.signal(signal.SIGTERM, _leave)
    started = time.time()
    kept = b""

    def keep(body: bytes) -> None:
        nonlocal kept
        files.replace(array.folder / f"{task}.jsonl", body)
        kept = body

    def show_life() -> None:
        with suppress(OSError):  # a full folder is no reason to stop
            os.utime(beat)

    ended = parts.end(
        array.job(task), _share(), keep=keep, died=_died, beat=show_life, beat_s=BEAT_S
    )
    _write(array, task, ended, kept, started=started, finished=time.time())
    return 1 if ended.message else 0


def _lives(array: Array, task: int) -> bool:
    """Whether another process runs the task: its next sign of life is waited for."""
    before = array.heard_ns(task)
    for _ in range(int(_BEATS * BEAT_S)):
        time.sleep(1)
        if array.heard_ns(task) != before:
            return True
    return False


def _leave(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


def _died(code: int) -> str:
    if code == -signal.SIGTERM:
        # Slurm stops all processes of a task: this one may be the last to hear of it.
        _leave(signal.SIGTERM, None)
    more = "; qjobs retry --option mem=8G" if code == -signal.SIGKILL else ""
    return exit_reason(code) + more


def _share() -> Share:
    """What Slurm gave the task of this node."""
    variables = paths.variables()
    given = int(variables.get("SLURM_CPUS_ON_NODE") or 1)
    node = int(variables.get("SLURM_MEM_PER_NODE") or 0)
    megabytes = node or given * int(variables.get("SLURM_MEM_PER_CPU") or 0)
    memory_bytes = min(megabytes << 20, machine_bytes()) or machine_bytes()
    return Share(min(given, pool.usable_cores()), memory_bytes)


def _write(array: Array, task: int, ended: Ended, body: bytes = b"", **times: float) -> None:
    """Record how the task ended, after its results, if it has any, are kept."""
    sha256 = hashlib.sha256(body).hexdigest() if body else ""
    outcome = {**ended._asdict(), "sha256": sha256, **times}
    files.replace(array.folder / f"{task}.json", json.dumps(outcome).encode())


def _differs(ours: Mapping[str, str], theirs: Mapping[str, str]) -> str:
    packages = [p for p in PACKAGES if ours.get(p) != theirs.get(p)]
    what = ", ".join(
        f"{p} {ours.get(p, 'missing')} here, {theirs.get(p, 'missing')} where it was submitted"
        for p in packages
    )
    return (
        f"the node {os.uname().nodename} runs other versions: {what}; name the Python that is to "
        'run tasks: python = "PATH" in [providers.slurm]'
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
