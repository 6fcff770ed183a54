"""Every provider of ours keeps the contract."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from contract import Contract, Subject

from qjobs.providers.fake.provider import FakeProvider
from qjobs.providers.interface import ProviderContext
from qjobs.providers.local import supervision
from qjobs.providers.local.folder import Folder
from qjobs.providers.local.provider import LocalProvider


class TestFake(Contract):
    subject = Subject(
        FakeProvider,
        calm="",
        busy="delay=3600",
        failing="fail_every=1",
        misspelt="dealy=1",
        near="delay",
    )


def soon_idle(context: ProviderContext) -> LocalProvider:
    """A local provider whose processes do not stay long."""
    return LocalProvider(context._replace(settings={"idle_s": "2"}))


@pytest.mark.slow
class TestLocal(Contract):
    # The endless circuit is endless for a state vector.
    subject = Subject(
        soon_idle,
        calm="",
        busy="statevector",
        failing="",
        misspelt="state_vector",
        near="statevector",
    )

    @pytest.fixture(autouse=True)
    def nothing_runs_on(self, tmp_path: Path) -> Iterator[None]:
        yield
        for lock in tmp_path.rglob("supervisor.lock"):
            supervision.stop(Folder(lock.parent))
