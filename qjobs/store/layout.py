"""How `state.toml` is written: a header, columns of compacted facts, then one table a fact.

It is TOML 1.0 throughout, and every value but a time is at the same time JSON, on one line:
that is what lets `exact` read it about thirty times as fast as `tomllib`.

    format = 1

    [set]                       id, name, created, ...; slices = [[start_index, count], ...]
    [set.options]               the backend's own run options
    [facts]                     job, attempt, at, kind, value, message: equally long arrays
    [[fact]]                    job, attempt, at, [message], then the kind as key of the value

The kind comes last, so a fact that lost its end can be told from one that is whole.
"""

import json
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from json.encoder import encode_basestring

from qjobs.facts import Fact
from qjobs.model import JobSet, Scalar

FORMAT = 1
COLUMNS = ("job", "attempt", "at", "kind", "value", "message")

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def header(job_set: JobSet) -> bytes:
    """The part of the file that says what was planned. It is never written again."""
    options = job_set.options
    fields = {
        "id": string(job_set.set_id),
        "name": string(job_set.name),
        "created": _time(job_set.created),
        "provider": string(job_set.provider),
        "backend": string(job_set.backend),
        "account": string(job_set.account),
        "shots": scalar(options.shots),
        "circuits": scalar(job_set.circuits),
        "slices": json.dumps(
            [[part.start_index, part.experiments_count] for part in job_set.slices]
        ),
        "memory": scalar(options.memory),
        "optimization_level": scalar(options.optimization_level),
        "tags": _array(map(string, job_set.tags)),
        "fingerprint": string(job_set.fingerprint),
    }
    if options.seed is not None:
        fields["seed"] = scalar(options.seed)
    lines = [f"format = {FORMAT}", "", "[set]"]
    lines += [f"{key} = {value}" for key, value in fields.items()]
    if options.extra:
        lines += ["", "[set.options]"]
        lines += [f"{_key(key)} = {scalar(value)}" for key, value in options.extra.items()]
    return "\n".join([*lines, ""]).encode()


def table(fact: Fact) -> bytes:
    """One fact, to be appended."""
    message = f"message = {string(fact.message)}\n" if fact.message else ""
    return (
        f"\n[[fact]]\njob = {fact.job}\nattempt = {fact.attempt}\nat = {_time(fact.at)}\n"
        f"{message}{fact.kind.value} = {string(fact.value)}\n"
    ).encode()


def columns(facts: Sequence[Fact]) -> bytes:
    """Many facts, compacted."""
    arrays = (
        _array(str(fact.job) for fact in facts),
        _array(str(fact.attempt) for fact in facts),
        _array(_time(fact.at) for fact in facts),
        _array(string(fact.kind.value) for fact in facts),
        _array(string(fact.value) for fact in facts),
        _array(string(fact.message) for fact in facts),
    )
    lines = (f"{key} = {array}\n" for key, array in zip(COLUMNS, arrays, strict=True))
    return ("\n[facts]\n" + "".join(lines)).encode()


def string(text: str) -> str:
    """A TOML basic string that is JSON too: JSON may leave DEL as it is, TOML may not."""
    return encode_basestring(writable(text)).replace("\x7f", "\\u007f")


def writable(text: str) -> str:
    """The text with what no file can hold, lone surrogates, replaced by `?`."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def scalar(value: Scalar) -> str:
    """A TOML value. Only infinities and NaN are not JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return string(value) if isinstance(value, str) else repr(value)


def _array(values: Iterable[str]) -> str:
    return f"[{', '.join(values)}]"


def _key(text: str) -> str:
    return text if _BARE_KEY.fullmatch(text) else string(text)


def _time(at: datetime) -> str:
    if at.tzinfo is None:
        raise ValueError(f"a time without a zone: {at}")
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
