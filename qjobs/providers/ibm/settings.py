"""The user's settings for IBM Quantum Platform. A token is never among them."""

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar

from qjobs import pool
from qjobs.errors import UsageError

Value = TypeVar("Value")
_MOST = 4096  # of threads or processes: more is a slip of the pen


class Settings(NamedTuple):
    """`account` is the name of one that the client has saved; empty is the client's own choice.

    `instance` is a CRN or a name, `channel` the client's word. `timeout_s` is how long an
    answer may stay away, `post_timeout_s` that to a submitted job, `settle_s` how far the list
    of jobs may lag behind. `payload_bytes` is the largest body that is sent, `answer_bytes` the
    largest that is read. `workers` is how many processes transpile; as a rule one a usable core.
    """

    account: str = ""
    instance: str = ""
    channel: str = ""
    connections: int = 8
    submits_per_minute: float = 5.0
    timeout_s: float = 30.0
    # Longer than the 100 s after which Cloudflare, in front of the service, gives up on it.
    post_timeout_s: float = 120.0
    settle_s: float = 30.0
    payload_bytes: int = 50_000_000
    answer_bytes: int = 1_000_000_000
    workers: int = 1

    @classmethod
    def read(cls, settings: Mapping[str, str]) -> "Settings":
        """Those of a provider's context. Raises UsageError for a value that cannot be."""
        usual = cls()

        def number(
            name: str, read: Callable[[str], Value], usual: Value, most: float = 1e12
        ) -> Value:
            text = settings.get(name, "")
            try:
                value = read(text) if text else usual
            except (ValueError, TypeError, OverflowError):
                value = None
            if value is None or not 0 < value < most:  # type: ignore[operator]  # int or float
                raise UsageError(f"the setting {name} of ibm is a positive number, not {text!r}")
            return value

        return cls(
            account=settings.get("account", ""),
            instance=settings.get("instance", ""),
            channel=settings.get("channel", ""),
            connections=number("connections", int, usual.connections, _MOST),
            submits_per_minute=number("submits_per_minute", float, usual.submits_per_minute),
            timeout_s=number("timeout_s", float, usual.timeout_s),
            post_timeout_s=number("post_timeout_s", float, usual.post_timeout_s),
            settle_s=number("settle_s", float, usual.settle_s),
            payload_bytes=number("payload_bytes", int, usual.payload_bytes),
            answer_bytes=number("answer_bytes", int, usual.answer_bytes),
            workers=number("workers", int, pool.usable_cores(), _MOST),
        )
