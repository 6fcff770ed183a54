"""How fast OpenQASM files become a container: with two workers, and through the Rust parser.

    python benchmarks/qasm_parse.py [--qasm2 10000] [--qasm3 500] [--rounds 3]

OpenQASM 2: `gather` with two worker processes, started anew each time, against one process
that parses the same files with `qiskit.qasm2.loads` and writes them with `qiskit.qpy.dump`.
OpenQASM 3: our parser against `qiskit.qasm3.loads`, on the same texts, in one process.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from corpus import qasm2_files, qasm3_files

from qjobs.circuits.gather import gather
from qjobs.circuits.inputs import expand

_FULL_PARSER_FILES = 20
"""The full parser of OpenQASM 3 takes some 50 ms a file: it gets a sample."""

_ONE_PROCESS = """
import io, sys
from pathlib import Path
from qiskit import qasm2, qpy
files = sorted(Path(sys.argv[1]).iterdir())
gates = qasm2.LEGACY_CUSTOM_INSTRUCTIONS
for start in range(0, len(files), 64):
    texts = [file.read_text() for file in files[start:start + 64]]
    qpy.dump([qasm2.loads(text, custom_instructions=gates) for text in texts], io.BytesIO())
"""


def seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def qasm2_ratio(folder: Path, rounds: int) -> None:
    ours, theirs = [], []
    target = folder.parent / "circuits.qpy"
    command = [sys.executable, "-c", _ONE_PROCESS, str(folder)]
    for _ in range(rounds):
        theirs.append(seconds(lambda: subprocess.run(command, check=True)))
        ours.append(seconds(lambda: gather(expand([str(folder)]), target, processes=2)))
    ratio = statistics.median(t / o for t, o in zip(theirs, ours, strict=True))
    print(
        f"OpenQASM 2: one process {statistics.median(theirs):.2f} s, "
        f"two workers {statistics.median(ours):.2f} s: {ratio:.2f} times faster"
    )


def qasm3_ratio(folder: Path, rounds: int) -> None:
    from qiskit import qasm3

    from qjobs.circuits.qasm import parse
    from qjobs.circuits.sniff import Format

    files = [path.read_bytes() for path in sorted(folder.iterdir())]
    sample = [data.decode() for data in files[:_FULL_PARSER_FILES]]
    parse(files[0], Format.QASM3, "warm", folder=None)
    ratios = []
    for _ in range(rounds):
        quick = seconds(lambda: [parse(data, Format.QASM3, "x", folder=None) for data in files])
        full = seconds(lambda: [qasm3.loads(text) for text in sample])
        ratios.append((full / len(sample)) / (quick / len(files)))
    print(f"OpenQASM 3, straight-line: {statistics.median(ratios):.1f} times faster")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--qasm2", type=int, default=10_000)
    parser.add_argument("--qasm3", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="qjobs-bench-") as name:
        qasm2_ratio(qasm2_files(Path(name) / "2", circuits=chosen.qasm2), chosen.rounds)
        qasm3_ratio(qasm3_files(Path(name) / "3", circuits=chosen.qasm3), chosen.rounds)


if __name__ == "__main__":
    main()
