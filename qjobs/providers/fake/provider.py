"""The fake provider: the contract kept, or broken, as the script in the backend's name says."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from qjobs.circuits.slices import CircuitSlice
from qjobs.contract import (
    BackendInfo,
    CancelOutcome,
    Capabilities,
    JobTimes,
    Kept,
    Limits,
    ProviderContext,
    RemoteJob,
    Submission,
)
from qjobs.errors import ProviderError, ResultGone, TooLarge
from qjobs.model import JobStatus, RunOptions
from qjobs.providers.fake.books import Books, Entry, Page
from qjobs.providers.fake.faults import Faults
from qjobs.providers.fake.outcomes import measure
from qjobs.providers.fake.script import Script, parse_script
from qjobs.providers.fake.taking import Call
from qjobs.results import JobResult
from qjobs.tags import set_tag_of

_LOOK_S = 0.01
_CALL_S = 2.0  # no call takes longer, unless it is told to
_EXAMPLES = (
    ("queue=1,delay=1", "every job waits for a second and runs for one"),
    ("fail=2", "the first two jobs end in ERROR, their retries pass"),
    ("lose=1,settle=2", "an answer gets lost, its job is found 2 seconds later"),
    ("rate=60,pending=3,delay=2", "a busy service with limits"),
)
_TOO_LARGE = "the job was too large to run"


class BillLine(NamedTuple):
    """A job that was accepted. `at_s` is seconds since the epoch."""

    tag: str
    job_id: str
    at_s: float


class FakeProvider:
    """Jobs are rows in a file under the context's folder, and time does the work.

    Unlike an honest provider it takes any number of jobs with one tag, so that a client's
    promise to pay once can be put to the test: `submissions` is the bill.
    """

    def __init__(
        self,
        context: ProviderContext,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._books = Books(context.folder)
        self._release = context.folder / "release"
        self._clock = clock
        self._sleep = sleep

    def capabilities(self, backend: str) -> Capabilities:
        """What the script leaves possible."""
        script = parse_script(backend)
        return Capabilities(
            finds=script.find,
            cancels=script.cancel,
            settle_s=script.settle_s and script.settle_s + _CALL_S,
            polls_s=(0.05, 1.0),
        )

    def backends(self) -> Sequence[BackendInfo]:
        """Examples; any script is a backend."""
        return tuple(BackendInfo(*example, pretends=True) for example in _EXAMPLES)

    def limits(self, backend: str) -> Limits:
        """What the script states."""
        script = parse_script(backend)
        limits = Limits(
            connections=script.connections, jobs_wanted=script.jobs, together=script.together
        )
        if not script.stated:
            return limits
        return limits._replace(
            circuits=script.circuits or None,
            executions=script.executions or None,
            pending_jobs=script.pending or None,
            submits_per_minute=script.rate or None,
        )

    def check(self, backend: str, options: RunOptions) -> None:
        """Raise UnknownBackend for what is no script."""
        parse_script(backend)

    def submit(self, circuits: CircuitSlice, *, backend: str, options: RunOptions, tag: str) -> str:
        """Write a job down, unless the script has other plans; the circuits are not looked at."""
        jobs = [Submission(circuits, tag)]
        (answer,) = self.submit_together(jobs, backend=backend, options=options)
        if isinstance(answer, ProviderError):
            raise answer
        return answer

    def submit_together(
        self, jobs: Sequence[Submission], *, backend: str, options: RunOptions
    ) -> Sequence[str | ProviderError]:
        """Write jobs down one by one, each with the faults of its own."""
        script = parse_script(backend)
        if len(jobs) > script.together:
            raise TooLarge(f"a call may have {script.together} jobs, not {len(jobs)}")
        self._sleep(script.latency_s)
        if script.hold:
            self._hold(jobs[0].tag, script)
        answers: list[str | ProviderError] = []
        with self._books.open() as page:
            call = Call(page, script, backend=backend, options=options, now_s=self._clock())
            for job in jobs:
                try:
                    answers.append(call.take(job))
                except ProviderError as error:
                    answers.append(error)
        return answers

    def _hold(self, tag: str, script: Script) -> None:
        with self._books.open() as page:
            held = page.count(set_tag_of(tag), "hold") >= script.hold
        while held and not self._release.exists():
            self._sleep(_LOOK_S)

    def find(self, tag: str, *, backend: str = "") -> Sequence[str]:
        """The ids of the jobs with this tag that the listing shows by now, the oldest first."""
        with self._books.open() as page:
            script = parse_script(page.backend(set_tag_of(tag)))
            if not script.find:
                return []
            if Faults(page, tag, script).strikes("find_error"):
                raise ProviderError("the search failed (find_error)")
            shown_s = self._clock() - script.settle_s
            return [entry.job_id for entry in page.tagged(tag) if entry.accepted_s <= shown_s]

    def labelled(self, *, backend: str, set_tag: str = "") -> Sequence[RemoteJob]:
        """The jobs that a search by their tags would find by now, with tags and notes."""
        with self._books.open() as page:
            entries, notes = page.all(), page.notes()
        now_s = self._clock()
        jobs = []
        for entry in entries:
            script = parse_script(entry.backend)
            if not script.find or entry.accepted_s > now_s - script.settle_s:
                continue
            labels = (entry.tag, set_tag_of(entry.tag), *filter(None, [notes.get(entry.tag)]))
            if backend in ("", entry.backend) and (not set_tag or set_tag in labels):
                created = datetime.fromtimestamp(entry.accepted_s, UTC)
                status = _status(entry, now_s)
                ended = _times(entry, now_s, None).ended
                jobs.append(
                    RemoteJob(entry.job_id, entry.backend, created, status, labels, ended=ended)
                )
        return jobs

    def jobs_of(self, set_tag: str, *, backend: str = "") -> Sequence[RemoteJob]:
        """The same of one set, by its tag."""
        return self.labelled(backend=backend, set_tag=set_tag)

    def statuses(self, job_ids: Sequence[str], *, backend: str = "") -> Mapping[str, JobStatus]:
        """What each job is doing by now; one call for all."""
        with self._books.open() as page:
            entries = page.entries(job_ids)
            # One job of each set: they share a script, and count their faults together.
            sets = {set_tag_of(entry.tag): entry for entry in entries}.values()
            scripts = {entry.tag: parse_script(entry.backend) for entry in sets}
            fails = any(
                Faults(page, tag, script).strikes("status_error") for tag, script in scripts.items()
            )
            now_s = self._clock()
        self._sleep(max((script.slow_s for script in scripts.values()), default=0.0))
        if fails:
            raise ProviderError("the question for statuses failed (status_error)")
        known = {entry.job_id: _status(entry, now_s) for entry in entries}
        return {job_id: known.get(job_id, JobStatus.UNKNOWN) for job_id in job_ids}

    def times(self, job_ids: Sequence[str], *, backend: str = "") -> Mapping[str, JobTimes]:
        """When each job began and ended by the script, or will begin; all by the clock."""
        now_s = self._clock()
        with self._books.open() as page:
            entries = page.entries(job_ids)
            queues = {
                name: page.waiting(name, accepted_after_s=now_s - parse_script(name).queue_s)
                for name in {entry.backend for entry in entries}
            }
        places = {
            job_id: place for queue in queues.values() for place, job_id in enumerate(queue, 1)
        }
        return {entry.job_id: _times(entry, now_s, places.get(entry.job_id)) for entry in entries}

    def result(self, job_id: str, *, backend: str = "") -> JobResult:
        """The pretended outcomes of a DONE job."""
        with self._books.open() as page:
            entry = _entry(page, job_id)
            script = parse_script(entry.backend)
            status = _status(entry, self._clock())
            if status is not JobStatus.DONE:
                raise ProviderError(f"job {job_id} has no result: it is {status}")
            if Faults(page, entry.tag, script).strikes("result_error"):
                raise ProviderError("the request for the result failed (result_error)")
            if Faults(page, entry.tag, script).strikes("gone"):
                raise ResultGone(f"the result of job {job_id} was deleted (gone)")
            if script.once and entry.reads:
                raise ResultGone(f"the result of job {job_id} was read before and is gone (once)")
            page.mark_read(job_id)
        return measure(entry, blank_circuits=script.blank_circuits)

    def gives_once(self, *, backend: str, options: RunOptions) -> bool:
        """If the script says so."""
        return parse_script(backend).once

    def was_too_large(self, message: str) -> bool:
        """By the words of `error_message`."""
        return message.startswith(_TOO_LARGE)

    def error_message(self, job_id: str, *, backend: str = "") -> str:
        """Which key of the script made the job fail."""
        with self._books.open() as page:
            entry = _entry(page, job_id)
        most = parse_script(entry.backend).runnable
        match _status(entry, self._clock()):
            case JobStatus.ERROR if most and entry.circuits > most:
                return f"{_TOO_LARGE}: it may have {most} circuits (runnable)"
            case JobStatus.ERROR:
                return "the job failed as its script says (fail)"
            case JobStatus.CANCELLED:
                return "the job was cancelled"
            case _:
                return ""

    def cancel(self, job_ids: Sequence[str], *, backend: str = "") -> Mapping[str, CancelOutcome]:
        """Stop jobs at once, if the script allows; an unknown job is REFUSED."""
        with self._books.open() as page:
            now_s = self._clock()
            known = {entry.job_id: entry for entry in page.entries(job_ids)}
            return {
                job_id: _cancel(page, known[job_id], now_s)
                if job_id in known
                else CancelOutcome.REFUSED
                for job_id in job_ids
            }

    def kept(self) -> Mapping[str, Kept]:
        """The entries, each counted as a text."""
        with self._books.open() as page:
            entries = page.all()
        now_s = self._clock()
        found: dict[str, Kept] = {}
        for entry in entries:
            known = found.get(set_tag := set_tag_of(entry.tag), Kept(0, spare=True))
            ended = known.spare and _status(entry, now_s).final
            found[set_tag] = Kept(known.size_bytes + len(str(entry)), spare=ended)
        return found

    def forget(self, set_tag: str, job_ids: Sequence[str]) -> int:
        """Strike the entries out, and the counts of the faults of the set."""
        with self._books.open() as page:
            ours = [entry for entry in page.all() if set_tag_of(entry.tag) == set_tag]
            page.strike_out(set_tag, ours)
        return sum(len(str(entry)) for entry in ours)

    def submissions(self) -> list[BillLine]:
        """Every job that was ever accepted, the oldest first."""
        with self._books.open() as page:
            return [BillLine(entry.tag, entry.job_id, entry.accepted_s) for entry in page.all()]


def _entry(page: Page, job_id: str) -> Entry:
    for entry in page.entries([job_id]):
        return entry
    raise ProviderError(f"there is no job {job_id}")


def _status(entry: Entry, now_s: float) -> JobStatus:
    script = parse_script(entry.backend)
    age_s = max(0.0, now_s - entry.accepted_s)  # clocks are set back at times
    if entry.cancelled:
        return JobStatus.CANCELLED
    if age_s < script.odd_status_s:
        return JobStatus.UNKNOWN
    if age_s < script.queue_s:
        return JobStatus.QUEUED
    if age_s < script.queue_s + script.delay_s:
        return JobStatus.RUNNING
    too_large = script.runnable and entry.circuits > script.runnable
    return JobStatus.ERROR if entry.fails or too_large else JobStatus.DONE


def _times(entry: Entry, now_s: float, place: int | None) -> JobTimes:
    starts_s = entry.accepted_s + parse_script(entry.backend).queue_s
    starts, ends = (datetime.fromtimestamp(at_s, UTC) for at_s in (starts_s, entry.ends_s))
    return JobTimes(
        started=starts if starts_s <= min(now_s, entry.ends_s) else None,
        ended=ends if entry.ends_s <= now_s else None,
        queue_position=place,
        estimated_start=starts if place else None,
    )


def _cancel(page: Page, entry: Entry, now_s: float) -> CancelOutcome:
    if not parse_script(entry.backend).cancel:
        return CancelOutcome.NOT_SUPPORTED
    if _status(entry, now_s).final:
        return CancelOutcome.ALREADY_FINAL
    page.mark_cancelled(entry.job_id, now_s)
    return CancelOutcome.CANCELLED
