"""The sessions that are opened for the jobs of a set, and that none of them stays open.

Its id is on record before a job is posted in one. Whoever has the set to itself, and is not about
to submit more in what is open, closes it, whichever process it was opened by: at the end of each
submission, before the next is opened, and where `cancel`, `resume` or `wait` find it left.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from qjobs.engine.workspace import Workspace
from qjobs.errors import BeingSubmitted, NoneAccepted, NotNow, ProviderError, SessionOver
from qjobs.facts import Fact, FactKind
from qjobs.model import JobSet, Session
from qjobs.store.folder import SetFolder

if TYPE_CHECKING:
    # What only looks at a set should not pay for these.
    from qjobs.contract import OpensSessions, Provider
    from qjobs.store.journal import Journal


class Sessions:
    """Those of a set that this process has claimed. Safe in many threads."""

    def __init__(
        self,
        job_set: JobSet,
        journal: "Journal",
        provider: "Provider",
        clock: Callable[[], datetime],
    ) -> None:
        # Imported here, as the provider is by now: a set that is at its end needs neither.
        from qjobs.contract import OpensSessions

        self._job_set = job_set
        self._journal = journal
        self._provider = provider if isinstance(provider, OpensSessions) else None
        self._clock = clock
        self._mutex = threading.Lock()
        self._current: str | None = None

    def join(self) -> str:
        """The id of the one that a job is to join, empty for none; opened for the first that asks.

        Raises a NotAccepted, where the provider would have no job, and StateError.
        """
        if self._provider is None:
            return ""
        with self._mutex:
            if self._current is None:
                try:
                    self._close(self._provider)
                except NoneAccepted:
                    raise
                except ProviderError as error:  # there are never two of them open
                    raise NotNow(error.message, hint=error.hint) from error
                self._current = self._open(self._provider)
            return self._current

    def over(self, error: NotNow) -> bool:
        """Whether that is why a job was not taken; then the next one to join has another opened."""
        if not isinstance(error, SessionOver):
            return False
        with self._mutex:
            if self._current == error.session_id:
                self._current = None
        return True

    def close(self) -> None:
        """Close all that are open. Raises ProviderError and StateError."""
        if self._provider is not None:
            with self._mutex:
                self._close(self._provider)
                self._current = None

    def _open(self, provider: "OpensSessions") -> str:
        backend, options = self._job_set.backend, self._job_set.options
        session_id = provider.open_session(backend=backend, options=options)
        if not session_id:
            return ""
        try:
            self._record(FactKind.OPENED, session_id)
        except BaseException:
            with suppress(ProviderError):
                provider.close_session(session_id, backend=backend)
            raise
        return session_id

    def _close(self, provider: "OpensSessions") -> None:
        for session in self._journal.sessions():
            if session.closed is not None:
                continue
            try:
                provider.close_session(session.session_id, backend=self._job_set.backend)
            except NoneAccepted:
                raise
            except ProviderError as error:
                raise ProviderError(
                    f"the session {session.session_id} may still be open: {error.message}",
                    hint=f"qjobs resume {self._job_set.set_id}",
                ) from error
            self._record(FactKind.CLOSED, session.session_id)

    def _record(self, kind: FactKind, session_id: str) -> None:
        self._journal.append(Fact(0, 1, self._clock(), kind, session_id))


def left_open(folder: SetFolder) -> tuple[Session, ...]:
    """The sessions of a set that are open, as far as is known, and nobody is about to close."""
    if not _open(folder) or folder.being_submitted():
        return ()
    folder.refresh()  # whoever was submitting it may have ended just before
    return _open(folder)


def _open(folder: SetFolder) -> tuple[Session, ...]:
    return tuple(session for session in folder.sessions if session.closed is None)


def close_left(workspace: Workspace, folder: SetFolder) -> None:
    """Close what the process that submitted a set has left open when it died.

    One that is still at it does so itself. Raises ProviderError and StateError.
    """
    folder.refresh()
    if not left_open(folder):
        return
    provider = workspace.provider_at(folder.job_set.destination)
    with suppress(BeingSubmitted), folder.claim_submission(), folder.journal() as journal:
        Sessions(folder.job_set, journal, provider, workspace.clock).close()
