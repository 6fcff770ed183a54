"""The verb submit: circuits become a job set, which is submitted."""

from typing import Annotated

from qjobs.cli import options
from qjobs.cli.groups import LintOptions, WaitOptions
from qjobs.cli.headings import Heading
from qjobs.cli.request import SubmitOptions, make_request
from qjobs.cli.submission import conclude, start_set
from qjobs.cli.workspace import open_workspace
from qjobs.engine.deadline import Deadline, within
from qjobs.engine.set.parcel import observables_of
from qjobs.errors import ExitCode, UsageError
from qjobs.render import shapes


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
    written: LintOptions,
) -> ExitCode:
    output = written.output
    ending = waiting.ending(waits=wait)
    deadline = Deadline(waiting.timeout)
    if dry_run:
        from qjobs.cli.preview import preview

        return preview(asked, output, written.report, deadline)
    if written.report:
        raise UsageError(f"--format {written.report} is that of a dry run", hint="add --dry-run")
    request = make_request(asked)
    workspace = within(open_workspace(output), deadline)
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
