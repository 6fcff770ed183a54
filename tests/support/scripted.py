"""A provider in memory that does what a script says and counts what it is asked, and its sets."""

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from qjobs.circuits.slices import CircuitSlice
from qjobs.contract import (
    BackendInfo,
    CancelOutcome,
    Capabilities,
    FailedPart,
    Limits,
    Submission,
)
from qjobs.engine.address import Target
from qjobs.errors import (
    AuthError,
    JobRefused,
    NotAccepted,
    PendingLimit,
    ProviderError,
    RateLimited,
    ResultGone,
    TooLarge,
)
from qjobs.model import JobStatus, RunOptions
from qjobs.results import CircuitResult, JobResult
from qjobs.spans import runs_of
from qjobs.store.folder import SetFolder


class Killed(BaseException):
    """The process dies here, as far as the code under test can tell."""


class Answer(Enum):
    """What one submit call does."""

    ACCEPT = auto()
    REFUSE = auto()
    TOO_LARGE = auto()
    NOT_NOW = auto()
    NO_CREDENTIALS = auto()
    LOSE_THE_CALL = auto()  # nothing arrives, the client sees an error
    LOSE_THE_ANSWER = auto()  # the job is accepted, the client sees an error
    ACCEPT_TWICE = auto()  # a client library sent the call again; the client sees an error
    LEAK = auto()  # the plug-in lets a foreign error through after accepting
    DIE_BEFORE = auto()
    DIE_AFTER = auto()


_TURNED_AWAY: dict[Answer, Callable[[], BaseException]] = {
    Answer.REFUSE: lambda: JobRefused("the device is closed"),
    Answer.TOO_LARGE: lambda: TooLarge("the job is too large"),
    Answer.NOT_NOW: lambda: RateLimited("too many requests", retry_after_s=0.001),
    Answer.NO_CREDENTIALS: lambda: AuthError("who are you?"),
    Answer.LOSE_THE_CALL: lambda: ProviderError("no route to host"),
    Answer.DIE_BEFORE: Killed,
}


@dataclass
class RemoteJob:
    """A job on the provider's side."""

    job_id: str
    tag: str
    circuits: int
    shots: int
    status: JobStatus = JobStatus.QUEUED
    message: str = ""
    start_index: int = 0
    blank: frozenset[int] = frozenset()  # circuits that failed though it is DONE


@dataclass
class ScriptedProvider:
    """Every submit takes the next answer of `script`; after its end all are accepted."""

    script: deque[Answer] = field(default_factory=deque)
    finds: bool = True
    remembers: bool = False  # what it does not promise to find, it may still know
    settle_s: float = 0.0
    connections: int = 1
    most_circuits: int | None = None  # not stated: a larger job is refused
    submits_per_minute: float | None = None
    cancels: bool = True
    reachable: bool = True
    gone: set[str] = field(default_factory=set)  # jobs whose results were deleted
    blank: set[int] = field(default_factory=set)  # circuits that fail though their job is DONE
    jobs: dict[str, RemoteJob] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    meanwhile: list[Callable[[], None]] = field(default_factory=list)  # one a submit call
    lock: threading.Lock = field(default_factory=threading.Lock)

    def capabilities(self, backend: str) -> Capabilities:
        return Capabilities(finds=self.finds, settle_s=self.settle_s, polls_s=(0.001, 0.01))

    def backends(self) -> Sequence[BackendInfo]:
        return [BackendInfo("device")]

    def limits(self, backend: str) -> Limits:
        return Limits(connections=self.connections, submits_per_minute=self.submits_per_minute)

    def check(self, backend: str, options: RunOptions) -> None:
        return

    def submit(self, circuits: CircuitSlice, *, backend: str, options: RunOptions, tag: str) -> str:
        with self.lock:
            self.calls.append(f"submit {tag}")
            answer = self.script.popleft() if self.script else Answer.ACCEPT
            if self.meanwhile:
                self.meanwhile.pop(0)()
            if answer in _TURNED_AWAY:
                fail = _TURNED_AWAY[answer]
                raise fail()
            if self.most_circuits and circuits.slice.experiments_count > self.most_circuits:
                if answer is Answer.DIE_AFTER:
                    raise Killed
                raise TooLarge(f"a job may have {self.most_circuits} circuits")
            count = 2 if answer is Answer.ACCEPT_TWICE else 1
            job_id = ""
            for _ in range(count):
                job_id = f"remote-{len(self.jobs)}"
                self.jobs[job_id] = RemoteJob(
                    job_id, tag, circuits.slice.experiments_count, options.shots,
                    start_index=circuits.slice.start_index,
                )  # fmt: skip
            match answer:
                case Answer.LOSE_THE_ANSWER | Answer.ACCEPT_TWICE:
                    raise ProviderError("connection reset")
                case Answer.LEAK:
                    raise KeyError("backend")
                case Answer.DIE_AFTER:
                    raise Killed
                case _:
                    return job_id

    def find(self, tag: str, *, backend: str = "") -> Sequence[str]:
        self.calls.append(f"find {tag}")
        self._reach()
        if not (self.finds or self.remembers):
            return []
        return [job.job_id for job in self.jobs.values() if job.tag == tag]

    def statuses(self, job_ids: Sequence[str], *, backend: str = "") -> Mapping[str, JobStatus]:
        self.calls.append(f"statuses {' '.join(job_ids)}")
        self._reach()
        return {
            job_id: self.jobs[job_id].status if job_id in self.jobs else JobStatus.UNKNOWN
            for job_id in job_ids
        }

    def result(self, job_id: str, *, backend: str = "") -> JobResult:
        self.calls.append(f"result {job_id}")
        self._reach()
        job = self.jobs[job_id]
        if job.status is not JobStatus.DONE:
            raise ProviderError(f"{job_id} is not done")
        if job_id in self.gone:
            raise ResultGone(f"{job_id} was deleted")
        return JobResult.of(
            CircuitResult(job.shots, None, 0, message=f"{index} is blank")
            if index in self.blank | job.blank
            else CircuitResult(shots=job.shots, counts={hex(index): job.shots}, clbits=8)
            for index in range(job.start_index, job.start_index + job.circuits)
        )

    def error_message(self, job_id: str, *, backend: str = "") -> str:
        self.calls.append(f"error_message {job_id}")
        self._reach()
        return self.jobs[job_id].message

    def was_too_large(self, message: str) -> bool:
        return "over the limit" in message

    def cancel(self, job_ids: Sequence[str], *, backend: str = "") -> Mapping[str, CancelOutcome]:
        self.calls.append(f"cancel {' '.join(job_ids)}")
        self._reach()
        outcomes = {}
        for job_id in job_ids:
            job = self.jobs[job_id]
            if not self.cancels:
                outcomes[job_id] = CancelOutcome.NOT_SUPPORTED
            elif job.status.final:
                outcomes[job_id] = CancelOutcome.ALREADY_FINAL
            else:
                job.status = JobStatus.CANCELLED
                outcomes[job_id] = CancelOutcome.CANCELLED
        return outcomes

    def finish(self, status: JobStatus = JobStatus.DONE, message: str = "") -> None:
        """Let every unfinished job end."""
        for job in self.jobs.values():
            if not job.status.final:
                job.status, job.message = status, message

    def _reach(self) -> None:
        if not self.reachable:
            raise ProviderError("no route to host")


