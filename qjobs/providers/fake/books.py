"""The fake provider's server side: what it wrote down, in one SQLite file shared by all clients.

There is no server process: a job is a row, and what it is doing follows from the clock.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from qjobs.errors import ProviderError
from qjobs.known_jobs.database import Connection, Database

_PREFIX = "fake-"

_STEPS = (
    """
    CREATE TABLE job (
        number INTEGER PRIMARY KEY, tag TEXT, backend TEXT, accepted_s REAL, ends_s REAL,
        start_index INTEGER, circuits INTEGER, shots INTEGER, seed INTEGER, memory INTEGER,
        fails INTEGER, cancelled INTEGER, reads INTEGER);
    CREATE INDEX job_by_tag ON job (tag);
    CREATE TABLE counter (series TEXT, name TEXT, value INTEGER, PRIMARY KEY (series, name));
    CREATE TABLE series (name TEXT PRIMARY KEY, backend TEXT);
    CREATE TABLE pace (backend TEXT PRIMARY KEY, due_s REAL);
    """,
    "CREATE TABLE note (tag TEXT PRIMARY KEY, text TEXT);",
)

# The highest number that a job ever had.
_LAST = (
    "(SELECT max(ifnull((SELECT max(number) FROM job), 0), ifnull((SELECT value FROM counter"
    " WHERE series = '' AND name = 'number'), 0)))"
)


class Entry(NamedTuple):
    """One accepted job. Times are seconds since the epoch."""

    tag: str
    backend: str
    accepted_s: float
    ends_s: float
    start_index: int
    circuits: int
    shots: int
    seed: int
    memory: bool
    fails: bool
    cancelled: bool = False
    reads: int = 0
    job_id: str = ""


class Page:
    """The books while one transaction is open."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def commit(self) -> None:
        """Keep what was written so far, whatever happens next."""
        self._connection.execute("COMMIT")

    def count(self, series: str, name: str) -> int:
        """Add one to a counter and return it: 1 the first time."""
        ((value,),) = self._connection.execute(
            "INSERT INTO counter VALUES (?, ?, 1)"
            " ON CONFLICT DO UPDATE SET value = value + 1 RETURNING value",
            (series, name),
        ).fetchall()
        return int(value)

    def set_backend(self, series: str, backend: str) -> None:
        """Say which backend the jobs of a series are meant for; the first word counts."""
        self._connection.execute("INSERT OR IGNORE INTO series VALUES (?, ?)", (series, backend))

    def backend(self, series: str) -> str:
        """The backend of a series; empty if no job of it ever came."""
        rows = self._connection.execute("SELECT backend FROM series WHERE name = ?", (series,))
        return "".join(backend for (backend,) in rows.fetchall())

    def set_note(self, tag: str, note: str) -> None:
        """Say what note the jobs of a tag carry."""
        self._connection.execute("INSERT OR REPLACE INTO note VALUES (?, ?)", (tag, note))

    def notes(self) -> dict[str, str]:
        """All notes by their tags."""
        return dict(self._connection.execute("SELECT tag, text FROM note").fetchall())

    def due_s(self, backend: str) -> float:
        """When the next submit is due; 0 before the first."""
        rows = self._connection.execute("SELECT due_s FROM pace WHERE backend = ?", (backend,))
        return max((due_s for (due_s,) in rows.fetchall()), default=0.0)

    def set_due(self, backend: str, due_s: float) -> None:
        """Say when the next submit is due."""
        self._connection.execute("INSERT OR REPLACE INTO pace VALUES (?, ?)", (backend, due_s))

    def add(self, entry: Entry) -> str:
        """Write a new job down and return its id."""
        cursor = self._connection.execute(
            f"INSERT INTO job VALUES (1 + {_LAST}, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608  our own text
            entry[:12],
        )
        return f"{_PREFIX}{cursor.lastrowid}"

    def strike_out(self, set_tag: str, entries: Iterable[Entry]) -> None:
        """Delete jobs of a series, and all that is known of it. Their numbers stay used."""
        self._connection.execute(f"INSERT OR REPLACE INTO counter SELECT '', 'number', {_LAST}")
        for entry in entries:
            self._connection.execute("DELETE FROM job WHERE number = ?", (_number(entry.job_id),))
            self._connection.execute("DELETE FROM note WHERE tag = ?", (entry.tag,))
        for table, column in (("counter", "series"), ("series", "name")):
            self._connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (set_tag,))  # noqa: S608  our own text

    def entries(self, job_ids: Iterable[str]) -> list[Entry]:
        """The jobs of these ids, the oldest first; those unknown are left out."""
        numbers = [_number(job_id) for job_id in job_ids]
        return self._select("number IN (SELECT value FROM json_each(?))", json.dumps(numbers))

    def tagged(self, tag: str) -> list[Entry]:
        """The jobs that carry a tag, the oldest first."""
        return self._select("tag = ?", tag)

    def all(self) -> list[Entry]:
        """Every job, the oldest first."""
        return self._select("1")

    def waiting(self, backend: str, *, accepted_after_s: float) -> list[str]:
        """The ids of the jobs of a backend that wait if they were accepted after that, in order."""
        rows = self._connection.execute(
            "SELECT number FROM job WHERE backend = ? AND accepted_s > ? AND NOT cancelled"
            " ORDER BY number",
            (backend, accepted_after_s),
        )
        return [f"{_PREFIX}{number}" for (number,) in rows.fetchall()]

    def unfinished(self, backend: str, now_s: float) -> int:
        """How many jobs of a backend have not ended."""
        ((number,),) = self._connection.execute(
            "SELECT count(*) FROM job WHERE backend = ? AND ends_s > ? AND NOT cancelled",
            (backend, now_s),
        ).fetchall()
        return int(number)

    def mark_cancelled(self, job_id: str, now_s: float) -> None:
        """Write down that a job was cancelled."""
        self._mark("cancelled = 1, ends_s = ?", job_id, now_s)

    def mark_read(self, job_id: str) -> None:
        """Write down that a job's results were read once more."""
        self._mark("reads = reads + 1", job_id)

    def _mark(self, change: str, job_id: str, *values: float) -> None:
        self._connection.execute(
            f"UPDATE job SET {change} WHERE number = ?",  # noqa: S608  our own text, above
            (*values, _number(job_id)),
        )

    def _select(self, which: str, *values: str) -> list[Entry]:
        rows = self._connection.execute(
            f"SELECT * FROM job WHERE {which} ORDER BY number",  # noqa: S608  our own text, above
            values,
        )
        return [Entry._make((*row[1:], f"{_PREFIX}{row[0]}")) for row in rows.fetchall()]


def _number(job_id: str) -> int:
    """The row of a job id; -1, which no row has, for what is none of ours."""
    digits = job_id.removeprefix(_PREFIX)
    canonical = digits.isascii() and digits.isdigit() and len(digits) < 19
    return int(digits) if canonical and f"{_PREFIX}{int(digits)}" == job_id else -1


class Books:
    """The file in `folder`. May be used from several threads and processes at once."""

    def __init__(self, folder: Path) -> None:
        # What a killed process wrote, the kernel keeps; only a power cut could lose jobs here.
        self._database = Database(folder / "books.sqlite", _STEPS, durable=False)

    @contextmanager
    def open(self) -> Iterator[Page]:
        """One transaction, alone among all clients. A ProviderError within is part of the plot.

        What was written before such an error is kept; anything else undoes it. Raises
        ProviderError if the file cannot be used.
        """
        plot: ProviderError | None = None
        with self._database.transaction() as connection:
            try:
                yield Page(connection)
            except ProviderError as error:
                plot = error
        if plot is not None:
            raise plot
