"""Circuits for the tests of providers, written once a session."""

from pathlib import Path

import pytest

from qjobs.testing.contract import written_circuits


@pytest.fixture(scope="session")
def circuit_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return written_circuits(tmp_path_factory.mktemp("circuits"))
