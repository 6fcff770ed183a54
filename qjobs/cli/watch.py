"""The verb watch: look on while jobs run."""

from collections.abc import Iterator
from contextlib import contextmanager

from qjobs import paths
from qjobs.cli import options
from qjobs.cli.addresses import find_targets
from qjobs.cli.exit_codes import raise_for_jobs
from qjobs.cli.following import Opening, View, follow_to_end
from qjobs.cli.groups import WaitOptions
from qjobs.cli.next_step import say_next
from qjobs.cli.reports import summarize
from qjobs.cli.signals import Interruption
from qjobs.cli.workspace import open_workspace
from qjobs.engine.workspace import Workspace
from qjobs.errors import ExitCode
from qjobs.render.data import DATA
from qjobs.render.output import Format, Output, is_terminal


def watch(
    addresses: options.Addresses = None,
    *,
    waiting: WaitOptions,
    json: options.Json = False,
) -> ExitCode:
    looked_at = is_terminal(DATA.stream) and not json
    has_screen = looked_at and not paths.is_dumb_terminal()
    output = Output.chosen(Format.TABLE if looked_at else Format.JSONL, as_json=json)
    ending = waiting.ending()
    # What is waited for stands on the screen, or is of no interest.
    workspace = open_workspace(None if has_screen or not looked_at else output)
    targets = find_targets(workspace, addresses, output.warn)
    opening: Opening | None = None
    if has_screen:
        opening = _on_screen(workspace, output)
    elif not looked_at:
        opening = _as_events(workspace, output)
    followed = follow_to_end(
        workspace, targets, output, waiting.limit, ending=ending, opening=opening
    )
    if looked_at:
        shown = [(report, report.jobs) for report in followed.reports]
        summarize(shown, workspace.clock())
    if followed.left:
        output.note("no longer watching; the jobs go on")
        return ExitCode.OK
    raise_for_jobs(followed.reports, timed_out=followed.timed_out)
    say_next(output, targets, followed.reports)
    return ExitCode.OK


def _on_screen(workspace: Workspace, output: Output) -> Opening:
    @contextmanager
    def opened(interruption: Interruption) -> Iterator[View]:
        # Imported here: only where it draws is rich loaded.
        from qjobs.render.screen import Screen

        screen = Screen(clock=workspace.clock, on_leave=interruption.leave)
        interruption.undo = screen.restore
        try:
            with screen:
                yield screen
        finally:
            for problem in screen.problems:  # which the screen took away with it
                output.warn(problem)

    return opened


def _as_events(workspace: Workspace, output: Output) -> Opening:
    @contextmanager
    def opened(_: Interruption) -> Iterator[View]:
        from qjobs.render.events import Events

        yield Events(workspace.clock, output.warn)

    return opened
