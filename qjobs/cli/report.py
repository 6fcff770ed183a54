"""The verb report: one static page in HTML of how sets ran, and what they gave."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from qjobs import __version__, spans
from qjobs.cli import options
from qjobs.cli.addresses import find_targets
from qjobs.cli.exit_codes import Interrupted, raise_for_credentials, raise_for_jobs
from qjobs.cli.headings import Heading
from qjobs.cli.next_step import next_step, say_next
from qjobs.cli.reports import in_line
from qjobs.cli.values import duration_s
from qjobs.cli.workspace import open_workspace
from qjobs.engine.address import Target
from qjobs.engine.deadline import Deadline, within
from qjobs.engine.report import FINAL, SetReport, State
from qjobs.engine.status import statuses
from qjobs.engine.workspace import Workspace
from qjobs.errors import ExitCode, UsageError
from qjobs.render.data import DATA
from qjobs.render.output import Format, Output, is_terminal
from qjobs.render.text import count

if TYPE_CHECKING:
    from qjobs.pictures.picture import Panel
    from qjobs.render.page.content import SetPart

_LEAST_S = 1.0
"""Between two pages."""
_HISTOGRAMS = 9
_OUTCOMES = 8


def report(
    addresses: options.Addresses = None,
    *,
    out: Annotated[
        str | None,
        Heading.OUTPUT.option("--out", "-o", metavar="FILE", help="Write the page to this file."),
    ] = None,
    every: Annotated[
        float | None,
        Heading.WAITING.option(
            "--every",
            metavar="DURATION",
            parser=duration_s,
            help="Write it anew this often until the jobs are finished; the page reloads itself.",
        ),
    ] = None,
    timeout: options.Timeout = None,
    cached: options.Cached = False,
    exit_status: options.ExitStatus = False,
    quiet: options.Quiet = False,
) -> ExitCode:
    output = Output.chosen(Format.TABLE, quiet=quiet)
    _check(out, every, cached=cached)
    deadline = Deadline(timeout)
    workspace = within(open_workspace(output), deadline)
    targets = find_targets(workspace, addresses, output.warn)
    if not targets:
        return ExitCode.OK
    writer = _Writer(workspace, targets, out, every)
    timed_out = False
    if every is None:
        reports = statuses(workspace, targets, cached=cached)
        reports = reports if cached else [in_line(workspace, report) for report in reports]
        for problem in dict.fromkeys(problem for report in reports for problem in report.problems):
            output.warn(problem)
    else:
        reports, timed_out = _follow(writer, output, deadline)
    if not cached:
        reports = _completed(workspace, targets, reports, output)
    size = writer.write(reports)
    if out is not None:
        circuits = sum(len(target.circuits) for target in targets)
        output.note(f"{count(circuits, 'circuit')} in {out} ({size / 1e6:.1f} MB)")
    raise_for_credentials(reports)
    if exit_status or timed_out:
        raise_for_jobs(reports, timed_out=timed_out, recorded=cached)
    say_next(output, targets, reports)
    return ExitCode.OK


def _check(out: str | None, every: float | None, *, cached: bool) -> None:
    """Raise UsageError, before anybody is asked, for what cannot be."""
    if out is None and (every is not None or is_terminal(DATA.stream)):
        raise UsageError("the page needs a file", hint="qjobs report -o report.html")
    if every is not None and every < _LEAST_S:
        raise UsageError("--every is at least 1s", hint="qjobs report -o report.html --every 10s")
    if every is not None and cached:
        raise UsageError("with --cached nothing changes: leave out --every")


def _follow(writer: "_Writer", output: Output, deadline: Deadline) -> tuple[list[SetReport], bool]:
    """Write pages until the jobs stand still; the last reports, and whether the time ran out."""
    from qjobs.cli.following import follow_to_end
    from qjobs.engine.wait import Limit

    limit = Limit(deadline.left_s(), writer.every_s)
    try:
        followed = follow_to_end(writer.workspace, writer.targets, output, limit, look=writer.look)
    except Interrupted:
        if writer.seen:
            writer.write(writer.seen)
        raise
    return list(followed.reports), followed.timed_out


def _completed(
    workspace: Workspace, targets: Sequence[Target], reports: Sequence[SetReport], output: Output
) -> list[SetReport]:
    """The reports once results are fetched, and read for circuits that failed."""
    from qjobs.engine.failed import look_into
    from qjobs.engine.result import fetch
    from qjobs.render.progress import progress

    completed = []
    for target, report in zip(targets, reports, strict=True):
        if report.denied:
            completed.append(report)
            continue
        stop = threading.Event()
        with progress(output, "fetching") as meter:
            problems = fetch(workspace, target.folder, report.jobs, stop=stop, progress=meter.show)
        for problem in problems:
            output.warn(problem)
        told = report._replace(problems=(*report.problems, *problems))
        completed.append(look_into(workspace, target, told, stop=stop, fetches=False))
    return completed


@dataclass
class _Writer:
    """Writes pages of the targets to `out`, or to stdout."""

    workspace: Workspace
    targets: Sequence[Target]
    out: str | None
    every_s: float | None
    seen: Sequence[SetReport] = ()
    due: float = field(default_factory=time.monotonic)

    def look(self, reports: Sequence[SetReport]) -> None:
        """Write a page that reloads itself, if it is time for one."""
        self.seen = reports
        moving = any(job.state not in FINAL for report in reports for job in report.jobs)
        if moving and time.monotonic() >= self.due:
            self.write(reports, again=True)
            self.due = time.monotonic() + (self.every_s or 0)

    def write(self, reports: Sequence[SetReport], *, again: bool = False) -> int:
        """Write a page, and how many bytes it has; `again` says that another will follow."""
        # Imported here: no other verb needs jinja2.
        from qjobs.render.files import replacing
        from qjobs.render.page.content import Page
        from qjobs.render.page.html import render

        now = self.workspace.clock()
        parts = [
            _part(target, report, now) for target, report in zip(self.targets, reports, strict=True)
        ]
        text = render(Page(tuple(parts), now, __version__, self.every_s if again else None))
        if self.out is None:
            DATA.stream.write(text)
        else:
            with replacing(Path(self.out)) as stream:
                stream.write(text)
        return len(text.encode())


def _part(target: Target, report: SetReport, now: datetime) -> "SetPart":
    """What the page says of one set, from what is kept here."""
    from qjobs.circuits.observables import observable_label
    from qjobs.engine.error import failures
    from qjobs.engine.result import rows
    from qjobs.engine.set.parcel import observables_of
    from qjobs.render.page.circuits import table
    from qjobs.render.page.content import set_part

    panels, notes = _panels(target, report)
    plan = report.job_set
    sources = target.folder.sources()
    labels = [observable_label(observable) for observable in observables_of(target.folder)]
    return set_part(
        report,
        target.folder.jobs(),
        now,
        sources=sources,
        labels=labels,
        failures=failures(target, report),
        next_step=next_step([report], after="error", sending=target.folder.being_submitted()),
        table=table(
            rows(target, report),
            len(target.circuits),
            parameters=plan.parameters,
            labels=labels,
            sources=sources,
        ),
        panels=panels,
        notes=notes,
    )


def _panels(target: Target, report: SetReport) -> "tuple[Sequence[Panel], Sequence[str]]":
    """What is to be seen of the circuits with a result, and notes on it."""
    from qjobs.pictures.source import Wish, source_of
    from qjobs.pictures.whole import picture

    source = source_of(target, report)
    done = [job for job in report.jobs if job.state is State.DONE]
    good = [part for job in done for part in spans.without(job.parts, job.failed)]
    there = spans.within(spans.runs_of(target.circuits), good)
    circuits = [index for run in there for index in range(run.start_index, run.end_index + 1)]
    more = ""
    if not (report.job_set.parameters or report.job_set.observables):
        more = "the other circuits are in the table below" if len(circuits) > _HISTOGRAMS else ""
        circuits = circuits[:_HISTOGRAMS]
    if not circuits:
        return (), ()
    found = picture([replace(source, circuits=circuits)], Wish(top=_OUTCOMES))
    return found.panels, tuple(filter(None, (*found.notes, more)))
