"""A Slurm of the tests' own, where there can be one."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from support.slurm import NoSlurm, Slurm, slurm


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    """A cluster whose largest array has twelve tasks. Whoever kills a daemon starts it again."""
    with ExitStack() as stack:
        yield enter(stack, tmp_path_factory.mktemp("slurm"), MaxArraySize=12)


@pytest.fixture
def start_cluster(tmp_path: Path) -> Iterator[Callable[..., Slurm]]:
    """Starts a cluster with other settings, or whose tasks are to be counted, for one test."""
    with ExitStack() as stack:
        yield lambda **settings: enter(stack, tmp_path / "slurm", **settings)


@pytest.fixture
def shared(cluster: Slurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that submitters and the node share; Slurm's commands ask this cluster."""
    monkeypatch.setenv("SLURM_CONF", str(cluster.conf))
    folder = tmp_path / "shared folder"
    folder.mkdir()
    monkeypatch.setenv("QJOBS_SLURM_SHARED", str(folder))
    return folder


def enter(stack: ExitStack, folder: Path, **settings: Any) -> Slurm:
    try:
        return stack.enter_context(slurm(folder, **settings))
    except NoSlurm as reason:
        pytest.skip(f"no Slurm: {reason}")
