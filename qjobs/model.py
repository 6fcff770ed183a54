"""The values that every floor speaks of: slices, job sets, jobs and their states.

All of them are frozen, and a wrong one cannot be built. What needs no check, and is only
compared with its like, is a named tuple, here and above: a dataclass costs a millisecond
when it is imported, and commands that only look import two dozen.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from math import inf
from typing import NamedTuple, TypeAlias

from qjobs import tags

Scalar: TypeAlias = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Slice:
    """The circuits `start_index` to `start_index + experiments_count - 1` of a set."""

    start_index: int
    experiments_count: int

    def __post_init__(self) -> None:
        if self.start_index < 0 or self.experiments_count < 1:
            raise ValueError(f"not a slice: {self.start_index}, {self.experiments_count}")

    @property
    def end_index(self) -> int:
        """The index of the last circuit, inclusive."""
        return self.start_index + self.experiments_count - 1

    def __str__(self) -> str:
        return f"{self.start_index}-{self.end_index}"


class Source(NamedTuple):
    """The file that a run of circuits, from `start_index` on, came from.

    `path` is the file as the user named it, `sha256` that of its bytes on disk, in
    hexadecimal. If only some of its circuits were chosen, `first` is the position of the first of
    the run in the file, from 0, and `step` that from each to the next; otherwise `first` is None.
    """

    path: str
    sha256: str
    format: str
    start_index: int
    experiments_count: int
    first: int | None = None
    step: int = 1

    def position(self, record: int) -> int:
        """The position in the file of a circuit, which is given by its index."""
        return (self.first or 0) + self.step * (record - self.start_index)

    @property
    def word(self) -> str:
        """What names just these circuits on a command line."""
        if self.first is None:
            return self.path
        last = self.first + self.step * (self.experiments_count - 1)
        span = str(self.first) if last == self.first else f"{self.first}-{last}"
        return f"{self.path}:{span}{f':{self.step}' if self.step > 1 else ''}"


_TOO_LARGE = 2**63
"""The numbers of TOML are smaller."""
PACE = "submits_per_minute"
"""The run option that says how a set is submitted, not how it runs."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How the circuits of a set are to be run.

    `shots` counts repetitions of each circuit. `seed` None leaves randomness to the backend.
    `optimization_level` is Qiskit's, 0 to 3. `precision` is the standard error asked of
    expectation values; None is that of `shots`. `extra` holds the backend's own run options.
    """

    shots: int = 1024
    seed: int | None = None
    memory: bool = False
    optimization_level: int = 1
    precision: float | None = None
    extra: Mapping[str, Scalar] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, kind, value in (
            ("shots", int, self.shots),
            ("seed", int, 0 if self.seed is None else self.seed),
            ("memory", bool, self.memory),
            ("optimization_level", int, self.optimization_level),
        ):
            if type(value) is not kind or not -_TOO_LARGE <= value < _TOO_LARGE:
                wanted = "True or False" if kind is bool else "a whole number of at most 64 bits"
                raise ValueError(f"{name} is {wanted}, not {value!r}")
        if self.shots < 1:
            raise ValueError(f"shots must be at least 1, not {self.shots}")
        if self.optimization_level not in range(4):
            raise ValueError(f"the optimization level is 0 to 3, not {self.optimization_level}")
        if self.precision is not None and not 0 <= self.precision < inf:
            raise ValueError(f"the precision must be a number from 0 on, not {self.precision}")

    @property
    def pace(self) -> str:
        """How many submissions a minute the set is sent with, as text; empty if it does not say."""
        return str(self.extra.get(PACE, ""))


class Destination(NamedTuple):
    """Where a set runs: on a backend of a provider, and at whose expense.

    `account` and `instance` are names of the provider's; empty is the user's usual place. `pace`
    is a number of submissions a minute, written out; empty is the provider's own.
    """

    provider: str
    backend: str = ""
    account: str = ""
    instance: str = ""
    pace: str = ""

    def __str__(self) -> str:
        return f"{self.provider}:{self.backend}" if self.backend else self.provider

    @property
    def settings(self) -> dict[str, str]:
        """The settings that the provider is opened with, before those of the user."""
        chosen = {"account": self.account, "instance": self.instance, PACE: self.pace}
        return {name: value for name, value in chosen.items() if value}


class Session(NamedTuple):
    """A session or a batch that was opened for jobs of a set.

    `closed` is when it was told to take no more jobs; None if nobody is known to have done that.
    """

    session_id: str
    opened: datetime
    closed: datetime | None = None


@dataclass(frozen=True, slots=True)
class JobSet:
    """All that one `submit` planned. Its slices cover its circuits once, in order.

    The circuits are numbered from `start_index` on, which is not 0 where a program numbers the
    circuits of several sets; these have the same `program`, an id of 12 hexadecimal digits.
    Where there are `parameters`, each circuit of the files runs `bindings` times, with one row
    of values of these parameters after the other, and each of these counts as a circuit of
    the set. `observables` counts the observables whose expectation values are asked for.
    `recovered` says that the plan was pieced together from the jobs at the provider. The sha256
    are those of the files with what was planned, empty where that is not known. `account`
    and `instance` are the provider's names for where they are; empty is the user's usual place.
    `instance_name` and `plan` are what the instance was called, and how it was paid for.
    `owner` is somebody else whose jobs these are, by the provider's name; empty as a rule.
    `provider_name` and `backend_name` are what these call themselves, if that is something else,
    and `versions` those of the packages that the set was made with, by their names.
    """

    set_id: str
    name: str
    created: datetime
    provider: str
    backend: str
    circuits: int
    slices: tuple[Slice, ...]
    options: RunOptions = RunOptions()
    account: str = ""
    instance: str = ""
    tags: tuple[str, ...] = ()
    fingerprint: str = ""
    parameters: tuple[str, ...] = ()
    bindings: int = 1
    observables: int = 0
    recovered: bool = False
    circuits_sha256: str = ""
    parameters_sha256: str = ""
    observables_sha256: str = ""
    start_index: int = 0
    program: str = ""
    instance_name: str = ""
    plan: str = ""
    owner: str = ""
    provider_name: str = ""
    backend_name: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        expected = self.start_index
        for part in self.slices:
            if part.start_index != expected:
                raise ValueError(f"slice {part} does not follow circuit {expected - 1}")
            expected += part.experiments_count
        held = expected - self.start_index
        if self.start_index < 0 or held != self.circuits:
            raise ValueError(f"the slices hold {held} circuits, the set {self.circuits}")
        if self.bindings < 1 or self.circuits % self.bindings:
            raise ValueError(f"{self.circuits} circuits of {self.bindings} bindings each")

    @property
    def destination(self) -> Destination:
        """Where the set runs."""
        return Destination(
            self.provider, self.backend, self.account, self.instance, self.options.pace
        )

    @property
    def indices(self) -> range:
        """The indices of its circuits."""
        return range(self.start_index, self.start_index + self.circuits)

    def stored(self, part: Slice) -> Slice:
        """Where circuits of the set are among those that are on the disk."""
        return Slice(part.start_index - self.start_index, part.experiments_count)

    @property
    def tag(self) -> str:
        """The label that all provider jobs of the set share."""
        return tags.set_tag(self.set_id)

    @property
    def labels(self) -> tuple[str, ...]:
        """The user's labels, once each: the set's tags, and its name."""
        return tuple(dict.fromkeys(filter(None, (*self.tags, self.name))))

    def job_tag(self, job: int, attempt: int) -> str:
        """The label of one attempt at one job: no two provider jobs should carry it."""
        return str(tags.JobTag(self.tag, job, attempt))


class JobStatus(StrEnum):
    """The status of a job at its provider, in Qiskit's words; UNKNOWN is a word we do not know."""

    INITIALIZING = "INITIALIZING"
    QUEUED = "QUEUED"
    VALIDATING = "VALIDATING"
    RUNNING = "RUNNING"
    DONE = "DONE"
    ERROR = "ERROR"
    CANCELLED = "CANCELLED"
    UNKNOWN = "UNKNOWN"

    @property
    def final(self) -> bool:
        """Whether a job that says this will never say anything else."""
        return self in _FINAL


