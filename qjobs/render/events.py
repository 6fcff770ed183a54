"""What changes of sets that are watched, as `qjobs.event/1`: a JSON line each, for programs."""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from qjobs.engine.pace import Pace
from qjobs.engine.report import JobReport, SetReport
from qjobs.render.data import DATA
from qjobs.render.shapes import Shape, status_document
from qjobs.render.text import rfc3339

_LEAST_S = 1.0
"""Between two lines that tell of nothing but that more circuits have run."""


class Events:
    """Tells of each job at first and when it changes, and then of its set."""

    def __init__(self, clock: Callable[[], datetime], warn: Callable[[str], None]) -> None:
        self._clock = clock
        self._known: dict[tuple[str, int], tuple[Any, ...]] = {}
        self._sets: dict[str, tuple[Any, ...]] = {}
        self._told: dict[str, tuple[datetime, int]] = {}  # how many circuits had run, and when
        self._paces: dict[str, Pace] = {}
        self.warn = warn

    def show(self, reports: Sequence[SetReport]) -> None:
        """Write a line for each change since the last look."""
        for line in self.of(reports):
            DATA.stream.write(f"{json.dumps(line)}\n")
        DATA.stream.flush()

    def of(self, reports: Sequence[SetReport]) -> Iterator[Shape]:
        """The changes since the last look."""
        now = self._clock()
        for report in reports:
            set_id = report.job_set.set_id
            changed = [
                job for job in report.jobs if self._known.get((set_id, job.index)) != _known(job)
            ]
            (of_set,) = status_document([(report, changed)]).inner
            of_jobs = of_set.pop("jobs")
            head = {"schema": "qjobs.event/1", "at": rfc3339(now), "set": of_set.pop("id")}
            for job, of_job in zip(changed, of_jobs, strict=True):
                before = self._known.get((set_id, job.index), (None,))[0]
                self._known[set_id, job.index] = _known(job)
                yield {**head, "event": "job", "before": before, **of_job}
            reached = self._paces.setdefault(set_id, Pace()).look([report])
            if self._is_news(set_id, report, reached.circuits_ended, now):
                far = {"circuits_ended": reached.circuits_ended, "left_s": reached.left_s}
                yield {**head, "event": "set", **of_set, **far}

    def _is_news(self, set_id: str, report: SetReport, circuits: int, now: datetime) -> bool:
        of_set = (report.state, dict(report.counts), report.failed_circuits, report.problems)
        told_at, told = self._told.get(set_id, (now, circuits))
        due = circuits != told and (now - told_at).total_seconds() >= _LEAST_S
        news = due or self._sets.get(set_id) != of_set
        if news:
            self._sets[set_id] = of_set
            self._told[set_id] = now, circuits
        return news


def _known(job: JobReport) -> tuple[Any, ...]:
    """What of a job is worth a line when it changes, its state first; not what always moves.

    So neither is its place in the queue, nor how many of its circuits have been run.
    """
    return (
        job.state.value, job.attempt, job.job_id, job.message, job.failed, job.retried,
        job.duplicates, job.started,
    )  # fmt: skip
