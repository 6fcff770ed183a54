"""What `qjobs submit` of a large QPY file costs, against `cp` of the same file.

    python benchmarks/qpy_copy.py [--megabytes 150] [--rounds 7] [--gather]

Whole processes are started in turn and measured with `wait4`: wall time and peak memory. The
circuits go to the `fake` provider, the state to a folder that is removed. `--gather` measures
making the container alone, without the command line. What qjobs promises of the copy, that it is
on the disk and its sha256 known, `cp` does not do: the same work is `cp`, `sync` of that file and
`sha256sum`, which is measured beside it.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

MEGABYTE = 1_000_000
_GATHER = """
import sys
from pathlib import Path
from qjobs.circuits.gather import gather
from qjobs.circuits.inputs import expand
gather(expand(sys.argv[1:2]), Path(sys.argv[2]))
"""


class Cost(NamedTuple):
    wall_s: float
    peak_bytes: int


def run(command: Sequence[str], environ: dict[str, str]) -> Cost:
    """Run a process to its end; its standard output goes nowhere."""
    started = time.perf_counter()
    null = os.open(os.devnull, os.O_WRONLY)
    pid = os.posix_spawnp(
        command[0], command, environ, file_actions=[(os.POSIX_SPAWN_DUP2, null, 1)]
    )
    os.close(null)
    _, status, usage = os.wait4(pid, 0)
    wall_s = time.perf_counter() - started
    if status:
        sys.exit(f"{' '.join(command)} failed: {os.waitstatus_to_exitcode(status)}")
    return Cost(wall_s, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))


def make(folder: Path, *, circuits: int, megabytes: int) -> Path:
    """The file to submit. Another process makes it: the peak memory of a process that was just
    started is at least what its parent holds, and Qiskit alone would hide what we look for."""
    script = Path(__file__).with_name("corpus.py")
    numbers = ["--circuits", str(circuits), "--megabytes", str(megabytes)]
    command = [sys.executable, str(script), "qpy-10k", str(folder), *numbers]
    run(command, dict(os.environ))
    return folder / "circuits.qpy"


def measure(path: Path, scratch: Path, *, rounds: int, gather: bool) -> tuple[list[Cost], ...]:
    """The costs of `cp`, of the same work by the usual tools, and of qjobs, in turn."""

    environ = {**os.environ, "QJOBS_HOME": str(scratch / "home")}
    # An installed program is compiled; a checkout may not be, nor be allowed to.
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    environ["PYTHONPYCACHEPREFIX"] = str(scratch.with_name("compiled"))

    def copy() -> Cost:
        return run(["cp", str(path), str(scratch / "copy")], environ)

    def same_work() -> Cost:
        script = 'cp "$0" "$1" && sync "$1" && sha256sum "$1"'
        return run(["sh", "-c", script, str(path), str(scratch / "copy")], environ)

    def qjobs() -> Cost:
        if gather:
            target = str(scratch / "circuits.qpy")
            return run([sys.executable, "-c", _GATHER, str(path), target], environ)
        command = [sys.executable, "-m", "qjobs", "submit", str(path), "-b", "fake:"]
        return run(command, environ)

    def fresh(action: Callable[[], Cost]) -> Cost:
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        os.sync()  # what one left to be written must not slow the next
        return action()

    costs: tuple[list[Cost], ...] = ([], [], [])
    fresh(qjobs)  # compiles
    for _ in range(rounds):
        for action, results in zip((copy, same_work, qjobs), costs, strict=True):
            results.append(fresh(action))
    return costs


def compare(others: Sequence[Cost], ours: Sequence[Cost]) -> str:
    """The median wall time of the others, and the median of our ratios to them."""
    ratio = statistics.median(q.wall_s / c.wall_s for q, c in zip(ours, others, strict=True))
    return f"{statistics.median(c.wall_s for c in others) * 1e3:.0f} ms, ratio {ratio:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--megabytes", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--gather", action="store_true")
    chosen = parser.parse_args()
    peaks = []
    with tempfile.TemporaryDirectory(prefix="qjobs-bench-", dir=Path.cwd()) as folder:
        for circuits in (10_000, 100_000):
            path = make(Path(folder), circuits=circuits, megabytes=chosen.megabytes)
            copies, same_work, ours = measure(
                path, Path(folder) / "out", rounds=chosen.rounds, gather=chosen.gather
            )
            qjobs_s = statistics.median(cost.wall_s for cost in ours)
            peaks.append(statistics.median(cost.peak_bytes for cost in ours))
            print(
                f"{circuits:>7} circuits, {path.stat().st_size / MEGABYTE:.0f} MB: "
                f"qjobs {qjobs_s * 1e3:.0f} ms, peak {peaks[-1] / MEGABYTE:.1f} MB; "
                f"cp {compare(copies, ours)}; cp, sync, sha256sum {compare(same_work, ours)}"
            )
    print(f"peak memory, 100,000 to 10,000 circuits: {peaks[1] / peaks[0]:.2f}")


if __name__ == "__main__":
    main()
