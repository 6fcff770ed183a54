"""The default provider: this machine, in processes that outlive the one that submits."""

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from typing import Any

from qjobs import config, disk, pool, spans
from qjobs.circuits.slices import CircuitSlice
from qjobs.contract import (
    DEFINITION,
    TRANSPILE,
    BackendInfo,
    CancelOutcome,
    Capabilities,
    FailedPart,
    JobTimes,
    Judge,
    Kept,
    Limits,
    Names,
    Plan,
    ProviderContext,
    RemoteJob,
    chosen,
)
from qjobs.defaults import see_cancelled
from qjobs.errors import (
    ProviderError,
    Recalibrated,
    ResultGone,
    UsageError,
)
from qjobs.model import PACE, JobStatus, RunOptions
from qjobs.providers.local.folder import Folder
from qjobs.providers.local.queue import Queue, queued_job
from qjobs.providers.local.supervision import Staffing, Supervision, try_lock
from qjobs.regular import open_regular
from qjobs.results import JobResult
from qjobs.simulators import names as backends
from qjobs.simulators.names import Kind
from qjobs.tags import set_tag_of

JOBS_A_WORKER = 8
"""Into how many jobs a worker's share of a set is cut: progress shows, and no core waits long."""

CANCEL_S = 2.0
POLL_S = 0.01


