"""The verb result, and how results are written wherever they are asked for."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from qjobs.cli import options
from qjobs.cli.addresses import find_targets
from qjobs.cli.drawing import Beside, PlotOptions, beside, draw
from qjobs.cli.exit_codes import raise_for_credentials, raise_for_jobs
from qjobs.cli.following import follow_to_end
from qjobs.cli.groups import OutputOptions, WaitOptions
from qjobs.cli.junit import check_junitxml, write_junitxml
from qjobs.cli.next_step import say_next
from qjobs.cli.step_summary import summarize_sets
from qjobs.cli.workspace import open_workspace
from qjobs.engine import result as engine
from qjobs.engine.address import Target
from qjobs.engine.deadline import Deadline, within
from qjobs.engine.failed import look_into
from qjobs.engine.report import FINAL, SetReport, State
from qjobs.engine.set.parcel import observables_of
from qjobs.engine.status import status
from qjobs.engine.wait import failed
from qjobs.engine.workspace import Workspace
from qjobs.errors import ExitCode, ProviderError, TimedOut, UsageError
from qjobs.pictures.source import source_of
from qjobs.render.output import Output
from qjobs.render.progress import progress
from qjobs.render.results import SetResult, check_place, save_results, show_results
from qjobs.render.text import count


def result(
    addresses: options.Addresses = None,
    *,
    wait: options.Wait = False,
    waiting: WaitOptions,
    partial: options.Partial = False,
    memory: options.Memory = False,
    arrays: options.Arrays = False,
    parameters_only: options.ParametersOnly = False,
    top: options.Top = None,
    out: options.Out = None,
    junitxml: options.JunitXml = None,
    plotted: PlotOptions,
    written: OutputOptions,
) -> ExitCode:
    output = written.output
    check_place(output, out)
    check_junitxml(junitxml)
    ending = waiting.ending(waits=wait)
    plotted.check()
    deadline = Deadline(waiting.timeout)
    workspace = within(open_workspace(output), deadline)
    targets = find_targets(workspace, addresses, output.warn)
    if not targets:  # a document a set: there is none, and no file is to be replaced by nothing
        return ExitCode.OK
    if parameters_only:
        _print_parameters(workspace, targets, output, out)
        return ExitCode.OK
    for job_set in (target.folder.job_set for target in targets):
        if memory and not job_set.options.memory:
            output.warn(f"{job_set.set_id} was submitted without --memory: none was kept")
    drawn = beside(workspace, plotted.against, output.warn)
    selected = Selected(
        top=top, memory=memory, arrays=arrays, partial=partial, out=out, plotted=plotted,
        drawn=drawn, junitxml=junitxml,
    )  # fmt: skip
    if drawn.target is not None:
        targets.append(drawn.target)
    reports: Sequence[SetReport]
    timed_out = False
    if wait:
        limit = waiting.limit._replace(timeout_s=deadline.left_s())
        followed = follow_to_end(workspace, targets, output, limit, ending=ending)
        reports, timed_out = followed.reports, followed.timed_out
    else:
        reports = [status(workspace, target) for target in targets]
        for problem in dict.fromkeys(problem for report in reports for problem in report.problems):
            output.warn(problem)
    print_results(
        workspace, targets, reports, output, selected, timed_out=timed_out, deadline=deadline
    )
    say_next(output, targets, reports, after="result")
    return ExitCode.OK


@dataclass(frozen=True, slots=True)
class Selected:
    """Which part of the results is wanted, and where: on stdout if `out` is None.

    Where there is something to be `drawn` beside them, its target is the last one. CI systems are
    told in a report of tests and, if it `summarizes`, in a summary of the step.
    """

    top: int | None = None
    memory: bool = False
    arrays: bool = False
    partial: bool = False
    out: str | None = None
    plotted: PlotOptions = field(default_factory=PlotOptions)
    drawn: Beside = field(default_factory=Beside)
    junitxml: str | None = None
    summarizes: bool = False


def print_results(
    workspace: Workspace,
    targets: Sequence[Target],
    reports: Sequence[SetReport],
    output: Output,
    selected: Selected,
    *,
    timed_out: bool = False,
    deadline: Deadline,
) -> None:
    """Fetch what is missing and write the results; raise what there is to say of the jobs.

    Nothing is written while jobs are unfinished, unless a part is wanted.
    """
    finished = all(job.state in FINAL for report in reports for job in report.jobs)
    own = len(targets) - (selected.drawn.target is not None)
    if any(report.denied for report in reports) or not (finished or selected.partial):
        _tell(output, selected, targets[:own], reports[:own])
    raise_for_credentials(reports)
    if not (finished or selected.partial):
        raise_for_jobs(reports, timed_out=timed_out)
    problems: list[str] = []
    looked = []
    for target, report in zip(targets, reports, strict=True):
        stop = threading.Event()
        with progress(output, "fetching") as meter:
            problems += engine.fetch(
                workspace, target.folder, report.jobs, stop=stop, progress=meter.show
            )
        looked.append(look_into(workspace, target, report, stop=stop, fetches=False))
    reports = looked
    for problem in problems:
        output.warn(problem)
    pairs = list(zip(targets, reports, strict=True))
    other = pairs.pop() if selected.drawn.target is not None else None
    _tell(output, selected, targets[:own], reports[:own])
    if selected.plotted.plot is not None:
        draw(output, pairs, other, selected.plotted, ideal=selected.drawn.ideal, top=selected.top)
    if selected.plotted.plot is None or selected.out is not None:
        results = [_set_result(target, report, selected) for target, report in pairs]
        _deliver(output, results, selected.top, selected.out)
    sets = " ".join(report.job_set.set_id for report in reports)
    if problems:
        kind = TimedOut if deadline.over else ProviderError
        raise kind(
            f"the results of {count(len(problems), 'job')} could not be fetched",
            hint=f"qjobs result {sets}",
        )
    if finished or any(map(failed, reports)):
        raise_for_jobs(reports)


def _tell(
    output: Output, selected: Selected, targets: Sequence[Target], reports: Sequence[SetReport]
) -> None:
    """Tell CI systems what became of the jobs, as far as that is wanted."""
    write_junitxml(selected.junitxml, targets, reports)
    if selected.summarizes:
        summarize_sets(output, targets, reports)


def _print_parameters(
    workspace: Workspace, targets: Sequence[Target], output: Output, out: str | None
) -> None:
    """Write the values of sweeps, which asks nobody: they are known before anything ran."""
    results = []
    for target in targets:
        job_set = target.folder.job_set
        if not job_set.parameters:
            raise UsageError(
                f"the circuits of {job_set.set_id} have no parameters",
                hint=f"qjobs result {job_set.set_id}",
            )
        report = status(workspace, target, cached=True)
        rows = engine.rows(target, report, results_of=lambda _: False)
        results.append(
            SetResult(job_set, rows, len(target.circuits), complete=True, parameters_only=True)
        )
    _deliver(output, results, None, out)


def _deliver(
    output: Output, results: Sequence[SetResult], top: int | None, out: str | None
) -> None:
    if out is None:
        show_results(output, results, top=top)
    else:
        save_results(output, results, out, top)


def _set_result(target: Target, report: SetReport, selected: Selected) -> SetResult:
    kept = target.folder.results
    return SetResult(
        report.job_set,
        _selected_rows(target, report, selected),
        len(target.circuits),
        complete=all(
            job.state is State.DONE and kept.has(job.index, job.attempt) for job in report.jobs
        ),
        files=[source.path for source in target.folder.sources()],
        observables=observables_of(target.folder),
        whole_arrays=selected.arrays,
        order=selected.plotted.sort,
        source=source_of(target, report),
    )


def _selected_rows(
    target: Target, report: SetReport, selected: Selected
) -> Iterator[engine.CircuitRow]:
    """The rows, with the memory of the shots only if it was asked for."""
    for row in engine.rows(target, report):
        yield row if selected.memory else replace(row, memory=None)
