"""Folders whose supervisors and workers are gone when the test is over."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.local_jobs import processes, wait_until

from qjobs.contract import ProviderContext
from qjobs.providers.local import supervision
from qjobs.providers.local.folder import Folder
from qjobs.providers.local.provider import LocalProvider


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    folder = Folder(tmp_path / "local")
    yield folder
    supervision.stop(folder, timeout_s=60)
    wait_until(
        lambda: processes(folder, "supervisor") + processes(folder, "worker"),
        lambda alive: not alive,
    )


@pytest.fixture
def open_provider(folder: Folder) -> Callable[..., LocalProvider]:
    """Opens the provider as a new process would, with settings."""

    def open_provider(**settings: str) -> LocalProvider:
        return LocalProvider(ProviderContext(folder.path, {"idle_s": "5", **settings}))

    return open_provider


@pytest.fixture
def provider(open_provider: Callable[..., LocalProvider]) -> LocalProvider:
    return open_provider()
