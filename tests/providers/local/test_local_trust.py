"""What the queue of a stranger may have run: circuits, and nothing else."""

import shutil
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.local_jobs import cut, rotations, wait, write

from qjobs import paths
from qjobs.errors import JobRefused, ProviderError
from qjobs.model import JobStatus, RunOptions
from qjobs.providers.local.folder import Folder
from qjobs.providers.local.provider import LocalProvider
from qjobs.providers.local.queue import Queue
from qjobs.providers.local.queuing import queued_job

Open = Callable[..., LocalProvider]
OPTIONS = RunOptions(shots=10)
CODE = """
from pathlib import Path
Path({!r}).touch()

def go():
    from qiskit_aer import AerSimulator
    return AerSimulator()

other = go
"""


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that tells whether the module `named_code` was imported."""
    told = tmp_path / "imported"
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "named_code.py").write_text(CODE.format(str(told)))
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "named_code", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "mine"))
    return told


@pytest.fixture
def circuits(tmp_path: Path) -> Path:
    return write(tmp_path / "c.qpy", rotations(2))


def queue(folder: Folder, circuits: Path, backend: str = "named_code:go", tag: str = "t") -> str:
    """A job that waits, for nobody has started a supervisor."""
    job = queued_job(cut(circuits, 0, 2), backend=backend, options=OPTIONS, tag=tag)
    return Queue(folder).add(job, tag=tag)


def change(folder: Folder, statement: str, *values: str) -> None:
    connection = sqlite3.connect(folder.queue)
    with connection:
        connection.execute(statement, values)
    connection.close()


def test_code_that_its_user_named_runs_wherever_the_folder_is_now(
    open_provider: Open, folder: Folder, circuits: Path, code: Path, tmp_path: Path
) -> None:
    elsewhere = Folder(tmp_path / "before")
    job_id = queue(elsewhere, circuits)
    elsewhere.path.rename(folder.path)

    assert wait(open_provider(), [job_id]) == {job_id: JobStatus.DONE}
    assert code.exists()


def test_a_copy_of_somebody_elses_queue_imports_nothing_and_runs_its_circuits(
    open_provider: Open,
    folder: Folder,
    circuits: Path,
    code: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    theirs = Folder(tmp_path / "theirs")
    with monkeypatch.context() as them:
        them.setenv("XDG_CONFIG_HOME", str(tmp_path / "of them"))
        bad, good = queue(theirs, circuits), queue(theirs, circuits, "aer", "u")
    shutil.copytree(theirs.path, folder.path)

    provider = open_provider()
    ended = wait(provider, [bad, good])

    assert ended == {bad: JobStatus.ERROR, good: JobStatus.DONE}
    assert "named_code:go was not run" in provider.error_message(bad)
    assert not code.exists()


@pytest.mark.parametrize(
    ("column", "value"),
    [("backend", "named_code:other"), ("folder", "/tmp"), ("mark", ""), ("mark", "00" * 32)],
)
def test_a_row_that_somebody_has_changed_imports_nothing(
    open_provider: Open, folder: Folder, circuits: Path, code: Path, column: str, value: str
) -> None:
    job_id = queue(folder, circuits)
    change(folder, f"UPDATE queued_job SET {column} = ?", value)

    provider = open_provider()

    assert wait(provider, [job_id]) == {job_id: JobStatus.ERROR}
    assert "was not run" in provider.error_message(job_id)
    assert not code.exists()


def test_a_mark_is_for_one_job(
    open_provider: Open, folder: Folder, circuits: Path, code: Path
) -> None:
    queue(folder, circuits)
    other = queue(folder, circuits, "aer", "u")
    change(
        folder,
        "UPDATE queued_job SET (backend, folder, mark) ="
        " (SELECT backend, folder, mark FROM queued_job WHERE tag = 't') WHERE tag = 'u'",
    )
    change(folder, "DELETE FROM queued_job WHERE tag = 't'")

    assert wait(open_provider(), [other]) == {other: JobStatus.ERROR}
    assert not code.exists()


@pytest.mark.parametrize("damage", [b"", b"short"])
def test_a_key_that_is_not_whole_is_none_and_is_made_anew(
    open_provider: Open, folder: Folder, circuits: Path, code: Path, damage: bytes
) -> None:
    paths.key_file().parent.mkdir(parents=True)
    paths.key_file().write_bytes(damage)

    job_id = queue(folder, circuits)

    assert len(paths.key_file().read_bytes()) == 32
    assert paths.key_file().stat().st_mode & 0o777 == 0o600
    assert wait(open_provider(), [job_id]) == {job_id: JobStatus.DONE}


def test_where_no_key_can_be_the_job_is_refused_with_a_hint_that_works(
    folder: Folder, circuits: Path, code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").write_text("a file")

    with pytest.raises(JobRefused, match="named_code:go") as refused:
        queue(folder, circuits)

    assert "XDG_CONFIG_HOME" in refused.value.hint
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "another"))
    assert queue(folder, circuits)
    assert queue(folder, circuits, "aer", "u")


@pytest.mark.parametrize("name", ["queue.db", "supervisor.lock", "supervisor.log"])
def test_a_link_in_a_strangers_folder_has_no_other_file_written(
    provider: LocalProvider, folder: Folder, circuits: Path, tmp_path: Path, name: str
) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    folder.make()
    (folder.path / name).symlink_to(precious)

    with pytest.raises(ProviderError, match=name):
        provider.statuses(
            [provider.submit(cut(circuits, 0, 2), backend="aer", options=OPTIONS, tag="t")]
        )

    assert precious.read_text() == "mine"
    (folder.path / name).unlink()


def test_no_id_of_a_job_leads_out_of_the_folder(
    open_provider: Open, folder: Folder, circuits: Path
) -> None:
    queue(folder, circuits, "aer")
    change(folder, "UPDATE queued_job SET job_id = '../../outside'")
    provider = open_provider()

    assert wait(provider, ["../../outside"]) == {"../../outside": JobStatus.ERROR}

    assert not (folder.path.parent / "outside.jsonl").exists()
    assert "none of ours" in provider.error_message("../../outside")
