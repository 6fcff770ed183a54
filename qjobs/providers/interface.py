"""The contract between qjobs and whatever runs circuits: `Provider` and the values it speaks.

A provider is a plug-in in the entry-point group `qjobs.providers`: a callable that takes a
`ProviderContext` and returns a `Provider`. Foreign errors become `qjobs.errors` here, raised
`from` the original, and nothing outside a provider's own package knows its client.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, TypeAlias

from qjobs.circuits.slices import CircuitSlice
from qjobs.model import JobStatus, RunOptions
from qjobs.results import JobResult


class ProviderContext(NamedTuple):
    """What a provider is built from: a folder of its own, and the user's settings for it.

    These are values of the config file, and texts of the environment.
    """

    folder: Path
    settings: Mapping[str, Any] = MappingProxyType({})


class Capabilities(NamedTuple):
    """What a provider can do; None of it changes while the process lives.

    `finds`: `find` answers for every job this provider ever accepted. `settle_s`: seconds
    after which a job that was accepted is sure to be found. `polls_s`: the first and the
    longest pause between two questions for the status of unfinished jobs. `estimates`: jobs
    with observables are run, and their results hold expectation values.
    """

    finds: bool
    cancels: bool = True
    estimates: bool = False
    settle_s: float = 0.0
    polls_s: tuple[float, float] = (1.0, 30.0)


class Limits(NamedTuple):
    """What one job, and one user, may ask of a backend. None is no limit.

    `executions` is circuits times shots. `jobs_wanted` is how many jobs a set is best cut
    into when the user does not say: enough to keep the backend busy and progress visible.
    `connections` is how many threads may call the provider at once.
    """

    circuits: int | None = None
    executions: int | None = None
    size_bytes: int | None = None
    pending_jobs: int | None = None
    submits_per_minute: float | None = None
    connections: int = 4
    jobs_wanted: int = 1


class BackendInfo(NamedTuple):
    """One device or simulator: the name after the colon in `provider:backend`."""

    name: str
    description: str = ""
    qubits: int | None = None
    simulator: bool = True


class CancelOutcome(StrEnum):
    """What became of one request to cancel."""

    CANCELLED = "cancelled"
    REQUESTED = "requested"  # the provider took the request; the job is not stopped yet
    ALREADY_FINAL = "already final"
    NOT_SUPPORTED = "not supported"
    REFUSED = "refused"


class Provider(Protocol):
    """Runs slices of circuits somewhere. Job ids are opaque text, the provider's own.

    `backend` is always the one that the jobs concerned were submitted to: a set has only one.

    Every method may be called from several threads at once, at most `Limits.connections`.
    Every method may raise `ProviderError` (the provider failed) and `AuthError`; every call
    comes back within a bounded time. No method retries what could make a second job.
    """

    def capabilities(self, backend: str) -> Capabilities:
        """What this provider can do on a backend. Costs nothing. Raises UnknownBackend."""

    def backends(self) -> Sequence[BackendInfo]:
        """The backends that the user may name."""

    def limits(self, backend: str) -> Limits:
        """The limits of a backend. Raises UnknownBackend, naming near ones."""

    def check(self, backend: str, options: RunOptions) -> None:
        """Raise UnknownBackend or UsageError if no job could run so; called before any submit."""

    def submit(self, circuits: CircuitSlice, *, backend: str, options: RunOptions, tag: str) -> str:
        """Hand one slice over and return the job id. The job carries `tag`.

        Raises a NotAccepted (JobRefused, TooLarge, NotNow, AuthError) where the provider
        surely has no job of this call; any other ProviderError means that it may have one.
        """

    def find(self, tag: str, *, backend: str) -> Sequence[str]:
        """The ids of all jobs that carry the tag, the oldest first.

        A provider that cannot search says so in its capabilities, and gives what it happens to
        know.
        """

    def statuses(self, job_ids: Sequence[str], *, backend: str) -> Mapping[str, JobStatus]:
        """The status of each job, in as few calls as the provider allows.

        A job that the provider does not know is UNKNOWN, as is a word that we do not know.
        """

    def result(self, job_id: str, *, backend: str) -> JobResult:
        """What a DONE job measured, one result a circuit, in the order of its slice.

        Raises ProviderError if the job is not DONE or its result is gone.
        """

    def error_message(self, job_id: str, *, backend: str) -> str:
        """Why a job ended in ERROR or CANCELLED, in the provider's words; empty if it is silent."""

    def cancel(self, job_ids: Sequence[str], *, backend: str) -> Mapping[str, CancelOutcome]:
        """Ask for jobs to be stopped; one outcome a job. Cancelling twice is no error."""


ProviderFactory: TypeAlias = Callable[[ProviderContext], Provider]
