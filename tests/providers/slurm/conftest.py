"""A Slurm of the tests' own, where there can be one."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from support import slurm_shell
from support.slurm import NoSlurm, Slurm, slurm
from support.slurm_shell import Shell


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    """A cluster whose largest array has five tasks. Whoever kills a daemon starts it again."""
    with ExitStack() as stack:
        yield enter(stack, tmp_path_factory.mktemp("slurm"), MaxArraySize=5)


@pytest.fixture
def start_cluster(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., Slurm]]:
    """Starts a cluster with other settings, or whose tasks are to be counted, for one test."""
    with ExitStack() as stack:
        # Not in the test's own folder, whose path is long.
        yield lambda **settings: enter(stack, tmp_path_factory.mktemp("slurm"), **settings)


def enter(stack: ExitStack, folder: Path, **settings: Any) -> Slurm:
    try:
        return stack.enter_context(slurm(folder, **settings))
    except NoSlurm as reason:
        pytest.skip(f"no Slurm: {reason}")


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """The folder that submitters and the node share."""
    return tmp_path / "shared folder"


@pytest.fixture
def shell(cluster: Slurm, tmp_path: Path, shared: Path) -> Shell:
    return Shell(tmp_path / "user", cluster, shared)


@pytest.fixture
def numbered(shell: Shell) -> str:
    """The file of 120 circuits that measure the bits of their own index."""
    return slurm_shell.numbered(shell.folder / "numbered.qpy")


@pytest.fixture
def endless(shell: Shell) -> str:
    """The file of a circuit that runs for many minutes, in little memory."""
    return slurm_shell.endless(shell.folder / "endless.qpy")