_FINAL = (JobStatus.DONE, JobStatus.ERROR, JobStatus.CANCELLED)


# The states of one attempt at a job. Each outcome has its own type, so that `None` never
# means two things.


@dataclass(frozen=True, slots=True)
class Planned:
    """Nothing was sent."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """Cancelled before anything was sent.

    Or, if it has a `tag`, of a call that may have come to a job, and nobody can tell.
    """

    tag: str = ""


@dataclass(frozen=True, slots=True)
class Attempted:
    """A call was about to be made at `at`; its outcome is unknown, and why, if it was told."""

    tag: str
    at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """The call failed for sure; the provider has no job."""

    message: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider has the job; ask it for the status."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The job ended and is never asked about again. `status` is final."""

    job_id: str
    status: JobStatus
    message: str = ""

    def __post_init__(self) -> None:
        if not self.status.final:
            raise ValueError(f"{self.status} is not a final status")


JobState: TypeAlias = Planned | Dropped | Attempted | Refused | Accepted | Finished


GONE = "the results are gone"
"""With this begins the reason of circuits that did give something, which cannot be had any more."""


class Failed(NamedTuple):
    """The circuits that gave nothing in a job that is DONE, and what the first one says."""

    circuits: tuple[Slice, ...] = ()
    reason: str = ""

    @property
    def gone(self) -> bool:
        """Whether the reason is that of all of them: the provider has no results any more."""
        return self.reason.startswith(GONE)


