"""What a backend and the package that it comes from are called, for the header of a set."""

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import pytest
from qiskit.primitives import StatevectorSampler
from qiskit_aer import AerSimulator
from support.scripted_vendor import ScriptedBackend

from qjobs.backends.naming import names


@pytest.mark.parametrize(
    ("make", "package"), [(AerSimulator, "qiskit-aer"), (StatevectorSampler, "qiskit")]
)
def test_the_package_of_an_object_is_named_with_its_version(
    make: Callable[[], Any], package: str
) -> None:
    found = names(make(), device="aer_simulator", backend="mine")

    assert (found.provider, found.backend) == (package, "aer_simulator")
    assert found.versions == {package: version(package)}


def test_ones_own_class_has_no_package_and_a_name_that_the_address_has_is_not_repeated() -> None:
    found = names(ScriptedBackend([]), device="mine", backend="mine")

    assert (found.provider, found.backend, found.versions) == ("", "", {})