class LocalProvider:
    """Runs circuits on this machine, in Aer or in whatever else simulates.

    The queue in the provider's folder is its server side: what `submit` returned is on the
    disk there, and a supervisor process, started by whatever method finds that there is work
    and none of it lives, brings it to its end. Settings: `workers`, how many processes run
    circuits (default: the number of usable cores); `idle_s`, how long they wait for more
    work; `deaths`, how many workers a job may kill before it is given up.

    Workers have the environment of whoever started their supervisor. So the module of a
    `package.module:callable` is looked for with the job where `submit` found it, whatever its
    PYTHONPATH was; what that module imports must be installed or beside it.
    """

    def __init__(self, context: ProviderContext) -> None:
        self._folder = Folder(context.folder)
        self._staffing = _staffing(context.settings)
        self._supervision = Supervision(self._folder, self._staffing)
        self._queue = Queue(self._folder)

    def names_code(self, backend: str) -> bool:
        """Whether it is a callable, or one of the config file."""
        return bool(backends.callables(backend))

    def capabilities(self, backend: str) -> Capabilities:
        """The capabilities, the same for every backend: nothing is far away or hidden."""
        backends.check_backend(backend)
        return Capabilities(
            finds=True,
            estimates=True,
            estimates_remark=backends.estimates_remark(backend),
            settle_s=0.0,
            polls_s=(0.02, 0.2),
            named_options=(TRANSPILE,) if backends.kind(backend) is Kind.OBJECT else (),
        )

    def names(self, backend: str) -> Names:
        """What simulates the backend."""
        return Names("Qiskit Aer", packages=("qiskit-aer",))

    def backends(self) -> Sequence[BackendInfo]:
        """Aer, its methods, and the devices whose noise it can have."""
        names = dict(backends.DESCRIPTIONS)
        names[backends.BASIC] = "Qiskit's own simulator"
        names[f"{backends.GENERIC}5"] = "Aer with the noise of a made-up device of so many qubits"
        names |= dict.fromkeys(backends.fake_devices(), "Aer with the noise of a real device")
        names |= {one.name: f"{one.factory}, of the config file" for one in backends.definitions()}
        return tuple(
            BackendInfo(*item, alias=item[0] == backends.AUTOMATIC) for item in names.items()
        )

    def limits(self, backend: str) -> Limits:
        """As many jobs as keep all workers busy, however many circuits that is a job."""
        backends.check_backend(backend)
        return Limits(connections=4, jobs_wanted=JOBS_A_WORKER * self._staffing.workers)

    def check(self, backend: str, options: RunOptions) -> None:
        """Raise UnknownBackend or UsageError for what Aer would not know.

        And AuthError, where a backend of the config file needs a variable that is not set.
        """
        backends.definitions()  # one that cannot be is none that is to be left alone
        backends.check_backend(backend)
        if (definition := backends.definition(backend)) is not None:
            definition.check_variables()
        backends.check_options(backend, options)

    def plan(self, circuits: CircuitSlice, *, backend: str, options: RunOptions) -> Plan:
        """Record of a backend of the config file what that says of it."""
        now = self._definition(backend)
        recorded = {DEFINITION: now} if now else {}
        return Plan(replace(options, extra={**options.extra, **recorded}), excess=lambda _: "")

    def replan(self, *, backend: str, options: RunOptions) -> Mapping[str, str]:
        """The digests of the backend's definition in the config file, the present one last."""
        now = self._definition(backend)
        known = str(options.extra.get(DEFINITION, "")).split()
        return {} if known[-1:] == [now] else {DEFINITION: " ".join([*known, now])}

    def dropped(self, *, backend: str, options: RunOptions) -> Sequence[str]:
        """The options that an object does not take, as a process tells that makes it."""
        asked = chosen(options)
        if not asked or backends.kind(backend) is not Kind.OBJECT:
            return ()
        # Imported here: whoever only looks need not load what starts a process.
        from qjobs.simulators import describing

        folders = [backends.folder_of(named) for named in backends.callables(backend)]
        taken = describing.takes(backend, folders)
        return () if taken is None else [word for word in asked if word not in taken]

    def judging(self, *, backend: str) -> AbstractContextManager[Judge]:
        """As a process tells that has the simulator."""
        # Imported here: see `dropped`.
        from qjobs.simulators import describing

        folders = [backends.folder_of(named) for named in backends.callables(backend)]
        return describing.judging(backend, folders)

    @staticmethod
    def _definition(backend: str) -> str:
        definition = backends.definition(backend)
        return definition.digest if definition else ""

    def submit(self, circuits: CircuitSlice, *, backend: str, options: RunOptions, tag: str) -> str:
        """Queue a job, once: the same tag gives the same job.

        Raises Recalibrated if the config file makes another backend than when the set was planned.
        """
        backends.check_backend(backend)
        planned = str(options.extra.get(DEFINITION, "")).split()
        if planned and planned[-1] != self._definition(backend):
            raise Recalibrated(
                f"[backends.{backend}] of the config file is not what it was when the set was made"
            )
        job_id = self._queue.add(
            queued_job(circuits, backend=backend, options=options, tag=tag), tag=tag
        )
        # The job is in the queue; if nothing runs it, whoever asks for its status hears why.
        with suppress(ProviderError):
            self._supervision.ensure()
        return job_id

    def find(self, tag: str, *, backend: str = "") -> Sequence[str]:
        """The id of the one job that carries the tag, if there is one."""
        return self._queue.find(tag)

    def jobs_of(self, set_tag: str, *, backend: str = "") -> Sequence[RemoteJob]:
        """The jobs in the queue."""
        return [job for job in self._queue.tagged(set_tag) if backend in ("", job.backend)]

    def statuses(self, job_ids: Sequence[str], *, backend: str = "") -> Mapping[str, JobStatus]:
        """The status of each job; sees to it that unfinished ones are worked on."""
        known = self._queue.statuses(job_ids)
        if any(not status.final for status in known.values()):
            self._supervision.ensure()
        return {job_id: known.get(job_id, JobStatus.UNKNOWN) for job_id in job_ids}

    def circuits_run(self, job_ids: Sequence[str], *, backend: str = "") -> Mapping[str, int]:
        """What the workers have written down of the jobs that they have."""
        told = {job_id: self._folder.told(job_id) for job_id in job_ids}
        return {job_id: circuits for job_id, circuits in told.items() if circuits is not None}

    def times(self, job_ids: Sequence[str], *, backend: str = "") -> Mapping[str, JobTimes]:
        """When the workers began and ended, and the places in the queue, of all sets together."""
        return self._queue.times(job_ids)

    def result(self, job_id: str, *, backend: str = "") -> JobResult:
        """The results file of a DONE job, as it is."""
        status, circuits, _ = self._queue.ending(job_id)
        if status is not JobStatus.DONE:
            if not status.final:
                self._supervision.ensure()
            raise ProviderError(f"job {job_id} is {status}: it has no results")
        path = self._folder.result(job_id)
        try:
            with open_regular(path) as file:
                # Counted before any of it is kept: what is not whole may be of any size.
                lines = sum(part.count(b"\n") for part in iter(lambda: file.read(1 << 20), b""))
                if lines != circuits:
                    raise ResultGone(f"{path} is damaged: {lines} results of {circuits}")
                file.seek(0)
                return JobResult(file.read())
        except FileNotFoundError as error:
            raise ResultGone(f"there is no {path}") from error
        except OSError as error:
            raise ProviderError(f"cannot read {path}: {error.strerror}") from error

    def failed_circuits(
        self, job_ids: Sequence[str], *, backend: str = ""
    ) -> Mapping[str, FailedPart]:
        """The failed circuits that the workers counted, or else those in the results."""
        return {
            job_id: self._read(job_id) if told is None else FailedPart(spans.read(told), reason)
            for job_id, told, reason in self._queue.incomplete(job_ids)
        }

    def _read(self, job_id: str) -> FailedPart:
        try:
            positions, reason = self.result(job_id).failed()
        except ValueError as error:
            raise ProviderError(f"the results of job {job_id} are damaged: {error}") from error
        return FailedPart(spans.runs_of(positions), reason)

    def error_message(self, job_id: str, *, backend: str = "") -> str:
        """The message of the worker or the supervisor."""
        return self._queue.ending(job_id)[2]

    def cancel(self, job_ids: Sequence[str], *, backend: str = "") -> Mapping[str, CancelOutcome]:
        """Cancel jobs; one that runs has its worker killed, which is waited for a little."""
        known = self._queue.statuses(job_ids)
        self._queue.cancel(job_ids)

        def look() -> Mapping[str, JobStatus]:
            now = self._queue.statuses(job_ids)
            if all(status.final for status in now.values()) or not self._recover():
                return now
            return self._queue.statuses(job_ids)

        before = {job_id: known.get(job_id, JobStatus.UNKNOWN) for job_id in job_ids}
        return see_cancelled(before, look, limit_s=CANCEL_S, poll_s=POLL_S)

    def kept(self) -> Mapping[str, Kept]:
        """The results."""
        found: dict[str, Kept] = {}
        for job_id, tag, ended in self._queue.ends():
            known = found.get(set_tag := set_tag_of(tag), Kept(0, spare=True))
            size_bytes = known.size_bytes + disk.used_bytes(self._folder.result(job_id))
            found[set_tag] = Kept(size_bytes, spare=known.spare and ended)
        return found

    def forget(self, set_tag: str, job_ids: Sequence[str]) -> int:
        """Remove the results of jobs that have ended, then their rows in the queue."""
        ours = [
            job_id
            for job_id, tag, ended in self._queue.ends(set_tag, job_ids)
            if ended and (set_tag_of(tag) == set_tag or job_id in job_ids)
        ]
        try:
            freed_bytes = sum(disk.remove(self._folder.result(job_id)) for job_id in ours)
        except OSError as error:
            raise ProviderError(
                f"cannot remove the results of {set_tag}: {error.strerror}"
            ) from error
        self._queue.forget(ours)
        return freed_bytes

    def _recover(self) -> bool:
        """Settle what a dead supervisor left running; False if one lives, who will see to it."""
        lock = try_lock(self._folder)
        if lock is None:
            return False
        try:
            self._queue.recover(self._folder.has_result)
        finally:
            os.close(lock)
        return True


def _staffing(settings: Mapping[str, Any]) -> Staffing:
    usual = Staffing(workers=pool.usable_cores())
    for key in settings:
        # What a destination has is refused later, with what to do.
        if key not in (*Staffing.__slots__, "account", "instance", PACE):
            raise UsageError(f"[providers.local]: {config.unknown(key, Staffing.__slots__)}")
    try:
        return Staffing(
            workers=int(settings.get("workers") or usual.workers),
            idle_s=float(settings.get("idle_s") or usual.idle_s),
            deaths=int(settings.get("deaths") or usual.deaths),
        )
    except (ValueError, TypeError, OverflowError) as error:
        raise UsageError(f"a setting of the local provider is wrong: {error}") from error
