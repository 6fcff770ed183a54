"""The verb show: everything about one set."""

from qjobs.circuits.observables import observable_label
from qjobs.cli import options
from qjobs.cli.exit_codes import (
    raise_for_credentials,
)
from qjobs.cli.groups import ShowOptions
from qjobs.cli.next_step import say_next
from qjobs.cli.workspace import open_workspace
from qjobs.engine.address import resolve
from qjobs.engine.set.parcel import observables_of
from qjobs.engine.set.values import SweepValues
from qjobs.engine.status import status as ask_status
from qjobs.errors import ExitCode
from qjobs.render import rows, shapes
from qjobs.render.output import Format
from qjobs.render.writing import show as show_data


def show(
    address: options.OneAddress = "@last",
    *,
    cached: options.Cached = False,
    written: ShowOptions,
) -> ExitCode:
    from qjobs.engine.details import details, with_details

    output = written.output
    workspace = open_workspace(output)
    target = resolve(workspace.store, address, warn=output.warn)
    report = ask_status(workspace, target, cached=cached)
    for problem in report.problems:
        output.warn(problem)
    sources, skipped = target.folder.sources(), target.folder.skipped()
    observables = observables_of(target.folder)
    ranges = SweepValues(target.folder).ranges()
    told = {} if cached else details(workspace, report.job_set, report.jobs)
    report = with_details(target, report, told)
    document = shapes.set_document(
        report, sources=sources, skipped=skipped, observables=observables, details=told,
        ranges=ranges,
    )  # fmt: skip
    labels = [observable_label(observable) for observable in observables]
    left_out = skipped
    if output.format is Format.TABLE:  # where they have a table of their own
        left_out = skipped._replace(files=())
    properties = rows.detail_rows(
        report, sources, labels, skipped=left_out, details=told, ranges=ranges
    )
    if output.format is Format.TABLE:
        properties = rows.in_short(properties)
    show_data(output, document, properties)
    if output.format is Format.TABLE:
        jobs = rows.job_rows([(report, report.jobs)], short=True)
        jobs = jobs._replace(titles={report.job_set.set_id: ""})  # it is said above
        show_data(output, document, jobs)
        if told:
            show_data(output, document, rows.time_rows(report.jobs, told))
        if skipped.files:
            show_data(output, document, rows.skipped_rows(skipped.files))
    raise_for_credentials([report])
    say_next(output, [target], [report])
    return ExitCode.OK
