"""The jobs that this machine submitted: one SQLite file in the provider's folder.

The service gives results without the shapes of the circuits, and ids without tags. Each call is
written down before it is made, and its job id right after the answer.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from qjobs.circuits.layout import Layout
from qjobs.known_jobs.database import Database
from qjobs.known_jobs.layouts import packed, unpacked

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


class KnownJobs:
    """The file; it is made on first use. Safe in many threads and processes.

    Every method raises ProviderError if the file cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self._database = Database(folder / "calls.sqlite", _STEPS)

    def intend(self, call: Call) -> None:
        """Write down that a call is about to be made; it is on the disk when this returns."""
        row = {
            **call._asdict(),
            "layouts": json.dumps(packed(call.layouts), separators=(",", ":")),
            "job_id": None,
        }
        columns, places = ",".join(row), ",".join(f":{name}" for name in row)
        with self._database.open() as file:
            file.execute(f"INSERT OR REPLACE INTO call ({columns}) VALUES ({places})", row)  # noqa: S608  # no value is in it

    def accept(self, tag: str, job_id: str) -> None:
        """Write down the id that the service gave the job of a call."""
        self._database.change("UPDATE call SET job_id = ? WHERE tag = ?", job_id, tag)

    def lose(self, tag: str, at_s: float) -> None:
        """Write down that the answer to a call did not come until now."""
        self._database.change("UPDATE call SET lost_s = ? WHERE tag = ?", at_s, tag)

    def forget(self, tag: str) -> None:
        """Strike a call out that was refused."""
        self._database.change("DELETE FROM call WHERE tag = ?", tag)

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
        return bool(self._database.rows("SELECT 1 FROM call WHERE backend = ? LIMIT 1", backend))

    def jobs_in(self, series: str) -> int:
        """How many calls of a series there are."""
        ((number,),) = self._database.rows("SELECT count(*) FROM call WHERE series = ?", series)
        return int(number)

    def keep(self, job_id: str, program: str, results: str, *, at_s: float) -> None:
        """Keep results that the service gives only once; they are on the disk on return.

        Those that were kept 30 days ago are deleted.
        """
        row = (job_id, program, results, at_s)
        with self._database.open() as file:
            file.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?)", row)
            # The first format had no time: theirs begins now.
            file.execute("UPDATE kept SET kept_s = ? WHERE kept_s IS NULL", (at_s,))
            file.execute("DELETE FROM kept WHERE kept_s < ?", (at_s - _KEPT_S,))

    def kept(self, job_id: str) -> tuple[str, str] | None:
        """The program and the results that were kept of a job."""
        rows = self._database.rows("SELECT program, results FROM kept WHERE job_id = ?", job_id)
        return next(((str(program), str(results)) for program, results in rows), None)

    def sizes(self) -> dict[str, int]:
        """How many bytes are kept of each series: layouts, and results."""
        return dict(
            self._database.rows(
                "SELECT series, sum(length(layouts) + ifnull(length(results), 0))"
                " FROM call LEFT JOIN kept USING (job_id) GROUP BY series"
            )
        )

    def strike_out(self, series: str, job_ids: Sequence[str]) -> None:
        """Delete the calls of a series, and the results that are kept of its jobs, or of these."""
        with self._database.transaction() as file:
            file.execute(
                "DELETE FROM kept WHERE job_id IN (SELECT job_id FROM call WHERE series = ?)"
                " OR job_id IN (SELECT value FROM json_each(?))",
                (series, json.dumps(list(job_ids))),
            )
            file.execute("DELETE FROM call WHERE series = ?", (series,))
        self._database.compact()

    def _select(self, where: str, value: str, *, layouts: bool = True) -> list[Call]:
        columns = ",".join(Call._fields).replace("layouts", "layouts" if layouts else "'[]'")
        rows = self._database.rows(f"SELECT {columns} FROM call WHERE {where}", value)  # noqa: S608  # no value is in it
        return [
            call._replace(
                memory=bool(call.memory),
                layouts=unpacked(json.loads(str(call.layouts))),
                job_id=call.job_id or "",
            )
            for call in map(Call._make, rows)
        ]


def digest_of(params: object) -> str:
    """A digest of the JSON that a program was given; equal for equal values."""
    # Imported here: only a submit needs it, and it loads OpenSSL.
    from hashlib import sha256

    return sha256(json.dumps(params, sort_keys=True).encode()).hexdigest()
