"""How far sets have come, and how much time is left by what was seen of them."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from qjobs import spans
from qjobs.engine.report import FINAL, JobReport, SetReport, State

_RUN = (State.DONE, State.ERROR)
"""States of jobs that took their time; what was refused or cancelled says nothing of the others."""


class Reached(NamedTuple):
    """How many jobs have come to an end, of all, and how many of their circuits.

    `left_s` is how long the others take at the same pace, None while nobody knows.
    """

    jobs_ended: int
    jobs: int
    circuits_ended: int
    circuits: int
    left_s: float | None = None


class Pace:
    """Measures how fast jobs come to their ends, from the first look at which something ran.

    A wait in a queue says nothing of what follows it.
    """

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._began_s: float | None = None
        self._run_then = 0
        self._seen: int | None = None  # circuits that had run at the latest look

    def look(self, reports: Sequence[SetReport]) -> Reached:
        """Learn from how the sets are now; they are the same ones each time."""
        jobs = [(job, spans.size(job.parts)) for report in reports for job in report.jobs]
        run = sum(_run(job, size) for job, size in jobs)
        goes_on = sum(size - _run(job, size) for job, size in jobs if job.pending)
        return Reached(
            sum(job.state in FINAL for job, _ in jobs),
            len(jobs),
            sum(size if job.state in FINAL else _run(job, size) for job, size in jobs),
            sum(size for _, size in jobs),
            self._left_s(run, goes_on, runs=any(job.state is State.RUNNING for job, _ in jobs)),
        )

    def _left_s(self, run: int, goes_on: int, *, runs: bool) -> float | None:
        now_s = self._monotonic()
        seen, self._seen = self._seen, run
        taken_back = seen is not None and run < seen  # by a retry
        if self._began_s is None or taken_back:
            moved = seen is not None and run > seen
            self._began_s = now_s if runs or moved else None
            self._run_then = run
            return None
        if run == self._run_then or not goes_on:
            return None
        return goes_on * (now_s - self._began_s) / (run - self._run_then)


def _run(job: JobReport, size: int) -> int:
    return size if job.state in _RUN else min(job.circuits_run or 0, size)
