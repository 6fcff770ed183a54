"""Everything that can go wrong in words a user can act on, with its exit code.

An error says what happened and where (`message`, one or two lines) and what to run or
change (`hint`, one line). `code` is the stable word for programs (`qjobs.error/1`).
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

_MAX_CHARACTERS = 500
"""Of what is said of one of many files, which may repeat much of what is in it."""


class ExitCode(IntEnum):
    """The one table of exit codes, the same for every verb."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    NOT_FOUND = 3
    CREDENTIALS = 4
    INPUT = 5
    FAILED = 6
    PARTLY_SUBMITTED = 7
    PENDING = 8
    STATE = 9
    TIMEOUT = 124
    INTERRUPTED = 130
    TERMINATED = 143

    @property
    def meaning(self) -> str:
        """What it says of how a command ended."""
        return _MEANINGS[self]


_MEANINGS: Mapping[ExitCode, str] = {
    ExitCode.OK: "fine",
    ExitCode.UNEXPECTED: "unexpected, or the provider failed after retries",
    ExitCode.USAGE: "usage",
    ExitCode.NOT_FOUND: "no such set or job, or several",
    ExitCode.CREDENTIALS: "credentials missing or refused",
    ExitCode.INPUT: "no usable input",
    ExitCode.FAILED: "some jobs or circuits failed, or were cancelled",
    ExitCode.PARTLY_SUBMITTED: "partly submitted; qjobs resume goes on",
    ExitCode.PENDING: "still pending",
    ExitCode.STATE: "the state cannot be used",
    ExitCode.TIMEOUT: "--timeout ran out; the jobs go on",
    ExitCode.INTERRUPTED: "stopped by Ctrl-C",
    ExitCode.TERMINATED: "stopped by SIGTERM",
}


class Place(NamedTuple):
    """A place in a file: line and column in characters, both from 1; None where not known."""

    file: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return ":".join(str(part) for part in self if part is not None)


class Unreadable(NamedTuple):
    """A file that cannot be read, and why.

    `path` is the file as the user named it; `file`, `line` and `column` are where it goes
    wrong, which may be in a file that it includes. The message does not repeat them.
    """

    file: str
    line: int | None
    column: int | None
    message: str
    path: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"

    @property
    def place(self) -> Place:
        """Where it goes wrong."""
        return Place(self.file, self.line, self.column)


class QjobsError(Exception):
    """The root of every error that qjobs raises on purpose."""

    code = "unexpected"
    exit_code = ExitCode.UNEXPECTED

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(QjobsError):
    """The request contradicts itself or asks for what cannot be."""

    code = "usage"
    exit_code = ExitCode.USAGE


class UnknownBackend(UsageError):
    """No such provider or backend."""

    code = "unknown_backend"


class NotFound(QjobsError):
    """No job set or job answers to an address, or more than one does."""

    code = "not_found"
    exit_code = ExitCode.NOT_FOUND


class AmbiguousAddress(NotFound):
    """Several job sets answer to an address."""

    code = "ambiguous"


class InputError(QjobsError):
    """Circuit files that cannot be used.

    Where it is known at which `place` a file goes wrong, that is put before the `text` to make
    the message. `unreadable` are the files that cannot be read, once they have all been tried.
    """

    code = "input"
    exit_code = ExitCode.INPUT

    def __init__(self, text: str, *, hint: str = "", place: Place | None = None) -> None:
        super().__init__(f"{place}: {text}" if place else text, hint=hint)
        self.text = text
        self.place = place
        self.unreadable: tuple[Unreadable, ...] = ()

    def about(self, path: str) -> Unreadable:
        """The line that reports a file which cannot be read because of this error."""
        text = self.text.removeprefix(f"{path}: ").removeprefix(f"{path} ")
        return Unreadable(*(self.place or Place(path)), text[:_MAX_CHARACTERS], path)


class UnreadableFiles(InputError):
    """Some of several files, or of their circuits, cannot be read: `unreadable` has them all.

    The message counts them.
    """

    def __init__(self, text: str, *, hint: str, unreadable: Sequence[Unreadable]) -> None:
        super().__init__(text, hint=hint)
        self.unreadable = tuple(unreadable)


