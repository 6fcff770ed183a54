"""Circuits on a cluster: each slice is a task of a job array, and leaves its own outcome."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property

from qjobs import files, paths, spans
from qjobs.circuits.slices import CircuitSlice
from qjobs.contract import (
    UNDATED,
    BackendInfo,
    CancelOutcome,
    Capabilities,
    FailedPart,
    JobDetails,
    JobTimes,
    Limits,
    Names,
    ProviderContext,
    RemoteJob,
    Submission,
)
from qjobs.errors import (
    JobRefused,
    NoneAccepted,
    NotNow,
    ProviderError,
    QjobsError,
    ResultGone,
    UnknownBackend,
    UsageError,
)
from qjobs.model import JobStatus, RunOptions
from qjobs.near import near_ones
from qjobs.providers.slurm import commands
from qjobs.providers.slurm.commands import Entry
from qjobs.providers.slurm.settings import ARRAY_LIMIT, SBATCH, Settings, text
from qjobs.providers.slurm.shared import VOID, Array, Shared, new_key
from qjobs.providers.slurm.states import UNHEARD, advice, status
from qjobs.providers.slurm.versions import versions
from qjobs.results import JobResult
from qjobs.simulators import making
from qjobs.simulators import names as backends
from qjobs.simulators.job import SimulatorJob
from qjobs.tags import set_tag_of

_UNSEEN_S = commands.SUBMIT_S + 30.0
"""So long after its submission a task may be missing from what Slurm says."""

_LARGEST_CALL = 1000
_JOBS_WANTED = 32
_CANCEL_S = 5.0
_ASK_AGAIN_S = 2.0
_POLL_S = 0.5
_SCRIPT = """#!/bin/sh
{load}exec {python} -m qjobs.providers.slurm.task {folder}
"""


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

    def capabilities(self, backend: str) -> Capabilities:
        """All that was ever submitted is written down in the shared folder, and found there."""
        name, _ = _parted(backend)
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
        _parted(backend)
        return Limits(
            connections=2, jobs_wanted=_JOBS_WANTED, together=min(self._largest, _LARGEST_CALL)
        )

    @cached_property
    def _largest(self) -> int:
        try:
            return commands.largest_array()
        except ProviderError:  # whoever submits will hear of it
            return _LARGEST_CALL

    def check(self, backend: str, options: RunOptions) -> None:
        """Raise UnknownBackend or UsageError for what no task could run.

        So do options that are neither Aer's nor sbatch's, and a shared folder nobody can write to.
        """
        name, _ = _parted(backend)
        chosen, rest = _split(options)
        for key in rest.extra:
            if key not in backends.RUN_OPTIONS and (near := near_ones(key, [*SBATCH, ARRAY_LIMIT])):
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
        answers: dict[str, str | Exception] = {}
        for job in jobs:
            if begun := self._rule_out(job.tag):
                answers[job.tag] = begun
        left = [job for job in jobs if job.tag not in answers]
        if left:
            answers |= self._submit(left, backend=backend, options=options)
        return [answers[job.tag] for job in jobs]

    def _rule_out(self, tag: str) -> str:
        """The id of the task that has begun with a tag; no other will begin hereafter."""
        for array, task in self._shared.with_tag(tag):
            if not array.take(task, VOID) and not array.is_void(task):
                if not (name := self._name(array, {})):
                    raise NotNow(f"a task of {tag} has begun, but not said its id yet")
                return f"{name}_{task}"
        return ""

    def _submit(
        self, jobs: Sequence[Submission], *, backend: str, options: RunOptions
    ) -> dict[str, str | Exception]:
        name, partition = _parted(backend)
        chosen, rest = _split(options)
        key = new_key(set_tag_of(jobs[0].tag))
        answers: dict[str, str | Exception] = {}
        made: list[SimulatorJob] = []
        tags: list[str] = []
        try:
            for job in jobs:
                task = f"{key}/{len(made)}"
                try:
                    given = self._copied(job.circuits)
                    made.append(making.make_job(task, given, backend=name, options=rest))
                except JobRefused as error:
                    answers[job.tag] = error
                    continue
                tags.append(job.tag)
            if not made:
                return answers
            array = self._shared.begin(
                key, tags, made, backend=backend, versions=versions(),
                created=datetime.now(UTC).isoformat(),
            )  # fmt: skip
            script = array.folder / "script"
            files.create(script, self._script(array).encode())
        except OSError as error:
            raise NoneAccepted(
                f"cannot write in {self._settings.shared}: {error.strerror}",
                hint="make room there, then go on with qjobs resume",
            ) from error
        last = f"{len(tags) - 1}"
        named = {"partition": partition} if partition else {}
        array_id = commands.submit(
            [
                "--parsable", "--no-requeue", f"--array=0-{last}{self._settings.limit(chosen)}",
                f"--comment={key}", f"--job-name={set_tag_of(tags[0])}",
                f"--output={array.folder}/%a.log", f"--chdir={array.folder}",
                *self._settings.words({**named, **chosen}), str(script),
            ]
        )  # fmt: skip
        try:
            array.tell(array_id)
            name = self._shared.name_of(array)
        except OSError as error:  # Slurm can tell, and so will the first task
            raise ProviderError(f"cannot write in {array.folder}: {error.strerror}") from error
        return answers | {tag: f"{name}_{task}" for task, tag in enumerate(tags)}

    def _copied(self, circuits: CircuitSlice) -> CircuitSlice:
        try:
            sweep, observables = circuits.sweep, circuits.observables
            return replace(
                circuits,
                path=self._shared.copy(circuits.path),
                sweep=sweep and sweep._replace(path=self._shared.copy(sweep.path)),
                observables=observables and self._shared.copy(observables),
            )
        except QjobsError as error:
            raise JobRefused(error.message, hint=error.hint) from error

    def _script(self, array: Array) -> str:
        # Imported here: whoever only looks writes no script.
        from shlex import quote

        settings = self._settings
        load = f". /etc/profile\nmodule load {quote(settings.module)}\n" if settings.module else ""
        python = f"{settings.container} {quote(settings.python)}".strip()
        return _SCRIPT.format(load=load, python=python, folder=quote(str(array.folder)))

    def find(self, tag: str, *, backend: str) -> Sequence[str]:
        """The task that carries the tag, by its manifest and what the array is called.

        What nobody wrote down Slurm is asked for, by the comment of the array.
        """
        found = []
        entries: dict[str, str] = {}
        for array, task in self._shared.with_tag(tag):
            if array.is_void(task):
                continue
            if name := self._name(array, entries):
                found.append(f"{name}_{task}")
        return found

    def _name(self, array: Array, known: dict[str, str]) -> str:
        """What the ids of its tasks begin with; empty if there is no such array.

        What Slurm knows is asked for once, and `known` then.
        """
        if not array.slurm_id:
            if not known:
                known[""] = ""
                known |= {entry.comment: entry.array for entry in commands.queue()}
            if array.key not in known:
                return ""
            try:
                array.tell(known[array.key])
            except OSError as error:
                raise ProviderError(f"cannot write in {array.folder}: {error.strerror}") from error
        return self._shared.name_of(array)

    def jobs_of(self, set_tag: str, *, backend: str) -> Sequence[RemoteJob]:
        """The tasks of a set; how they are is left to `statuses`."""
        jobs = []
        known: dict[str, str] = {}
        for array in self._shared.of_set(set_tag):
            if array.manifest.get("backend") != backend or not (name := self._name(array, known)):
                continue
            created = _time(array.manifest.get("created"))
            jobs += [
                RemoteJob(f"{name}_{task}", backend, created, JobStatus.QUEUED, (tag, set_tag))
                for tag, task in array.tasks.items()
                if not array.is_void(task)
            ]
        return jobs

    def statuses(self, job_ids: Sequence[str], *, backend: str) -> Mapping[str, JobStatus]:
        """What the tasks left themselves, and one question to Slurm for all others."""
        arrays = self._shared.by_name()
        found: dict[str, JobStatus] = {}
        for job_id in job_ids:
            if (ended := _ended(arrays, job_id)) is not None:
                found[job_id] = ended
        left = [job_id for job_id in job_ids if job_id not in found]
        if not left:
            return found
        # By their comments: what Slurm calls an array, another may have been called before.
        entries = {(entry.comment, entry.task): entry for entry in self._ask()}
        gone = []
        for job_id in left:
            array, task = _task(arrays, job_id)
            if array is not None and (array.key, str(task)) not in entries and "@" not in job_id:
                gone.append(job_id)
        told = {(entry.array, entry.task): entry for entry in commands.accounted(gone)}
        now_s = time.time()
        for job_id in left:
            array, task = _task(arrays, job_id)
            if array is None:
                found[job_id] = JobStatus.UNKNOWN
                continue
            entry = entries.get((array.key, str(task))) or told.get((array.slurm_id, str(task)))
            # Once more: it may have ended since.
            ended = _ended(arrays, job_id)
            found[job_id] = ended or self._status(array, task, entry, now_s)
        return found

    def _status(self, array: Array, task: int, entry: Entry | None, now_s: float) -> JobStatus:
        """How a task is that has left no outcome, by Slurm's word and by its own signs of life."""
        heard_s = array.silent_s(task, now_s)
        lives = heard_s is not None and heard_s < self._settings.silent_s
        if entry is None:
            if lives:
                return JobStatus.RUNNING
            if now_s - _time(array.manifest.get("created")).timestamp() < _UNSEEN_S:
                return JobStatus.QUEUED
            entry = Entry("", "", UNHEARD, "", "")
        now = status(entry.state)
        if now is JobStatus.RUNNING:
            silence_s = entry.ran_s if heard_s is None else heard_s
            return JobStatus.UNKNOWN if silence_s > self._settings.silent_s else now
        if now is JobStatus.DONE:  # perhaps the file system has not shown its outcome yet
            now = JobStatus.RUNNING if lives else JobStatus.ERROR
        if now.final:
            array.keep_ending(task, entry.state)
        return now

    def details(self, job_id: str, *, backend: str) -> JobDetails:
        """When it was submitted, when it began and ended, and when Slurm believes it will begin."""
        array, task = _task(self._shared.by_name(), job_id)
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

    def times(self, job_ids: Sequence[str], *, backend: str) -> Mapping[str, JobTimes]:
        """By what the tasks left themselves; else what Slurm has just said, which has no places."""
        arrays = self._shared.by_name()
        entries: dict[tuple[str, str], Entry] | None = None
        found = {}
        for job_id in job_ids:
            array, task = _task(arrays, job_id)
            if array is None:
                continue
            if (outcome := array.outcome(task)) is not None:
                started, ended = (outcome.get(key) for key in ("started", "finished"))
                found[job_id] = JobTimes(_at(started), _at(ended))
                continue
            if entries is None:
                entries = {(entry.comment, entry.task): entry for entry in self._asked()}
            if entry := entries.get((array.key, str(task))):
                found[job_id] = times_of(entry)
        return found

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
            array, task = _task(arrays, job_id)
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
        ours = [job_id for job_id in job_ids if _task(arrays, job_id)[0] is not None]
        open_ = [job_id for job_id in ours if not before[job_id].final]
        if open_:
            commands.cancel(_shortened(arrays, open_))
        after = dict(before)
        until = time.monotonic() + _CANCEL_S
        while open_:
            after |= self.statuses(open_, backend=backend)
            if all(after[job_id].final for job_id in open_) or time.monotonic() > until:
                break
            time.sleep(_POLL_S)
        return {job_id: _outcome(before[job_id], after[job_id]) for job_id in job_ids}

    def _known(self, job_id: str) -> tuple[Array, int]:
        array, task = _task(self._shared.by_name(), job_id)
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


