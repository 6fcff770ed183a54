"""What every provider promises, promised by `ibm` at the stand-in."""

from collections.abc import Callable
from pathlib import Path

import pytest
from support.standin.process import StandIn

from qjobs.circuits import codec
from qjobs.contract import Provider
from qjobs.errors import UnknownBackend
from qjobs.model import RunOptions
from qjobs.providers.ibm.provider import IbmProvider
from qjobs.testing.contract import MEASURED, OPTIONS, Contract, Subject, scattered, steady

pytestmark = pytest.mark.slow


class TestIbm(Contract):
    subject = Subject(
        IbmProvider,
        calm="ibm_lagos",
        busy="ibm_lagos",
        failing="ibm_lagos",
        misspelt="ibm_logos",
        near="ibm_lagos",
    )

    @pytest.fixture(scope="class")
    @classmethod
    def circuit_files(cls, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
        """Circuits that fit as they are. It is the service that lets them run for ever, or fail."""
        folder = tmp_path_factory.mktemp("circuits")
        files = {name: folder / f"{name}.qpy" for name in ("steady", "endless", "broken")}
        for path in files.values():
            path.write_bytes(codec.encode([steady(index, qubits=7) for index in range(6)]))
        files["scattered"] = folder / "scattered.qpy"
        circuits = [scattered(index, qubits=7) for index in range(len(MEASURED))]
        files["scattered"].write_bytes(codec.encode(circuits))
        return files

    @pytest.fixture(autouse=True)
    def service(self, start_standin: Callable[..., StandIn]) -> StandIn:
        """As new for each test: they use the same tags again."""
        return start_standin(run="cheap")

    @pytest.fixture
    def run_busy(self, submit: Callable[..., str], service: StandIn) -> Callable[..., str]:
        def run(**more: object) -> str:
            service.set(queue_s=3600)
            job_id = submit(self.subject.busy, "endless", **more)
            service.set(queue_s=0)
            return job_id

        return run

    def test_a_failed_job_has_a_message_and_no_result(
        self, provider: Provider, submit: Callable[..., str], service: StandIn
    ) -> None:
        service.faults("fail")
        super().test_a_failed_job_has_a_message_and_no_result(provider, submit)

    def test_each_bit_of_an_outcome_is_where_the_circuit_has_it(
        self, provider: Provider, submit: Callable[..., str], service: StandIn
    ) -> None:
        service.set(run="aer")
        super().test_each_bit_of_an_outcome_is_where_the_circuit_has_it(provider, submit)

    def test_every_backend_that_is_listed_passes_the_check(self, provider: Provider) -> None:
        for info in provider.backends():
            provider.check(info.name, OPTIONS)
        with pytest.raises(UnknownBackend):  # the service has no choice of its own
            provider.check("", RunOptions())
