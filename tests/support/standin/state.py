"""All that the service knows, in one SQLite file: it lives on when the server is killed."""

import json
import secrets
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from support.standin.faults import Armed, Fault
from support.standin.settings import Settings

FINAL = frozenset({"Completed", "Failed", "Cancelled"})
PENDING = "shown IN ('Queued', 'Running')"  # a condition for `State.jobs`
_LETTERS = "0123456789abcdefghijklmnopqrstuv"


def new_id() -> str:
    """As the service's ids: 20 letters and digits that begin with one letter."""
    return "d" + "".join(secrets.choice(_LETTERS) for _ in range(19))


@dataclass(frozen=True)
class Job:
    """One job. Times are seconds since the epoch; `shown` is the status that a client sees."""

    number: int
    id: str
    created: float
    instance: str
    user: str
    backend: str
    program: str
    session_id: str
    tags: str  # a JSON list
    sent_tags: str  # as they came, a JSON list
    size: int
    private: bool
    cost: int
    status: str
    reason: str
    reason_code: int
    started: float
    finished: float
    usage_s: float
    queue_s: float
    run_s: float
    word: str
    word_until: float
    results_status: int  # what /results answers in place of them; 0: the results
    results_message: str
    read_once: bool
    reads: int
    acknowledged: bool  # the id was in an answer that was about to go out
    shown: str = ""


_STORED = [field.name for field in fields(Job)][:-1]
_SHOWN = """
    CASE WHEN status = 'Queued' THEN status
         WHEN :now < created + queue_s THEN 'Queued'
         WHEN :now < created + queue_s + run_s THEN 'Running'
         ELSE status END
"""
_TABLES = f"""
    CREATE TABLE IF NOT EXISTS jobs (
        {", ".join(_STORED).replace("number", "number INTEGER PRIMARY KEY", 1)}, UNIQUE (id));
    CREATE TABLE IF NOT EXISTS payloads (id PRIMARY KEY, params TEXT, results TEXT);
    CREATE TABLE IF NOT EXISTS sessions (id PRIMARY KEY, created, closed, accepting, details);
    CREATE TABLE IF NOT EXISTS faults (number INTEGER PRIMARY KEY, fault, seen, struck);
    CREATE TABLE IF NOT EXISTS counts (kind PRIMARY KEY, number INTEGER);
    CREATE TABLE IF NOT EXISTS posts (at REAL);
    CREATE TABLE IF NOT EXISTS notes (name PRIMARY KEY, value);
"""


