"""How the service behaves as long as nothing goes wrong: limits, speed, what is on offer."""

import json
from dataclasses import asdict, dataclass, fields
from typing import get_args, get_type_hints


@dataclass(frozen=True)
class Settings:
    """Times are in seconds. None is no limit.

    `run`: how jobs get their results. `aer` simulates; `cheap` draws bits from a generator
    seeded with the circuit; `never` leaves them queued. `queue_s` and `run_s` are how long a
    job at least shows as queued and as running.
    """

    token: str = "standin"  # the API key of the account
    user: str = "me"  # who the tokens are given to from now on
    run: str = "aer"
    queue_s: float = 0.0
    run_s: float = 0.0
    submits_per_minute: int | None = None  # posts taken in any `rate_window_s`
    rate_window_s: float = 60.0
    retry_after: bool = True  # whether 429 says when to come back
    max_pending: int | None = None
    max_bytes: int = 64_000_000
    max_tags: int = 8
    max_tag_length: int = 86
    list_lag_s: float = 0.0  # a new job shows in the list only after this
    calibration: int = 0  # any other number is another calibration of every backend
    operational: bool = True
    backend_status: str = "active"
    usage_limit_reached: bool = False
    first_plan: str = "open"  # that of the first instance; the second's is `premium`
    second_only: str = ""  # backends, by their names, that the first instance does not have

    def __post_init__(self) -> None:
        if self.run not in {"aer", "cheap", "never"}:
            raise ValueError(f"run is aer, cheap or never, not {self.run!r}")

    def to_json(self) -> str:
        return json.dumps(asdict(self))


def value_of(kind: type, name: str, given: object) -> object:
    """A value as the field `name` of a dataclass wants it. Text is read as JSON where it can be.

    Raises ValueError for an unknown field or a wrong type.
    """
    hints = get_type_hints(kind)
    if name not in {field.name for field in fields(kind)}:
        raise ValueError(f"there is no {name!r}; there are {', '.join(hints)}")
    wanted = get_args(hints[name]) or (hints[name],)
    if isinstance(given, str) and str not in wanted:
        try:
            given = json.loads(given)
        except ValueError as error:
            raise ValueError(f"{name} cannot be {given!r}") from error
    if isinstance(given, int) and not isinstance(given, bool) and float in wanted:
        given = float(given)
    if type(given) not in wanted:
        raise ValueError(f"{name} cannot be {given!r}")
    return given
