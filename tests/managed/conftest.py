"""A state folder of its own for each test, which the environment names."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qjobs import JobManager
from qjobs.providers.local import supervision
from qjobs.providers.local.folder import Folder


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    home = tmp_path / "home"
    monkeypatch.setenv("QJOBS_HOME", str(home))
    monkeypatch.setenv("QJOBS_LOCAL_IDLE_S", "1")
    yield home
    if (home / "local").exists():
        supervision.stop(Folder(home / "local"), timeout_s=60)


@pytest.fixture
def manager(home: Path) -> JobManager:
    return JobManager()


@pytest.fixture
def another_process(home: Path) -> Callable[[], JobManager]:
    """A manager that knows nothing but what is on the disk."""
    return JobManager
