"""Circuits on a cluster: each slice is a task of a job array, and leaves its own outcome."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import cached_property

from qjobs import files, paths, spans
from qjobs.circuits.slices import CircuitSlice
from qjobs.contract import (
    BackendInfo,
    CancelOutcome,
    Capabilities,
    FailedPart,
    Finding,
    JobDetails,
    JobTimes,
    Judge,
    Kept,
    Limits,
    Names,
    ProviderContext,
    RemoteJob,
    Submission,
)
from qjobs.defaults import see_cancelled
from qjobs.errors import (
    ProviderError,
    QjobsError,
    ResultGone,
    UsageError,
)
from qjobs.model import JobStatus, RunOptions, Scalar
from qjobs.near import near_ones
from qjobs.providers.slurm import commands, watching
from qjobs.providers.slurm.commands import Entry
from qjobs.providers.slurm.settings import CHOSEN, Settings, parted, split
from qjobs.providers.slurm.shared import Array, Shared
from qjobs.providers.slurm.states import advice
from qjobs.providers.slurm.submitting import Submitter
from qjobs.providers.slurm.watching import created, task_of
from qjobs.results import JobResult
from qjobs.simulators import names as backends

_LARGEST_CALL = 1000
_JOBS_WANTED = 32
_CANCEL_S = 5.0
_ASK_AGAIN_S = 2.0
_POLL_S = 0.5


class SlurmProvider:
    """Runs circuits as tasks of Slurm, each in Aer or in whatever else `local` knows.

    What a task needs and what it gives lies in a folder that submitter and nodes share, so that
    nothing depends on what Slurm remembers. A backend is one of `local`'s, with the partition
    behind it if there is to be another than Slurm's choice: `slurm:aer@long`.
    """

    def __init__(self, context: ProviderContext) -> None:
        self._settings = Settings.of(context.settings)
        self._queue_at_s = -_ASK_AGAIN_S
        self._queue: list[Entry] = []

    @cached_property
    def _shared(self) -> Shared:
        return Shared(self._settings.shared)

    @cached_property
    def _submitter(self) -> Submitter:
        return Submitter(self._shared, self._settings)

    def names_code(self, backend: str) -> bool:
        """Whether it is a callable, or one of the config file."""
        return bool(backends.callables(parted(backend)[0]))

    def capabilities(self, backend: str) -> Capabilities:
        """All that was ever submitted is written down in the shared folder, and found there."""
        name, _ = parted(backend)
        return Capabilities(
            finds=True,
            estimates=True,
            estimates_remark=backends.estimates_remark(name),
            settle_s=0.0,  # what comes late was ruled out: see `submit_together`
            polls_s=(0.5, 15.0),
            named_options=(),
        )

    def names(self, backend: str) -> Names:
        """What simulates the backend."""
        return Names("Qiskit Aer", packages=("qiskit-aer",))

    def backends(self) -> Sequence[BackendInfo]:
        """Aer on each of the partitions; none without a shared folder.

        The other backends of `local` can be named likewise.
        """
        if not self._settings.given:
            return ()
        found = [*commands.partitions()]
        default = f"Aer on the partition {found[0][0]}" if found else "Aer"
        if qpus := paths.variables().get("SLURM_JOB_QPU_RESOURCES"):
            default += f"; QPUs of this allocation: {qpus}"
        return (
            BackendInfo("aer", default),
            *(BackendInfo(f"aer@{name}", about) for name, about in found),
        )

    def limits(self, backend: str) -> Limits:
        """An array has as many tasks as the cluster allows, and no more than a thousand."""
        parted(backend)
        return Limits(
            connections=2,
            jobs_wanted=_JOBS_WANTED,
            together=min(self._largest or _LARGEST_CALL, _LARGEST_CALL),
        )

    @cached_property
    def _largest(self) -> int | None:
        try:
            return commands.largest_array()
        except ProviderError:  # whoever submits will hear of it
            return None

    def judging(self, *, backend: str) -> AbstractContextManager[Judge]:
        """As a process tells that has the simulator, on this machine."""
        # Imported here: whoever only looks need not load what starts a process.
        from qjobs.simulators import describing

        name, _ = parted(backend)
        folders = [backends.folder_of(named) for named in backends.callables(name)]
        return describing.judging(name, folders)

    def check(self, backend: str, options: RunOptions) -> None:
        """Raise UnknownBackend or UsageError for what no task could run.

        So do options that are neither Aer's nor sbatch's, and a shared folder nobody can write to.
        """
        name, _ = parted(backend)
        chosen, rest = split(options)
        for key in rest.extra:
            if key not in backends.RUN_OPTIONS and (near := near_ones(key, CHOSEN)):
                raise UsageError(f"neither sbatch nor Aer has an option {key!r}{near}")
        self._settings.limit(chosen)
        backends.check_options(name, rest)
        try:
            self._shared.check()
        except OSError as error:
            raise UsageError(
                f"cannot write in {self._settings.shared}: {error.strerror}",
                hint="name a folder that submitter and nodes share: QJOBS_SLURM_SHARED",
            ) from error
        commands.check()

    def try_out(self) -> Iterator[Finding]:
        """Submit one tiny task, and see what becomes of it."""
        # Imported here: it is seldom asked for.
        from qjobs.providers.slurm.trying import Trial

        return Trial(self, self._shared, self._settings).findings()

    def reschedule(
        self, options: RunOptions, changes: Mapping[str, Scalar]
    ) -> Mapping[str, Scalar]:
        """Whatever is sbatch's may change, by the name that the set has for it."""
        named = {name.replace("-", "_"): name for name in options.extra}
        for key in changes:
            if key.replace("-", "_") not in CHOSEN:
                raise UsageError(f"all circuits of a set are run with the same {key}")
        return {named.get(key.replace("-", "_"), key): value for key, value in changes.items()}

    def submit(self, circuits: CircuitSlice, *, backend: str, options: RunOptions, tag: str) -> str:
        """Submit an array of one task."""
        (answer,) = self.submit_together(
            [Submission(circuits, tag)], backend=backend, options=options
        )
        if isinstance(answer, Exception):
            raise answer
        return answer

    def submit_together(
        self, jobs: Sequence[Submission], *, backend: str, options: RunOptions
    ) -> Sequence[str | Exception]:
        """Submit an array: written down first, then sbatch is called, once.

        A tag that was written down before is ruled out there, unless its task has begun: then
        that is the job. So however late a call arrives that nobody waits for any more, no circuit
        runs twice.
        """
        answers = self._submitter.submit(jobs, backend=backend, options=options)
        return [answers[job.tag] for job in jobs]

    def find(self, tag: str, *, backend: str) -> Sequence[str]:
        """The task that carries the tag, by its manifest and what the array is called.

        What nobody wrote down Slurm is asked for, by the comment of the array.
        """
        found = []
        entries: dict[str, str] = {}
        for array, task in self._shared.with_tag(tag):
            if array.is_void(task):
                continue
            if name := self._submitter.name_of(array, entries):
                found.append(f"{name}_{task}")
        return found

    def jobs_of(self, set_tag: str, *, backend: str) -> Sequence[RemoteJob]:
        """The tasks of a set; how they are is left to `statuses`."""
        jobs = []
        known: dict[str, str] = {}
        for array in self._shared.of_set(set_tag):
            if array.manifest.get("backend") != backend or not (
                name := self._submitter.name_of(array, known)
            ):
                continue
            begun = created(array)
            jobs += [
                RemoteJob(f"{name}_{task}", backend, begun, JobStatus.QUEUED, (tag, set_tag))
                for tag, task in array.tasks.items()
                if not array.is_void(task)
            ]
        return jobs

    def statuses(self, job_ids: Sequence[str], *, backend: str) -> Mapping[str, JobStatus]:
        """What the tasks left themselves, and one question to Slurm for all others."""
        return watching.statuses(
            self._shared.by_name(), job_ids, ask=self._ask,
            silent_s=self._settings.silent_s, now_s=time.time(),
        )  # fmt: skip

    def times(self, job_ids: Sequence[str], *, backend: str) -> Mapping[str, JobTimes]:
        """By what the tasks left themselves; else what Slurm has just said, which has no places."""
        return watching.times(self._shared.by_name(), job_ids, ask=self._asked)

    def details(self, job_id: str, *, backend: str) -> JobDetails:
        """When it was submitted, when it began and ended, and when Slurm believes it will begin."""
        array, task = task_of(self._shared.by_name(), job_id)
        if array is None:
            return JobDetails()
        outcome = array.outcome(task) or {}
        started, ended = (
            datetime.fromtimestamp(outcome[key], UTC).isoformat() if key in outcome else None
            for key in ("started", "finished")
        )
        ours = array.key, str(task)
        waiting = [
            entry
            for entry in self._asked()
            if (entry.comment, entry.task) == ours and entry.state == "PENDING"
        ]
        return JobDetails(
            created=array.manifest.get("created"), started=started, ended=ended,
            estimated_start=waiting[0].start or None if waiting else None,
            waits_for=waiting[0].reason or None if waiting else None,
        )  # fmt: skip

    def _asked(self) -> Sequence[Entry]:
        """What Slurm says of all tasks, asked for once for questions about many jobs."""
        if time.monotonic() > self._queue_at_s + _ASK_AGAIN_S:
            self._ask()
        return self._queue

    def _ask(self) -> Sequence[Entry]:
        self._queue, self._queue_at_s = [*commands.queue()], time.monotonic()
        return self._queue

    def warnings(self, backend: str) -> Sequence[str]:
        """Why tasks wait, and which are said to run but have not been heard of."""
        if self._largest is None:
            return ()  # each question to a controller that is not there takes ten seconds
        reasons: dict[str, int] = {}
        for entry in commands.queue():
            if entry.state == "PENDING" and entry.comment.startswith("qj-"):
                reasons[entry.reason] = reasons.get(entry.reason, 0) + 1
        return [
            f"{number} tasks wait: {reason}"
            for reason, number in reasons.items()
            if reason not in ("", "None", "Priority", "Resources", "JobArrayTaskLimit")
        ]

    def result(self, job_id: str, *, backend: str) -> JobResult:
        """The results file of a task, if it is what the task wrote."""
        array, task = self._known(job_id)
        outcome = array.outcome(task)
        if outcome is None or outcome["message"]:
            raise ProviderError(f"job {job_id} has no results")
        path = array.folder / f"{task}.jsonl"
        try:
            digest, _ = files.sha256(path)
            body = path.read_bytes() if digest == outcome["sha256"] else None
        except (QjobsError, OSError) as error:
            raise ResultGone(f"cannot read {path}: {error}") from error
        if body is None:
            raise ResultGone(f"{path} is damaged: it is not what the task wrote")
        return JobResult(body)

    def failed_circuits(self, job_ids: Sequence[str], *, backend: str) -> Mapping[str, FailedPart]:
        """What the tasks counted."""
        arrays = self._shared.by_name()
        found = {}
        for job_id in job_ids:
            array, task = task_of(arrays, job_id)
            outcome = array and array.outcome(task)
            if outcome and outcome.get("failed"):
                found[job_id] = FailedPart(spans.read(outcome["failed"]), outcome["reason"])
        return found

    def error_message(self, job_id: str, *, backend: str) -> str:
        """What the task said, or what Slurm's word means and what to change."""
        array, task = self._known(job_id)
        outcome = array.outcome(task)
        if outcome is not None:
            return str(outcome["message"])
        if ending := array.ending(task):
            return advice(ending, log=array.folder / f"{task}.log")
        try:
            self._shared.check()
        except OSError as error:
            return f"it could not write how it ended: {error.strerror} in the shared folder"
        return ""

    def cancel(self, job_ids: Sequence[str], *, backend: str) -> Mapping[str, CancelOutcome]:
        """Cancel tasks, whole arrays by their ids, and see what became of that."""
        before = self.statuses(job_ids, backend=backend)
        arrays = self._shared.by_name()
        # No others: to scancel an id of somebody's could be an option.
        ours = [job_id for job_id in job_ids if task_of(arrays, job_id)[0] is not None]
        open_ = [job_id for job_id in ours if not before[job_id].final]
        if open_:
            commands.cancel(_shortened(arrays, open_))
        return see_cancelled(
            before, lambda: self.statuses(open_, backend=backend), limit_s=_CANCEL_S, poll_s=_POLL_S
        )

    def kept(self) -> Mapping[str, Kept]:
        """The arrays, but for the circuits; other state folders may have theirs there, too."""
        return {set_tag: Kept(size) for set_tag, size in self._shared.sizes().items()}

    def forget(self, set_tag: str, job_ids: Sequence[str]) -> int:
        """Remove the arrays of a set, and circuits that no other is run from."""
        try:
            return self._shared.forget(set_tag)
        except OSError as error:
            raise ProviderError(
                f"cannot remove in {self._shared.arrays}: {error.strerror}"
            ) from error

    def _known(self, job_id: str) -> tuple[Array, int]:
        array, task = task_of(self._shared.by_name(), job_id)
        if array is None:
            raise ProviderError(f"there is no job {job_id} in {self._shared.arrays}")
        return array, task


def _shortened(arrays: Mapping[str, Array], job_ids: Sequence[str]) -> list[str]:
    """The tasks as scancel takes them: an array by its own id, if it is all of it."""
    tasks: dict[str, list[str]] = {}
    for job_id in job_ids:
        name, _, number = job_id.partition("_")
        tasks.setdefault(name, []).append(number)
    words: list[str] = []
    for name, numbers in tasks.items():
        called = arrays[name].slurm_id
        whole = len(numbers) == len(arrays[name].tasks)
        words += [called] if whole else [f"{called}_{number}" for number in numbers]
    return words