class UnreadableCircuit(InputError):
    """Qiskit cannot read a circuit of a job back; it may read `others` of them."""

    code = "unreadable_circuit"

    def __init__(self, message: str, *, hint: str = "", others: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.others = others

    def refusal(self) -> "JobRefused":
        """The refusal of the job that this means: without this circuit it may pass."""
        return (TooLarge if self.others else JobRefused)(self.message, hint=self.hint)


class StateError(QjobsError):
    """The state folder or a file in it cannot be used."""

    code = "state"
    exit_code = ExitCode.STATE


class StateDamaged(StateError):
    """A state file does not say what we would have written; it is never guessed at."""

    code = "state_damaged"


class ResultDamaged(StateDamaged, ValueError):
    """The kept result of a job, or the provider's answer, is no valid result."""


class StateTooNew(StateError):
    """A newer qjobs wrote the file: reading goes on, writing stops."""

    code = "state_too_new"


class StateUnwritable(StateError):
    """The state folder cannot be written: permissions, a full disk, a lock never freed."""

    code = "state_unwritable"


class NoRoom(StateUnwritable):
    """There is no room for what cannot be had twice: it was left where it is."""

    code = "no_room"


class ResultsUnkept(StateUnwritable):
    """What cannot be had again could be written nowhere: `files` are all that there is of it.

    By the path at which each would have been.
    """

    code = "results_unkept"

    def __init__(self, message: str, *, hint: str, files: Mapping[Path, bytes]) -> None:
        super().__init__(message, hint=hint)
        self.files = files


class BeingSubmitted(StateError):
    """Another process is submitting the set."""

    code = "being_submitted"


class Unfinished(QjobsError):
    """Jobs of a set may still run, or be submitted: it is not removed."""

    code = "unfinished"
    exit_code = ExitCode.PENDING


class OnlyHere(QjobsError):
    """Results that cannot be had again would go with their set: it is not removed unasked."""

    code = "only_here"
    exit_code = ExitCode.USAGE


class Untrusted(QjobsError):
    """Code that a set of somebody else names would be run: it is not, unasked."""

    code = "untrusted"
    exit_code = ExitCode.USAGE


class TimedOut(QjobsError):
    """The user's own time limit ran out; the jobs go on."""

    code = "timeout"
    exit_code = ExitCode.TIMEOUT


class ProviderError(QjobsError):
    """The provider failed or answered nonsense.

    Raised by `Provider.submit`, this class itself means that the outcome is *unknown*: the
    provider may have the job. Every `NotAccepted` means that it surely has not.
    """

    code = "provider"


class OutOfTime(ProviderError):
    """The provider had not answered when the user's time limit ran out."""

    code = "timeout"
    exit_code = ExitCode.TIMEOUT


class ResultGone(ProviderError):
    """The results of a DONE job are gone for good: only another run gives them.

    That is recorded, so no failure that may pass is one.
    """

    code = "result_gone"


class NotAccepted(ProviderError):
    """The call failed for sure: the provider has no job of it."""

    code = "not_accepted"


class JobRefused(NotAccepted):
    """The provider will not take this job, now or later."""

    code = "refused"


class TooLarge(JobRefused):
    """The job is over one of the provider's limits, or has a circuit that no job can have.

    A smaller slice may pass.
    """

    code = "too_large"


class NoneAccepted(NotAccepted):
    """The provider takes no job of the set before the user has done something.

    The other jobs need not be tried; all of them stay planned.
    """

    code = "none_accepted"
    exit_code = ExitCode.PARTLY_SUBMITTED


class AuthError(NoneAccepted):
    """The provider does not accept the credentials, or found none."""

    code = "credentials"
    exit_code = ExitCode.CREDENTIALS


class QuotaUsedUp(NoneAccepted):
    """The account has no time left on the provider's machines."""

    code = "quota"


class Recalibrated(NoneAccepted):
    """The backend is no longer as it was when the set was planned for it."""

    code = "recalibrated"


class NotNow(NotAccepted):
    """The provider takes no job at the moment; the same call may pass later."""

    code = "not_now"

    def __init__(self, message: str, *, hint: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class RateLimited(NotNow):
    """The provider was called too often in too short a time."""

    code = "rate_limited"


class SessionOver(NotNow):
    """The session that was opened for the job takes no more jobs: another one may."""

    code = "session_over"

    def __init__(self, message: str, *, hint: str = "", session_id: str) -> None:
        super().__init__(message, hint=hint)
        self.session_id = session_id


class PendingLimit(NotNow):
    """The user has too many unfinished jobs; one of them has to finish first."""

    code = "pending_limit"
