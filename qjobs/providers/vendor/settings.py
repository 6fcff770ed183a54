"""What `[providers.NAME]` of the config file says of a vendor's package, checked."""

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from qjobs import arguments, config
from qjobs.contract import Limits
from qjobs.errors import UsageError

KEYS = ("factory", "arguments", "python", "run", "limits", "timeout_s", "submit_timeout_s")
LIMITS = ("circuits", "connections", "pending_jobs", "submits_per_minute")

TIMEOUT_S = 120.0
SUBMIT_TIMEOUT_S = 900.0
LONGEST_S = 1e9  # what the system takes for a time to wait is not much longer


@dataclass(frozen=True, slots=True)
class Settings:
    """How to reach a vendor's backends.

    `factory` is `package.module:callable`, called with `arguments`, see there, in the interpreter
    `python`. `run` holds further keywords of the backend's `run`; `{tag}` in a text becomes the
    tag of the job. `limits` go before those that the backend states. A submit may take
    `submit_timeout_s` seconds, any other call `timeout_s`.
    """

    name: str
    factory: str
    arguments: Mapping[str, Any]
    python: str
    run: Mapping[str, Any]
    limits: Mapping[str, Any]
    timeout_s: float
    submit_timeout_s: float

    @classmethod
    def of(cls, name: str, table: Mapping[str, Any]) -> Self:
        """Those of the provider `name`. Raises UsageError for a key or value that cannot be."""
        for key in table:
            if key not in KEYS:
                raise _wrong(name, config.unknown(key, KEYS))
        factory = table.get("factory")
        if not isinstance(factory, str) or not arguments.is_callable(factory):
            raise _wrong(name, f"factory must be 'package.module:callable', not {factory!r}")
        python = table.get("python") or sys.executable
        if not isinstance(python, str):
            raise _wrong(name, f"python must be the path of an interpreter, not {python!r}")
        return cls(
            name=name,
            factory=factory,
            arguments=_table(name, table, "arguments"),
            python=str(Path(python).expanduser()),
            run=_table(name, table, "run"),
            limits=_limits(name, _table(name, table, "limits")),
            timeout_s=_seconds(name, table, "timeout_s", TIMEOUT_S),
            submit_timeout_s=_seconds(name, table, "submit_timeout_s", SUBMIT_TIMEOUT_S),
        )

    @property
    def where(self) -> str:
        """The table of the config file."""
        return f"[providers.{self.name}]"

    def resolved_arguments(self) -> tuple[dict[str, Any], list[str]]:
        """The arguments with the values of variables in place, and these values.

        Raises AuthError if a variable is not set.
        """
        return arguments.with_variables(self.where, self.arguments)

    def run_keywords(self, tag: str) -> dict[str, Any]:
        """The keywords of `run` for the job with this tag."""

        def fill(value: Any) -> Any:
            return value.replace("{tag}", tag) if isinstance(value, str) else value

        filled: dict[str, Any] = arguments.mapped(dict(self.run), fill)
        return filled

    def limited(self, stated: Limits) -> Limits:
        """The limits of a backend that states these."""
        return stated._replace(**self.limits)


def _table(name: str, settings: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    table = settings.get(key, {})
    if not isinstance(table, dict):
        raise _wrong(name, f"{key} must be a table, not {table!r}")
    for inner, value in table.items():
        arguments.check(f"[providers.{name}]", f"{key}.{inner}", value)
    return table


def _limits(name: str, table: Mapping[str, Any]) -> dict[str, Any]:
    for key, value in table.items():
        if key not in LIMITS:
            raise _wrong(name, f"limits: {config.unknown(key, LIMITS)}")
        whole = key != "submits_per_minute"
        if not _is_number(value, whole=whole) or not 0 < value < math.inf:
            kind = "a whole number" if whole else "a number"
            raise _wrong(name, f"limits.{key} must be {kind} above 0, not {value!r}")
    return dict(table)


def _seconds(name: str, table: Mapping[str, Any], key: str, usual_s: float) -> float:
    value = table.get(key, usual_s)
    try:
        seconds = float(value)  # the environment gives text
    except (TypeError, ValueError, OverflowError):
        seconds = math.nan
    if isinstance(value, bool) or not 0 < seconds <= LONGEST_S:
        raise _wrong(name, f"{key} must be a number of seconds above 0, not {value!r}")
    return seconds


def _is_number(value: object, *, whole: bool) -> bool:
    return type(value) is int or (type(value) is float and not whole)


def _wrong(name: str, what: str) -> UsageError:
    return UsageError(f"[providers.{name}]: {what}")
