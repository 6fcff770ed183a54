"""How many jobs are, in few requests: lists of the sets they belong to, and single questions."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Protocol

from qjobs.errors import ProviderError
from qjobs.providers.ibm.calls import Call, digest_of
from qjobs.providers.ibm.service import PAGE, JobInfo, Page, Service
from qjobs.tags import set_tag_of

_MOST_PAGES = 50
_MOST_PAGES_UNTAGGED = 10
_MOST_STRANGERS = 3
"""So many jobs without our tags are asked for one by one before the newest of all are listed."""

_MOST_LOOKED_AT = 30
_INACCURACY_S = 5.0
"""Of the times that the service gives, and of how far its clock is ahead of ours."""

_CLOCK_SKEW_S = 600.0
"""How far the two clocks may be apart where nothing is known of it."""


class Lists(Protocol):
    """What is asked of a service; see `Service`."""

    def jobs(self, *, tag: str = "", offset: int = 0, newest_first: bool = False) -> Page:
        """One page of the list of jobs."""

    def job(self, job_id: str) -> JobInfo | None:
        """One job."""


def listed(
    service: Lists, *, tag: str = "", most_pages: int = _MOST_PAGES, newest_first: bool = False
) -> Iterator[JobInfo]:
    """The jobs that carry a tag, or all; a page is fetched when it is needed.

    Jobs that are added meanwhile may be missing or, if the newest come first, double.
    """
    offset = 0
    for _ in range(most_pages):
        page = service.jobs(tag=tag, offset=offset, newest_first=newest_first)
        yield from page.jobs
        offset += len(page.jobs)
        if not page.jobs or offset >= page.total:
            return


def lost(service: Service, call: Call, *, latest_s: float, known: Callable[[str], bool]) -> str:
    """The job of a call whose tags the service has lost; empty if there is none to be seen.

    It is among the jobs that were made from the call on until `latest_s`, by our clock: one that
    was given just what this call gave, and is not `known` as the job of another call. They are
    looked at one by one. Of several it is the oldest; the others may be of other calls that gave
    the same, or of somebody else, and are left alone. Raises ProviderError if there are too many
    to say that there is none.
    """
    margin_s = _CLOCK_SKEW_S if call.ahead_s is None else _INACCURACY_S
    ahead_s = call.ahead_s or 0.0
    found = ""
    passed = looked_at = 0
    for info in listed(service, most_pages=_MOST_PAGES_UNTAGGED, newest_first=True):
        passed += 1
        created_s = _seconds(info.created)
        if created_s is not None and created_s < call.made_s + ahead_s - margin_s:
            break
        if created_s is not None and created_s > latest_s + ahead_s + margin_s:
            continue
        if info.program != call.program or _series(info) or known(info.job_id):
            continue
        looked_at += 1
        if digest_of(service.params(info.job_id)) == call.digest:
            found = info.job_id
        if looked_at == _MOST_LOOKED_AT:
            break
    if not found and (looked_at == _MOST_LOOKED_AT or passed == _MOST_PAGES_UNTAGGED * PAGE):
        raise ProviderError(
            "no job carries the tag, but too many jobs of that time have none: if it is at "
            "https://quantum.cloud.ibm.com/workloads, `qjobs adopt` takes its id; if not, "
            "`qjobs resume --resend-unknown` submits it again"
        )
    return found


def _seconds(created: str) -> float | None:
    """Seconds since the epoch, if that is a time."""
    try:
        moment = datetime.fromisoformat(created)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


class Inquiry:
    """A search for some jobs at one service; `found` is what it says of them so far."""

    def __init__(self, service: Lists, job_ids: Iterable[str]) -> None:
        self._service = service
        self._missing = dict.fromkeys(job_ids)
        self.found: dict[str, JobInfo] = {}

    def ask_lists(self, series: Mapping[str, str], *, sizes: Mapping[str, int]) -> None:
        """List the sets of jobs whose tag is known by `series`.

        `sizes` tells how many jobs have a tag: a list with more pages than there are jobs to
        ask for is left alone.
        """
        wanted: dict[str, int] = {}
        for job_id in self._missing:
            if job_id in series:
                wanted[series[job_id]] = wanted.get(series[job_id], 0) + 1
        for tag, jobs in wanted.items():
            if jobs * PAGE >= sizes.get(tag, 0):
                self._take(listed(self._service, tag=tag))

    def ask_each(self, job_ids: Iterable[str]) -> None:
        """Ask for jobs one by one, until one of them names its set: then that is listed."""
        strangers = 0
        for job_id in job_ids:
            if job_id not in self._missing:
                continue
            info = self._service.job(job_id)
            self._take([info] if info else [])
            tag = _series(info) if info else ""
            if tag and self._missing:
                self._take(listed(self._service, tag=tag))
            strangers += not tag
            if strangers == _MOST_STRANGERS and len(self._missing) > _MOST_STRANGERS:
                newest = listed(self._service, most_pages=_MOST_PAGES_UNTAGGED, newest_first=True)
                self._take(newest)

    @property
    def missing(self) -> list[str]:
        """The jobs of which nothing is known yet."""
        return list(self._missing)

    def _take(self, infos: Iterable[JobInfo]) -> None:
        for info in infos:
            if info.job_id in self._missing:
                del self._missing[info.job_id]
                self.found[info.job_id] = info
            if not self._missing:
                return


def _series(info: JobInfo) -> str:
    """The set's tag among those of a job: another one begins with it."""
    for tag in info.tags:
        if set_tag_of(tag) != tag and set_tag_of(tag) in info.tags:
            return set_tag_of(tag)
    return ""
