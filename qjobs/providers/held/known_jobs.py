"""What processes wrote down about the jobs of their backend objects, for other processes."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from qjobs.errors import ProviderError
from qjobs.known_jobs.database import Database
from qjobs.known_jobs.layouts import packed, unpacked
from qjobs.model import JobStatus
from qjobs.providers.held.processes import Processes

if TYPE_CHECKING:
    from qjobs.circuits.layout import Layout

_DIED = "lost: the Python process that ran it ended before the job did"

# An empty status is that of a job that has not ended, as far as anybody wrote it down.
_TABLES = """
CREATE TABLE job (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id TEXT NOT NULL UNIQUE,
    tag TEXT NOT NULL,
    backend TEXT NOT NULL,
    process TEXT NOT NULL,
    retrievable INTEGER NOT NULL,
    shots INTEGER NOT NULL,
    memory INTEGER NOT NULL,
    layouts TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT '',
    message TEXT NOT NULL DEFAULT '',
    unwanted INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE result (number INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE INDEX by_tag ON job (tag);
CREATE INDEX by_process ON job (process, unwanted);
"""

# Ids that are not given again: home-made backends count their jobs from 0 in each process.
_FORGOTTEN = "CREATE TABLE forgotten (job_id TEXT PRIMARY KEY);"


class KnownJob(NamedTuple):
    """One accepted job.

    `process` is the one that has its object. A job is `retrievable` if others can get such
    an object too.
    """

    job_id: str
    tag: str
    backend: str
    process: str
    retrievable: bool
    shots: int
    memory: bool
    status: str = ""
    message: str = ""
    number: int = 0


class KnownJobs:
    """The jobs of all processes and their results, in one file in `folder`.

    Any thread of any process may use it at once. Raises ProviderError where it cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self.processes = Processes(folder / "processes")
        self._path = folder / "jobs.sqlite"
        self._database = Database(self._path, (_TABLES, _FORGOTTEN))

    # Jobs

    def add(self, entry: KnownJob, layouts: "Sequence[Layout]" = ()) -> int | None:
        """Write a new job down and return its number; None if there is, or was, one of this id.

        `layouts` are those of its circuits, for those who retrieve the job.
        """
        with self._database.open() as connection:
            cursor = connection.execute(
                "INSERT OR IGNORE INTO job (job_id, tag, backend, process, retrievable, shots,"
                " memory, layouts) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8"
                " WHERE NOT EXISTS (SELECT 1 FROM forgotten WHERE job_id = ?1)",
                (*entry[:7], json.dumps([(number, layout) for number, *layout in packed(layouts)])),
            )
            return cursor.lastrowid if cursor.rowcount else None

    def find(self, tag: str) -> list[str]:
        """The ids of the jobs that carry a tag, the oldest first."""
        rows = self._database.rows(
            "SELECT job_id FROM job WHERE tag = ? AND tag != '' ORDER BY number", tag
        )
        return [job_id for (job_id,) in rows]

    def of_set(self, set_tag: str) -> list[tuple[str, str, str, str]]:
        """Id, tag, status and message of the jobs of a set, the oldest first."""
        return self._database.rows(
            "SELECT job_id, tag, status, message FROM job WHERE tag GLOB ? || '-*' ORDER BY number",
            set_tag,
        )

    def by_id(self, job_ids: Sequence[str]) -> dict[str, KnownJob]:
        """The jobs of these ids; those unknown are left out."""
        rows = self._database.rows(
            "SELECT job_id, tag, backend, process, retrievable, shots, memory, status, message,"
            " number FROM job WHERE job_id IN (SELECT value FROM json_each(?))",
            json.dumps(list(job_ids)),
        )
        return {row[0]: KnownJob._make(row) for row in rows}

    def layouts(self, number: int) -> "list[Layout] | None":
        """Those of a job's circuits, if they were written down."""
        for (text,) in self._database.rows("SELECT layouts FROM job WHERE number = ?", number):
            return unpacked((number, *layout) for number, layout in json.loads(text)) or None
        return None

    def end(self, number: int, status: JobStatus, message: str, body: bytes = b"") -> None:
        """Write down how a job ended, and its results if it is DONE. The first word counts."""
        with self._database.transaction() as connection:
            cursor = connection.execute(
                "UPDATE job SET status = ?, message = ? WHERE number = ? AND status = ''",
                (status.value, message, number),
            )
            if cursor.rowcount and status is JobStatus.DONE:
                connection.execute("INSERT INTO result VALUES (?, ?)", (number, body))

    def abandon(self, process: str) -> None:
        """Write down that the jobs of a dead process died with it, but for the retrievable."""
        self._database.change(
            "UPDATE job SET status = ?, message = ?"
            " WHERE process = ? AND status = '' AND NOT retrievable",
            JobStatus.ERROR.value,
            _DIED,
            process,
        )
        self.processes.forget(process)

    def take_over(self, entry: KnownJob, process: str) -> bool:
        """Make a job that of another process. False if somebody else was faster."""
        taken = self._database.change(
            "UPDATE job SET process = ? WHERE number = ? AND process = ? AND status = ''",
            process,
            entry.number,
            entry.process,
        )
        return taken == 1

    def kept(self) -> list[tuple[int, str, str, int, int]]:
        """Number, tag, id, size in bytes, and whether it has ended, of each job."""
        return self._database.rows(
            "SELECT job.number, tag, job_id,"
            " length(layouts) + length(message) + ifnull(length(body), 0), status != ''"
            " FROM job LEFT JOIN result USING (number) ORDER BY job.number"
        )

    def forget(self, numbers: Sequence[int]) -> None:
        """Delete jobs, and their results."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO forgotten SELECT job_id FROM job WHERE NOT retrievable"
                " AND number IN (SELECT value FROM json_each(?))",
                (json.dumps(numbers),),
            )
            for table in ("result", "job"):
                connection.execute(
                    f"DELETE FROM {table} WHERE number IN (SELECT value FROM json_each(?))",  # noqa: S608  our own text
                    (json.dumps(numbers),),
                )
        self._database.compact()

    def result(self, job_id: str) -> bytes:
        """The results of a job that is DONE."""
        rows = self._database.rows(
            "SELECT body FROM result JOIN job USING (number) WHERE job_id = ?", job_id
        )
        for (body,) in rows:
            return bytes(body)
        raise ProviderError(f"{self._path} has no result of job {job_id}")

    # Cancelling from other processes

    def ask_to_cancel(self, entry: KnownJob) -> None:
        """Leave word for the process that has the job."""
        self._database.change("UPDATE job SET unwanted = 1 WHERE number = ?", entry.number)

    def take_unwanted(self, process: str) -> list[str]:
        """The ids of a process's jobs that others asked to cancel since the last time."""
        chosen = "process = ? AND unwanted = 1 AND status = ''"
        rows = self._database.rows(f"SELECT job_id FROM job WHERE {chosen}", process)  # noqa: S608  our own text
        if rows:
            self._database.change(f"UPDATE job SET unwanted = 2 WHERE {chosen}", process)  # noqa: S608  our own text
        return [job_id for (job_id,) in rows]