def _parted(backend: str) -> tuple[str, str]:
    """The backend of `local`, and the partition. Raises UnknownBackend."""
    name, at, partition = backend.partition("@")
    if at and not partition:
        raise UnknownBackend(f"no partition behind the @ of {backend!r}")
    backends.check_backend(name)
    return name, partition


def _split(options: RunOptions) -> tuple[dict[str, str], RunOptions]:
    """The options that are sbatch's, and those that are not."""
    ours = {*SBATCH, ARRAY_LIMIT}
    named = {key.replace("-", "_"): value for key, value in options.extra.items()}
    chosen = {key: text(value) for key, value in named.items() if key in ours}
    rest = {key: value for key, value in named.items() if key not in ours}
    return chosen, replace(options, extra=rest)


def _task(arrays: Mapping[str, Array], job_id: str) -> tuple[Array | None, int]:
    name, _, task = job_id.partition("_")
    array = arrays.get(name)
    if array is None or not task.isdecimal() or int(task) >= len(array.tasks):
        return None, 0
    return array, int(task)


def _ended(arrays: Mapping[str, Array], job_id: str) -> JobStatus | None:
    """How a task ended, by what it or somebody who asked Slurm has left."""
    array, task = _task(arrays, job_id)
    if array is None:
        return None
    if (outcome := array.outcome(task)) is not None:
        return JobStatus.ERROR if outcome["message"] else JobStatus.DONE
    if ending := array.ending(task):
        now = status(ending)
        return JobStatus.ERROR if now is JobStatus.DONE or not now.final else now
    return None


