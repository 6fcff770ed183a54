"""Every provider of ours keeps the contract."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import TESTS

from qjobs.contract import ProviderContext
from qjobs.providers.fake.provider import FakeProvider
from qjobs.providers.local import supervision
from qjobs.providers.local.folder import Folder
from qjobs.providers.local.provider import LocalProvider
from qjobs.providers.vendor.provider import QiskitProvider
from qjobs.testing.contract import Contract, Subject

PACKAGES = TESTS / "support" / "packages"


class TestFake(Contract):
    subject = Subject(
        FakeProvider,
        calm="",
        busy="delay=3600",
        failing="fail_every=1",
        misspelt="dealy=1",
        near="delay",
    )
    # What it says of circuits is made up.
    test_each_bit_of_an_outcome_is_where_the_circuit_has_it = None


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


def folder_vendor(context: ProviderContext) -> QiskitProvider:
    """A vendor's package behind the process border, whose service is a folder."""
    return QiskitProvider(
        context._replace(
            settings={
                "factory": "folder_vendor:Provider",
                "arguments": {"folder": str(context.folder.parent / "service")},
            }
        )
    )


@pytest.mark.slow
class TestQiskit(Contract):
    subject = Subject(
        folder_vendor,
        calm="calm",
        busy="busy",
        failing="failing",
        misspelt="clam",
        near="calm",
    )

    @pytest.fixture(autouse=True)
    def importable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PYTHONPATH", str(PACKAGES))


def test_the_contract_can_be_run_by_the_author_of_a_provider(tmp_path: Path) -> None:
    """With nothing but the package, in a folder of their own; what is broken is seen."""
    (tmp_path / "test_theirs.py").write_text("""
from qjobs.providers.fake.provider import FakeProvider
from qjobs.testing import Contract, Subject

class Twice(FakeProvider):
    def find(self, tag, *, backend=""):
        return [*super().find(tag, backend=backend)] * 2

class TestTheirs(Contract):
    subject = Subject(
        FakeProvider, calm="", busy="delay=3600", failing="fail_every=1",
        misspelt="dealy=1", near="delay",
    )

class TestTwice(Contract):
    subject = TestTheirs.subject.__class__(**{**vars(TestTheirs.subject), "factory": Twice})
""")
    ended = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".",
            "-k", "unknown or tag or scattered", "test_theirs.py",
        ],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip

    assert "FAILED test_theirs.py::TestTwice::test_a_job_is_found_by_its_tag" in ended.stdout
    assert "TestTheirs" not in ended.stdout
    assert "1 failed, 13 passed" in ended.stdout, ended.stdout
    assert "Left contains one more item" in ended.stdout, "assertions are not rewritten"
