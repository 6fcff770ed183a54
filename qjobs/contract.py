"""The contract between qjobs and whatever runs circuits: `Provider` and the values it speaks.

A provider is a plug-in in the entry-point group `qjobs.providers`: a callable that takes a
`ProviderContext` and returns a `Provider`. Foreign errors become `qjobs.errors` here, raised
`from` the original, and nothing outside a provider's own package knows its client.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

from qjobs.model import JobStatus, RunOptions, Scalar, Slice

if TYPE_CHECKING:
    # Nothing but names here, and `cancel` should not load all that reads circuits for them.
    from contextlib import AbstractContextManager

    from qiskit import QuantumCircuit

    from qjobs.circuits.fitting import Judgement
    from qjobs.circuits.slices import CircuitSlice
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
    after the beginning of a call after which a job that came of it is sure to be found: with
    those that the call itself may take. `polls_s`: the first and the
    longest pause between two questions for the status of unfinished jobs. `estimates`: jobs
    with observables are run, and their results hold expectation values. `estimates_remark`: what
    is to be known of these on the backend, a clause, or nothing. `accounts`: the user
    can have several, and instances of them, named by the settings `account` and `instance`.
    `named_options`: those of its run options that are options of the command line, too.
    """

    finds: bool
    cancels: bool = True
    estimates: bool = False
    estimates_remark: str = ""
    settle_s: float = 0.0
    polls_s: tuple[float, float] = (1.0, 30.0)
    accounts: bool = False
    named_options: tuple[str, ...] = ()


class Limits(NamedTuple):
    """What one job, and one user, may ask of a backend. None is no limit.

    `executions` is circuits times shots. `jobs_wanted` is how many jobs a set is best cut
    into when the user does not say: enough to keep the backend busy and progress visible.
    `connections` is how many threads may call the provider at once, `together` how many jobs it
    takes in one call, if it `SubmitsTogether`. `submits_per_minute` counts calls.
    """

    circuits: int | None = None
    executions: int | None = None
    size_bytes: int | None = None
    pending_jobs: int | None = None
    submits_per_minute: float | None = None
    connections: int = 4
    jobs_wanted: int = 1
    together: int = 1


class BackendInfo(NamedTuple):
    """One device or simulator: the name after the colon in `provider:backend`.

    `operational` says whether it takes jobs to run now, `pending_jobs` how many wait for it;
    None if that is not known. `billed`: where it is costs money, and nobody has named that place.
    `pretends`: it runs no circuit, and its results are made up, as a test double's are. `alias`:
    it is one of the others by another name.
    """

    name: str
    description: str = ""
    qubits: int | None = None
    simulator: bool = True
    operational: bool = True
    pending_jobs: int | None = None
    billed: bool = False
    pretends: bool = False
    alias: bool = False


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

    def submit(
        self, circuits: "CircuitSlice", *, backend: str, options: RunOptions, tag: str
    ) -> str:
        """Submit one slice and return the job id. The job carries `tag`.

        Raises a NotAccepted (JobRefused, TooLarge, NotNow, NoneAccepted) where the provider
        surely has no job of this call; any other ProviderError means that it may have one.
        """

    def find(self, tag: str, *, backend: str) -> Sequence[str]:
        """The ids of all jobs that carry the tag, the oldest first.

        Raises NotNow, saying when to ask again, while a job of it may be too new to be found,
        even where others are found already. A provider that cannot search says so in its
        capabilities, and gives what it happens to know.
        """

    def statuses(self, job_ids: Sequence[str], *, backend: str) -> Mapping[str, JobStatus]:
        """The status of each job, in as few calls as the provider allows.

        A job that the provider does not know is UNKNOWN, as is a word that we do not know.
        """

    def result(self, job_id: str, *, backend: str) -> "JobResult":
        """What a DONE job measured, one result a circuit, in the order of its slice.

        Raises ProviderError if the job is not DONE, and ResultGone only where it is sure that
        nobody can have its result any more: then nobody asks again.
        """

    def error_message(self, job_id: str, *, backend: str) -> str:
        """Why a job ended in ERROR or CANCELLED, in the provider's words; empty if it is silent."""

    def cancel(self, job_ids: Sequence[str], *, backend: str) -> Mapping[str, CancelOutcome]:
        """Ask for jobs to be stopped; one outcome a job. Cancelling twice is no error."""


# What follows, a provider may have besides, each by itself.


DEFINITION = "definition"
"""The run option in which a plan records what the user's settings say of the backend."""

