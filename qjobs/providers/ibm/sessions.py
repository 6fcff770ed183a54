"""Sessions and batches that are open while the jobs of a set are submitted."""

import threading

from qjobs.providers.ibm.service import Service


class Sessions:
    """One for each set and process. For any thread.

    Nothing is written down: one that was left open by a process that died takes no job from
    anybody, and the service closes it when it has been idle for a while.
    """

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._open: dict[str, tuple[Service, str]] = {}

    def session(self, series: str, service: Service, *, backend: str, mode: str) -> str:
        """The id of the one that the jobs of a series are to join; it is opened for the first.

        Raises ProviderError.
        """
        with self._mutex:
            if series not in self._open:
                word = "batch" if mode == "batch" else "dedicated"
                session_id = service.open_session(backend, mode=word, longest_s=None)
                self._open[series] = service, session_id
            return self._open[series][1]

    def close(self, series: str) -> None:
        """Let it take no more jobs; those that it has are run. Raises ProviderError."""
        with self._mutex:
            service, session_id = self._open.pop(series, (None, ""))
        if service is not None:
            service.close_session(session_id)
