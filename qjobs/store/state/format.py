"""How `state.toml` is written: a header, a table for each job, then one table a fact.

It is TOML 1.0 throughout, and every value but a time is at the same time JSON, on one line:
that is what lets `fast` read it about thirty times as fast as `tomllib`.

    # 900 circuits in 3 jobs on ibm:ibm_fez. ...
    format = 2

    [set]                       id, name, created, ...
    [set.options]               the backend's own run options
    [set.versions]              of the packages that it was made with
    [[session]] [[job]]         what was on record when the file was written: see `tables`
    [[fact]]                    job, attempt, at, [message], then the kind as key of the value

The kind comes last, so a fact that lost its end can be told from one that is whole.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from json.encoder import encode_basestring

from qjobs.facts import Fact
from qjobs.model import JobSet, Scalar

FORMAT = 2
SUMS = ("circuits_sha256", "parameters_sha256", "observables_sha256")
_ALWAYS = ("provider", "backend", "account", "circuits", "shots", "memory", "optimization_level")


def header(job_set: JobSet, jobs: int | None = None) -> bytes:
    """The part of the file that says what was planned. It has as many `jobs` as slices, or more.

    Only the name, the tags, and options that were planned anew ever change.
    """
    options = job_set.options
    fields: dict[str, Scalar] = {
        "provider": job_set.provider,
        "provider_name": job_set.provider_name,
        "backend": job_set.backend,
        "backend_name": job_set.backend_name,
        "account": job_set.account,
        "instance": job_set.instance,
        "instance_name": job_set.instance_name,
        "plan": job_set.plan,
        "owner": job_set.owner,
        "circuits": job_set.circuits,
        "start_index": job_set.start_index,
        "observables": job_set.observables,
        "shots": options.shots,
        "memory": options.memory,
        "optimization_level": options.optimization_level,
        "recovered": job_set.recovered,
        "program": job_set.program,
        "fingerprint": job_set.fingerprint,
        **{key: getattr(job_set, key) for key in SUMS},
    }
    fields = {key: value for key, value in fields.items() if value or key in _ALWAYS}
    if options.seed is not None:
        fields["seed"] = options.seed
    if options.precision is not None:
        fields["precision"] = float(options.precision)
    if job_set.parameters:
        fields["bindings"] = job_set.bindings
    # Times and arrays are not left to the library: it has them over many lines, or in a form
    # that is not the rest of the file's.
    text = (
        f"{comment(job_set, jobs or len(job_set.slices))}format = {FORMAT}\n\n[set]\n"
        f"id = {string(job_set.set_id)}\n{name_line(job_set.name)}\n{tags_line(job_set.tags)}\n"
        f"created = {time(job_set.created)}\n{_lines(fields)}"
    )
    if job_set.parameters:
        text += f"parameters = {array(map(string, job_set.parameters))}\n"
    for key, table in (("options", options.extra), ("versions", job_set.versions)):
        if table:
            text += f"\n[set.{key}]\n{_lines(table)}"
    return text.encode()


def comment(job_set: JobSet, jobs: int) -> str:
    """The first line, which tells a person what the file is about."""
    where = string(str(job_set.destination))[1:-1]
    circuits, noun = job_set.circuits, "job" if jobs == 1 else "jobs"
    what = f"{circuits} {'circuit' if circuits == 1 else 'circuits'} in {jobs} {noun} on {where}."
    return f"# {what} `qjobs show {string(job_set.set_id)[1:-1]}` asks how they are now.\n"


def name_line(name: str) -> str:
    """The line of the header that says the name."""
    return f"name = {string(name)}"


def tags_line(tags: Iterable[str]) -> str:
    """The line of the header that says the tags."""
    return f"tags = {array(map(string, tags))}"


def option_line(name: str, value: Scalar) -> str:
    """The line of a run option."""
    return _lines({name: value}).rstrip("\n")


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
        f"\n[[fact]]\njob = {fact.job}\nattempt = {fact.attempt}\nat = {time(fact.at)}\n"
        f"{message}{fact.kind.value} = {string(fact.value)}\n"
    ).encode()


def string(text: str) -> str:
    """A TOML basic string that is JSON too: JSON may leave DEL as it is, TOML may not."""
    return encode_basestring(writable(text)).replace("\x7f", "\\u007f")


def writable(text: str) -> str:
    """The text with what no file can hold, lone surrogates, replaced by `?`."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def array(values: Iterable[str]) -> str:
    """An array of values that are written already."""
    return f"[{', '.join(values)}]"


def time(at: datetime) -> str:
    """A time, in UTC. Raises ValueError if it has no zone."""
    if at.tzinfo is UTC:
        return f"{at.isoformat()[:-6]}Z"
    if at.tzinfo is None:
        raise ValueError(f"a time without a zone: {at}")
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
