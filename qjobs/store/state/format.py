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
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from json.encoder import encode_basestring

from qjobs.facts import Fact
from qjobs.model import JobSet, Scalar

FORMAT = 1
SUMS = ("circuits_sha256", "parameters_sha256", "observables_sha256")
COLUMNS = ("job", "attempt", "at", "kind", "value", "message")


def header(job_set: JobSet) -> bytes:
    """The part of the file that says what was planned.

    Only the name, the tags, and options that were planned anew ever change.
    """
    options = job_set.options
    fields: dict[str, Scalar] = {
        "id": job_set.set_id,
        "name": job_set.name,
        "provider": job_set.provider,
        "backend": job_set.backend,
        "account": job_set.account,
        "fingerprint": job_set.fingerprint,
        "circuits": job_set.circuits,
        "shots": options.shots,
        "memory": options.memory,
        "optimization_level": options.optimization_level,
    }
    if job_set.instance:
        fields["instance"] = job_set.instance
    if options.seed is not None:
        fields["seed"] = options.seed
    if options.precision is not None:
        fields["precision"] = float(options.precision)
    if job_set.parameters:
        fields["bindings"] = job_set.bindings
    rare: dict[str, Scalar] = {
        "observables": job_set.observables,
        "recovered": job_set.recovered,
        "start_index": job_set.start_index,
        "program": job_set.program,
        "instance_name": job_set.instance_name,
        "plan": job_set.plan,
        "owner": job_set.owner,
        **{key: getattr(job_set, key) for key in SUMS},
    }
    fields |= {key: value for key, value in rare.items() if value}
    slices = [[part.start_index, part.experiments_count] for part in job_set.slices]
    # These are not left to the library because it has them over many lines, and the time in
    # a form that is not the rest of the file's.
    arrays = (
        f"created = {_time(job_set.created)}\n"
        f"{tags_line(job_set.tags)}\n"
        f"slices = {json.dumps(slices)}\n"
    )
    if job_set.parameters:
        arrays += f"parameters = {_array(map(string, job_set.parameters))}\n"
    text = f"format = {FORMAT}\n\n[set]\n{_lines(fields)}{arrays}"
    if options.extra:
        text += f"\n[set.options]\n{_lines(options.extra)}"
    return text.encode()


def name_line(name: str) -> str:
    """The line of the header that says the name."""
    return f"name = {string(name)}"


def tags_line(tags: Iterable[str]) -> str:
    """The line of the header that says the tags."""
    return f"tags = {_array(map(string, tags))}"


def _lines(table: Mapping[str, Scalar]) -> str:
    # Imported here: most commands write no header.
    import tomli_w

    texts = {
        writable(key): writable(value) if isinstance(value, str) else value
        for key, value in table.items()
    }
    # A tab may stand in a TOML string as it is, but not in one of JSON.
    return tomli_w.dumps(texts).replace("\t", "\\t")


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


def _array(values: Iterable[str]) -> str:
    return f"[{', '.join(values)}]"


def _time(at: datetime) -> str:
    if at.tzinfo is None:
        raise ValueError(f"a time without a zone: {at}")
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
