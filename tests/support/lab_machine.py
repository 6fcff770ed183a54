"""The machine of docs/providers.md: it runs what is queued in a folder, one job after the other."""

import json
import threading
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from qiskit import qpy, transpile
from qiskit.providers.basic_provider import BasicSimulator

from qjobs.backends import reading, running
from qjobs.model import RunOptions


def work(machine: Path, stop: threading.Event) -> None:
    """Run the jobs in the folder of a machine until told to stop."""
    while not stop.wait(0.01):
        for queued in sorted((machine / "queued").glob("*")):
            job = machine / "running" / queued.name
            with suppress(FileNotFoundError):  # it was cancelled just now
                queued.rename(job)
                try:
                    (job / "result").write_text(json.dumps(outcomes(job)))
                    end = "done"
                except Exception as error:  # noqa: BLE001 - of any kind
                    (job / "message").write_text(f"{error}")
                    end = "failed"
                job.rename(machine / end / job.name)


def outcomes(job: Path) -> list[dict[str, object]]:
    """What the circuits of a job give, with each bit in its place."""
    options = RunOptions(**json.loads((job / "options.json").read_text()))
    with (job / "circuits.qpy").open("rb") as file:
        circuits, layouts = running.measuring(qpy.load(file))
    simulator = BasicSimulator()
    ran = simulator.run(
        transpile(circuits, simulator),
        shots=options.shots,
        seed_simulator=options.seed,
        memory=options.memory,
    )
    return [asdict(one) for one in reading.from_result(ran.result(), layouts, options=options)]