def times_of(entry: Entry) -> JobTimes:
    """What Slurm says of a task; its times have no zone, and are local."""
    try:
        start = datetime.fromisoformat(entry.start).astimezone(UTC)
    except (ValueError, OverflowError):
        return JobTimes()
    now = status(entry.state)
    if not now.final:
        waits = now is JobStatus.QUEUED
        return JobTimes(estimated_start=start) if waits else JobTimes(started=start)
    # Of one that was cancelled while it waited, Slurm has it start when it ended.
    end = start + timedelta(seconds=entry.ran_s)
    return JobTimes(start if entry.ran_s else None, end)


def _at(seconds: object) -> datetime | None:
    """A time that a task wrote down."""
    try:
        return datetime.fromtimestamp(float(str(seconds)), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _outcome(before: JobStatus, after: JobStatus) -> CancelOutcome:
    if before.final:
        return CancelOutcome.ALREADY_FINAL
    if before is JobStatus.UNKNOWN and after is JobStatus.UNKNOWN:
        return CancelOutcome.REFUSED
    if after is JobStatus.CANCELLED:
        return CancelOutcome.CANCELLED
    return CancelOutcome.ALREADY_FINAL if after.final else CancelOutcome.REQUESTED


def _time(written: object) -> datetime:
    try:
        return datetime.fromisoformat(str(written))
    except ValueError:
        return UNDATED
