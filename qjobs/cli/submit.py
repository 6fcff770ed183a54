"""The verb submit: circuits become a job set, which is submitted."""

from typing import TYPE_CHECKING, Annotated

from qjobs.cli import options
from qjobs.cli.groups import OutputOptions, WaitOptions
from qjobs.cli.headings import Heading
from qjobs.cli.request import SubmitOptions, make_request
from qjobs.cli.submission import conclude, say_where, start_set, warn_of_files
from qjobs.cli.workspace import open_workspace
from qjobs.engine.deadline import Deadline, within
from qjobs.engine.set.origins import Origins
from qjobs.engine.set.parcel import observables_of
from qjobs.engine.workspace import Workspace
from qjobs.errors import ExitCode
from qjobs.render import rows, shapes
from qjobs.render.output import Output
from qjobs.render.progress import progress
from qjobs.render.summaries import assignments
from qjobs.render.text import count
from qjobs.render.writing import show
from qjobs.store.folder import Skipped

if TYPE_CHECKING:
    from qjobs.engine.set.request import SubmitRequest


def submit(
    *,
    asked: SubmitOptions,
    dry_run: Annotated[
        bool,
        Heading.OUTPUT.option(
            "--dry-run", help="Read and plan everything; write and submit nothing."
        ),
    ] = False,
    wait: options.Wait = False,
    waiting: WaitOptions,
    written: OutputOptions,
) -> ExitCode:
    output = written.output
    ending = waiting.ending(waits=wait)
    request = make_request(asked)
    deadline = Deadline(waiting.timeout)
    workspace = within(open_workspace(output), deadline)
    if dry_run:
        return _preview(workspace, request, output)
    limit = waiting.limit
    target, errors = start_set(
        workspace,
        request,
        output,
        asked.max_workers,
        limit,
        print_id=output.ids_only,
        deadline=deadline,
    )
    conclude(
        workspace,
        [target],
        output,
        errors=errors,
        limit=limit._replace(timeout_s=deadline.left_s()) if wait else None,
        ending=ending,
        document=lambda reports: shapes.set_document(
            reports[0],
            sources=target.folder.sources(),
            skipped=target.folder.skipped(),
            observables=observables_of(target.folder),
        ),
    )
    return ExitCode.OK


def _preview(workspace: Workspace, request: "SubmitRequest", output: Output) -> ExitCode:
    from qjobs.engine.set.making import estimates_remark, preview, warnings

    with progress(output, "reading", unit="files") as meter:
        plan, gathered = preview(workspace, request, progress=meter.show)
    warn_of_files(output, gathered)
    say_where(output, plan)
    for warning in warnings(workspace, plan):
        output.warn(warning)
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
    skipped = Skipped(len(gathered.skipped), gathered.skipped)
    document = shapes.plan_document(plan, sources=gathered.sources, skipped=skipped)
    origins = Origins(gathered.sources, plan)
    show(output, document, rows.plan_rows(plan, origins))
    output.hint_next("the same without --dry-run")
    return ExitCode.OK
