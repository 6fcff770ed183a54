"""A cluster that the tests of a process share, and shells whose jobs go there."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.slurm import Cluster, NoCluster


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Of four cores, with a second partition `short`. Whose test kills its daemons starts them."""
    with ExitStack() as stack:
        yield enter(stack, tmp_path_factory.mktemp("slurm"))


@pytest.fixture
def start_cluster(tmp_path: Path) -> Iterator[Callable[..., Cluster]]:
    """Starts a cluster that is otherwise, for one test."""
    with ExitStack() as stack:
        yield lambda **settings: enter(stack, tmp_path / "slurm", **settings)


def enter(stack: ExitStack, folder: Path, **settings: object) -> Cluster:
    try:
        return stack.enter_context(Cluster(folder, **settings))
    except NoCluster as reason:
        pytest.skip(f"no Slurm: {reason}")
