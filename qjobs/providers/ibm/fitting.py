"""Circuits that fit a backend: transpiled for it, or weighed to see that they are as it needs."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from qjobs.circuits import codec, qpy
from qjobs.circuits.fitting import Judgement, Verdict
from qjobs.circuits.own_gates import natives, set_apart
from qjobs.circuits.slices import CircuitSlice
from qjobs.errors import Recalibrated, TooLarge
from qjobs.model import RunOptions, Slice
from qjobs.providers.ibm.crews import Crews
from qjobs.providers.ibm.options import LARGEST_SEED, JobOptions
from qjobs.providers.ibm.program import Device
from qjobs.providers.ibm.transpiling import Transpilation
from qjobs.providers.ibm.weights import Scales, Weight, Weights

Fit: TypeAlias = Callable[[bytes], bytes]
"""From a QPY file to one of the same circuits in a form that fits the backend."""

_FEW = 50
"""So many circuits are weighed sooner than a process for it is started."""

_BLOCK_CIRCUITS = 1000
_BLOCK_BYTES = 16_000_000


def transpilation(
    device: Device, options: RunOptions, job: JobOptions, *, keep_layouts: bool = False
) -> Transpilation:
    """How the circuits of a set are transpiled. A seed is fixed even where none is given."""
    seed = job.seed_transpiler
    if seed is None:
        seed = (options.seed or 0) % (LARGEST_SEED + 1)
    return Transpilation(
        device.description, options.optimization_level, seed, keep_layouts=keep_layouts
    )


def fit(
    circuits: CircuitSlice, device: Device, options: RunOptions, job: JobOptions, crews: Crews
) -> Fit:
    """The treatment of a slice's circuits: transpiled, or weighed only.

    Raises Recalibrated if the set was planned for another calibration. What it gives raises
    JobRefused for a circuit that cannot be transpiled, and TooLarge if they are too much then.
    """
    if not job.transpile:
        return lambda data: data
    way = transpilation(device, options, job, keep_layouts=circuits.observables is not None)
    if job.calibration and job.calibration.split()[-1] != way.calibration:
        raise Recalibrated(
            f"{device.name} was calibrated anew since the set was planned: other circuits would "
            "come of it"
        )
    records, part = circuits.records, circuits.slice
    rows = circuits.sweep.rows if circuits.sweep else 1

    def transpile(data: bytes) -> bytes:
        with crews.crew(way) as crew:
            made = crew.transpile(data, start_index=circuits.first + records.start_index)
        start = part.start_index - records.start_index * rows
        weight = Weights(made.weights, rows=rows).of(Slice(start, part.experiments_count))
        if excess := weight.excess():
            raise TooLarge(f"the job has {excess}")
        return made.qpy

    return transpile


def wide(circuits: CircuitSlice, device: Device) -> bool:
    """Whether all circuits have the qubits of the backend, as those that were made for it have."""
    with qpy.Container.open(circuits.path) as container:
        return {*container.widths(circuits.records)} == {device.target.num_qubits}


def judgements(data: bytes, weights: Sequence[Weight], device: Device) -> list[Judgement]:
    """How the backend takes the circuits of a QPY file, which have these weights."""
    container, most = qpy.Container(data), device.target.num_qubits
    found = []
    for weight, qubits in zip(weights, container.widths(Slice(0, len(container))), strict=True):
        if qubits > most:
            found.append(Judgement(Verdict.TOO_LARGE, weight.misfit))
        elif weight.misfit:
            found.append(Judgement(Verdict.TRANSPILE, weight.misfit))
        elif qubits < most:
            why = f"it has {qubits} qubits: their places among the {most} of the backend are open"
            found.append(Judgement(Verdict.TRANSPILE, why))
        else:
            found.append(Judgement(Verdict.FITS))
    return found


def weigh(
    circuits: CircuitSlice, device: Device, options: RunOptions, job: JobOptions, crews: Crews
) -> Weights:
    """The circuits of a set as they are. Raises InputError if one cannot be read."""
    records = circuits.records
    with qpy.Container.open(circuits.path) as container:
        if records.experiments_count <= _FEW:
            scales, kept = Scales(device.target), natives(device.target)
            few = codec.decode(container.cut(records), start_index=records.start_index)
            found = [scales.weigh(set_apart(circuit, kept=kept)) for circuit in few]
        else:
            found = []
            with crews.crew(transpilation(device, options, job)) as crew:
                for block in container.runs(
                    records, circuits=_BLOCK_CIRCUITS, size_bytes=_BLOCK_BYTES
                ):
                    found += crew.weigh(container.cut(block), start_index=block.start_index)
    return Weights(found, rows=circuits.sweep.rows if circuits.sweep else 1)
