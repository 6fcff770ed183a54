"""The jobs of this machine in SQLite: all of the SQL, and the order in which things are written.

A job is one row from the moment it is accepted. It names circuits in the container of its
set; it does not copy them.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import astuple, fields
from datetime import UTC, datetime

from qjobs.circuits.slices import CircuitSlice
from qjobs.contract import UNDATED, JobTimes, RemoteJob
from qjobs.errors import ProviderError
from qjobs.known_jobs.database import Connection, Database
from qjobs.model import JobStatus, RunOptions
from qjobs.providers.local.folder import Folder
from qjobs.providers.local.schema import STEPS
from qjobs.simulators.job import SimulatorJob
from qjobs.simulators.making import make_job

_COLUMNS = ", ".join(field.name for field in fields(SimulatorJob))


def queued_job(
    circuits: CircuitSlice, *, backend: str, options: RunOptions, tag: str
) -> SimulatorJob:
    """The job that a submit queues. Raises JobRefused as `make_job`."""
    # Imported here: only a submit needs it, and it loads OpenSSL.
    from hashlib import sha256

    # Made of the tag, so that no other queue, here or elsewhere, has a job of this id.
    job_id = f"local-{sha256(tag.encode()).hexdigest()[:16]}"
    return make_job(job_id, circuits, backend=backend, options=options)


class Queue:
    """The queue in a provider's folder; both are made on first use.

    Every method may be called from any thread and raises ProviderError if the file is
    damaged, cannot be written, or is busy for too long. What a method changed is on the
    disk when it returns.
    """

    def __init__(self, folder: Folder, *, clock: Callable[[], float] = time.time) -> None:
        self._database = Database(folder.queue, STEPS, functions={"relative": folder.moved})
        self._folder = folder
        self._clock = clock

    # What clients do.

    def add(self, job: SimulatorJob, *, tag: str) -> str:
        """Accept a job and return its id; of a tag that has a job, the id of that one."""
        self._database.change(
            f"INSERT INTO queued_job ({_COLUMNS}, tag, queued_s, status)"  # noqa: S608 - our own columns
            f" VALUES ({'?, ' * len(fields(job))} ?, ?, 'QUEUED') ON CONFLICT (tag) DO NOTHING",
            *astuple(job.with_files(self._folder.relative)),
            tag,
            self._clock(),
        )
        (job_id,) = self.find(tag)
        return job_id

    def find(self, tag: str) -> list[str]:
        """The id of the one job that carries the tag, if there is one."""
        found = self._database.rows("SELECT job_id FROM queued_job WHERE tag = ?", tag)
        return [job_id for (job_id,) in found]

    def tagged(self, set_tag: str) -> list[RemoteJob]:
        """The jobs of a set, the oldest first."""
        rows = self._database.rows(
            "SELECT job_id, tag, backend, queued_s, status, message, ended_s FROM queued_job"
            " WHERE tag GLOB ? || '-*' ORDER BY number",
            set_tag,
        )
        return [
            RemoteJob(
                job_id, backend, _moment(queued_s) or UNDATED, JobStatus(status), (tag, set_tag),
                message, ended=_moment(ended_s),
            )
            for job_id, tag, backend, queued_s, status, message, ended_s in rows
        ]  # fmt: skip

    def statuses(self, job_ids: Sequence[str]) -> dict[str, JobStatus]:
        """The statuses of those of the jobs that are known."""
        rows = self._database.rows(
            "SELECT job_id, status FROM queued_job"
            " WHERE job_id IN (SELECT value FROM json_each(?))",
            json.dumps(job_ids),
        )
        return {job_id: JobStatus(status) for job_id, status in rows}

    def times(self, job_ids: Sequence[str]) -> dict[str, JobTimes]:
        """When those of the jobs that are known began and ended; the place of those that wait."""
        rows = self._database.rows(
            "SELECT job_id, number, status, started_s, ended_s FROM queued_job"
            " WHERE job_id IN (SELECT value FROM json_each(?))",
            json.dumps(job_ids),
        )
        places: dict[int, int] = {}
        if any(status == "QUEUED" for _, _, status, _, _ in rows):
            waiting = self._database.rows(
                "SELECT number FROM queued_job WHERE status = 'QUEUED' ORDER BY number"
            )
            places = {number: place for place, (number,) in enumerate(waiting, start=1)}
        return {
            job_id: JobTimes(_moment(started_s), _moment(ended_s), places.get(number))
            for job_id, number, _, started_s, ended_s in rows
        }

    def ending(self, job_id: str) -> tuple[JobStatus, int, str]:
        """The status of a job, how many circuits it has, and the message it ended with."""
        rows = self._database.rows(
            "SELECT status, experiments_count, message FROM queued_job WHERE job_id = ?", job_id
        )
        for status, circuits, message in rows:
            return JobStatus(status), circuits, message
        raise ProviderError(f"the queue of this machine has no job {job_id}")

    def incomplete(self, job_ids: Sequence[str]) -> list[tuple[str, str | None, str]]:
        """The jobs that are DONE, but perhaps not with all circuits.

        Each with the positions that failed, as runs, None where nobody has said, and with why
        the first of them did.
        """
        return self._database.rows(
            "SELECT job_id, failed, message FROM queued_job"
            " WHERE status = 'DONE' AND failed IS NOT ''"
            " AND job_id IN (SELECT value FROM json_each(?))",
            json.dumps(job_ids),
        )

    def cancel(self, job_ids: Sequence[str]) -> None:
        """Cancel the jobs that wait, and mark those that run for the supervisor to stop."""
        with self._database.transaction() as database:
            database.execute(
                "UPDATE queued_job SET status = 'CANCELLED', ended_s = ?,"
                " message = 'cancelled before it ran'"
                " WHERE status = 'QUEUED' AND job_id IN (SELECT value FROM json_each(?))",
                (self._clock(), json.dumps(job_ids)),
            )
            database.execute(
                "UPDATE queued_job SET cancelling = 1"
                " WHERE status = 'RUNNING' AND job_id IN (SELECT value FROM json_each(?))",
                (json.dumps(job_ids),),
            )

    def ends(self, set_tag: str = "", job_ids: Sequence[str] = ()) -> list[tuple[str, str, bool]]:
        """Id and tag of jobs, and whether they have ended: of a set and some others, or of all."""
        rows = self._database.rows(
            "SELECT job_id, tag, status FROM queued_job WHERE ?1 = '' OR tag GLOB ?1 || '-*'"
            " OR job_id IN (SELECT value FROM json_each(?2)) ORDER BY number",
            set_tag,
            json.dumps(list(job_ids)),
        )
        return [(job_id, tag, JobStatus(status).final) for job_id, tag, status in rows]

    def forget(self, job_ids: Sequence[str]) -> None:
        """Strike out those of the jobs that have ended."""
        self._database.change(
            "DELETE FROM queued_job WHERE status IN ('DONE', 'ERROR', 'CANCELLED')"
            " AND job_id IN (SELECT value FROM json_each(?))",
            json.dumps(job_ids),
        )
        self._database.compact()

    # What the holder of the supervisor's lock does.

    def recover(self, has_result: Callable[[str], bool]) -> None:
        """Settle what a supervisor that died left running: done, cancelled, or queued again."""
        with self._database.transaction() as database:
            running = database.execute(
                "SELECT job_id, cancelling FROM queued_job WHERE status = 'RUNNING'"
            ).fetchall()
            for job_id, cancelling in running:
                if has_result(job_id):
                    self._finish(database, job_id, JobStatus.DONE)
                elif cancelling:
                    self._finish(database, job_id, JobStatus.CANCELLED, "cancelled while it ran")
                else:
                    self._requeue(database, job_id)

    def version(self) -> int:
        """A number that is another one after each change that another process made."""
        ((version,),) = self._database.rows("PRAGMA data_version")
        return int(version)

    def head(self) -> tuple[SimulatorJob | None, int]:
        """The job that is next, and how many wait."""
        first = self._database.rows(
            f"SELECT {_COLUMNS} FROM queued_job"  # noqa: S608 - our own columns
            " WHERE status = 'QUEUED' ORDER BY number LIMIT 1"
        )
        query = "SELECT count(*) FROM queued_job WHERE status = 'QUEUED'"
        ((waiting,),) = self._database.rows(query)
        jobs = [SimulatorJob(*row).with_files(self._folder.located) for row in first]
        return next(iter(jobs), None), waiting

    def start(self, job_id: str) -> bool:
        """Mark a waiting job as running; False if it does not wait any more."""
        started = self._database.change(
            "UPDATE queued_job SET status = 'RUNNING', started_s = ?"
            " WHERE job_id = ? AND status = 'QUEUED'",
            self._clock(),
            job_id,
        )
        return started == 1

    def finish(
        self, job_id: str, status: JobStatus, message: str = "", *, failed: str | None = None
    ) -> None:
        """Record how a running job ended, and which circuits of a DONE one failed, if known."""
        with self._database.open() as database:
            self._finish(database, job_id, status, message, failed)

    def give_back(self, job_id: str, *, reason: str, deaths_allowed: int) -> None:
        """Queue a job again whose worker died, or give it up when too many have."""
        with self._database.transaction() as database:
            database.execute(
                "UPDATE queued_job SET deaths = deaths + 1 WHERE job_id = ?", (job_id,)
            )
            (deaths,) = database.execute(
                "SELECT deaths FROM queued_job WHERE job_id = ?", (job_id,)
            ).fetchone()
            if deaths < deaths_allowed:
                self._requeue(database, job_id)
            else:
                message = f"given up: {deaths} workers died of it, the last one {reason}"
                self._finish(database, job_id, JobStatus.ERROR, message)

    def to_cancel(self) -> list[str]:
        """The ids of the running jobs that somebody wants stopped."""
        rows = self._database.rows(
            "SELECT job_id FROM queued_job WHERE status = 'RUNNING' AND cancelling"
        )
        return [str(job_id) for (job_id,) in rows]

    def leave(self, release: Callable[[], None]) -> bool:
        """Call `release` if nothing is left to do, while nobody can add a job; say whether."""
        with self._database.transaction() as database:
            unfinished = database.execute(
                "SELECT 1 FROM queued_job WHERE status IN ('QUEUED', 'RUNNING') LIMIT 1"
            ).fetchone()
            if unfinished is None:
                release()
            return unfinished is None

    def _finish(
        self,
        database: Connection,
        job_id: str,
        status: JobStatus,
        message: str = "",
        failed: str | None = None,
    ) -> None:
        database.execute(
            "UPDATE queued_job SET status = ?, message = ?, failed = ?, ended_s = ?"
            " WHERE job_id = ? AND status = 'RUNNING'",
            (status.value, message, failed, self._clock(), job_id),
        )

    @staticmethod
    def _requeue(database: Connection, job_id: str) -> None:
        database.execute(
            "UPDATE queued_job SET status = 'QUEUED', started_s = NULL WHERE job_id = ?", (job_id,)
        )


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
