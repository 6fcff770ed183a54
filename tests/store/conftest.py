"""A store on an empty disk, and sets to keep in it."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from support.sample_set import NOON, plan

from qjobs.store.folder import SetFolder
from qjobs.store.sets import Store


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def store(home: Path) -> Store:
    return Store(home, clock=lambda: NOON)


@pytest.fixture
def new_set(store: Store) -> Callable[..., SetFolder]:
    def make(set_id: str = "9f3c1a7e2b40", *, jobs: int = 3, created: datetime = NOON) -> SetFolder:
        draft = store.draft(set_id)
        draft.circuits_path.write_bytes(b"not read")
        return draft.commit(plan(set_id, jobs=jobs, created=created))

    return make


@pytest.fixture
def state_path(home: Path) -> Path:
    return home / "sets" / "9f3c1a7e2b40" / "state.toml"
