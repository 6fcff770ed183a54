"""Option values that are more than a word or a number."""

import math
import re
from collections.abc import Sequence

import typer

from qjobs.model import Scalar

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?")
_LONGEST_SHOWN = 60
_DIGITS = re.compile(r"\d")
LARGEST_NUMBER = 2**63 - 1
"""Every reader of TOML knows whole numbers of 64 bits, and need not know larger ones."""

_LONGEST_S = 100 * 365 * 86_400.0  # what the system takes for a time to wait is not much longer
_WORDS = {"true": True, "false": False}


def duration_s(text: str) -> float:
    """Seconds from `90`, `90s`, `30m`, `2h`, `1h30m` or `30d`."""
    match = _DURATION.fullmatch(text)
    if match is None or not text:
        raise typer.BadParameter(
            f"{text!r} is not a duration such as 90, 90s, 30m, 2h, 1h30m or 30d"
        )
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return min(86_400 * days + 3600 * hours + 60 * minutes + seconds, _LONGEST_S)


def standard_error(text: str) -> float:
    """A number from 0 on."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise typer.BadParameter(f"{text!r} is not a number from 0 on")
    return value


def most_fails(*, fail_fast: bool, max_fails: int | None) -> int | None:
    """After how many failed jobs to give up, by both options; None for never."""
    return 1 if fail_fast else max_fails


def named_options(
    *,
    mode: str | None,
    max_execution_time: float | None,
    private: bool,
    seed_transpiler: int | None,
    transpile: bool,
) -> dict[str, Scalar]:
    """The run options that have an option of the command line to themselves, if given."""
    given: dict[str, Scalar | None] = {
        "mode": mode,
        # Whole seconds, and never less, for 0 may mean no limit.
        "max_execution_time": None if max_execution_time is None else math.ceil(max_execution_time),
        "private": private or None,
        "seed_transpiler": seed_transpiler,
        "transpile": None if transpile else False,
    }
    return {name: value for name, value in given.items() if value is not None}


def run_options(items: Sequence[str] | None) -> dict[str, Scalar]:
    """The options of a backend from `KEY=VALUE` words; a value is true, false, a number or text."""
    options: dict[str, Scalar] = {}
    for item in items or ():
        key, equals, value = item.partition("=")
        if not equals or not key.strip() or not value.strip():
            raise typer.BadParameter(f"{item!r} is not KEY=VALUE", param_hint="--option")
        options[key] = number = _scalar(value)
        largest = math.inf if isinstance(number, float) else LARGEST_NUMBER + 1
        if not isinstance(number, str) and abs(number) >= largest and _DIGITS.search(value):
            shown = value if len(value) < _LONGEST_SHOWN else f"{value[:_LONGEST_SHOWN]}..."
            raise typer.BadParameter(f"{shown} is too large a number", param_hint="--option")
    return options


def _scalar(text: str) -> Scalar:
    if text in _WORDS:
        return _WORDS[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
