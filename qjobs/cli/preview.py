"""The dry run of submit: what would become of the files, and all that is wrong with them."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from qjobs import paths
from qjobs.circuits.inputs import InputFile
from qjobs.circuits.text import read_line
from qjobs.cli.request import SubmitOptions, make_request
from qjobs.cli.step_summary import append
from qjobs.cli.submission import say_where, warn_of_files
from qjobs.cli.workspace import open_workspace
from qjobs.engine.deadline import Deadline, within
from qjobs.engine.set.making import estimates_remark, warnings
from qjobs.engine.set.making import preview as planned
from qjobs.engine.set.origins import Origins
from qjobs.engine.workspace import Workspace
from qjobs.errors import ExitCode, InputError, Place, Unreadable, UnreadableFiles
from qjobs.model import JobSet
from qjobs.render import markdown, rows, shapes
from qjobs.render.data import DATA
from qjobs.render.findings import Finding, Level, Rule, annotations, inert, text_lines
from qjobs.render.output import Output, Report, say
from qjobs.render.progress import progress
from qjobs.render.summaries import assignments
from qjobs.render.text import count
from qjobs.render.writing import show
from qjobs.store.folder import Skipped

if TYPE_CHECKING:
    from qjobs.circuits.gather import Gathered


_UNMEASURED = 5


def preview(
    asked: SubmitOptions, output: Output, report: Report | None, deadline: Deadline
) -> ExitCode:
    """Show the plan or, for a report, the findings. Raises InputError once all have been shown."""
    missing: list[Unreadable] = []
    inputs: Sequence[InputFile] = ()
    try:
        request = make_request(asked, missing)
        inputs = request.inputs
        workspace = within(open_workspace(output), deadline)
        with progress(output, "reading", unit="files") as meter:
            plan, gathered = planned(workspace, request, progress=meter.show)
        if missing:
            raise UnreadableFiles("", hint="", unreadable=())
    except InputError as error:
        found = [*_faults(error, missing)]
        if not output.notes_as_json:
            _list(found, inputs)
        if report:
            _write(found, report)
        told = _conclusion(error, missing, len(inputs))
        append(output, lambda: markdown.findings(found, told.message))
        if output.notes_as_json and not missing:
            raise
        raise told from error
    found = [*_doubts(gathered)]
    size = (
        f"{count(len(inputs), 'file')}, {count(plan.circuits, 'circuit')} in "
        f"{count(len(plan.slices), 'job')} for {plan.destination}"
    )
    append(output, lambda: markdown.findings(found, size))
    if report:
        for warning in warnings(workspace, plan):
            output.warn(inert(warning))
        _list(found, inputs)
        _write(found, report)
        output.note(size)
        return ExitCode.OK
    warn_of_files(output, gathered)
    say_where(output, plan)
    for warning in warnings(workspace, plan):
        output.warn(warning)
    _note_work(output, workspace, plan, gathered)
    skipped = Skipped(len(gathered.skipped), gathered.skipped)
    document = shapes.plan_document(plan, sources=gathered.sources, skipped=skipped)
    show(output, document, rows.plan_rows(plan, Origins(gathered.sources, plan)))
    output.hint_next("the same without --dry-run")
    return ExitCode.OK


def _note_work(output: Output, workspace: Workspace, plan: JobSet, gathered: "Gathered") -> None:
    """Say what is asked of each circuit, where that is more than shots."""
    if plan.parameters:
        output.note(
            f"{count(gathered.circuits, 'circuit')}, each with {count(plan.bindings, 'row')} of "
            f"values for {', '.join(plan.parameters)}"
        )
    if plan.options.extra:
        chosen = assignments(plan.options.extra, ", ")
        output.note(f"{plan.provider}:{plan.backend} with {chosen}")
    if plan.observables:
        remark = estimates_remark(workspace, plan)
        asked = f"expectation values of {count(plan.observables, 'observable')}"
        output.note(f"{asked}, {remark}" if remark else asked)


def _faults(error: InputError, missing: Sequence[Unreadable]) -> Iterator[Finding]:
    """What has to be mended, file by file as far as that is known."""
    for file in (*missing, *error.unreadable):
        yield Finding(Rule.UNREADABLE, Level.ERROR, file.place, file.message)
    if error.message and not error.unreadable:
        yield Finding(Rule.INPUT, Level.ERROR, error.place, error.text)


def _conclusion(error: InputError, missing: Sequence[Unreadable], given: int) -> InputError:
    """The error to end with, once the findings are listed: it counts them."""
    said = error.message
    if error.place and not error.unreadable:
        said = f"{error.place.file} cannot be read"
    elif error.unreadable and not isinstance(error, UnreadableFiles):
        said = f"1 of {count(given, 'file')} cannot be read"
    names = f"{count(len(missing), 'name')} without a file" if missing else ""
    told = InputError("; ".join(filter(None, (said, names))), hint=error.hint)
    told.unreadable = (*missing, *error.unreadable)
    return told


def _doubts(gathered: "Gathered") -> Iterator[Finding]:
    """What the set can be submitted with, but will give nothing for."""
    for file in (*gathered.skipped, *gathered.unreadable):
        yield Finding(Rule.UNREADABLE, Level.WARNING, file.place, file.message)
    first = gathered.unmeasured.first[:_UNMEASURED]
    for index in first:
        place = Place(gathered.source(index).path)
        message = f"circuit {index} has no measurement: there are no counts"
        yield Finding(Rule.NO_MEASUREMENT, Level.WARNING, place, message)
    if rest := gathered.unmeasured.count - len(first):
        message = f"{count(rest, 'more circuit')} without a measurement"
        yield Finding(Rule.NO_MEASUREMENT, Level.WARNING, None, message)


def _list(findings: Iterable[Finding], inputs: Sequence[InputFile]) -> None:
    """Name them all on stderr, a line each, those with a line in the file with that line."""
    once = {file.path: file.data for file in inputs if file.data is not None}
    located = (finding for finding in findings if finding.place)
    for line in text_lines(located, lambda place: read_line(place, once.get(place.file))):
        say(inert(line))


def _write(findings: Sequence[Finding], report: Report) -> None:
    checkout = paths.checkout()
    match report:
        case Report.GITHUB:
            DATA.stream.writelines(f"{line}\n" for line in annotations(findings, checkout))
        case Report.SARIF:
            from qjobs.render.sarif import log

            DATA.stream.write(f"{json.dumps(log(findings, checkout))}\n")
