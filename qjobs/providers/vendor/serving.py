"""The far side of the border: requests come in, each is done in a thread, replies go out.

The first message says what to serve, `{"folder", "name", "factory", "arguments", "secrets"}`,
and is answered by what can be read here, `{"qpy", "qiskit"}`. The second has it opened, which is
when the vendor's code is loaded. Every further one names a method of `service`, and is answered
under its number as soon as it is done. Where the requests end, submits in progress are brought to
their end; everything else is dropped.
"""

import os
import sys
import threading
import time
import traceback
import warnings
from typing import Any

from qjobs import paths
from qjobs.children.frames import Frame
from qjobs.children.parent import Parent
from qjobs.circuits.foreign import describe
from qjobs.errors import ProviderError, QjobsError
from qjobs.providers.vendor.service import METHODS, Requests
from qjobs.redaction import CleanStream, Redaction, named_secrets


def serve(answers: int) -> None:
    """Serve until the requests end; the answers go to that descriptor."""
    parent = Parent(answers)
    requests = parent.requests()
    opening = next(requests, None)
    if opening is None:
        return
    redaction = Redaction([*opening.fields["secrets"], *named_secrets(paths.variables())])
    log = CleanStream(sys.stderr, redaction)
    sys.stdout = sys.stderr = log
    warnings.simplefilter("default")
    desk = _Desk(parent, redaction)
    number = opening.fields["call"]
    try:
        import qiskit
        from qiskit.qpy.common import QPY_VERSION

        desk.answer(number, {"qpy": QPY_VERSION, "qiskit": qiskit.__version__})
        request = next(requests, None)
        if request is None:
            os._exit(0)
        number = request.fields["call"]
        # On the main thread: in another one that ends, Qiskit takes the process along.
        desk.service = Requests(opening.fields)
    except BaseException as error:  # noqa: BLE001 - a vendor's package may even leave by SystemExit
        desk.answer(number, error=error)
    else:
        desk.answer(number)
        for request in requests:
            desk.take(request)
        desk.finish()
    # Threads that hang in a vendor's code, or that it started, must not keep the process.
    log.flush()
    os._exit(0)


class _Desk:
    """Has each request done in a thread of its own."""

    service: Requests

    def __init__(self, parent: Parent, redaction: Redaction) -> None:
        self._parent = parent
        self._redaction = redaction
        self._submits: list[tuple[threading.Thread, float]] = []

    def take(self, request: Frame) -> None:
        """Start to work on a request."""
        thread = threading.Thread(target=self._work, args=(request,), daemon=True)
        if request.fields["method"] == "submit":
            until = time.monotonic() + request.fields["timeout_s"]
            self._submits = [item for item in self._submits if item[0].is_alive()]
            self._submits.append((thread, until))
        thread.start()

    def finish(self) -> None:
        """Wait for the submits in progress, as long as each may take."""
        for thread, until in self._submits:
            thread.join(max(0.0, until - time.monotonic()))

    def _work(self, request: Frame) -> None:
        number = request.fields["call"]
        try:
            value, body = METHODS[request.fields["method"]](self.service, request)
        except BaseException as error:  # noqa: BLE001 - whatever it is, somebody waits for a reply
            self.answer(number, error=error)
        else:
            self.answer(number, value, body)

    def answer(
        self,
        number: int,
        value: Any = None,
        body: bytes = b"",
        *,
        error: BaseException | None = None,
    ) -> None:
        """Send a reply."""
        fields: dict[str, Any] = {"call": number, "value": value}
        if error is not None:
            fields |= self._told(error)
        self._parent.answer(fields, body)

    def _told(self, error: BaseException) -> dict[str, Any]:
        """An error as a reply says it; the log has all of it."""
        traceback.print_exception(error)
        if not isinstance(error, QjobsError):
            message = describe(error)
            return {"error": ProviderError.code, "message": self._redaction.hide(message)}
        return {
            "error": error.code,
            "message": self._redaction.hide(error.message),
            "hint": self._redaction.hide(error.hint),
            "retry_after_s": getattr(error, "retry_after_s", None),
        }
