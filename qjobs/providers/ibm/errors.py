"""The error answers of the service, in our words.

Its errors are `{"errors": [{"code", "message", "solution"}], "trace"}`; the codes are listed at
https://quantum.cloud.ibm.com/docs/errors.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from qjobs.backends.refusals import retry_after_s
from qjobs.errors import (
    AuthError,
    JobRefused,
    NotAccepted,
    PendingLimit,
    ProviderError,
    QuotaUsedUp,
    RateLimited,
    TooLarge,
)

_LONGEST_TEXT = 300
_CODE = re.compile(r"\bcode ([0-9]{1,9})\b")
_LARGE_BYTES = 1_000_000
"""A smaller body is never refused by Cloudflare for its size."""

_CREDENTIALS_HINT = (
    "save an account with QiskitRuntimeService.save_account, or set QISKIT_IBM_TOKEN and "
    "QISKIT_IBM_INSTANCE"
)

_PENDING_CODES = frozenset({3458})
_RATE_CODES = frozenset({1202})
_QUOTA_CODES = frozenset({4317})
_LARGE_CODES = frozenset({1206, 5302})
_TAG_CODES = frozenset({1204, 1205})
_SESSION_CODES = frozenset({1217})
_TOO_LARGE = 413
_HINTS = {
    1204: "the service takes fewer tags than qjobs needs",
    1205: "the service takes shorter tags than qjobs needs",
    1517: "the circuits do not fit the backend as they are: let qjobs transpile them",
    4317: "ask for more time for the instance, or wait until it gets some",
}


class HttpError(ProviderError):
    """The service answered with an error. `reason_code` is its own, 0 where it says none."""

    def __init__(
        self, message: str, *, hint: str, status: int, reason_code: int, retry_after_s: float | None
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.reason_code = reason_code
        self.retry_after_s = retry_after_s


class Words(NamedTuple):
    """The body of an error answer."""

    code: int
    message: str
    solution: str


def no_credentials(why: str) -> AuthError:
    """There is no account to be used, or its key is not accepted."""
    return AuthError(why, hint=_CREDENTIALS_HINT)


def http_error(status: int, headers: Mapping[str, str], text: str) -> HttpError | AuthError:
    """The error that an answer of 3xx, 4xx or 5xx stands for; AuthError for 401 and 403."""
    words = _words(text)
    said = words.message or _plain(headers, text)
    code = f", code {words.code}" if words.code else ""
    message = f"IBM Quantum answers {status}{code}" + (f": {said}" if said else "")
    if status == 401 or (status == 403 and not is_page(text)):
        return AuthError(message, hint=words.solution or _CREDENTIALS_HINT)
    return HttpError(
        message,
        hint=_HINTS.get(words.code, "") or words.solution,
        status=status,
        reason_code=words.code,
        retry_after_s=retry_after_s(headers),
    )


def not_accepted(error: HttpError, *, sent_bytes: int) -> NotAccepted | None:
    """The refusal of a job that an error means; None if the service may have the job.

    A quota that is used up is not waited for: it takes days until an instance gets new time.
    """
    status, code = error.status, error.reason_code
    if code in _PENDING_CODES:
        return PendingLimit(error.message, hint=error.hint, retry_after_s=error.retry_after_s)
    if code in _RATE_CODES or status == 429:
        return RateLimited(error.message, hint=error.hint, retry_after_s=error.retry_after_s)
    if code in _QUOTA_CODES:
        return QuotaUsedUp(error.message, hint=error.hint)
    # Cloudflare refuses bodies that it finds too large with a page that says 403.
    if (
        code in _LARGE_CODES
        or status == _TOO_LARGE
        or (status == 403 and sent_bytes > _LARGE_BYTES)
    ):
        return TooLarge(error.message, hint=error.hint)
    if 400 <= status < 500 and status != 408:
        return JobRefused(error.message, hint=error.hint)
    return None


def is_about_tags(error: NotAccepted) -> bool:
    """Whether a job was refused because of its tags."""
    return _is_of(error, _TAG_CODES)


def is_about_session(error: NotAccepted) -> bool:
    """Whether a job was refused because its session takes no more jobs."""
    return _is_of(error, _SESSION_CODES)


def _is_of(error: NotAccepted, codes: frozenset[int]) -> bool:
    cause = error.__cause__
    return isinstance(cause, HttpError) and cause.reason_code in codes


def speaks_of_size(message: str) -> bool:
    """Whether what the service said of a job, or of its results, means that it is too large."""
    codes = {int(code) for code in _CODE.findall(message)}
    return bool(codes & _LARGE_CODES) or f"answers {_TOO_LARGE}" in message


def is_page(text: str) -> bool:
    """Whether an answer is a web page: then it comes from something in front of the service."""
    return text.lstrip()[:15].lower().startswith(("<!doctype", "<html"))


def _words(text: str) -> Words:
    try:
        body: Any = json.loads(text)
        errors = body.get("errors") or [body.get("error") or body]
        first = errors[0]
        code = first.get("code", 0)
        return Words(
            code if isinstance(code, int) else int(str(code)),
            str(first.get("message", ""))[:_LONGEST_TEXT],
            str(first.get("solution") or "")[:_LONGEST_TEXT],
        )
    except (ValueError, AttributeError, LookupError, TypeError, RecursionError):
        return Words(0, "", "")


def _plain(headers: Mapping[str, str], text: str) -> str:
    """The message for a body that is no error of the service's own."""
    if is_page(text):
        return f"a page of {headers.get('Server', '') or 'a server in front of the service'}"
    return " ".join(text.split())[:_LONGEST_TEXT]


def innermost(error: BaseException) -> str:
    """The innermost words of a chain of exceptions, which name no address and no header."""
    inner = error
    while True:
        reason = getattr(inner, "reason", None) or next(
            (part for part in inner.args if isinstance(part, BaseException)), None
        )
        if not isinstance(reason, BaseException):
            break
        inner = reason
    return str(inner).rpartition(": ")[2][:200] or type(inner).__name__
