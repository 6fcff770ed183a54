"""HTTP with one instance of the service: signed, within limits, and no POST is ever repeated.

The client's own session repeats a POST up to five times on 5xx, which makes jobs that nobody
asked for, waits for ever for the answer to a GET, reads whatever comes, and keeps the status of
an error only in the text of an exception. Its REST adapters ask no more of a session than this
class has.
"""

import json
import threading
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from qjobs.errors import AuthError, NotNow, ProviderError, RateLimited
from qjobs.providers.ibm.errors import http_error, innermost

if TYPE_CHECKING:
    from requests import Response

_CONNECT_S = 10.0
_SERVER_ERRORS = frozenset({429, 500, 502, 503, 504, 520, 521, 522, 524})
_POOL = 16
_LIST_BYTES = 64_000_000
"""The largest answer that is read, unless it tells of one job: then it may have its results."""

_ERROR_BYTES = 65_536
_TOKEN_PAUSES_S = (0.5, 1.0)


class Connection:
    """A session for the client's REST adapters. Safe in many threads.

    `sign` gives the headers of authorization, `application` says who is asking, `clock` gives
    seconds since the epoch. Every method raises AuthError, NotNow where nothing was sent,
    HttpError for an answer that is an error, and ProviderError where no answer came, or one
    that is larger than `answer_bytes`.
    """

    def __init__(
        self,
        base_url: str,
        *,
        sign: Callable[[], Mapping[str, str]],
        application: str,
        parameters: Mapping[str, Any],
        timeout_s: float,
        post_timeout_s: float,
        answer_bytes: int,
        clock: Callable[[], float],
    ) -> None:
        import requests

        # Adapters set the version of the API that they speak here.
        self.headers: Mapping[str, str] = {}
        self.ahead_s: float | None = None
        """How far the clock of the service was ahead when it answered last, to a second."""
        self.user = ""
        """Who is asking, by the access token."""
        self._base_url = base_url
        self._sign = sign
        self._application = application
        self._timeout_s = timeout_s
        self._post_timeout_s = post_timeout_s
        self._answer_bytes = answer_bytes
        self._clock = clock
        self._session = requests.Session()
        for name, value in parameters.items():
            setattr(self._session, name, value)
        adapter = _adapter()
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def get(self, url: str, **request: Any) -> "Response":
        """Repeated a few times if the network or the server fails."""
        return self._request("GET", url, self._timeout_s, **request)

    def post(self, url: str, **request: Any) -> "Response":
        """Sent once; repeated only where no connection could be made at all."""
        return self._request("POST", url, self._post_timeout_s, **request)

    def patch(self, url: str, **request: Any) -> "Response":
        """Send a PATCH like `get`: setting a value twice is setting it once."""
        return self._request("PATCH", url, self._timeout_s, **request)

    def delete(self, url: str, **request: Any) -> "Response":
        """Send a DELETE like `post`."""
        return self._request("DELETE", url, self._timeout_s, **request)

    def _request(
        self,
        method: str,
        url: str,
        timeout_s: float,
        *,
        params: Mapping[str, Any] | None = None,
        data: str | bytes | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: object = None,
    ) -> "Response":
        # `timeout` is the adapter's wish, which for some requests is to wait for ever.
        from requests import RequestException

        most_bytes = self._answer_bytes
        if "/jobs/" not in url:
            most_bytes = min(most_bytes, _LIST_BYTES)

        signed = {
            **self.headers,
            **(headers or {}),
            **self._sign(),
            "X-Qx-Client-Application": self._application,
        }
        self.user = self.user or _user(signed.get("Authorization", ""))
        try:
            response = self._session.request(
                method,
                self._base_url + url,
                params=params,
                data=data,
                json=json,
                headers=signed,
                timeout=(_CONNECT_S, timeout_s),
                allow_redirects=method == "GET",
                hooks={"response": lambda response, **_: _bound(response, most_bytes)},
            )
        except RequestException as error:
            raise _no_answer(error, method, timeout_s) from error
        sent_s = _seconds(response.headers.get("Date", ""))
        if sent_s is not None:
            self.ahead_s = sent_s - self._clock()
        if response.status_code >= 300:
            problem = http_error(response.status_code, response.headers, response.text)
            if isinstance(problem, AuthError):
                problem.message += f" (asked for the instance {signed.get('Service-CRN', '')})"
            raise problem
        return response


