"""What an error that a vendor's package raised says: of the job, the network, the credentials."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from qjobs.circuits.foreign import describe
from qjobs.errors import (
    AuthError,
    JobRefused,
    PendingLimit,
    ProviderError,
    RateLimited,
    TooLarge,
)

_MOST_CAUSES = 20

# Classes of errors, by name, after which a request may have arrived: those of the standard
# library, requests, urllib3, httpx, aiohttp, botocore, azure-core and grpc. Answers that cannot
# be read count among them.
_CONNECTION = re.compile(
    r"Connect|Timeout|TimedOut|Network|Transport|Protocol|MaxRetry|RetryError|ReadError|"
    r"WriteError|SSLError|ProxyError|IncompleteRead|ServiceRe(quest|sponse)Error|ServerError|"
    r"Disconnected|InternalServer|ServiceUnavailable|ChunkedEncoding|ContentDecoding|JSONDecodeError"
)
# And those of a connection that never was there.
_NO_CONNECTION = re.compile(
    r"ConnectionRefusedError|gaierror|NewConnectionError|NameResolutionError|"
    r"ConnectTimeout(Error)?|ConnectError|ClientConnector\w*Error|EndpointConnectionError|"
    r"ConnectionTimeoutError"
)
_CREDENTIALS = re.compile(r"credential|authent|authori[sz]|token|login", re.IGNORECASE)
# What a package names that was opened without them: what it wants to know of who the user is, and
# of whose account it is to use.
_SECRETS = re.compile(
    r"credential|(?<![a-z])(api|access|auth|secret)[ _-]?(key|token)|"
    r"(?<!unexpected )(?<![a-z])tokens?(?![a-z])|passw(or)?d|log(ged)?[ _-]?in(?![a-z])|"
    r"(no|find) account|account ?not ?found|profile ?not ?found|NoRegionError|"
    r"workspace not|EOFError",
    re.IGNORECASE,
)
_STATUS_IN_TEXT = re.compile(r"\b([45]\d\d) (?:Client|Server) Error\b")
_PENDING_LIMIT = re.compile(r"\bcode\W{0,4}3458\b", re.IGNORECASE)  # IBM's


class _Answer(NamedTuple):
    """What an error, or one of its causes, says of the service's answer."""

    status: int
    headers: Mapping[str, Any]


def refusal(error: BaseException) -> ProviderError:
    """What a vendor's error, raised while a job was being submitted, means for the job.

    A broken connection, a timeout or a failing server leaves open whether there is a job:
    ProviderError. Everything else says that there is none.
    """
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ProviderError):
            return cause
    message = describe(error)
    if may_have_arrived(error):
        return ProviderError(f"the backend did not answer as it should: {message}")
    if any(_PENDING_LIMIT.search(str(cause)) for cause in causes):
        return PendingLimit(message)
    answers = {answer.status: answer for answer in map(_answer, causes) if answer}
    if 429 in answers:
        return RateLimited(message, retry_after_s=_retry_after_s(answers[429].headers))
    if is_unauthorized(error):
        return AuthError(message, hint="check the credentials of the backend")
    return TooLarge(message) if 413 in answers else JobRefused(message)


def may_have_arrived(error: BaseException) -> bool:
    """Whether an error, or one of its causes, is a failing network or server."""
    return any(_is_connection(cause) for cause in _causes(error))


def never_connected(error: BaseException) -> bool:
    """Whether it led to an error that there was no connection: nobody was there, or no such host.

    An earlier request of the same call may have had one.
    """
    return any(_NO_CONNECTION.fullmatch(type(cause).__name__) for cause in _causes(error))


def status_code(error: BaseException) -> int | None:
    """The status of the HTTP answer that an error, or one of its causes, tells of."""
    return next((answer.status for answer in map(_answer, _causes(error)) if answer), None)


def is_unauthorized(error: BaseException) -> bool:
    """Whether an error, or one of its causes, is about credentials."""
    return any(
        answer.status in (401, 403)
        if (answer := _answer(cause))
        else any(_CREDENTIALS.search(kind.__name__) for kind in type(cause).__mro__)
        for cause in _causes(error)
    )


def lacks_credentials(error: BaseException, files: Collection[str] = ()) -> bool:
    """Whether an error of opening a package is about who the user is: refused, or not told at all.

    These `files` are known to say so: one that cannot be read is such an error. One that asks a
    person, whom it does not have, is, too (EOFError); that a service is not there is none.
    """
    if is_unauthorized(error):
        return True
    return not may_have_arrived(error) and any(
        _SECRETS.search(f"{type(cause).__name__}: {cause}")
        or (isinstance(cause, OSError) and cause.filename in files)
        for cause in _causes(error)
    )


def is_secret(key: str) -> bool:
    """Whether what is called so is, or has, a secret."""
    return _SECRETS.search(key) is not None


def _is_connection(error: BaseException) -> bool:
    answer = _answer(error)
    if answer is not None:  # it came, whatever the class of the error is called
        return answer.status >= 500 or answer.status == 408
    return any(_CONNECTION.search(kind.__name__) for kind in type(error).__mro__)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that led to it, as far as Python and its author kept it."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting and len(seen) < _MOST_CAUSES:
        cause = waiting.pop(0)
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        # IonQ and urllib3 keep it in attributes of their own.
        waiting += [
            cause.__cause__, cause.__context__,
            getattr(cause, "_cause", None), getattr(cause, "reason", None),
        ]  # fmt: skip


def _answer(error: BaseException) -> _Answer | None:
    response = getattr(error, "response", None)
    headers = getattr(error, "headers", None) or getattr(response, "headers", None)
    if isinstance(response, Mapping):  # botocore's
        metadata = response.get("ResponseMetadata", {})
        status, headers = metadata.get("HTTPStatusCode"), metadata.get("HTTPHeaders")
    else:
        found = (
            getattr(error, "status_code", None),
            getattr(response, "status_code", None),
            getattr(error, "http_status", None),
            getattr(error, "code", None),  # urllib's
        )
        status = next((number for number in found if _is_status(number)), None)
    if not _is_status(status):
        match = _STATUS_IN_TEXT.search(str(error))
        if match is None:
            return None
        status = int(match[1])
    return _Answer(int(status), headers if isinstance(headers, Mapping) else {})


def _is_status(number: object) -> bool:
    return isinstance(number, int) and 400 <= number < 600


def _retry_after_s(headers: Mapping[str, Any]) -> float | None:
    """`Retry-After` in seconds; its other form, a date, is not worth a parser here."""
    for key, value in headers.items():
        if str(key).lower() == "retry-after":
            try:
                return max(0.0, float(value))
            except (TypeError, ValueError):
                return None
    return None
