"""The verb list: the job sets there are."""

from enum import StrEnum
from typing import Annotated

import typer

from qjobs.cli import options
from qjobs.cli.filters import FilterOptions
from qjobs.cli.groups import OutputOptions
from qjobs.cli.headings import Heading
from qjobs.cli.next_step import next_step
from qjobs.cli.values import whole_number
from qjobs.cli.workspace import open_workspace
from qjobs.engine.report import SetReport
from qjobs.errors import ExitCode
from qjobs.render import rows, shapes
from qjobs.render.data import DATA
from qjobs.render.output import Format
from qjobs.render.writing import show as show_data


class Order(StrEnum):
    """What listed sets are sorted by."""

    CREATED = "created"
    FINISHED = "finished"
    NAME = "name"
    BACKEND = "backend"
    STATE = "state"
    CIRCUITS = "circuits"


def list_(
    *,
    chosen: FilterOptions,
    limit: Annotated[
        int,
        Heading.SHOWN.option(
            "--limit", metavar="N", parser=whole_number(1), help="List at most N sets."
        ),
    ] = 20,
    every: Annotated[bool, Heading.SHOWN.option("--all", help="List all sets.")] = False,
    sort: Annotated[
        Order,
        Heading.SHOWN.option("--sort", metavar="KEY", help=f"Order: {', '.join(Order)}."),
    ] = Order.CREATED,
    reverse: Annotated[
        bool, Heading.SHOWN.option("--reverse", help="Turn the order around.")
    ] = False,
    cached: options.Cached = False,
    written: OutputOptions,
) -> ExitCode:
    from qjobs.engine.list import list_sets

    output = written.output
    workspace = open_workspace(output)
    now = workspace.clock()
    sets, jobs = chosen.sets(now), chosen.jobs
    reports: list[SetReport] = []
    # Ids alone are the same whatever anybody says, unless they are chosen or sorted by that.
    told = jobs.chooses or sort in (Order.STATE, Order.FINISHED)
    asks = not cached and (told or not output.quiet)
    for item in list_sets(
        workspace, limit=None if every else limit, cached=not asks, sets=sets, jobs=jobs
    ):
        if isinstance(item, str):
            output.warn(item)
        else:
            reports.append(item)
    for why in dict.fromkeys(report.problems[-1] for report in reports if asks and report.stale):
        output.warn(f"{why}: what is not finished is shown as it was last heard of")
    reports = _sorted(reports, sort, reverse=reverse)
    if output.quiet:
        for report in reports:
            typer.echo(report.job_set.set_id, file=DATA.stream)
        return ExitCode.OK
    if not reports:
        output.note(_none(chosen))
        if output.format is Format.TABLE:
            return ExitCode.OK
    if output.format is Format.TABLE:
        table = rows.short_list_rows(reports, now)
    else:
        table = rows.list_rows(reports)
    show_data(output, shapes.list_document(reports), table, most=None)
    # Of the newest; whether somebody is submitting it, `status` looks.
    output.hint_next(next_step(reports[:1], after="list", sending=True))
    return ExitCode.OK


def _none(chosen: FilterOptions) -> str:
    return "no job set is like that" if any(chosen) else "there are no job sets yet"


def _sorted(reports: list[SetReport], order: Order, *, reverse: bool) -> list[SetReport]:
    """The sets, which come newest first, in an order; where they are alike, newest first."""

    def key(report: SetReport) -> tuple[bool, object]:
        plan = report.job_set
        found = {
            Order.NAME: plan.name,
            Order.BACKEND: str(plan.destination),
            Order.STATE: list(type(report.state)).index(report.state),
            Order.CIRCUITS: plan.circuits,
            Order.FINISHED: report.finished and -report.finished.timestamp(),
        }[order]
        return found in ("", None), found

    ordered = reports if order is Order.CREATED else sorted(reports, key=key)
    return ordered[::-1] if reverse else ordered