@dataclass
class TogetherProvider(ScriptedProvider):
    """Takes several jobs in one call. An answer of the script is for one of them, or `for_all`."""

    together: int = 3
    pending_jobs: int | None = None  # unfinished ones: a call with more is not taken
    stated: bool = True  # whether that is told
    for_all: bool = False

    def limits(self, backend: str) -> Limits:
        most = self.pending_jobs if self.stated else None
        return super().limits(backend)._replace(together=self.together, pending_jobs=most)

    def submit_together(
        self, jobs: Sequence[Submission], *, backend: str, options: RunOptions
    ) -> Sequence[str | Exception]:
        self.calls.append(f"submit {len(jobs)}")
        live = sum(not job.status.final for job in self.jobs.values())
        if self.pending_jobs and live + len(jobs) > self.pending_jobs:
            raise PendingLimit("too many jobs", retry_after_s=0.001)
        answer = self.script[0] if self.for_all and self.script else Answer.ACCEPT
        if answer is not Answer.ACCEPT:
            self.script.extendleft([answer] * (len(jobs) - 1))
        answers: list[str | Exception] = []
        for circuits, tag in jobs:
            try:
                answers.append(self.submit(circuits, backend=backend, options=options, tag=tag))
            except Exception as error:  # noqa: BLE001 - as a plug-in would
                answers.append(error)
        errors = [error for error in answers if isinstance(error, Exception)]
        if answer is not Answer.ACCEPT:
            raise max(errors, key=lambda error: not isinstance(error, NotAccepted))
        return answers


@dataclass
class MovingProvider(ScriptedProvider):
    """Knows how many circuits of its jobs have been run."""

    circuits_have_run: dict[str, int] = field(default_factory=dict)

    def circuits_run(self, job_ids: Sequence[str], *, backend: str = "") -> Mapping[str, int]:
        self.calls.append(f"circuits_run {' '.join(job_ids)}")
        self._reach()
        return self.circuits_have_run


@dataclass
class TellingProvider(ScriptedProvider):
    """Knows which circuits failed without anybody reading its results."""

    def failed_circuits(
        self, job_ids: Sequence[str], *, backend: str = ""
    ) -> Mapping[str, FailedPart]:
        self.calls.append(f"failed_circuits {' '.join(job_ids)}")
        self._reach()
        told = {}
        for job_id in job_ids:
            start = self.jobs[job_id].start_index
            failed = self.blank | self.jobs[job_id].blank
            blank = sorted(failed & {*range(start, start + self.jobs[job_id].circuits)})
            if blank:
                runs = runs_of(index - start for index in blank)
                told[job_id] = FailedPart(runs, f"{blank[0]} is blank")
        return told


def whole(folder: SetFolder) -> Target:
    """All circuits of a set, and so all jobs."""
    return Target(folder, range(folder.job_set.circuits))
