"""What this machine knows of the jobs that it submitted: one SQLite file in the provider's folder.

The service gives results without the shapes of the circuits, and ids without tags. Each call is
written down before it is made, and its job id right after the answer.
"""

import fcntl
import json
import os
import sqlite3
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from qjobs.circuits.outcomes import Layout
from qjobs.errors import ProviderError

FORMAT = 1
_WAIT_S = 30.0  # for other processes to finish their transactions

_TABLES = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS call (
    tag TEXT PRIMARY KEY, series TEXT, backend TEXT, instance TEXT, program TEXT, made_s REAL,
    digest TEXT, shots INTEGER, memory INTEGER, layouts TEXT, job_id TEXT);
CREATE INDEX IF NOT EXISTS call_by_job ON call (job_id);
CREATE TABLE IF NOT EXISTS kept (job_id TEXT PRIMARY KEY, program TEXT, results TEXT);
PRAGMA user_version = {FORMAT};
COMMIT;
"""


class Call(NamedTuple):
    """One submit. `made_s` is seconds since the epoch, `layouts` has one a circuit sent.

    `digest` is that of what the program was given, see `digest_of`.
    """

    tag: str
    series: str
    backend: str
    instance: str
    program: str
    made_s: float
    digest: str
    shots: int
    memory: bool
    layouts: Sequence[Layout] = ()
    job_id: str = ""


class Calls:
    """The file; it is made on first use. Safe in many threads and processes.

    Every method raises ProviderError if the file cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "calls.sqlite"
        self._mutex = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def intend(self, call: Call) -> None:
        """Write down that a call is about to be made; it is on the disk when this returns."""
        values = (*call[:-2], _encode(call.layouts), None)
        with self._open() as file:
            file.execute("INSERT OR REPLACE INTO call VALUES (?,?,?,?,?,?,?,?,?,?,?)", values)

    def accept(self, tag: str, job_id: str) -> None:
        """Write down the id that the service gave the job of a call."""
        with self._open() as file:
            file.execute("UPDATE call SET job_id = ? WHERE tag = ?", (job_id, tag))

    def lose(self, tag: str, at_s: float) -> None:
        """Write down that the answer to a call did not come until now."""
        with self._open() as file:
            file.execute("UPDATE call SET made_s = ? WHERE tag = ?", (at_s, tag))

    def forget(self, tag: str) -> None:
        """Strike a call out that was refused."""
        with self._open() as file:
            file.execute("DELETE FROM call WHERE tag = ?", (tag,))

    def tagged(self, tag: str) -> Call | None:
        """The call of a tag."""
        return next(iter(self._select("tag = ?", tag)), None)

    def of_jobs(self, job_ids: Iterable[str]) -> dict[str, Call]:
        """The calls of jobs by their ids, without layouts; those of others are left out."""
        calls = self._select(
            "job_id IN (SELECT value FROM json_each(?))", json.dumps(list(job_ids)), layouts=False
        )
        return {call.job_id: call for call in calls}

    def of_job(self, job_id: str) -> Call | None:
        """The call of a job, with its layouts."""
        return next(iter(self._select("job_id = ?", job_id)), None)

    def knows_backend(self, backend: str) -> bool:
        """Whether a job was ever submitted to it from here."""
        with self._open() as file:
            query = "SELECT 1 FROM call WHERE backend = ? LIMIT 1"
            return file.execute(query, (backend,)).fetchone() is not None

    def jobs_in(self, series: str) -> int:
        """How many calls of a series there are."""
        with self._open() as file:
            query = "SELECT count(*) FROM call WHERE series = ?"
            return int(file.execute(query, (series,)).fetchone()[0])

    def keep(self, job_id: str, program: str, results: str) -> None:
        """Keep results that the service gives only once; they are on the disk on return."""
        with self._open() as file:
            file.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", (job_id, program, results))

    def kept(self, job_id: str) -> tuple[str, str] | None:
        """The program and the results that were kept of a job."""
        with self._open() as file:
            query = "SELECT program, results FROM kept WHERE job_id = ?"
            rows = file.execute(query, (job_id,)).fetchall()
        return next(((str(program), str(results)) for program, results in rows), None)

    def _select(self, where: str, value: str, *, layouts: bool = True) -> list[Call]:
        columns = ",".join(Call._fields).replace("layouts", "layouts" if layouts else "'[]'")
        with self._open() as file:
            rows = file.execute(f"SELECT {columns} FROM call WHERE {where}", (value,)).fetchall()  # noqa: S608  # no value is in it
        return [
            Call._make([*plain, bool(memory), _decode(layouts), job_id or ""])
            for *plain, memory, layouts, job_id in rows
        ]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """The connection; each statement is a transaction of its own."""
        with self._mutex:
            try:
                if self._connection is None:
                    self._connection = _connect(self._path)
                    weakref.finalize(self, self._connection.close)
                yield self._connection
            except (sqlite3.Error, OSError) as error:
                raise ProviderError(
                    f"cannot use {self._path}: {error}",
                    hint="is the disk full, or the file damaged?",
                ) from error


def digest_of(params: object) -> str:
    """A digest of the JSON that a program was given; equal for equal values."""
    # Imported here: only a submit needs it, and it loads OpenSSL.
    from hashlib import sha256

    return sha256(json.dumps(params, sort_keys=True).encode()).hexdigest()


def series_of(tag: str) -> str:
    """The tag that all jobs of a set share: that of one attempt ends in its job and number."""
    return tag.rsplit("-", 2)[0]


def _connect(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # SQLite gives its journal the permissions of the database.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    file = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False)
    try:
        file.execute("PRAGMA synchronous = FULL")
        version = int(file.execute("PRAGMA user_version").fetchone()[0])
        if version == 0:
            _prepare(file, path.parent)
    except BaseException:
        file.close()
        raise
    if version > FORMAT:
        file.close()
        raise ProviderError(f"a newer qjobs wrote {path}", hint="update qjobs")
    return file


def _prepare(file: sqlite3.Connection, folder: Path) -> None:
    # SQLite does not wait for others when it changes to WAL, so only one may do it.
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        file.execute("PRAGMA journal_mode = WAL")
        file.executescript(_TABLES)
    finally:
        os.close(lock)


def _encode(layouts: Sequence[Layout]) -> str:
    """Circuits of a set are mostly alike: each run of equal layouts is written once."""
    runs = [(len(list(run)), *layout) for layout, run in groupby(layouts)]
    return json.dumps(runs, separators=(",", ":"))


def _decode(text: str) -> list[Layout]:
    return [
        Layout(clbits, tuple((name, size) for name, size in registers), tuple(bits))
        for count, clbits, registers, bits in json.loads(text)
        for _ in range(count)
    ]
