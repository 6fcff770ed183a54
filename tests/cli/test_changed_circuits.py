"""Only what was planned is ever sent: circuits, and what belongs to them, are checked before."""

import os
import shutil

import pytest

from qjobs import JobManager
from qjobs.contract import ProviderContext
from qjobs.errors import StateDamaged
from qjobs.model import Accepted
from qjobs.providers.fake.provider import FakeProvider
from qjobs.store.folder import SetFolder
from qjobs.store.state import checks

ANSATZ = """\
OPENQASM 3.0;
include "stdgates.inc";
input float theta;
qubit[2] q;
ry(theta) q[0];
cx q[0], q[1];
bit[2] c; c = measure q;
"""


@pytest.fixture
def bill(home):
    """How many jobs the fake provider was ever given."""
    return lambda: len(FakeProvider(ProviderContext(home / "fake")).submissions())


@pytest.fixture
def unsent(qjobs, bell, home):
    """The folder of a set none of whose jobs was sent."""
    assert qjobs("submit", bell, "-b", "fake:auth=no").code == 4
    (folder,) = home.glob("sets/*")
    # The provider takes jobs from now on.
    state = folder / "state.toml"
    state.write_text(checks.without(state.read_text()).replace('"auth=no"', '""'))
    return folder


@pytest.fixture
def failed(qjobs, bell, home):
    """The folder of a set whose one job failed, and would pass if it were sent again."""
    assert qjobs("submit", bell, "-b", "fake:fail=1", "--wait").code == 6
    (folder,) = home.glob("sets/*")
    return folder


def change(path, *, keep_size=True):
    data = bytearray(path.read_bytes())
    data[-20:-12] = bytes(8) if keep_size else b""
    path.write_bytes(data)


@pytest.mark.parametrize("keep_size", [True, False])
def test_changed_circuits_are_not_sent_again(qjobs, failed, bill, tmp_path, keep_size):
    circuits = failed / "circuits.qpy"
    shutil.copy(circuits, tmp_path / "before")
    change(circuits, keep_size=keep_size)
    state = (failed / "state.toml").read_bytes()

    ended = qjobs("retry", failed.name)

    assert (ended.code, bill()) == (9, 1)
    assert f"{circuits} is not what was planned" in ended.err
    assert "put it back from a backup" in ended.err
    assert (failed / "state.toml").read_bytes() == state
    shutil.copy(tmp_path / "before", circuits)
    assert qjobs("retry", failed.name, "--wait").code == 0
    assert bill() == 2


def test_changed_circuits_are_not_sent_by_resume(qjobs, unsent, bill):
    change(unsent / "circuits.qpy")

    assert qjobs("resume", unsent.name).code == 9
    assert qjobs("resume", unsent.name, "--json").code == 9
    assert bill() == 0


def test_changed_circuits_are_not_sent_by_the_library(unsent, bill):
    change(unsent / "circuits.qpy")
    job_set = JobManager().retrieve_job_set(unsent.name)

    with pytest.raises(StateDamaged, match="is not what was planned"):
        job_set.resume()
    assert bill() == 0


@pytest.mark.parametrize("name", ["parameters.npy", "observables.json"])
def test_neither_are_changed_values_and_observables(qjobs, home, tmp_path, monkeypatch, name):
    (tmp_path / "ansatz.qasm").write_text(ANSATZ)
    (tmp_path / "angles.csv").write_text("theta\n0\n3.141592653589793\n")
    (tmp_path / "observables.json").write_text('["ZZ", "IZ"]')
    monkeypatch.setenv("QJOBS_LOCAL_IDLE_S", "0")
    ended = qjobs(
        "submit", "ansatz.qasm", "--parameters", "angles.csv", "--observables", "observables.json",
        "--option", "method=statevector", "--wait",
    )  # fmt: skip
    assert ended.code == 0, ended
    (folder,) = home.glob("sets/*")
    job_set = SetFolder(folder).job_set
    assert job_set.circuits_sha256
    assert job_set.parameters_sha256
    assert job_set.observables_sha256
    path = folder / name
    path.write_bytes(path.read_bytes().replace(b"Z", b"X") if name[0] == "o" else path.read_bytes())
    if name[0] == "p":
        change(path)

    with pytest.raises(StateDamaged, match=f"{name} is not what was planned"):
        SetFolder(folder).check_files()


def test_a_set_of_before_has_no_sums_and_is_gone_on_with(qjobs, unsent, bill):
    state = unsent / "state.toml"
    lines = state.read_text().splitlines(keepends=True)
    state.write_text("".join(line for line in lines if "circuits_sha256" not in line))
    change(unsent / "circuits.qpy")

    assert qjobs("resume", unsent.name).code == 0
    assert bill() == 1


def test_what_is_changed_while_jobs_wait_is_noticed_too(qjobs, bell, home, bill):
    """The check is of the moment at which each job is sent, not of the beginning only."""
    from threading import Event

    from qjobs.engine.submit import submit_unsent
    from qjobs.engine.workspace import Workspace

    assert qjobs("submit", *[bell] * 3, "-b", "fake:auth=no", "--per-job", "1").code == 4
    (path,) = home.glob("sets/*")
    state = path / "state.toml"
    state.write_text(checks.without(state.read_text()).replace('"auth=no"', '"connections=1"'))
    folder = SetFolder(path)

    def change_after_the_first(progress):
        if progress.settled == 1:
            change(path / "circuits.qpy")

    with pytest.raises(StateDamaged, match="is not what was planned"):
        submit_unsent(
            Workspace.at(home), folder, stop=Event(), max_workers=1,
            progress=change_after_the_first,
        )  # fmt: skip
    assert bill() == 1
    assert isinstance(SetFolder(path).jobs()[0].state, Accepted)


@pytest.mark.parametrize("put", [os.mkfifo, os.mkdir])
def test_circuits_that_are_no_file_are_named(qjobs, unsent, bill, put):
    path = unsent / "circuits.qpy"
    path.unlink()
    put(path)

    ended = qjobs("resume", unsent.name)

    assert (ended.code, bill()) == (9, 0)
    assert str(path) in ended.err
    assert len(ended.err.splitlines()) <= 3
