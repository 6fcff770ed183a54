"""The user's settings for IBM Quantum Platform. A token is never among them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from qjobs import config, pool
from qjobs.errors import UsageError

_MOST = {"connections": 4096, "workers": 4096}  # more is a slip of the pen
_MOST_OF_ALL = 1e12


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
    def read(cls, settings: Mapping[str, Any]) -> "Settings":
        """Read the settings from a provider's context. Raises UsageError for a wrong value."""
        for key in settings:
            if key not in cls._fields:
                raise UsageError(f"[providers.ibm]: {config.unknown(key, cls._fields)}")
        usual = cls(workers=pool.usable_cores())._asdict()
        return cls(**{name: _read(name, settings.get(name), usual[name]) for name in usual})


def _read(name: str, given: Any, usual: Any) -> Any:
    """A setting of the type of the usual one; a number is positive."""
    if isinstance(usual, str) or given in (None, ""):
        return given or usual
    try:
        value = type(usual)(given)
    except (ValueError, TypeError, OverflowError):
        value = 0
    if not 0 < value < _MOST.get(name, _MOST_OF_ALL):
        raise UsageError(f"the setting {name} of ibm is a positive number, not {given!r}")
    return value
