"""The jobs at the service: found by their tags, looked at, read and cancelled."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import MAXYEAR, UTC, datetime

from qjobs.contract import UNDATED, CancelOutcome, JobTimes, RemoteJob
from qjobs.errors import NotNow, ProviderError, ResultGone
from qjobs.model import JobStatus
from qjobs.providers.ibm.account import Account
from qjobs.providers.ibm.errors import HttpError, speaks_of_size
from qjobs.providers.ibm.known_jobs import Call, KnownJobs
from qjobs.providers.ibm.listing import Inquiry, listed, lost
from qjobs.providers.ibm.service import JobInfo, Service, is_job_id
from qjobs.providers.ibm.settings import Settings

_LONGEST_MESSAGE = 2000


class Jobs:
    """Of all instances of an account. Safe in many threads. What is known saves questions."""

    def __init__(
        self,
        account: Account,
        known_jobs: KnownJobs,
        settings: Settings,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._account = account
        self._known_jobs = known_jobs
        self._settle_s = settings.settle_s
        self._post_timeout_s = settings.post_timeout_s
        self._clock = clock
        self._searching = threading.Lock()
        # When we heard first of calls that a process has left behind.
        self._heard_s: dict[tuple[str, float], float] = {}
        # When jobs have ended, by the answers that told how they are.
        self._ended: dict[str, JobTimes] = {}

    def find(self, tag: str) -> Sequence[str]:
        """The ids of the jobs with a tag, the oldest first. NotNow while one may be too new."""
        call = self._known_jobs.tagged(tag)
        if call and not call.job_id:
            self._check_settled(call)
        found = [
            info
            for service in self._services(call)
            for info in listed(service, tag=tag, most_pages=1)
            if tag in info.tags
        ]
        ids = [info.job_id for info in sorted(found, key=lambda info: info.created)]
        if call is None:
            return ids
        if call.job_id:  # it may be too new for the list, or its tags were changed
            return ids if call.job_id in ids else [call.job_id, *ids]
        if ids:
            self._known_jobs.accept(tag, ids[0])
        else:
            ids = self._find_lost(call)
        return ids

    def labelled(self, set_tag: str) -> Iterator[RemoteJob]:
        """The jobs with the tag of a set; the newest of all if it is empty."""
        for service in self._account.services():
            for info in listed(service, tag=set_tag, newest_first=not set_tag):
                yield RemoteJob(
                    info.job_id, info.backend, _time(info.created) or UNDATED, info.status,
                    info.tags, info.reason, service.owner(info), _time(info.ended),
                )  # fmt: skip

    def jobs_of(self, set_tag: str) -> list[RemoteJob]:
        """The jobs of a set that are listed, and those that were sent from here."""
        jobs = {job.job_id: job for job in self.labelled(set_tag)}
        unanswered = []
        for call in self._known_jobs.of_series(set_tag):
            made = datetime.fromtimestamp(call.made_s, UTC)
            labels, status = (call.tag, call.series), JobStatus.INITIALIZING
            sent = RemoteJob(call.job_id, call.backend, made, status, labels)
            if not call.job_id:
                unanswered.append(sent)
            elif call.job_id not in jobs:
                jobs[call.job_id] = sent
            elif call.tag not in jobs[call.job_id].labels:  # somebody has changed its tags
                jobs[call.job_id] = jobs[call.job_id]._replace(labels=labels)
        return [*jobs.values(), *unanswered]

    def statuses(self, job_ids: Sequence[str]) -> Mapping[str, JobStatus]:
        """One list for each set that was submitted from here; a few questions more for others."""
        calls = self._known_jobs.of_jobs(job_ids)
        fresh_s = self._clock() - self._settle_s
        fresh = {job_id for job_id, call in calls.items() if call.made_s > fresh_s}
        known = dict.fromkeys(fresh, JobStatus.INITIALIZING)
        for place in {call.instance for call in calls.values()}:
            here = {job_id: c.series for job_id, c in calls.items() if c.instance == place}
            sizes = {series: self._known_jobs.jobs_in(series) for series in {*here.values()}}
            inquiry = Inquiry(self._account.service(place), here)
            inquiry.ask_lists(here, sizes=sizes)
            # Those that are too new for a list will be in the next one.
            inquiry.ask_each(job_id for job_id in inquiry.missing if job_id not in fresh)
            known |= self._take(inquiry)
        strange = [job_id for job_id in job_ids if job_id not in calls]
        for service in self._account.services() if strange else ():
            inquiry = Inquiry(service, (job_id for job_id in strange if job_id not in known))
            inquiry.ask_each(inquiry.missing)
            known |= self._take(inquiry)
        return {job_id: known.get(job_id, JobStatus.UNKNOWN) for job_id in job_ids}

    def _take(self, inquiry: Inquiry) -> Mapping[str, JobStatus]:
        """What an inquiry found; when jobs ended is kept for whoever asks for that."""
        for job_id, info in inquiry.found.items():
            if info.status.final and (ended := _time(info.ended)):
                self._ended[job_id] = JobTimes(ended=ended)
        return {job_id: info.status for job_id, info in inquiry.found.items()}

    def times(self, job_ids: Sequence[str]) -> Mapping[str, JobTimes]:
        """When jobs have ended. When they began, the service says of one at a time."""
        return {job_id: self._ended[job_id] for job_id in job_ids if job_id in self._ended}

    def look(self, job_id: str, call: Call | None) -> tuple[Service, JobInfo]:
        """A job, and where it is. Raises ProviderError if it is nowhere."""
        for service in self._services(call):
            info = service.job(job_id)
            if info:
                return service, info
        raise ProviderError(f"IBM Quantum has no job {job_id}, or no longer")

    def results(self, job_id: str, call: Call | None) -> tuple[str, str]:
        """The program of a DONE job, and what it gave, undecoded.

        What the service gives only once is kept, if that can be: whoever asked keeps it, too, and
        may have the last room for it. Raises ProviderError if there is nothing.
        """
        kept = self._known_jobs.kept(job_id)
        if kept is not None:
            return kept
        service, info = self.look(job_id, call)
        if info.status is not JobStatus.DONE:
            raise ProviderError(
                f"job {job_id} is {info.status}: it has no results", hint=info.reason
            )
        text = _fetch(service, job_id, once=info.private)
        if info.private:
            with suppress(ProviderError):
                self._known_jobs.keep(job_id, info.program, text, at_s=self._clock())
        return info.program, text

    def error_message(self, job_id: str) -> str:
        """The reason that the service gives, else the end of what the job left as its results."""
        service, info = self.look(job_id, self._known_jobs.of_job(job_id))
        if info.status is not JobStatus.ERROR or info.reason:
            return info.reason
        text = _fetch(service, job_id, once=False)
        return text[max(0, text.rfind("Traceback")) :][-_LONGEST_MESSAGE:].strip()

    def cancel(self, job_id: str, call: Call | None) -> CancelOutcome:
        """Ask for one job to be stopped."""
        for service in self._services(call) if is_job_id(job_id) else ():
            try:
                service.cancel(job_id)
            except HttpError as error:
                if error.status == 404:
                    continue
                final = error.status == 409
                return CancelOutcome.ALREADY_FINAL if final else CancelOutcome.REFUSED
            return CancelOutcome.CANCELLED
        return CancelOutcome.REFUSED

    def _services(self, call: Call | None) -> Sequence[Service]:
        """Where a job may be."""
        places = (call.instance,) if call else self._account.instances()
        return [self._account.service(place) for place in places]

    def _check_settled(self, call: Call) -> None:
        """Raise NotNow while there may be jobs of a call that are in no list yet.

        That is of the call itself: circuits may have been made to fit for long before it.
        """
        ended_s = self._ended_s(call)
        age_s = self._clock() - ended_s
        if 0 <= age_s < self._settle_s:
            raise NotNow("it is too early to be sure", retry_after_s=self._settle_s - age_s)

    def _ended_s(self, call: Call) -> float:
        """When the service must have had a call, if it ever got it."""
        if call.lost_s is not None:
            return call.lost_s
        # The process that made it is gone, nobody knows since when: it may have been just now.
        heard_s = self._heard_s.setdefault((call.tag, call.made_s), self._clock())
        return min(heard_s, call.made_s + self._post_timeout_s)

    def _find_lost(self, call: Call) -> list[str]:
        def known(job_id: str) -> bool:
            return job_id in self._known_jobs.of_jobs([job_id])

        latest_s = self._ended_s(call) + self._settle_s
        with self._searching:  # or two calls that are alike might both take the same job
            service = self._account.service(call.instance)
            job_id = lost(service, call, latest_s=latest_s, known=known)
            if job_id:
                self._known_jobs.accept(call.tag, job_id)
        return [job_id] if job_id else []


def _time(text: str) -> datetime | None:
    """A time of the service's, in UTC, if it is one."""
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return moment if UNDATED.year <= moment.year < MAXYEAR else None


def _fetch(service: Service, job_id: str, *, once: bool) -> str:
    try:
        text = service.results(job_id)
    except HttpError as error:
        # Of a job that is there, only one whose results are given `once` can have none: 404 from
        # something in front of the service may pass.
        if error.status == 410 or (error.status == 404 and once and error.reason_code):
            why = "; those of private jobs can be read once" if once else ""
            raise ResultGone(
                f"IBM Quantum no longer has the results of job {job_id}: {error.message}{why}"
            ) from error
        if speaks_of_size(error.message):
            raise ResultGone(
                f"IBM Quantum does not give the results of job {job_id}: {error.message}"
            ) from error
        raise
    if not text:
        raise ProviderError(f"job {job_id} has no results yet")
    return text
