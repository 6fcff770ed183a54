"""Option values that are more than a word or a number."""

import math
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import typer

from qjobs.model import Scalar
from qjobs.render.output import Format, Report

_AGE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(s|m|min|h|d|w)")
_AGE_UNITS = ("seconds", "minutes", "hours", "days", "weeks")
_UNITS_S = {"d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_NUMBER = r"\d+(?:\.\d+)?"
# The largest unit first. A number alone is of seconds, but after a unit nobody knows of what.
_DURATION = re.compile("".join(f"(?:({_NUMBER}){unit})?" for unit in _UNITS_S))
_LONGEST_SHOWN = 60
_DIGITS = re.compile(r"\d")
LARGEST_NUMBER = 2**63 - 1
"""Every reader of TOML knows whole numbers of 64 bits, and need not know larger ones."""

_LONGEST_S = 100 * 365 * 86_400.0  # what the system takes for a time to wait is not much longer
_WORDS = {"true": True, "false": False}


def duration_s(text: str) -> float:
    """Seconds from `90`, `90s`, `1.5h`, `2d`, `500ms` or `1h30m`."""
    if re.fullmatch(_NUMBER, text):
        return min(float(text), _LONGEST_S)
    match = _DURATION.fullmatch(text)
    if match is None or not text:
        raise typer.BadParameter(
            f"{_shown(repr(text))} is not a duration such as 90, 30m, 1.5h, 1h30m, 2d or 500ms"
        )
    parts = zip(match.groups(), _UNITS_S.values(), strict=True)
    return min(sum(float(part) * unit_s for part, unit_s in parts if part), _LONGEST_S)


def whole_number(least: int, most: int | None = None) -> Callable[[str], int]:
    """What reads a whole number, from `least` to `most`."""
    limits = f"from {least} on" if most in (None, LARGEST_NUMBER) else f"from {least} to {most}"

    def read(text: str) -> int:
        word = str(text)  # a default is a number already
        if not (word.isascii() and word.isdecimal()):
            raise typer.BadParameter(f"{_shown(repr(word))} is not a whole number {limits}")
        number = int(word[:_LONGEST_SHOWN])  # more digits make it no larger for anybody
        if most == LARGEST_NUMBER < number:
            raise typer.BadParameter(f"{_shown(word)} is too large a number")
        if number < least or (most is not None and number > most):
            raise typer.BadParameter(f"{number} is not a whole number {limits}")
        return number

    return read


def _shown(text: str) -> str:
    return text if len(text) < _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def format_or_report(text: str) -> Format | Report:
    """How data, or the findings of a dry run, are written."""
    for kind in (Format, Report):
        with suppress(ValueError):
            return kind(text)
    words = ", ".join(repr(word.value) for word in (*Format, *Report))
    raise typer.BadParameter(f"{_shown(repr(text))} is not one of {words}.")


def moment(text: str) -> datetime | timedelta:
    """A date or a time, in the zone of this machine unless it names one; or how long ago: `2d`."""
    if match := _AGE.fullmatch(text):
        unit = next(unit for unit in _AGE_UNITS if unit[0] == match[2][0])
        with suppress(OverflowError):
            return timedelta(**{unit: float(match[1])})
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"{text!r} is no date or time, such as 2026-11-30 or 2026-11-30T12:00, "
            "and no time ago, such as 90m, 12h, 2d or 1w"
        ) from None


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
            raise typer.BadParameter(
                f"{_shown(value)} is too large a number", param_hint="--option"
            )
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
