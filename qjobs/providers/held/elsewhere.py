"""Jobs that other processes have, or had: what they wrote down is all there is to know."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC
from typing import TYPE_CHECKING, Any

from qjobs.circuits.slices import CircuitSlice
from qjobs.contract import UNDATED, CancelOutcome, RemoteJob
from qjobs.errors import ProviderError, QjobsError
from qjobs.model import JobStatus, RunOptions
from qjobs.providers.held.collecting import Collector, HeldJob
from qjobs.providers.held.shelf import Entry, Shelf

if TYPE_CHECKING:
    from qjobs.circuits.layout import Layout

CircuitsOf = Callable[[str], CircuitSlice | None]
"""The circuits of a job, by its id, if they are known. Raises InputError."""


class JobsElsewhere:
    """The jobs of other processes.

    Those of a dead one are held by this process from then on, if the vendor hands them out:
    `target` is a backend and `vendor` its provider, where there are any.
    """

    def __init__(
        self, shelf: Shelf, collector: Collector, target: Any | None, vendor: Any | None
    ) -> None:
        self._shelf = shelf
        self._collector = collector
        self._target = target
        self._vendor = vendor
        self.circuits: list[CircuitsOf] = []

    def tagged(self, tag: str) -> list[str]:
        """The ids of the jobs that carry a tag at the vendor's, if it can be asked for that."""
        return [job_id for job_id, _ in self._tagged(tag)]

    def of_set(self, set_tag: str, *, backend: str, known: Sequence[str]) -> list[RemoteJob]:
        """The jobs that carry the tag of a set there, but for those that are `known`.

        How a job is costs a question: it is asked where there are several of one slice.
        """
        from qjobs.backends import jobs

        found = [(job_id, job) for job_id, job in self._tagged(set_tag) if job_id not in known]
        slices = Counter(_slice_tag(set_tag, job) for _, job in found)
        remotes = []
        for job_id, job in found:
            several = slices[_slice_tag(set_tag, job)] > 1
            status, message = jobs.status(job) if several else (JobStatus.UNKNOWN, "")
            created = job.creation_date
            remotes.append(
                RemoteJob(
                    job_id, backend, created.astimezone(UTC) if created else UNDATED, status,
                    tuple(job.tags), message,
                )
            )  # fmt: skip
        return remotes

    def _tagged(self, tag: str) -> list[tuple[str, Any]]:
        if self._target is None:
            return []
        from qjobs.backends import jobs

        found = jobs.tagged(tag, backend=self._target, provider=self._vendor)
        return [(jobs.job_id(job), job) for job in found or ()]

    def settled(self, job_ids: Sequence[str]) -> dict[str, Entry]:
        """The jobs that this process has not, once those of dead processes are seen to."""
        foreign = [job_id for job_id in job_ids if self._collector.get(job_id) is None]
        if not foreign:
            return {}
        known = self._shelf.entries(foreign)
        processes = {entry.process for entry in known.values() if not entry.status}
        dead = {process for process in processes if not self._shelf.processes.live(process)}
        if dead:
            for process in dead:
                self._shelf.abandon(process)
            known = self._shelf.entries(foreign)
        for job_id in foreign:
            entry = known.get(job_id)
            if entry is None or (not entry.status and entry.process in dead):
                self._adopt(job_id, entry)
        return known

    def status(self, entry: Entry | None) -> JobStatus:
        """How a job is, by what was written down."""
        if entry is None:
            return JobStatus.UNKNOWN
        if entry.status:
            return JobStatus(entry.status)
        lives = self._shelf.processes.live(entry.process)
        return JobStatus.RUNNING if lives else JobStatus.UNKNOWN

    def cancel(self, entry: Entry | None) -> CancelOutcome:
        """Leave word for the process that has a job."""
        if entry is not None and entry.status:
            return CancelOutcome.ALREADY_FINAL
        if entry is None or not self._shelf.processes.live(entry.process):
            return CancelOutcome.REFUSED
        self._shelf.ask_to_cancel(entry)
        return CancelOutcome.REQUESTED

    def _adopt(self, job_id: str, entry: Entry | None) -> None:
        """Hold a job that the vendor still knows, if it does."""
        if self._target is None and self._vendor is None:
            return
        from qjobs.backends import jobs, running

        if not jobs.can_retrieve(self._target, self._vendor):
            return
        try:
            job = jobs.retrieve(job_id, backend=self._target, provider=self._vendor)
            process = self._collector.process()
            if entry is None:
                backend = running.name(self._target)
                entry = Entry(job_id, "", backend, process, True, 1, False)  # noqa: FBT003  as in its class
                number = self._shelf.add(entry, self._layouts(job_id))
            else:
                number = entry.number if self._shelf.take_over(entry, process) else None
        except ProviderError:
            return
        if number is not None:
            self._collector.add(
                HeldJob(
                    job,
                    job_id=job_id,
                    number=number,
                    layouts=self._shelf.layouts(number),
                    options=RunOptions(shots=entry.shots, memory=bool(entry.memory)),
                )
            )

    def _layouts(self, job_id: str) -> "Sequence[Layout]":
        """Those of the circuits of a job that was not written down; none if they are not known."""
        from qjobs.backends import running

        for circuits_of in self.circuits:
            with suppress(QjobsError):  # the files may be gone; what the result tells is left
                circuits = circuits_of(job_id)
                if circuits is not None and circuits.sweep is None:
                    return running.measuring(circuits.circuits())[1]
        return ()


def _slice_tag(set_tag: str, job: Any) -> str:
    """The part of a job's tag that all attempts at one slice share."""
    own = (tag for tag in job.tags if tag.startswith(f"{set_tag}-"))
    return str(next(own, "")).rpartition("-")[0]
