"""Kept results in the shape of Qiskit's own `Result`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qjobs.circuits.outcomes import from_npy
from qjobs.errors import ResultDamaged
from qjobs.results import About, CircuitResult

if TYPE_CHECKING:
    from qiskit.result import Result
    from qiskit.result.models import ExperimentResult


def make_result(
    circuits: Sequence[CircuitResult],
    names: Sequence[str],
    *,
    backend_name: str,
    job_id: str,
    about: About,
) -> "Result":
    """The `Result` of one job. What nobody told of it as a whole is None."""
    from qiskit.result import Result

    experiments = [
        make_experiment(circuit, name) for circuit, name in zip(circuits, names, strict=True)
    ]
    success = all(experiment.success for experiment in experiments)
    partly = any(experiment.success for experiment in experiments)
    return Result(
        backend_name=backend_name,
        backend_version="",
        job_id=job_id,
        success=success,
        results=experiments,
        status="COMPLETED" if success else "PARTIAL COMPLETED" if partly else "ERROR",
        date=about.get("date"),
        header=about.get("header"),
        time_taken=about.get("time_taken"),
    )


def make_experiment(circuit: CircuitResult, name: str) -> "ExperimentResult":
    """The result of one circuit, or the placeholder of one that failed."""
    from qiskit.result.models import ExperimentResult, ExperimentResultData

    registers = [list(register) for register in circuit.registers]
    loose = circuit.clbits - sum(size for _, size in circuit.registers)
    if registers and loose > 0:
        # Bits of no register, which Qiskit would take for the first ones of another.
        registers.append(["", loose])
    data: dict[str, Any] = {label: _value(label, npy) for label, npy in circuit.arrays.items()}
    if circuit.counts is not None:
        data["counts"] = dict(circuit.counts)
    if circuit.memory is not None:
        data["memory"] = list(circuit.memory)
    if circuit.evs is not None:
        data["evs"] = list(circuit.evs)
        data["stds"] = list(circuit.stds or ())
    return ExperimentResult(
        shots=circuit.shots,
        success=not circuit.failed,
        data=ExperimentResultData(**data),
        status=f"ERROR: {circuit.message}" if circuit.failed else "DONE",
        header={
            "name": name,
            "memory_slots": circuit.clbits,
            "creg_sizes": registers,
            "metadata": dict(circuit.metadata),
        },
    )


def _value(label: str, npy: bytes) -> Any:
    """Convert saved data to Aer's form of it: states and operators become Qiskit objects."""
    from qiskit import quantum_info

    try:
        array = from_npy(npy)
    except ValueError as error:
        raise ResultDamaged(f"what was saved as {label!r} is no array: {error}") from error
    classes = {
        "statevector": (quantum_info.Statevector, 1),
        "density_matrix": (quantum_info.DensityMatrix, 2),
        "unitary": (quantum_info.Operator, 2),
        "superop": (quantum_info.SuperOp, 2),
    }
    kind, dimensions = classes.get(label, (None, 0))
    return array if kind is None or array.ndim != dimensions else kind(array)
