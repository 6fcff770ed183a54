"""A Slurm of the tests' own, where there can be one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.slurm import Slurm, slurm, why_not


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    """A cluster whose largest array has twelve tasks. Whoever kills a daemon starts it again."""
    if why := why_not():
        pytest.skip(why)
    with slurm(tmp_path_factory.mktemp("slurm"), MaxArraySize=12) as running:
        yield running


@pytest.fixture
def shared(cluster: Slurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that submitters and the node share; Slurm's commands ask this cluster."""
    monkeypatch.setenv("SLURM_CONF", str(cluster.conf))
    folder = tmp_path / "shared folder"
    folder.mkdir()
    monkeypatch.setenv("QJOBS_SLURM_SHARED", str(folder))
    return folder
