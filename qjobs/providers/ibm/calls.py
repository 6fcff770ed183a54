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

from qjobs import files
from qjobs.circuits.layout import Layout
from qjobs.errors import ProviderError

FORMAT = 2
_WAIT_S = 30.0  # for other processes to finish their transactions

_KEPT_S = 30 * 86_400.0
"""For so long results are kept that the service gives only once."""

_STEPS = (
    """
    CREATE TABLE call (
        tag TEXT PRIMARY KEY, series TEXT, backend TEXT, instance TEXT, program TEXT, made_s REAL,
        digest TEXT, shots INTEGER, memory INTEGER, layouts TEXT, job_id TEXT);
    CREATE INDEX call_by_job ON call (job_id);
    CREATE TABLE kept (job_id TEXT PRIMARY KEY, program TEXT, results TEXT);
    """,
    """
    ALTER TABLE call ADD COLUMN ahead_s REAL;
    ALTER TABLE call ADD COLUMN lost_s REAL;
    ALTER TABLE kept ADD COLUMN kept_s REAL;
    """,
)
"""What leads from each format to the next one."""


class Call(NamedTuple):
    """One submit. `layouts` has one a circuit sent.

    `made_s` is when it was about to be made, in seconds since the epoch by the clock of this
    machine, and `lost_s` when its answer was given up; `ahead_s` is how far the clock of the
    service was ahead. `digest` is that of what the program was given, see `digest_of`.
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
    ahead_s: float | None = None
    lost_s: float | None = None


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
        row = {**call._asdict(), "layouts": _encode(call.layouts), "job_id": None}
        columns, places = ",".join(row), ",".join(f":{name}" for name in row)
        with self._open() as file:
            file.execute(f"INSERT OR REPLACE INTO call ({columns}) VALUES ({places})", row)  # noqa: S608  # no value is in it

    def accept(self, tag: str, job_id: str) -> None:
        """Write down the id that the service gave the job of a call."""
        with self._open() as file:
            file.execute("UPDATE call SET job_id = ? WHERE tag = ?", (job_id, tag))

    def lose(self, tag: str, at_s: float) -> None:
        """Write down that the answer to a call did not come until now."""
        with self._open() as file:
            file.execute("UPDATE call SET lost_s = ? WHERE tag = ?", (at_s, tag))

    def forget(self, tag: str) -> None:
        """Strike a call out that was refused."""
        with self._open() as file:
            file.execute("DELETE FROM call WHERE tag = ?", (tag,))

    def tagged(self, tag: str) -> Call | None:
        """The call of a tag."""
        return next(iter(self._select("tag = ?", tag)), None)

    def of_series(self, series: str) -> list[Call]:
        """The calls of a series, without layouts."""
        return self._select("series = ?", series, layouts=False)

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

    def keep(self, job_id: str, program: str, results: str, *, at_s: float) -> None:
        """Keep results that the service gives only once; they are on the disk on return.

        Those that were kept 30 days ago are deleted.
        """
        row = (job_id, program, results, at_s)
        with self._open() as file:
            file.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?)", row)
            # The first format had no time: theirs begins now.
            file.execute("UPDATE kept SET kept_s = ? WHERE kept_s IS NULL", (at_s,))
            file.execute("DELETE FROM kept WHERE kept_s < ?", (at_s - _KEPT_S,))

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
            call._replace(
                memory=bool(call.memory),
                layouts=_decode(str(call.layouts)),
                job_id=call.job_id or "",
            )
            for call in map(Call._make, rows)
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
                    hint="make room if the disk is full; if the file is damaged, put it back from "
                    f"a backup, or move {self._path}* away",
                ) from error


def digest_of(params: object) -> str:
    """A digest of the JSON that a program was given; equal for equal values."""
    # Imported here: only a submit needs it, and it loads OpenSSL.
    from hashlib import sha256

    return sha256(json.dumps(params, sort_keys=True).encode()).hexdigest()


def _connect(path: Path) -> sqlite3.Connection:
    files.make_folder(path.parent)
    # SQLite gives its journal the permissions of the database.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    file = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False)
    try:
        file.execute("PRAGMA synchronous = FULL")
        version = _version(file)
        if version < FORMAT:
            _prepare(file, path.parent)
    except BaseException:
        file.close()
        raise
    if version > FORMAT:
        file.close()
        raise ProviderError(f"a newer qjobs wrote {path}", hint="update qiskit-qjobs")
    return file


def _version(file: sqlite3.Connection) -> int:
    return int(file.execute("PRAGMA user_version").fetchone()[0])


def _prepare(file: sqlite3.Connection, folder: Path) -> None:
    # SQLite does not wait for others when it changes to WAL, so only one may do it.
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        file.execute("PRAGMA journal_mode = WAL")
        steps = "".join(_STEPS[_version(file) :])  # of those that nobody has taken meanwhile
        file.executescript(f"BEGIN IMMEDIATE; {steps} PRAGMA user_version = {FORMAT}; COMMIT;")
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