TRANSPILE = "transpile"
"""The run option that is false where circuits go to the backend as they are."""


def handed_on(options: RunOptions) -> dict[str, Any]:
    """The `extra` run options that are the backend's own: all but ours."""
    ours = (DEFINITION, TRANSPILE)
    return {name: value for name, value in options.extra.items() if name not in ours}


def chosen(options: RunOptions) -> list[str]:
    """Those of `seed` and `memory` that the user asks for, which not every backend takes."""
    return ["seed"] * (options.seed is not None) + ["memory"] * options.memory


class Plan(NamedTuple):
    """How the circuits of a set are to be run, and what of them fits into one job.

    `options` are those asked for with everything that was chosen for the user. `excess` says
    which limit a slice is over, in words; it is empty if it fits, and so then are smaller ones.
    """

    options: RunOptions
    excess: Callable[[Slice], str]


@runtime_checkable
class Plans(Protocol):
    """Looks at all circuits of a set before it is made."""

    def plan(self, circuits: "CircuitSlice", *, backend: str, options: RunOptions) -> Plan:
        """Plan a set; nothing is submitted. `check` has agreed to the options.

        Raises InputError, naming some, if there are circuits that cannot run so.
        """

    def replan(self, *, backend: str, options: RunOptions) -> Mapping[str, str]:
        """Those of the `extra` options of a set that need other values by now.

        With them, `submit` goes on where it raised Recalibrated.
        """


@runtime_checkable
class Reschedules(Protocol):
    """Has run options that say where jobs run and for how long, and nothing of what they give."""

    def reschedule(
        self, options: RunOptions, changes: Mapping[str, Scalar]
    ) -> Mapping[str, Scalar]:
        """The `extra` options to be recorded of a set, for jobs that are yet to be submitted.

        Asks nobody. Raises UsageError for an option that has a say in what jobs give.
        """


class Instance(NamedTuple):
    """Where the jobs of a set go, and so who pays. What is not known is empty.

    `instance` is what the setting of that name takes, `name` what a person calls it.
    """

    instance: str
    name: str = ""
    plan: str = ""


@runtime_checkable
class Charges(Protocol):
    """Has several places to run jobs, some of which cost money."""

    def place(self, backend: str) -> Instance:
        """Where jobs for a backend go. Raises UnknownBackend.

        Raises UsageError, naming those that there are, if that is billed and nobody named it.
        """


class Names(NamedTuple):
    """What a provider and its backend are called by those who make them; empty if nobody knows.

    `packages` are the distributions that run jobs there; `versions` are those of distributions
    that another environment has.
    """

    provider: str = ""
    backend: str = ""
    packages: Sequence[str] = ()
    versions: Mapping[str, str] = MappingProxyType({})


@runtime_checkable
class Named(Protocol):
    """Knows what it stands for."""

    def names(self, backend: str) -> Names:
        """Of a backend that was checked. Asks nobody."""


@runtime_checkable
class Warns(Protocol):
    """Knows what keeps jobs from running soon."""

    def warnings(self, backend: str) -> Sequence[str]:
        """Clauses for the user to read before anything is submitted: the device is offline, say."""


@runtime_checkable
class Drops(Protocol):
    """Has backends that do not take all that the user may choose."""

    def dropped(self, *, backend: str, options: RunOptions) -> Sequence[str]:
        """Those of the `chosen` options that the backend does not get."""


Judge: TypeAlias = "Callable[[bytes], Sequence[Judgement]]"
"""What tells how a backend would take each circuit of a QPY file."""


@runtime_checkable
class Judges(Protocol):
    """Tells of circuits how a backend would take them, before anything is submitted."""

    def judging(self, *, backend: str) -> "AbstractContextManager[Judge]":
        """What tells it, by the rule of `submit`, for as long as the block lasts, in this thread.

        It raises QjobsError where that cannot be told.
        """


@runtime_checkable
class NamesCode(Protocol):
    """Runs what a backend's name, or the user's config file, says: not for a set of a stranger."""

    def names_code(self, backend: str) -> bool:
        """Whether submitting to a backend has code run that somebody named. Asks nobody."""


@runtime_checkable
class Labels(Protocol):
    """Puts the labels of a `CircuitSlice` on the job, too, as far as there is room."""

    def labels_left_out(self, labels: Sequence[str]) -> Sequence[str]:
        """Those that no job would get. Asks nobody."""


