"""What may follow `local:` and which run options Aer has, known without importing Aer.

Tests hold both against the installed Aer.
"""

from collections.abc import Collection, Mapping

from qjobs.errors import UnknownBackend, UsageError
from qjobs.model import RunOptions, Scalar

DEFAULT = "aer"
AUTOMATIC = "automatic"

# `aer`, like no name at all, leaves the method to Aer; the others are values of Aer's option
# `method`.
DESCRIPTIONS: Mapping[str, str] = {
    DEFAULT: "Aer picks the method for each circuit",
    AUTOMATIC: "another name for aer",
    "statevector": "dense state vector",
    "density_matrix": "dense density matrix",
    "stabilizer": "Clifford circuits of any width",
    "matrix_product_state": "weakly entangled circuits of any width",
    "extended_stabilizer": "Clifford circuits with a few other gates, approximate",
    "unitary": "the unitary of a circuit; measures nothing",
    "superop": "the superoperator of a circuit; measures nothing",
}

# AerSimulator's run options that are plain values. Left out: those that qjobs has under a
# name of its own, those that take an object, and those that Aer 0.18 knows but never reads.
RUN_OPTIONS: Mapping[str, type[Scalar]] = {
    "accept_distributed_results": bool,
    "batched_shots_gpu": bool,
    "batched_shots_gpu_max_qubits": int,
    "blocking_enable": bool,
    "blocking_qubits": int,
    "chop_threshold": float,
    "chunk_swap_buffer_qubits": int,
    "cuStateVec_enable": int,
    "device": str,
    "enable_truncation": bool,
    "extended_stabilizer_approximation_error": float,
    "extended_stabilizer_metropolis_mixing_time": int,
    "extended_stabilizer_norm_estimation_repetitions": int,
    "extended_stabilizer_norm_estimation_samples": int,
    "extended_stabilizer_parallel_threshold": int,
    "extended_stabilizer_probabilities_snapshot_samples": int,
    "extended_stabilizer_sampling_method": str,
    "fusion_enable": bool,
    "fusion_max_qubit": int,
    "fusion_threshold": int,
    "fusion_verbose": bool,
    "matrix_product_state_max_bond_dimension": int,
    "matrix_product_state_truncation_threshold": float,
    "max_memory_mb": int,
    "max_parallel_experiments": int,
    "max_parallel_shots": int,
    "max_parallel_threads": int,
    "method": str,
    "mps_lapack": bool,
    "mps_log_data": bool,
    "mps_omp_threads": int,
    "mps_parallel_threshold": int,
    "mps_sample_measure_algorithm": str,
    "mps_swap_direction": str,
    "num_threads_per_device": int,
    "precision": str,
    "shot_branching_enable": bool,
    "shot_branching_sampling_enable": bool,
    "stabilizer_max_snapshot_probabilities": int,
    "statevector_parallel_threshold": int,
    "statevector_sample_measure_opt": int,
    "tensor_network_num_sampling_qubits": int,
    "use_cuTensorNet_autotuning": bool,
    "validation_threshold": int,
    "zero_threshold": float,
}

OWN_OPTIONS: Mapping[str, str] = {
    "shots": "--shots",
    "seed_simulator": "--seed",
    "memory": "--memory",
}
"""Run options of Aer that are options of qjobs."""


def method(backend: str) -> str:
    """Aer's name for the method of a backend."""
    return backend if backend not in ("", DEFAULT) else AUTOMATIC


def check_backend(backend: str) -> None:
    """Raise UnknownBackend, naming near ones, if there is no such backend."""
    if backend and backend not in DESCRIPTIONS:
        raise UnknownBackend(
            f"there is no backend local:{backend}{_near(backend, DESCRIPTIONS)}",
            hint=f"backends: {', '.join(DESCRIPTIONS)}",
        )


def check_options(backend: str, options: RunOptions) -> None:
    """Raise UsageError if Aer has no such run option, or not of that type."""
    for name, value in options.extra.items():
        if name in OWN_OPTIONS:
            raise UsageError(
                f"{name} is not given as a run option", hint=f"use {OWN_OPTIONS[name]}"
            )
        kind = RUN_OPTIONS.get(name)
        if kind is None:
            raise UsageError(
                f"Aer has no run option {name}{_near(name, RUN_OPTIONS)}",
                hint="run options are those of AerSimulator that are plain values",
            )
        # In Python True is an int; and every int will do for a float.
        if type(value) is not kind and not (kind is float and type(value) is int):
            raise UsageError(f"the run option {name} takes {_ARTICLES[kind]}, not {value!r}")
    chosen = str(options.extra.get("method", method(backend)))
    if chosen == DEFAULT or chosen not in DESCRIPTIONS:
        raise UsageError(f"Aer has no method {chosen}{_near(chosen, DESCRIPTIONS)}")
    if method(backend) not in (AUTOMATIC, chosen):
        raise UsageError(f"local:{backend} cannot run with method={chosen}")


_ARTICLES: Mapping[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a word",
}


def _near(name: str, names: Collection[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, names, n=3)
    return f"; near ones: {', '.join(near)}" if near else ""
