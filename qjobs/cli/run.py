"""The verb run: submit, wait and print the results, in one command."""

from qjobs.cli import options
from qjobs.cli.exit_codes import Interrupted
from qjobs.cli.following import follow_to_end
from qjobs.cli.groups import OutputOptions, WaitOptions
from qjobs.cli.junit import check_junitxml, write_junitxml
from qjobs.cli.next_step import say_next
from qjobs.cli.request import SubmitOptions, make_request
from qjobs.cli.result import Selected, print_results
from qjobs.cli.step_summary import summarize_sets
from qjobs.cli.submission import known_reports, start_set
from qjobs.cli.workspace import open_workspace
from qjobs.engine.deadline import Deadline, within
from qjobs.errors import ExitCode, NoneAccepted, TimedOut
from qjobs.render.results import check_place


def run(
    *,
    asked: SubmitOptions,
    waiting: WaitOptions,
    top: options.Top = None,
    partial: options.Partial = False,
    out: options.Out = None,
    junitxml: options.JunitXml = None,
    written: OutputOptions,
) -> ExitCode:
    output = written.output
    check_place(output, out)
    check_junitxml(junitxml)
    ending = waiting.ending()
    request = make_request(asked)
    deadline = Deadline(waiting.timeout)
    workspace = within(open_workspace(output), deadline)
    limit = waiting.limit
    target, errors = start_set(
        workspace, request, output, asked.max_workers, limit, print_id=False, deadline=deadline
    )
    if any(isinstance(error, Interrupted | NoneAccepted | TimedOut) for error in errors):
        known = known_reports([target])
        write_junitxml(junitxml, [target], known)
        summarize_sets(output, [target], known)
        raise errors[0]
    limit = limit._replace(timeout_s=deadline.left_s())
    followed = follow_to_end(workspace, [target], output, limit, ending=ending)
    selected = Selected(
        top=top, memory=asked.memory, partial=partial, out=out, junitxml=junitxml, summarizes=True
    )
    print_results(
        workspace, [target], followed.reports, output, selected,
        timed_out=followed.timed_out, deadline=deadline,
    )  # fmt: skip
    say_next(output, [target], followed.reports, after="result")
    return ExitCode.OK
