"""The dry run of submit: what would become of the files, and all that is wrong with them."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
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
from qjobs.errors import ExitCode, InputError, Place, QjobsError, Unreadable, UnreadableFiles
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
    from qjobs.engine.set.request import SubmitRequest


_UNMEASURED = 5


def preview(
    asked: SubmitOptions, output: Output, report: Report | None, deadline: Deadline
) -> ExitCode:
    """Show the plan or, for a report, the findings. Raises InputError once all have been shown."""
    missing: list[Unreadable] = []
    try:
        request = make_request(asked, missing)
    except InputError as error:
        raise _refusal(output, report, [error], [], ()) from error
    workspace = within(open_workspace(output), deadline)
    try:
        plan, gathered = _planned(workspace, request, output)
    except InputError as error:
        errors = [error, *_other_errors(workspace, request, output, error)]
        raise _refusal(output, report, errors, missing, request.inputs) from error
    if missing:
        raise _refusal(output, report, [], missing, request.inputs)
    inputs = request.inputs
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
    numbers = gathered.numbers
    document = shapes.plan_document(
        plan, sources=gathered.sources, skipped=skipped, numbers=numbers
    )
    show(output, document, rows.plan_rows(plan, Origins(gathered.sources, plan), numbers))
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


def _planned(
    workspace: Workspace, request: "SubmitRequest", output: Output
) -> "tuple[JobSet, Gathered]":
    with progress(output, "reading", unit="files") as meter:
        return planned(workspace, request, progress=meter.show)


def _other_errors(
    workspace: Workspace, request: "SubmitRequest", output: Output, error: InputError
) -> Iterator[InputError]:
    """What else is wrong, which shows only once what the error is about is left out."""
    bad = {file.path for file in error.unreadable}
    others = [file for file in request.inputs if file.path not in bad]
    alone = not bad and (request.parameters or request.observables)
    if alone:  # the circuits by themselves
        options = replace(request.options, precision=None)
        request = replace(request, parameters=None, observables=None, options=options)
    elif others and len(others) < len(request.inputs):
        request = replace(request, inputs=others)
    else:
        return
    try:
        _planned(workspace, request, output)
    except InputError as found:
        if found.unreadable or not alone:
            yield found
        yield from _other_errors(workspace, request, output, found)
    except QjobsError:  # that of the files comes first
        return


def _refusal(
    output: Output,
    report: Report | None,
    errors: Sequence[InputError],
    missing: Sequence[Unreadable],
    inputs: Sequence[InputFile],
) -> InputError:
    """List what has to be mended; the error to end with, which counts it."""
    unreadable = [*missing, *(file for error in errors for file in error.unreadable)]
    found = [Finding(Rule.UNREADABLE, Level.ERROR, file.place, file.message) for file in unreadable]
    found += [
        Finding(Rule.INPUT, Level.ERROR, error.place, error.text)
        for error in errors
        if not error.unreadable
    ]
    if not output.notes_as_json:
        _list(found, inputs)
    if report:
        _write(found, report)
    said = [_counted(error, len(inputs)) for error in errors]
    if missing:
        said.append(f"{count(len(missing), 'name')} without a file")
    message = "; ".join(said)
    append(output, lambda: markdown.findings(found, message))
    if len(errors) == 1 and not missing and output.notes_as_json:
        return errors[0]
    told = InputError(message, hint=next((error.hint for error in errors), ""))
    told.unreadable = tuple(unreadable)
    return told


def _counted(error: InputError, given: int) -> str:
    """What an error says, but for what has been said of its file by now."""
    if error.place and not error.unreadable:
        return f"{error.place.file} cannot be read"
    if error.unreadable and not isinstance(error, UnreadableFiles):
        return f"1 of {count(given, 'file')} cannot be read"
    return error.message


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
