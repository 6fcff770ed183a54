"""What every provider promises, promised by `ibm` at the stand-in."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from contract import MEASURED, OPTIONS, Contract, Subject, scattered, steady
from standin.process import StandIn

from qjobs.circuits import qpy
from qjobs.errors import UnknownBackend
from qjobs.model import RunOptions
from qjobs.providers.ibm.provider import IbmProvider
from qjobs.providers.interface import Provider

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """One for all tests: the process that runs circuits is slow to start."""
    with StandIn(tmp_path_factory.mktemp("service"), backends="ibm_lagos", run="cheap") as standin:
        yield standin


@pytest.fixture(scope="module")
def circuit_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Circuits that fit as they are. It is the service that lets them run for ever, or fail."""
    folder = tmp_path_factory.mktemp("circuits")
    files = {name: folder / f"{name}.qpy" for name in ("steady", "endless", "broken")}
    for path in files.values():
        path.write_bytes(qpy.encode([steady(index, qubits=7) for index in range(6)]))
    files["scattered"] = folder / "scattered.qpy"
    circuits = [scattered(index, qubits=7) for index in range(len(MEASURED))]
    files["scattered"].write_bytes(qpy.encode(circuits))
    return files


class TestIbm(Contract):
    subject = Subject(
        IbmProvider,
        calm="ibm_lagos",
        busy="ibm_lagos",
        failing="ibm_lagos",
        misspelt="ibm_logos",
        near="ibm_lagos",
    )

    @pytest.fixture(autouse=True)
    def pointed(self, service: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in service.environment.items():
            monkeypatch.setenv(name, value)
        service.calm()
        self.service = service
        # The tests use the same tags again: none may see the jobs of another.
        with closing(sqlite3.connect(service.folder / "standin.sqlite")) as state, state:
            state.execute("DELETE FROM jobs")

    @pytest.fixture
    def run_busy(self, submit: Callable[..., str], service: StandIn) -> Callable[..., str]:
        def run(**more: object) -> str:
            service.set(queue_s=3600)
            job_id = submit(self.subject.busy, "endless", **more)
            service.set(queue_s=0)
            return job_id

        return run

    def test_a_failed_job_has_a_message_and_no_result(
        self, provider: Provider, submit: Callable[..., str]
    ) -> None:
        self.service.faults("fail")
        super().test_a_failed_job_has_a_message_and_no_result(provider, submit)

    def test_each_bit_of_an_outcome_is_where_the_circuit_has_it(
        self, provider: Provider, submit: Callable[..., str]
    ) -> None:
        self.service.set(run="aer")
        super().test_each_bit_of_an_outcome_is_where_the_circuit_has_it(provider, submit)

    def test_every_backend_that_is_listed_passes_the_check(self, provider: Provider) -> None:
        for info in provider.backends():
            provider.check(info.name, OPTIONS)
        with pytest.raises(UnknownBackend):  # the service has no choice of its own
            provider.check("", RunOptions())