class Signature:
    """The headers of authorization: a token that is asked for when it is due.

    The client's own handler sends the API key itself if no token can be had; this one says so.
    """

    def __init__(self, token: Callable[[], str], *, instance: str) -> None:
        self._token = token
        self._instance = instance
        self._mutex = threading.Lock()  # so that not every thread asks for one

    def __call__(self) -> Mapping[str, str]:
        """Raises AuthError if the key is not accepted, NotNow if the token cannot be had now."""
        from ibm_cloud_sdk_core import ApiException
        from requests import RequestException

        try:
            with self._mutex:
                token = self._patiently()
        except ApiException as error:
            status = int(error.status_code or 0)
            if status == 429:
                raise RateLimited("IBM Cloud gives no token: too many requests") from error
            if 400 <= status < 500:
                raise http_error(401, {}, f"no token for this API key: {error.message}") from error
            raise NotNow(f"IBM Cloud gives no token: it answers {status}") from error
        except RequestException as error:
            raise NotNow(f"IBM Cloud gives no token: {innermost(error)}") from error
        return {"Service-CRN": self._instance, "Authorization": f"Bearer {token}"}

    def _patiently(self) -> str:
        """Ask again, as for a GET, where the token service fails at once."""
        from ibm_cloud_sdk_core import ApiException
        from requests import ConnectionError as NoConnection
        from requests import Timeout

        for pause_s in _TOKEN_PAUSES_S:
            try:
                return self._token()
            except ApiException as error:
                if int(error.status_code or 0) < 500:
                    raise
            except NoConnection as error:
                if isinstance(error, Timeout):
                    raise
            time.sleep(pause_s)
        return self._token()


def _bound(response: "Response", most_bytes: int) -> None:
    """Limit an answer to `most_bytes`, and an error to its beginning."""
    chunks, fails = response.iter_content, response.status_code >= 300
    if fails:
        most_bytes = min(most_bytes, _ERROR_BYTES)

    def counted(chunk_size: int | None = 1, **how: Any) -> Iterator[Any]:
        left = most_bytes
        for chunk in chunks(chunk_size, **how):
            if len(chunk) > left:
                response.close()
                if not fails:
                    raise ProviderError(
                        f"an answer of IBM Quantum is larger than {most_bytes:,} bytes"
                    )
                yield chunk[:left]
                return
            left -= len(chunk)
            yield chunk

    response.iter_content = counted  # type: ignore[method-assign,assignment]  # requests has no other place for it


def _user(authorization: str) -> str:
    """Who an access token is of (RFC 7519), in the words of IBM Cloud; empty if it does not say."""
    try:
        claims = authorization.split(".")[1]
        user = json.loads(urlsafe_b64decode(claims + "==="))["iam_id"]
    except (LookupError, ValueError, TypeError):
        return ""
    return user if isinstance(user, str) else ""


def _seconds(date: str) -> float | None:
    """Since the epoch, of the date in a header."""
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None


def _adapter() -> Any:
    from requests.adapters import HTTPAdapter
    from urllib3.util.retry import Retry

    return HTTPAdapter(
        pool_maxsize=_POOL,
        max_retries=Retry(
            total=4,
            connect=2,
            read=1,
            status=3,
            other=0,
            allowed_methods=frozenset({"GET", "PATCH"}),
            status_forcelist=_SERVER_ERRORS,
            backoff_factor=0.5,
            backoff_jitter=0.5,
            # It may be hours; ours add up to seconds.
            respect_retry_after_header=False,
            raise_on_status=False,
        ),
    )


def _no_answer(error: Exception, method: str, timeout_s: float) -> ProviderError:
    from requests.exceptions import ReadTimeout
    from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ReadTimeoutError

    cause = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(cause, NewConnectionError | ConnectTimeoutError):
        return NotNow(f"IBM Quantum cannot be reached: {innermost(error)}")
    if isinstance(error, ReadTimeout) or isinstance(cause, ReadTimeoutError):
        return ProviderError(f"IBM Quantum did not answer within {timeout_s:.0f} s")
    return ProviderError(f"the connection to IBM Quantum broke ({method}): {innermost(error)}")
