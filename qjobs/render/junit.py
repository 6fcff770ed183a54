"""What became of circuits as CI systems read it: a suite of tests a set, a test case a circuit.

In the XML that Ant began to write for JUnit, such that both the schema of Windy Road
(https://github.com/windyroad/JUnit-Schema) and that of Jenkins' xUnit plug-in take it.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from html import escape
from typing import NamedTuple, TextIO

from qjobs import spans
from qjobs.engine.report import JobReport, SetReport, State
from qjobs.engine.result import CircuitRow
from qjobs.render.summaries import effort
from qjobs.render.text import clean

_MOST_CHARACTERS = 500
"""Of a message, which may stand there once a circuit."""
_NUMBERS = len(' tests="" failures="" errors="" skipped=""') + 4 * 20
# What no document of XML 1.0 may hold, but for what `clean` takes care of.
_ILLEGAL = re.compile("[\ud800-\udfff\ufffe\uffff]")

_ELEMENTS = {State.ERROR: "failure", State.CANCELLED: "skipped"}


class Suite(NamedTuple):
    """A set. `rows` come in the order of the circuits, and only once.

    `shared` are the files that several circuits are from, `repeated` those that were named twice.
    """

    report: SetReport
    rows: Iterator[CircuitRow]
    shared: frozenset[str] = frozenset()
    repeated: frozenset[str] = frozenset()


class _Outcome(NamedTuple):
    """What is wrong with a circuit: the element that says so, of what type it is, and why."""

    element: str
    type: str
    message: str


def write(stream: TextIO, suites: Iterable[Suite]) -> None:
    """Write the document; one circuit at a time is held, and the stream must be seekable."""
    stream.write('<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n')
    for number, suite in enumerate(suites):
        _write_suite(stream, suite, number)
    stream.write("</testsuites>\n")


def _write_suite(stream: TextIO, suite: Suite, number: int) -> None:
    plan, jobs = suite.report.job_set, {job.index: job for job in suite.report.jobs}
    share_s = {
        job.index: (job.ran_s(None) or 0.0) / max(1, spans.size(job.parts)) for job in jobs.values()
    }
    opening = _attributes(
        name=plan.name or plan.set_id,
        package=f"{plan.provider}:{plan.backend}",
        id=str(number),
        timestamp=f"{plan.created:%Y-%m-%dT%H:%M:%S}",
        hostname="localhost",
        time=f"{sum(job.ran_s(None) or 0.0 for job in jobs.values()):.3f}",
    )
    stream.write(f"<testsuite{opening}")
    # How many there are of each kind is known at the end: until then there is room for it.
    numbers_at = stream.tell()
    stream.write(f"{'':{_NUMBERS}}>\n")
    properties = {"set": plan.set_id, "tag": plan.tag, "asked": effort(plan.options)}
    stream.write("<properties>")
    stream.writelines(
        f"<property{_attributes(name=name, value=value)}/>" for name, value in properties.items()
    )
    stream.write("</properties>\n")
    counts: Counter[str] = Counter()
    for row in suite.rows:
        outcome = _outcome(row, jobs[row.job])
        counts["tests"] += 1
        case = _attributes(
            name=_name(row, suite),
            classname=row.source or plan.set_id,
            time=f"{share_s[row.job]:.3f}",
        )
        if outcome is None:
            stream.write(f"<testcase{case}/>\n")
            continue
        counts[outcome.element] += 1
        kind = {} if outcome.element == "skipped" else {"type": outcome.type}
        said = _attributes(**kind, message=outcome.message[:_MOST_CHARACTERS])
        stream.write(f"<testcase{case}><{outcome.element}{said}/></testcase>\n")
    stream.write("<system-out/><system-err/>\n</testsuite>\n")
    end = stream.tell()
    stream.seek(numbers_at)
    numbers = _attributes(
        tests=str(counts["tests"]),
        failures=str(counts["failure"]),
        errors=str(counts["error"]),
        skipped=str(counts["skipped"]),
    )
    stream.write(f"{numbers:{_NUMBERS}}")
    stream.seek(end)


def _outcome(row: CircuitRow, job: JobReport) -> _Outcome | None:
    """A failure ran and gave nothing, an error could not be run, or not yet, or nobody knows."""
    said = row.message or job.message
    match job.state:
        case State.DONE if _among(job, row.index):
            return _Outcome("failure", "circuit", said or "the circuit gave no result")
        case State.DONE if job.looked_into:
            return None
        case State.DONE:
            return _Outcome("error", "unread", said or "nobody has looked into its results")
        case state:
            element = _ELEMENTS.get(state, "error")
            return _Outcome(element, state.value, said or f"it is {state.value}")


def _among(job: JobReport, circuit: int) -> bool:
    """Whether the circuit is one of those that failed in the job."""
    at = bisect_right(job.failed, circuit, key=lambda run: run.start_index) - 1
    return at >= 0 and circuit <= job.failed[at].end_index


def _name(row: CircuitRow, suite: Suite) -> str:
    """A name that is the circuit's own in its file, and stays if other files come and go."""
    name = row.name
    if row.source in suite.repeated:
        return f"{name} #{row.index}"
    if not row.source or row.source in suite.shared:
        name += f" #{row.position}"
    return name if row.binding is None else f"{name} row {row.binding}"


def _attributes(**values: str) -> str:
    return "".join(f' {name}="{_legal(value)}"' for name, value in values.items())


def _legal(text: str) -> str:
    """The text as an attribute's value; what XML cannot hold, or a terminal obeys, is escaped."""
    return escape(_ILLEGAL.sub(lambda found: f"\\u{ord(found[0]):04x}", clean(text)))
