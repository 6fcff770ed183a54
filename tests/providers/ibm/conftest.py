"""Stand-ins for IBM Quantum Platform, each a process with a folder and a port of its own.

Most tests share one, which is as new for each of them: to start it, and the process that runs
circuits for it, takes longer than most of what is done with it.
"""

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.standin.process import StandIn

collect_ignore_glob = [] if importlib.util.find_spec("qiskit_ibm_runtime") else ["test_*.py"]


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process requests are repeated at once: what shows is how often, not how late."""
    monkeypatch.setattr("urllib3.util.retry.Retry.get_backoff_time", lambda _: 0)


@pytest.fixture(scope="session")
def shared_standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """Whoever uses it calls `reset` first."""
    with StandIn(tmp_path_factory.mktemp("standin"), run="never") as standin:
        yield standin


@pytest.fixture
def start_standin(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., StandIn]]:
    """Gives a stand-in with settings, and points the client of this process at it."""
    with ExitStack() as stack:

        def start(*, backends: str = "", **settings: object) -> StandIn:
            if backends:
                own = StandIn(tmp_path / "standin", backends=backends, **settings)
                standin = stack.enter_context(own)
            else:
                standin = request.getfixturevalue("shared_standin")
                standin.reset(**settings)
            for name, value in standin.environment.items():
                monkeypatch.setenv(name, value)
            return standin

        yield start


@pytest.fixture
def standin(start_standin: Callable[..., StandIn]) -> StandIn:
    """A stand-in whose jobs stay in the queue: its worker never has to load Qiskit."""
    return start_standin(run="never")
