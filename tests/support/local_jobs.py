"""Circuits, jobs and processes for the tests of the local provider."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy import float64
from numpy.typing import NDArray
from qiskit import QuantumCircuit, qpy

from qjobs.circuits.slices import CircuitSlice
from qjobs.circuits.sweep import Sweep
from qjobs.model import JobStatus, RunOptions, Slice
from qjobs.providers.local import running
from qjobs.providers.local.folder import Folder
from qjobs.providers.local.provider import LocalProvider
from qjobs.providers.local.queuing import queued_job
from qjobs.results import CircuitResult

Seen = TypeVar("Seen")


def rotations(circuits: int, *, qubits: int = 3) -> list[QuantumCircuit]:
    """Circuits that Aer takes as they are, all different."""
    made = []
    for index in range(circuits):
        circuit = QuantumCircuit(qubits, qubits, name=f"circuit {index}")
        for qubit in range(qubits):
            circuit.ry(0.1 + 0.07 * index + 0.3 * qubit, qubit)
        for qubit in range(qubits - 1):
            circuit.cx(qubit, qubit + 1)
        circuit.measure(range(qubits), range(qubits))
        made.append(circuit)
    return made


def endless() -> QuantumCircuit:
    """Runs for many minutes in little memory."""
    circuit = QuantumCircuit(20, 1)
    for _ in range(200):
        for qubit in range(20):
            circuit.rx(0.3, qubit)
        circuit.measure(0, 0)
        circuit.reset(1)
    return circuit


def write(path: Path, circuits: list[QuantumCircuit]) -> Path:
    with path.open("wb") as file:
        qpy.dump(circuits, file)
    return path


def cut(path: Path, start_index: int, experiments_count: int) -> CircuitSlice:
    return CircuitSlice(path, Slice(start_index, experiments_count))


def wait(
    provider: LocalProvider, job_ids: list[str], *, timeout_s: float = 60.0
) -> dict[str, JobStatus]:
    """Ask until all jobs are final."""
    return wait_until(
        lambda: dict(provider.statuses(job_ids)),
        lambda statuses: all(status.final for status in statuses.values()),
        timeout_s=timeout_s,
    )


def wait_until(
    look: Callable[[], Seen], enough: Callable[[Seen], bool] = bool, *, timeout_s: float = 60.0
) -> Seen:
    """What is there to see once it is enough: other processes give no event to wait for."""
    until = time.monotonic() + timeout_s
    while not enough(seen := look()):
        assert time.monotonic() < until, f"still {seen}"
        time.sleep(0.01)
    return seen


def processes(folder: Folder, module: str) -> list[int]:
    """The ids of the processes that run a module of the provider for a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if (
            os.fsencode(folder.path) in words
            and f"qjobs.providers.local.{module}".encode() in words
        ):
            found.append(int(entry.name))
    return found


def in_aer(folder: Folder) -> bool:
    """Whether a worker has come so far as to load Aer: a job counts as running before that."""
    return any(
        "controller_wrappers" in Path(f"/proc/{worker}/maps").read_text()
        for worker in processes(folder, "worker")
    )


def run_here(
    circuits: CircuitSlice,
    *,
    backend: str = "",
    options: RunOptions,
    cuts: Sequence[int] = (),
) -> list[CircuitResult]:
    """The results of a slice that is cut into jobs at these circuits, run in this process."""
    ends = [*cuts, circuits.slice.end_index + 1]
    results: list[CircuitResult] = []
    for start, end in zip([circuits.slice.start_index, *cuts], ends, strict=True):
        part = replace(circuits, slice=Slice(start, end - start))
        job = queued_job(part, backend=backend, options=options, tag="t")
        results += running.run(job, threads=1)
    return results


def write_sweep(path: Path, names: tuple[str, ...], rows: NDArray[float64]) -> Sweep:
    np.save(path, rows)
    return Sweep(path, names, len(rows))
