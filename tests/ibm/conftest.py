"""Stand-ins for IBM Quantum Platform, each a process with a folder and a port of its own."""

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from standin.process import StandIn

collect_ignore_glob = [] if importlib.util.find_spec("qiskit_ibm_runtime") else ["test_*.py"]


@pytest.fixture
def start_standin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., StandIn]]:
    """Starts a stand-in with settings, and points the client of this process at it."""
    with ExitStack() as stack:

        def start(**settings: object) -> StandIn:
            standin = stack.enter_context(StandIn(tmp_path / "standin", **settings))  # type: ignore[arg-type]  # settings are checked where they arrive
            for name, value in standin.environment.items():
                monkeypatch.setenv(name, value)
            return standin

        yield start


@pytest.fixture
def standin(start_standin: Callable[..., StandIn]) -> StandIn:
    """A stand-in whose jobs stay in the queue: its worker never has to load Qiskit."""
    return start_standin(run="never")
