"""Which functions of qjobs one command enters, in which files, and how often it parses state files.

    python benchmarks/trace.py [--list] [VERB ...]     without a verb: submit, then status

It counts the process of the command alone, on all of its threads: what a stranger has to read who
wants to know what `qjobs submit circuits.qpy` does. Workers and providers' processes are not in it.
"""

import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

CIRCUITS = 6
PARSERS = ("store/state/reading.py:understand",)
"""Each call of one of these parses a state file."""

PROGRAM = """
import sys, threading
from pathlib import Path
from qjobs.cli.main import main
import qjobs
root = str(Path(qjobs.__file__).parent)
calls = {}
def enter(frame, event, argument):
    if event == "call":
        code = frame.f_code
        if code.co_filename.startswith(root) and code.co_name[0] != "<" and code.co_flags & 1:
            key = code.co_filename[len(root) + 1 :] + ":" + code.co_qualname
            calls[key] = calls.get(key, 0) + 1
threading.setprofile(enter)
sys.setprofile(enter)
try:
    main()
finally:
    sys.setprofile(None)
    with open(sys.argv[0], "w") as file:
        file.writelines(f"{count} {key}\\n" for key, count in calls.items())
"""


def traced(arguments: list[str], folder: Path) -> Counter[str]:
    """How often the command entered each of our functions, as `file:function`."""
    log = folder / "calls"
    start = f"import sys; sys.argv[0] = {str(log)!r}\n"
    environment = {**os.environ, "QJOBS_HOME": str(folder / "home"), "QJOBS_LOCAL_IDLE_S": "1"}
    subprocess.run(
        [sys.executable, "-c", start + PROGRAM, *arguments],
        env=environment, cwd=folder, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    lines = (line.split(" ", 1) for line in log.read_text().splitlines())
    return Counter({key: int(count) for count, key in lines})


def write_circuits(path: Path) -> None:
    """Six small circuits in one QPY file."""
    from qiskit import QuantumCircuit, qpy

    circuits = []
    for _ in range(CIRCUITS):
        circuit = QuantumCircuit(2)
        circuit.h(0)
        circuit.cx(0, 1)
        circuit.measure_all()
        circuits.append(circuit)
    with path.open("wb") as file:
        qpy.dump(circuits, file)


def main() -> None:
    """Print one line a command."""
    words = sys.argv[1:]
    listing = "--list" in words
    verbs = [word for word in words if word != "--list"] or ["submit", "status"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_circuits(folder / "circuits.qpy")
        for verb in dict.fromkeys(["submit", *verbs]):
            arguments = [verb, *(["circuits.qpy", "-b", "local:aer"] if verb == "submit" else [])]
            calls = traced(arguments, folder)
            files = Counter(key.partition(":")[0] for key in calls)
            parsed = sum(calls[parser] for parser in PARSERS)
            print(
                f"{verb}: {len(calls)} functions in {len(files)} files; "
                f"a state file is parsed {parsed} times"
            )
            if listing:
                for key, count in sorted(calls.items()):
                    print(f"  {key} {count}")


if __name__ == "__main__":
    main()
