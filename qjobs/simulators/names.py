"""What may follow `local:` and which run options Aer has, known without importing Qiskit or Aer.

Tests hold both against the installed ones.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from enum import Enum, auto
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

from qjobs.contract import DEFINITION, TRANSPILE
from qjobs.errors import UnknownBackend, UsageError
from qjobs.model import RunOptions, Scalar
from qjobs.simulators import defined
from qjobs.simulators.defined import Definition

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

BASIC = "basic_simulator"
FAKE = "fake_"
GENERIC = "generic_"
FAKE_MODULE = "qiskit_ibm_runtime.fake_provider.backends"

_GENERIC_NAME = re.compile(rf"{GENERIC}[1-9][0-9]{{0,2}}")
_CALLABLE_NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")


class Kind(Enum):
    """What sort of thing runs the circuits of a backend."""

    METHOD = auto()  # Aer, by one of its methods or as it likes
    DEVICE = auto()  # Aer, with the noise of a device
    OBJECT = auto()  # an object that a callable gives


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


def kind(backend: str) -> Kind:
    """The kind of a backend whose name has been checked."""
    if not backend or backend in DESCRIPTIONS:
        return Kind.METHOD
    return Kind.DEVICE if backend.startswith((FAKE, GENERIC)) else Kind.OBJECT


def definition(backend: str) -> Definition | None:
    """What the config file says of a backend; None if it is one of any other kind.

    Raises UsageError for what cannot be.
    """
    return defined.find(backend) if _is_free(backend) else None


def callables(backend: str) -> list[str]:
    """All code that a backend names: itself, or what the config file says."""
    if (found := definition(backend)) is not None:
        return [*found.callables()]
    return [backend] if ":" in backend else []


def definitions() -> list[Definition]:
    """All that the config file makes. Raises UsageError for what cannot be."""
    found = defined.all_of_user()
    for one in found:
        if not _is_free(one.name):
            raise UsageError(
                f"{one.path}: [backends.{one.name}]: local:{one.name} is another backend",
                hint="give it a name of its own",
            )
    return found


def _is_free(name: str) -> bool:
    return kind(name) is Kind.OBJECT and name != BASIC and ":" not in name


def estimates_remark(backend: str) -> str:
    """What is to be known of expectation values on a backend whose name has been checked."""
    if kind(backend) is not Kind.DEVICE:
        return ""
    # As in Qiskit's own estimators with a noise model: nothing is measured.
    return f"with the noise of the gates of {backend}, but without its readout errors"


def check_backend(backend: str) -> None:
    """Raise UnknownBackend, naming near ones, if there is no such backend.

    Nothing is imported: that the callable of a module is there is not known before a job runs.
    """
    if not backend or backend in DESCRIPTIONS or backend == BASIC:
        return
    if ":" in backend:
        _check_callable(backend)
    elif not _GENERIC_NAME.fullmatch(backend):
        _check_name(backend)


def _check_callable(backend: str) -> None:
    if not _CALLABLE_NAME.fullmatch(backend):
        raise UnknownBackend(
            f"local:{backend} is not of the form local:package.module:callable",
            hint="name what gives a backend when it is called; with arguments: [backends.NAME] in "
            "the config file, and local:NAME",
        )
    _check_packages(backend, [backend])


def _check_packages(backend: str, callables: Iterable[str]) -> None:
    for named in callables:
        if _top_package(named) is None:
            raise UnknownBackend(
                f"local:{backend}: there is no module {named.partition(':')[0].partition('.')[0]}",
                hint="install it where qjobs is, or name its folder in PYTHONPATH",
            )


def _check_name(backend: str) -> None:
    fakes = fake_devices()
    if backend in fakes:
        return
    if named := callables(backend):
        _check_packages(backend, named)
        return
    if backend.startswith(FAKE) and not fakes:
        raise UnknownBackend(
            f"local:{backend} needs the package qiskit-ibm-runtime",
            hint="pip install 'qiskit-qjobs[ibm]'",
        )
    own = [definition.name for definition in definitions()]
    names = [*DESCRIPTIONS, BASIC, f"{GENERIC}5", *fakes, *own]
    raise UnknownBackend(
        f"there is no backend local:{backend}{_near(backend, names)}",
        hint=f"backends: {', '.join([*own, *DESCRIPTIONS])}, {BASIC}, {GENERIC}N, {FAKE}DEVICE,"
        " package.module:callable",
    )


def fake_devices() -> list[str]:
    """The names of the devices whose noise is known; none without qiskit-ibm-runtime.

    That package has a folder for each of them, whose name is the device's.
    """
    package = find_spec(FAKE_MODULE.partition(".")[0])
    if package is None or package.origin is None:
        return []
    folder = Path(package.origin).parent.joinpath(*FAKE_MODULE.split(".")[1:])
    return sorted(FAKE + path.parent.name for path in folder.glob("[!_]*/__init__.py"))


def folder_of(backend: str) -> str:
    """The folder in which the package of a `package.module:callable` is; else empty."""
    package = _top_package(backend) if ":" in backend else None
    if package is None:
        return ""
    # A package that is spread over several folders has no file of its own.
    for place in package.submodule_search_locations or ():
        return str(Path(place).absolute().parent)
    return str(Path(package.origin or "").absolute().parent)


def _top_package(backend: str) -> ModuleSpec | None:
    try:
        return find_spec(backend.partition(":")[0].partition(".")[0])
    except ValueError:  # a module that has no spec: `__main__`
        return None


def check_options(backend: str, options: RunOptions) -> None:
    """Raise UsageError if Aer has no such run option, or not of that type.

    Those of other simulators go to them as they are.
    """
    aers = kind(backend) is not Kind.OBJECT
    for name, value in options.extra.items():
        if name == DEFINITION:
            raise UsageError(f"{name} is not given as a run option: it is what qjobs records")
        if name == TRANSPILE and not aers and type(value) is not bool:
            raise UsageError(f"the run option {name} takes true or false, not {value!r}")
        if name in OWN_OPTIONS:
            raise UsageError(
                f"{name} is not given as a run option", hint=f"use {OWN_OPTIONS[name]}"
            )
        if aers:
            _check_option(name, value)
    if kind(backend) is Kind.METHOD:
        _check_method(backend, str(options.extra.get("method", method(backend))))


def _check_option(name: str, value: Scalar) -> None:
    wanted = RUN_OPTIONS.get(name)
    if wanted is None:
        raise UsageError(
            f"Aer has no run option {name}{_near(name, RUN_OPTIONS)}",
            hint="run options are those of AerSimulator that are plain values",
        )
    # In Python True is an int; and every int will do for a float.
    if type(value) is not wanted and not (wanted is float and type(value) is int):
        raise UsageError(f"the run option {name} takes {_ARTICLES[wanted]}, not {value!r}")


def _check_method(backend: str, chosen: str) -> None:
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
