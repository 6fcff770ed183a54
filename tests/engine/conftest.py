"""A state folder, a scripted provider, and sets of circuits that nobody decodes."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from support.scripted import ScriptedProvider

from qjobs.engine.workspace import Workspace
from qjobs.model import JobSet, RunOptions, Slice
from qjobs.store.folder import SetFolder
from qjobs.store.sets import Store


@pytest.fixture
def provider() -> ScriptedProvider:
    return ScriptedProvider()


@pytest.fixture
def workspace(tmp_path: Path, provider: ScriptedProvider) -> Workspace:
    ids = count(1)
    return Workspace(
        store=Store(tmp_path / "home", clock=lambda: datetime.now(UTC)),
        load_provider=lambda _name, **_settings: provider,
        clock=lambda: datetime.now(UTC),
        new_id=lambda: f"{next(ids):012x}",
    )


@pytest.fixture
def stop() -> threading.Event:
    return threading.Event()


@pytest.fixture
def new_set(workspace: Workspace) -> Callable[..., SetFolder]:
    """Make a set of `jobs` jobs, of three circuits each unless there are to be so many in all.

    Nothing reads its container.
    """

    def make(jobs: int = 3, name: str = "", circuits: int = 0) -> SetFolder:
        each = circuits // jobs or 3
        draft = workspace.store.draft(workspace.new_id())
        draft.circuits_path.write_bytes(b"not read")
        job_set = JobSet(
            set_id=draft.set_id,
            name=name,
            created=workspace.clock(),
            provider="scripted",
            backend="device",
            circuits=each * jobs,
            slices=tuple(Slice(each * index, each) for index in range(jobs)),
            options=RunOptions(shots=100),
        )
        return draft.commit(job_set, ())

    return make