class State:
    """The file, with one connection for all threads. Writes are whole or not at all."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._file = sqlite3.connect(
            folder / "standin.sqlite", isolation_level=None, check_same_thread=False, timeout=30
        )
        self._file.row_factory = sqlite3.Row
        self._file.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")
        with self.change():
            for table in _TABLES.split(";"):
                self._file.execute(table)

    @contextmanager
    def change(self) -> Iterator[None]:
        """All or nothing, and nobody else meanwhile. May be nested."""
        with self._lock:
            if self._file.in_transaction:
                yield
                return
            self._file.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._file.execute("ROLLBACK")
                raise
            self._file.execute("COMMIT")

    def execute(self, statement: str, values: Sequence[object] | Mapping[str, object] = ()) -> int:
        """Change something; returns how many rows."""
        with self._lock:
            return self._file.execute(statement, values).rowcount

    def rows(
        self, query: str, values: Sequence[object] | Mapping[str, object] = ()
    ) -> list[sqlite3.Row]:
        with self._lock:
            return self._file.execute(query, values).fetchall()

    # settings, faults and counts

    @property
    def settings(self) -> Settings:
        rows = self.rows("SELECT value FROM notes WHERE name = 'settings'")
        return Settings(**json.loads(rows[0]["value"])) if rows else Settings()

    def set(self, settings: Settings) -> None:
        self.execute("INSERT OR REPLACE INTO notes VALUES ('settings', ?)", [settings.to_json()])

    def armed(self) -> list[Armed]:
        return [
            Armed(row["number"], Fault(**json.loads(row["fault"])), row["seen"], row["struck"])
            for row in self.rows("SELECT * FROM faults ORDER BY number")
        ]

    def arm(self, faults: Iterable[Fault]) -> None:
        with self.change():
            for fault in faults:
                self.execute("INSERT INTO faults VALUES (NULL, ?, 0, 0)", [fault.to_json()])

    def count_on(self, counted: Iterable[Armed]) -> None:
        for one in counted:
            self.execute(
                "UPDATE faults SET seen = ?, struck = ? WHERE number = ?",
                [one.seen, one.struck, one.number],
            )

    def count(self, kind: str) -> None:
        self.execute(
            "INSERT INTO counts VALUES (?, 1) ON CONFLICT DO UPDATE SET number = number + 1", [kind]
        )

    def counts(self) -> dict[str, int]:
        return {row["kind"]: row["number"] for row in self.rows("SELECT * FROM counts")}

    # jobs

    def add(self, job: Job, params: str) -> None:
        values = asdict(job)
        columns = [name for name in _STORED if name != "number"]
        with self.change():
            self.execute(
                f"INSERT INTO jobs ({', '.join(columns)}) VALUES (:{', :'.join(columns)})", values
            )
            self.execute("INSERT INTO payloads VALUES (?, ?, NULL)", [job.id, params])

    def jobs(self, where: str, values: Mapping[str, object], *, now: float) -> list[Job]:
        """The jobs of a SQL condition; it may speak of `shown`."""
        rows = self.rows(
            f"SELECT * FROM (SELECT *, {_SHOWN} AS shown FROM jobs) WHERE {where}",
            {**values, "now": now},
        )
        return [Job(**dict(row)) for row in rows]

    def job(self, job_id: str, *, now: float) -> Job | None:
        return next(iter(self.jobs("id = :id", {"id": job_id}, now=now)), None)

    def how_many(self, where: str, values: Mapping[str, object], *, now: float) -> int:
        rows = self.rows(
            f"SELECT count(*) AS number FROM (SELECT *, {_SHOWN} AS shown FROM jobs) WHERE {where}",
            {**values, "now": now},
        )
        return int(rows[0]["number"])

    def change_job(self, job_id: str, **columns: object) -> None:
        named = ", ".join(f"{name} = :{name}" for name in columns)
        self.execute(f"UPDATE jobs SET {named} WHERE id = :job_id", {**columns, "job_id": job_id})

    def cancel(self, job_id: str, *, now: float) -> None:
        """A job that has not come to its end ends now."""
        self.change_job(job_id, status="Cancelled", finished=now, queue_s=0, run_s=0)

    def params(self, job_id: str) -> str:
        rows = self.rows("SELECT params FROM payloads WHERE id = ?", [job_id])
        return str(rows[0]["params"]) if rows else "{}"

    def results(self, job_id: str) -> str:
        rows = self.rows("SELECT results FROM payloads WHERE id = ?", [job_id])
        return str(rows[0]["results"] or "") if rows else ""

    # for the worker

    def claim(self, *, now: float) -> Job | None:
        """Take the oldest job that waits."""
        with self.change():
            found = self.jobs("status = 'Queued' ORDER BY number LIMIT 1", {}, now=now)
            for job in found:
                self.change_job(job.id, status="Running", started=now)
        return next(iter(found), None)

    def finish(self, job_id: str, results: str, **columns: object) -> None:
        """Keep what a job gave, unless it was cancelled meanwhile."""
        with self.change():
            if self.rows("SELECT 1 FROM jobs WHERE id = ? AND status = 'Running'", [job_id]):
                self.execute("UPDATE payloads SET results = ? WHERE id = ?", [results, job_id])
                self.change_job(job_id, **columns)

    def put_back(self) -> None:
        """Jobs that were running when the server ended wait again."""
        self.execute("UPDATE jobs SET status = 'Queued' WHERE status = 'Running'")
