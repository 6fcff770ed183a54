"""The verb export: job sets, with all that they gave, in one file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from qjobs.cli import options
from qjobs.cli.addresses import find_whole
from qjobs.cli.exit_codes import raise_for_credentials
from qjobs.cli.groups import OutputOptions
from qjobs.cli.headings import Heading
from qjobs.cli.workspace import open_workspace
from qjobs.errors import ExitCode, UsageError
from qjobs.render.text import count, size
from qjobs.render.writing import show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qjobs.engine.address import Target
    from qjobs.engine.report import SetReport
    from qjobs.engine.workspace import Workspace
    from qjobs.render.output import Output


def export(
    addresses: options.WholeSets,
    *,
    out: Annotated[
        str | None,
        Heading.OUTPUT.option("--out", "-o", metavar="FILE", help="Write this file."),
    ] = None,
    redact: Annotated[
        bool,
        Heading.WHAT.option("--redact", help="Leave out folders, accounts, instances and owners."),
    ] = False,
    cached: options.Cached = False,
    written: OutputOptions,
) -> ExitCode:
    from qjobs.cli.carried import document, note_missing, print_ids, rows
    from qjobs.engine.carry import export as export_sets
    from qjobs.render.files import replacing_private

    output = written.output
    if out is None:
        raise UsageError("the sets need a file", hint="qjobs export @last -o jobs.zip")
    workspace = open_workspace(output)
    targets = find_whole(workspace, "export", addresses, output.warn)
    if not targets:
        return ExitCode.OK
    reports = [] if cached else _fetched(workspace, targets, output)
    path = Path(out)
    with replacing_private(path) as stream:
        folders = [target.folder for target in targets]
        carried = export_sets(folders, stream, redacted=redact, warn=output.warn)
    size_bytes = path.stat().st_size
    if not print_ids(carried, output):
        show(output, document("export", carried, file=out, bytes=size_bytes, redacted=redact),
             rows(carried), most=None)  # fmt: skip
    output.note(f"{count(len(carried), 'set')} in {out} ({size(size_bytes)})")
    note_missing(carried, output)
    raise_for_credentials(reports)
    return ExitCode.OK


def _fetched(
    workspace: "Workspace", targets: "Sequence[Target]", output: "Output"
) -> "list[SetReport]":
    """How the jobs are, once what they gave is kept in their sets; what cannot be is said."""
    from threading import Event

    from qjobs.engine.result import fetch
    from qjobs.engine.status import status
    from qjobs.render.progress import progress

    reports = []
    for target in targets:
        report = status(workspace, target)
        problems = report.problems
        if not report.denied:
            with progress(output, "fetching") as meter:
                problems += fetch(
                    workspace, target.folder, report.jobs, stop=Event(), progress=meter.show
                )
        for problem in dict.fromkeys(problems):
            output.warn(problem)
        reports.append(report)
    return reports