class Attempt(NamedTuple):
    """One try to have a slice run. `duplicates` are ids of provider jobs nobody asked for.

    `failed` is None while nobody has said which of its circuits have. It is `withdrawn` if it was
    cancelled while a call was in flight: what comes of that is to be cancelled, too. It was
    `submitted` when its job id became known, `started` to run, and was `finished`, whichever end
    that was: by the word of the provider, or else when it was heard of. None is what has not
    happened yet, or nobody has told.
    """

    number: int
    state: JobState = Planned()
    duplicates: tuple[str, ...] = ()
    failed: Failed | None = None
    withdrawn: bool = False
    submitted: datetime | None = None
    started: datetime | None = None
    finished: datetime | None = None

    @property
    def job_ids(self) -> tuple[str, ...]:
        """The ids of its provider jobs, its own first."""
        own = (self.state.job_id,) if isinstance(self.state, Accepted | Finished) else ()
        return (*own, *self.duplicates)


@dataclass(frozen=True, slots=True)
class Job:
    """A managed job: one slice and its attempts, the newest last.

    `larger_slices` are those it had before it was split, each after its last attempt's number.
    `retried` are circuits that failed although it is DONE, and that newer jobs run.
    """

    index: int
    slice: Slice
    attempts: tuple[Attempt, ...] = (Attempt(1),)
    larger_slices: tuple[tuple[int, Slice], ...] = ()
    retried: tuple[Slice, ...] = ()

    @property
    def attempt(self) -> Attempt:
        """The newest attempt."""
        return self.attempts[-1]

    def slice_of(self, attempt: Attempt) -> Slice:
        """The circuits that one of the attempts was to run."""
        earlier = (part for last, part in self.larger_slices if attempt.number <= last)
        return next(earlier, self.slice)

    @property
    def duplicates(self) -> tuple[str, ...]:
        """The ids of provider jobs nobody asked for, of all attempts."""
        return tuple(job_id for attempt in self.attempts for job_id in attempt.duplicates)

    @property
    def job_ids(self) -> tuple[str, ...]:
        """The ids of all its provider jobs, of all attempts."""
        states = (attempt.state for attempt in self.attempts)
        own = (state.job_id for state in states if isinstance(state, Accepted | Finished))
        return (*own, *self.duplicates)

    @property
    def unwanted(self) -> tuple[str, ...]:
        """The ids of provider jobs that may run besides that of the newest attempt."""
        earlier = (attempt.state for attempt in self.attempts[:-1])
        live = (state.job_id for state in earlier if isinstance(state, Accepted))
        return (*live, *self.duplicates)

    @property
    def state(self) -> JobState:
        """Where the newest attempt stands."""
        return self.attempts[-1].state