@runtime_checkable
class Prepares(Protocol):
    """Makes a job ready before its turn to be submitted has come."""

    def prepare(
        self, circuits: "CircuitSlice", *, backend: str, options: RunOptions, tag: str
    ) -> Callable[[], str]:
        """What is left of `submit` to be done, which may be done again where no job came of it.

        Nothing is submitted until then. Raises a NotAccepted, or another error, as `submit`.
        """


class Submission(NamedTuple):
    """One job of several that are submitted in one call: its circuits, and the tag it carries."""

    circuits: "CircuitSlice"
    tag: str


@runtime_checkable
class SubmitsTogether(Protocol):
    """Takes several jobs in one call, as a job array: at most `Limits.together`.

    The intent of each is on record before the call, and a death in it is found job by job. Where
    a call is to have one job only, `submit` is called (or `prepare`).
    """

    def submit_together(
        self, jobs: Sequence[Submission], *, backend: str, options: RunOptions
    ) -> Sequence[str | Exception]:
        """Submit jobs; one answer each, in their order: its id, or what `submit` would raise.

        What is raised instead holds for all of them: after a NotAccepted the provider surely has
        none, after another error it may have any. If it is a JobRefused or a PendingLimit, one of
        them or their number may be the cause, so they are submitted again in smaller calls.
        """


@runtime_checkable
class OpensSessions(Protocol):
    """Runs the jobs that are submitted together in a session or a batch of their own.

    Its id is on record before the first job gets it, as `session` of its `CircuitSlice`. So it
    is closed in the end even if the process that had it opened dies.
    """

    def open_session(self, *, backend: str, options: RunOptions) -> str:
        """Open one for jobs with these options, and give its id; empty if they need none.

        Raises a NotAccepted where `submit` would. One that is opened and whose id is lost must
        cost nothing, and close by itself.
        """

    def close_session(self, session_id: str, *, backend: str) -> None:
        """Let it take no more jobs; those that it has are run. Closing twice is no error."""


class FailedPart(NamedTuple):
    """The circuits of a DONE job that gave nothing, as runs of positions in its slice, from 0.

    `reason` is that of the first one.
    """

    runs: Sequence[Slice]
    reason: str = ""


@runtime_checkable
class TellsFailed(Protocol):
    """Knows which circuits of a DONE job failed without its results.

    Of a provider that does not, the results are fetched to know.
    """

    def failed_circuits(self, job_ids: Sequence[str], *, backend: str) -> Mapping[str, FailedPart]:
        """Of those of the DONE jobs that have some, in as few calls as `statuses`."""


@runtime_checkable
class TellsProgress(Protocol):
    """Knows how far jobs are that run."""

    def circuits_run(self, job_ids: Sequence[str], *, backend: str) -> Mapping[str, int]:
        """How many circuits of RUNNING jobs have been run, where it knows; fewer than there are.

        In as few calls as `statuses`.
        """


@runtime_checkable
class GivesOnce(Protocol):
    """Gives what some jobs measured only once: it is not asked before there is room for it."""

    def gives_once(self, *, backend: str, options: RunOptions) -> bool:
        """Whether jobs that were submitted so are such. Asks nobody."""


@runtime_checkable
class TellsTooLarge(Protocol):
    """Knows by its own words that a job was taken, and found too large when it ran.

    `retry` then halves it, instead of submitting it as it was.
    """

    def was_too_large(self, message: str) -> bool:
        """Whether this is what `error_message` or a ResultGone said of one. Asks nobody."""


class Away(NamedTuple):
    """Who alone can ask about the jobs of a set, and submit more of it; `hint` says how.

    `who` is the subject of a sentence.
    """

    who: str
    hint: str


@runtime_checkable
class MayBeAway(Protocol):
    """Can do nothing in some processes but tell what others wrote down."""

    def away(self, set_id: str, *, backend: str) -> Away | None:
        """Who can do it instead; None if it can in this process. Asks nobody."""


@runtime_checkable
class HoldsObject(Protocol):
    """Runs jobs with an object of this process, for which more is given than files can hold."""

    def originals(
        self,
        path: Path,
        circuits: "Sequence[QuantumCircuit]",
        keywords: Mapping[str, Any],
    ) -> None:
        """Remember the very circuits that the container at `path` holds, and keywords for them.

        Jobs of that container then run these objects, with what QPY cannot carry. Without any
        circuits, those that were given before stay.
        """

    def recall(self, circuits_of: "Callable[[str], CircuitSlice | None]") -> None:
        """Know how to read jobs of a set that nobody wrote down: by the circuits of a job id."""

    def job(self, job_id: str) -> Any:
        """The object of a job that the backend gave; None if it cannot be had here."""


