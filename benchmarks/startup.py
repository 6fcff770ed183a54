"""How long qjobs takes to start, as a multiple of the smallest Typer program.

    python benchmarks/startup.py [ROUNDS]

Whole processes, taken in turn, so that a busy machine slows all of them alike; the figure is
the median over the rounds of the ratio within a round. Typer 0.29 imports pydantic for every
command that has a parameter, which alone more than doubles the smallest program; hence the
upper bound in pyproject.toml.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 15
HEAVY = (
    "qiskit", "numpy", "pydantic", "rich", "jinja2", "concurrent.futures", "asyncio",
    "multiprocessing",
)  # fmt: skip

SMALLEST = """\
import typer


def greet(name: str = "world") -> None:
    print(name)


typer.run(greet)
"""

BELL = """\
OPENQASM 2.0;
include "qelib1.inc";
qreg q[2];
creg c[2];
h q[0];
cx q[0],q[1];
measure q -> c;
"""

# What it does: arguments, further environment.
COMMANDS: dict[str, tuple[list[str], dict[str, str]]] = {
    "status": (["status"], {}),
    "list": (["list"], {}),
    "cancel": (["cancel"], {}),
    "--help": (["--help"], {}),
    "TAB": (
        [],
        {
            "_QJOBS_COMPLETE": "complete_fish",
            "_TYPER_COMPLETE_FISH_ACTION": "get-args",
            "_TYPER_COMPLETE_ARGS": "qjobs status ",
        },
    ),
}


def run(arguments: list[str], environment: dict[str, str]) -> float:
    """Seconds until the process has ended well."""
    start = time.perf_counter()
    subprocess.run(arguments, env=environment, check=True, capture_output=True)
    return time.perf_counter() - start


def loaded(arguments: list[str], environment: dict[str, str]) -> list[str]:
    """The heavy modules that a command imports."""
    traced = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        env=environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    names = {line.rsplit("|", 1)[-1].strip() for line in traced.stderr.splitlines()}
    return [name for name in HEAVY if name in names]


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with tempfile.TemporaryDirectory() as folder:
        smallest = Path(folder, "smallest.py")
        smallest.write_text(SMALLEST)
        bell = Path(folder, "bell.qasm")
        bell.write_text(BELL)
        environment = {
            **os.environ,
            "QJOBS_HOME": str(Path(folder, "state")),
            # Both programs start from byte code, as they do once they are installed.
            "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONPYCACHEPREFIX": str(Path(folder, "bytecode")),
        }
        qjobs = ["-m", "qjobs"]
        run(
            [
                sys.executable,
                *qjobs,
                "submit",
                str(bell),
                "-b",
                "fake:",
                "--name",
                "bell",
                "--wait",
            ],
            environment,
        )
        times: dict[str, list[float]] = {name: [] for name in ("smallest", *COMMANDS)}
        for _ in range(rounds + 1):
            times["smallest"].append(run([sys.executable, str(smallest)], environment))
            for name, (arguments, more) in COMMANDS.items():
                command = [sys.executable, *qjobs, *arguments]
                times[name].append(run(command, {**environment, **more}))
        base = times["smallest"][1:]  # the first round warms the file cache
        print(f"smallest Typer program: {statistics.median(base) * 1e3:.0f} ms, {rounds} rounds")
        for name, (arguments, more) in COMMANDS.items():
            ratios = [one / other for one, other in zip(times[name][1:], base, strict=True)]
            heavy = ", ".join(loaded([*qjobs, *arguments], {**environment, **more})) or "none"
            print(
                f"{name:8} {statistics.median(times[name][1:]) * 1e3:5.0f} ms  "
                f"x{statistics.median(ratios):.2f}  heavy modules loaded: {heavy}"
            )


if __name__ == "__main__":
    main()
