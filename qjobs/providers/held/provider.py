"""The provider `python`: circuits run with a backend object of this very process.

What became of each job is written down as soon as it is known, so that other processes, the
command line among them, can tell and read it, also after this one has ended.
"""

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from qjobs.backends import runtime
from qjobs.circuits.slices import CircuitSlice
from qjobs.contract import (
    UNDATED,
    Away,
    BackendInfo,
    CancelOutcome,
    Capabilities,
    Instance,
    Kept,
    Limits,
    Names,
    ProviderContext,
    RemoteJob,
    chosen,
    handed_on,
)
from qjobs.errors import JobRefused, NoneAccepted, ProviderError, UnknownBackend, UsageError
from qjobs.model import JobStatus, RunOptions
from qjobs.providers.held.collecting import Collector, HeldJob
from qjobs.providers.held.elsewhere import CircuitsOf, JobsElsewhere
from qjobs.providers.held.known_jobs import KnownJob, KnownJobs
from qjobs.results import JobResult
from qjobs.tags import set_tag_of

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

    from qjobs.circuits.layout import Layout

_HINT = "in Python, with an object x: JobManager().run(circuits, x); see docs/library.md"
_GRACE_S = 2.0  # for the result of a job that has just ended to be kept


class HeldProvider:
    """Runs circuits with the object that `settings["backend"]` holds: a backend or a V2 sampler.

    Without one (on the command line, in a later process) it tells what others wrote down and
    takes no jobs. Other settings: `provider`, an object to ask for jobs by their ids if the backend
    has no such method; `connections`, how many threads may submit at once (default: 1, for
    nothing is known of the object's safety).
    """

    def __init__(self, context: ProviderContext) -> None:
        settings: Mapping[str, Any] = context.settings
        self._target = settings.get("backend")
        self._vendor = settings.get("provider")
        self._connections = int(settings.get("connections", 1))
        self._known_jobs = KnownJobs(context.folder)
        self._collector = Collector(self._known_jobs)
        self._elsewhere = JobsElsewhere(
            self._known_jobs, self._collector, self._target, self._vendor
        )
        self._originals: dict[Path, tuple[Sequence[QuantumCircuit], Mapping[str, Any]]] = {}

    # What the contract says

    def capabilities(self, backend: str) -> Capabilities:
        """Jobs cannot be searched: one that nobody wrote down may be anywhere.

        Only IBM's service can be asked for our tags, by who has an object of its client.
        """
        finds = self._service is not None
        return Capabilities(
            finds=finds, polls_s=(0.02, 1.0), settle_s=runtime.SETTLE_S if finds else 0.0
        )

    def place(self, backend: str) -> Instance:
        """The instance of a device of IBM's."""
        if self._service is None:
            return Instance("")
        from qjobs.backends import running

        return Instance(runtime.instance_of(running.device(self._target)))

    def names(self, backend: str) -> Names:
        """The package that the object's class comes from."""
        if self._target is None:
            return Names()
        from qjobs.backends import naming

        return naming.names(self._target, device=self._name, backend=backend)

    def backends(self) -> Sequence[BackendInfo]:
        """The object, by its name."""
        if self._target is None:
            return ()
        return (BackendInfo(self._name, "an object of this process"),)

    def limits(self, backend: str) -> Limits:
        """What the object says of itself."""
        if self._target is None:
            return Limits(connections=self._connections)
        self._check_name(backend)
        from qjobs.backends import running

        return running.limits(self._target)._replace(connections=self._connections)

    def check(self, backend: str, options: RunOptions) -> None:
        """Raise UsageError if there is no object, or it runs no circuits."""
        if self._target is None:
            raise UsageError(f"{_who(backend)} can submit to it", hint=_HINT)
        self._check_name(backend)
        from qjobs.backends import running

        objection = running.objection(self._target) or runtime.crowded(self._target)
        if objection:
            raise UsageError(objection, hint=running.instead(self._target))

    def dropped(self, *, backend: str, options: RunOptions) -> Sequence[str]:
        """By what the object's `run` and its default options name."""
        from qjobs.backends import running

        if self._target is None or not (asked := chosen(options)):
            return ()
        taken = running.takes(self._target)
        return [word for word in asked if word not in taken]

    def submit(self, circuits: CircuitSlice, *, backend: str, options: RunOptions, tag: str) -> str:
        """Start a job, once: the same tag gives the same job."""
        if self._target is None:
            raise NoneAccepted(f"{_who(backend)} can submit to it", hint=_HINT)
        self._check_name(backend)
        if circuits.observables is not None:
            raise JobRefused(f"{self._name} is not asked for expectation values")
        from qjobs.backends import running

        try:
            # Before the job starts: what cannot be written down shall not run.
            process = self._collector.process()
            known = self._known_jobs.find(tag)
        except ProviderError as error:
            raise JobRefused(error.message, hint=error.hint) from error
        if known:
            return known[0]
        if crowded := runtime.crowded(self._target):
            raise JobRefused(crowded, hint=running.instead(self._target))
        own, keywords = self._ready(circuits, options)
        ready, layouts = running.measuring(own)
        order = running.order(self._target, ready)
        job = running.run(
            runtime.tagged(self._target, [tag, set_tag_of(tag), *circuits.tags]),
            [ready[place] for place in order],
            options=options,
            keywords={
                **running.labels(self._target, circuits.name, circuits.tags),
                **handed_on(options),
                **keywords,
            },
            start_index=circuits.slice.start_index,
        )
        return self._hold(
            job,
            tag=tag,
            layouts=[layouts[place] for place in order],
            order=order,
            options=options,
            process=process,
        )

    def away(self, set_id: str, *, backend: str) -> Away | None:
        """Only who has the object can ask for its jobs, or submit some."""
        if self._target is not None:
            return None
        return Away(
            _who(backend),
            f"in Python, with that object as x: JobManager().retrieve_job_set({set_id!r}, x); "
            "see 'Another day' in docs/library.md",
        )

    def find(self, tag: str, *, backend: str = "") -> Sequence[str]:
        """The jobs that were written down with this tag, and those that IBM's service has."""
        return [*dict.fromkeys([*self._known_jobs.find(tag), *self._elsewhere.tagged(tag)])]

    def jobs_of(self, set_tag: str, *, backend: str = "") -> Sequence[RemoteJob]:
        """The jobs that were written down, nobody wrote when; and those that IBM's service has."""
        known = [
            RemoteJob(
                job_id, backend, UNDATED, JobStatus(status or JobStatus.RUNNING),
                (tag, set_tag), message,
            )
            for job_id, tag, status, message in self._known_jobs.of_set(set_tag)
        ]  # fmt: skip
        written = [remote.job_id for remote in known]
        return [*known, *self._elsewhere.of_set(set_tag, backend=backend, known=written)]

    def statuses(self, job_ids: Sequence[str], *, backend: str = "") -> Mapping[str, JobStatus]:
        """What the vendor's objects say here; of other jobs, what was written down.

        A job of another process is RUNNING while that process lives. After that it is lost,
        an ERROR, unless the vendor may know it: then it is UNKNOWN to processes without the object.
        """
        known = self._elsewhere.settled(job_ids)
        until = time.monotonic() + _GRACE_S
        return {job_id: self._status(job_id, known.get(job_id), until) for job_id in job_ids}

    def result(self, job_id: str, *, backend: str = "") -> JobResult:
        """The results that were kept when the job ended."""
        status = self.statuses([job_id])[job_id]
        if status is not JobStatus.DONE:
            raise ProviderError(f"job {job_id} is {status}: it has no results")
        held = self._collector.get(job_id)
        if held is not None and held.ending is not None and held.ending.result is not None:
            return held.ending.result
        return JobResult(self._known_jobs.result(job_id))

    def error_message(self, job_id: str, *, backend: str = "") -> str:
        """What was written down when the job ended."""
        held = self._collector.get(job_id)
        if held is not None and held.ending is not None:
            return held.ending.message
        entry = self._known_jobs.by_id([job_id]).get(job_id)
        return entry.message if entry is not None else ""

    def cancel(self, job_ids: Sequence[str], *, backend: str = "") -> Mapping[str, CancelOutcome]:
        """Ask the vendor's objects; for jobs of other processes, leave word that these do."""
        known = self._elsewhere.settled(job_ids)
        return {job_id: self._cancel(job_id, known.get(job_id)) for job_id in job_ids}

    def kept(self) -> Mapping[str, Kept]:
        """What was written down of jobs, and their results."""
        found: dict[str, Kept] = {}
        for entry in self._known_jobs.kept():
            tag, size_bytes, ended = entry[1], entry[3], entry[4]
            known = found.get(set_tag := set_tag_of(tag), Kept(0, spare=True))
            found[set_tag] = Kept(known.size_bytes + size_bytes, spare=known.spare and bool(ended))
        return found

    def forget(self, set_tag: str, job_ids: Sequence[str]) -> int:
        """Delete that; a job that was found by its id carries no tag."""
        ours = [
            (number, size_bytes)
            for number, tag, job_id, size_bytes, _ended in self._known_jobs.kept()
            if set_tag_of(tag) == set_tag or (not tag and job_id in job_ids)
        ]
        self._known_jobs.forget([number for number, _ in ours])
        return sum(size_bytes for _, size_bytes in ours)

    # More than the contract says

    def originals(
        self,
        path: Path,
        circuits: "Sequence[QuantumCircuit]",
        keywords: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """Remember them, and keywords of `run` for them."""
        known, _ = self._originals.get(path, ((), {}))
        self._originals[path] = (circuits or known, keywords)

    def recall(self, circuits_of: CircuitsOf) -> None:
        """Know how to read jobs of a set that nobody wrote down, by what it gave them."""
        self._elsewhere.circuits.append(circuits_of)

    def job(self, job_id: str) -> Any:
        """The vendor's own job object; None if it cannot be had here."""
        self._elsewhere.settled([job_id])
        held = self._collector.get(job_id)
        return held.job if held is not None else None

    @property
    def _service(self) -> Any | None:
        """IBM's, where the object is one of its client."""
        if self._target is None:
            return None
        from qjobs.backends import running

        return runtime.service_of(running.device(self._target), self._vendor)

    @property
    def _name(self) -> str:
        from qjobs.backends import running

        return running.name(self._target)

    def _check_name(self, backend: str) -> None:
        if backend not in ("", self._name):
            raise UnknownBackend(f"the backend here is {self._name!r}, not {backend!r}")

    def _ready(
        self, circuits: CircuitSlice, options: RunOptions
    ) -> "tuple[Sequence[QuantumCircuit], Mapping[str, Any]]":
        """The circuits of a slice, and the caller's keywords for them."""
        from qjobs.backends import running

        own, keywords = self._originals.get(circuits.path, ((), {}))
        if circuits.sweep is not None:
            return running.bound(self._target, [*circuits.pubs()], options=options), keywords
        if not own:
            return circuits.circuits(), keywords
        return own[circuits.slice.start_index : circuits.slice.end_index + 1], keywords

    def _hold(
        self,
        job: Any,
        *,
        tag: str,
        layouts: "Sequence[Layout]",
        order: Sequence[int],
        options: RunOptions,
        process: str,
    ) -> str:
        from qjobs.backends import jobs

        try:
            job_id = jobs.job_id(job)
        except Exception:  # noqa: BLE001 - without its id it can be held all the same
            job_id = f"python-{os.urandom(6).hex()}"
        retrievable = jobs.can_retrieve(self._target, self._vendor)
        entry = KnownJob(
            job_id=job_id,
            tag=tag,
            backend=self._name,
            process=process,
            retrievable=retrievable,
            shots=options.shots,
            memory=options.memory,
        )
        kept = layouts if retrievable else ()
        try:
            number = self._known_jobs.add(entry, kept)
            if number is None:  # home-made backends count their jobs from 0 in each process
                job_id = f"{job_id}~{os.urandom(4).hex()}"
                number = self._known_jobs.add(entry._replace(job_id=job_id), kept)
        except ProviderError:
            number = None  # it runs: the caller must have its id even if the disk is full by now
        self._collector.add(
            HeldJob(
                job, job_id=job_id, number=number, layouts=layouts, order=order, options=options
            )
        )
        return job_id

    def _status(self, job_id: str, entry: KnownJob | None, until: float) -> JobStatus:
        held = self._collector.get(job_id)
        if held is not None:
            return self._collector.status(held, until=until)
        return self._elsewhere.status(entry)

    def _cancel(self, job_id: str, entry: KnownJob | None) -> CancelOutcome:
        held = self._collector.get(job_id)
        if held is None:
            return self._elsewhere.cancel(entry)
        try:
            return self._collector.cancel(held)
        except ProviderError:
            return CancelOutcome.REFUSED


def _who(backend: str) -> str:
    return f"only a Python program that has {backend or 'a backend'} as an object"