class Finding(NamedTuple):
    """One thing that a provider has tried: whether it works, what is to be said of it, what to do.

    `name` is the same each time, for programs.
    """

    name: str
    works: bool
    detail: str
    hint: str = ""


@runtime_checkable
class TriesOut(Protocol):
    """Finds out whether jobs can run, with one that costs next to nothing."""

    def try_out(self) -> Iterator[Finding]:
        """Try one thing after the other, and tell each as soon as it is known.

        The first that does not work is the last. What was submitted for it is gone in the end, or
        when the iterator is closed. Called from the main thread.
        """


class JobDetails(NamedTuple):
    """What a provider tells of one job beyond its status; None where it does not.

    Times are in ISO 8601. `usage_s` is the time on the machine that is charged, `waits_for` why
    the job does not run yet, in the provider's words.
    """

    created: str | None = None
    started: str | None = None
    ended: str | None = None
    usage_s: float | None = None
    queue_position: int | None = None
    estimated_start: str | None = None
    waits_for: str | None = None


@runtime_checkable
class Details(Protocol):
    """Tells more of a job than its status."""

    def details(self, job_id: str, *, backend: str) -> JobDetails:
        """Of one job. Costs a question, or two."""


class JobTimes(NamedTuple):
    """When a job began to run and ended, and where it stands in the queue, at its provider.

    None is what has not happened, or what that does not tell. Times have their zone. The
    `queue_position` of the job that is next is 1, by the whole queue as far as it is known.
    """

    started: datetime | None = None
    ended: datetime | None = None
    queue_position: int | None = None
    estimated_start: datetime | None = None


@runtime_checkable
class TellsTimes(Protocol):
    """Knows when jobs began and ended from the answers that it has anyhow."""

    def times(self, job_ids: Sequence[str], *, backend: str) -> Mapping[str, JobTimes]:
        """Of those of the jobs of which something is known.

        It is called after `statuses` of the same jobs, and asks for nothing that it was told then.
        """


UNDATED = datetime(1970, 1, 1, tzinfo=UTC)
"""When a job was made, where nobody says."""


class RemoteJob(NamedTuple):
    """A job as a provider lists it. `labels` are all that it carries: its tag, its note, others.

    The id is empty, for `Tallies` only, where a call was made that may have come to a job.
    `created` is in UTC; `message` says why it ended, if the list does, and `ended` when. `owner` is
    somebody else whose job it is, by the provider's name; empty if it is the user's own, or nobody
    tells.
    """

    job_id: str
    backend: str
    created: datetime
    status: JobStatus
    labels: Sequence[str]
    message: str = ""
    owner: str = ""
    ended: datetime | None = None


@runtime_checkable
class Recovers(Protocol):
    """Puts the note of a `CircuitSlice` on the job too, and lists jobs with their labels."""

    def labelled(self, *, backend: str, set_tag: str = "") -> Sequence[RemoteJob]:
        """The jobs on a backend (on all, if it is empty), in any order.

        With `set_tag` those of that set; without it the newest some thousand, others' among them.
        """


@runtime_checkable
class Tallies(Protocol):
    """Tells all that it has of a set in one question; any provider should that can.

    Before a set that another process began is gone on with, the jobs that its state file does
    not know of are so adopted. One that cannot search tells what was written down on this machine.
    """

    def jobs_of(self, set_tag: str, *, backend: str) -> Sequence[RemoteJob]:
        """The jobs on a backend whose tags begin with `set_tag` and a dash, in any order.

        Those that are too new to be found may be missing, unless they were submitted from here.
        """


class Kept(NamedTuple):
    """What a provider keeps on a disk of the user's, of the jobs of one set.

    It is `spare` where it is of no use without that set: all the jobs have ended, what is kept is
    not all that tells of a job elsewhere, and no other state folder can have put it there.
    """

    size_bytes: int
    spare: bool = False


@runtime_checkable
class Forgets(Protocol):
    """Keeps records or results of jobs on a disk of the user's, which go with their set."""

    def kept(self) -> Mapping[str, Kept]:
        """All that is kept, by the tags of sets. Asks no service."""

    def forget(self, set_tag: str, job_ids: Sequence[str]) -> int:
        """Remove what is kept of the jobs of a set, and give the bytes that this freed.

        All of them have ended. `job_ids` are those that the set knows, for some may not carry its
        tag. Jobs at a service stay there, and so does all that is of other sets. No later job gets
        one of their ids. It is called again where a process died within it. Asks no service.
        """


ProviderFactory: TypeAlias = Callable[[ProviderContext], Provider]
