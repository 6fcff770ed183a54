"""The provider keeps the contract on a real cluster."""

import os
from pathlib import Path

import pytest
from support.slurm import Slurm

from qjobs.contract import ProviderContext
from qjobs.providers.slurm.provider import SlurmProvider
from qjobs.testing.contract import Contract, Subject


def of_this_cluster(context: ProviderContext) -> SlurmProvider:
    return SlurmProvider(context._replace(settings={"shared": os.environ["QJOBS_SLURM_SHARED"]}))


@pytest.mark.slow
class TestSlurm(Contract):
    # The endless circuit is endless for a state vector.
    subject = Subject(
        of_this_cluster,
        calm="aer",
        busy="statevector",
        failing="aer",
        misspelt="state_vector",
        near="statevector",
    )

    @pytest.fixture(autouse=True)
    def on_a_cluster(self, cluster: Slurm, shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The tests ask the cluster of this session."""
        shared.mkdir()
        monkeypatch.setenv("SLURM_CONF", str(cluster.conf))
        monkeypatch.setenv("QJOBS_SLURM_SHARED", str(shared))
