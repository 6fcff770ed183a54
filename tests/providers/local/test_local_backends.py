"""What is known of Aer without importing it is what Aer says."""

import pytest
from qiskit_aer import AerSimulator
from qiskit_aer.backends.aer_compiler import BACKEND_RUN_ARG_TYPES

from qjobs.errors import UnknownBackend, UsageError
from qjobs.model import RunOptions, Scalar
from qjobs.simulators import names as backends

NOT_PLAIN_VALUES = {"executor", "noise_model"}
READ_BY_NOBODY = {"max_job_size", "max_shot_size"}
NEEDS_BINDINGS = {"runtime_parameter_bind_enable"}


def test_every_method_of_aer_is_a_backend_and_no_other() -> None:
    on_cpus = set(AerSimulator().available_methods()) - {"tensor_network"}

    assert set(backends.DESCRIPTIONS) == on_cpus | {"aer"}


def test_every_plain_run_option_of_aer_is_known_with_its_type() -> None:
    left_out = NOT_PLAIN_VALUES | READ_BY_NOBODY | NEEDS_BINDINGS

    assert set(backends.RUN_OPTIONS) | set(backends.OWN_OPTIONS) == (
        set(vars(AerSimulator().options)) - left_out
    )
    for name, kind in backends.RUN_OPTIONS.items():
        of_aer = BACKEND_RUN_ARG_TYPES[name]
        assert issubclass(kind, of_aer), name


def test_a_misspelt_backend_is_answered_with_near_ones() -> None:
    with pytest.raises(UnknownBackend, match="near ones: statevector"):
        backends.check_backend("state_vector")


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ({"fusion_enabled": True}, "near ones: fusion_enable"),
        ({"shots": 5}, "shots is not given as a run option"),
        ({"fusion_enable": 1}, "takes true or false, not 1"),
        ({"max_memory_mb": True}, "takes a whole number, not True"),
        ({"max_memory_mb": "1"}, "takes a whole number, not '1'"),
        ({"method": "stabiliser"}, "near ones: stabilizer"),
        ({"method": "aer"}, "no method aer"),
    ],
)
def test_a_wrong_run_option_is_refused_before_anything_runs(
    extra: dict[str, Scalar], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        backends.check_options("aer", RunOptions(extra=extra))


def test_a_backend_and_a_method_that_contradict_each_other_are_refused() -> None:
    backends.check_options("aer", RunOptions(extra={"method": "statevector"}))
    backends.check_options("", RunOptions(extra={"chop_threshold": 1}))
    with pytest.raises(UsageError, match="local:stabilizer cannot run with method=statevector"):
        backends.check_options("stabilizer", RunOptions(extra={"method": "statevector"}))
