"""The verbs that make a job set: submit and run."""

from typing import TYPE_CHECKING, Annotated

import typer

from qjobs.cli import options
from qjobs.cli.exit_codes import Interrupted
from qjobs.cli.following import follow_to_end
from qjobs.cli.request import input_files, make_request
from qjobs.cli.result import Selected, print_results
from qjobs.cli.submission import conclude, print_ids, submit_jobs
from qjobs.cli.values import most_fails, named_options, run_options
from qjobs.cli.workspace import open_workspace
from qjobs.engine.address import Target, resolve
from qjobs.engine.deadline import Deadline, within
from qjobs.engine.set.origins import Origins
from qjobs.engine.wait import Limit
from qjobs.engine.workspace import Workspace
from qjobs.errors import ExitCode, NoneAccepted, QjobsError, TimedOut
from qjobs.model import JobSet, RunOptions
from qjobs.render import rows, shapes
from qjobs.render.output import Output
from qjobs.render.progress import progress
from qjobs.render.results import check_place
from qjobs.render.summaries import assignments
from qjobs.render.text import count
from qjobs.render.writing import show
from qjobs.store.folder import Skipped

if TYPE_CHECKING:
    from qjobs.circuits.gather import Gathered
    from qjobs.engine.set.request import SubmitRequest


def submit(
    files: options.Files = None,
    *,
    files_from: options.FilesFrom = None,
    backend: options.Backend = "local:aer",
    least_busy: options.LeastBusy = False,
    name: options.Name = "",
    tag: options.Tags = None,
    shots: options.Shots = 1024,
    seed: options.Seed = None,
    memory: options.Memory = False,
    optimization_level: options.OptimizationLevel = 1,
    seed_transpiler: options.SeedTranspiler = None,
    no_transpile: options.NoTranspile = False,
    parameters: options.Parameters = None,
    observables: options.Observables = None,
    precision: options.Precision = None,
    option: options.ExtraOptions = None,
    mode: options.Mode = None,
    max_execution_time: options.MaxExecutionTime = None,
    private: options.Private = False,
    account: options.AccountName = "",
    instance: options.Instance = "",
    per_job: options.PerJob = None,
    max_workers: options.MaxWorkers = None,
    skip_invalid: options.SkipInvalid = False,
    strict: options.Strict = False,
    once: options.Once = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read and plan everything, write and send nothing.")
    ] = False,
    wait: options.Wait = False,
    timeout: options.Timeout = None,
    poll: options.Poll = None,
    fail_fast: options.FailFast = False,
    max_fails: options.MaxFails = None,
    format_: options.FormatOption = None,
    header: options.Header = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> ExitCode:
    """Cut circuits into jobs, submit them and print the set's id."""
    output = Output.chosen(format_, as_json=json, header=header, quiet=quiet)
    named = named_options(
        mode=mode, max_execution_time=max_execution_time, private=private,
        seed_transpiler=seed_transpiler, transpile=not no_transpile,
    )  # fmt: skip
    request = make_request(
        input_files(files, files_from), backend, name=name, tags=tag, per_job=per_job,
        run=RunOptions(
            shots, seed, memory, optimization_level, precision, {**named, **run_options(option)}
        ),
        parameters=parameters, observables=observables,
        account=account, instance=instance, least_busy=least_busy, named=named,
        skip_invalid=skip_invalid, strict=strict, once=once,
    )  # fmt: skip
    deadline = Deadline(timeout)
    workspace = within(open_workspace(), deadline)
    if dry_run:
        return _preview(workspace, request, output)
    limit = Limit(timeout, poll, most_fails(fail_fast=fail_fast, max_fails=max_fails))
    target, errors = _submit(
        workspace, request, output, max_workers, limit, print_id=output.ids_only, deadline=deadline
    )
    conclude(
        workspace,
        [target],
        output,
        errors=errors,
        limit=limit._replace(timeout_s=deadline.left_s()) if wait else None,
        document=lambda reports: shapes.set_document(
            reports[0],
            sources=target.folder.sources(),
            skipped=target.folder.skipped(),
            observables=target.folder.observables(),
        ),
    )
    return ExitCode.OK


def run(
    files: options.Files = None,
    *,
    files_from: options.FilesFrom = None,
    backend: options.Backend = "local:aer",
    least_busy: options.LeastBusy = False,
    name: options.Name = "",
    tag: options.Tags = None,
    shots: options.Shots = 1024,
    seed: options.Seed = None,
    memory: options.Memory = False,
    optimization_level: options.OptimizationLevel = 1,
    seed_transpiler: options.SeedTranspiler = None,
    no_transpile: options.NoTranspile = False,
    parameters: options.Parameters = None,
    observables: options.Observables = None,
    precision: options.Precision = None,
    option: options.ExtraOptions = None,
    mode: options.Mode = None,
    max_execution_time: options.MaxExecutionTime = None,
    private: options.Private = False,
    account: options.AccountName = "",
    instance: options.Instance = "",
    per_job: options.PerJob = None,
    max_workers: options.MaxWorkers = None,
    skip_invalid: options.SkipInvalid = False,
    strict: options.Strict = False,
    once: options.Once = False,
    timeout: options.Timeout = None,
    poll: options.Poll = None,
    fail_fast: options.FailFast = False,
    max_fails: options.MaxFails = None,
    top: options.Top = None,
    partial: options.Partial = False,
    out: options.Out = None,
    format_: options.FormatOption = None,
    header: options.Header = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> ExitCode:
    """Submit circuits, wait for them and print the results."""
    output = Output.chosen(format_, as_json=json, header=header, quiet=quiet)
    check_place(output, out)
    named = named_options(
        mode=mode, max_execution_time=max_execution_time, private=private,
        seed_transpiler=seed_transpiler, transpile=not no_transpile,
    )  # fmt: skip
    request = make_request(
        input_files(files, files_from), backend, name=name, tags=tag, per_job=per_job,
        run=RunOptions(
            shots, seed, memory, optimization_level, precision, {**named, **run_options(option)}
        ),
        parameters=parameters, observables=observables,
        account=account, instance=instance, least_busy=least_busy, named=named,
        skip_invalid=skip_invalid, strict=strict, once=once,
    )  # fmt: skip
    deadline = Deadline(timeout)
    workspace = within(open_workspace(), deadline)
    limit = Limit(timeout, poll, most_fails(fail_fast=fail_fast, max_fails=max_fails))
    target, errors = _submit(
        workspace, request, output, max_workers, limit, print_id=False, deadline=deadline
    )
    if any(isinstance(error, Interrupted | NoneAccepted | TimedOut) for error in errors):
        raise errors[0]
    limit = limit._replace(timeout_s=deadline.left_s())
    followed = follow_to_end(workspace, [target], output, limit)
    selected = Selected(top=top, memory=memory, partial=partial, out=out)
    print_results(
        workspace, [target], followed.reports, output, selected,
        timed_out=followed.timed_out, deadline=deadline,
    )  # fmt: skip
    output.hint_next(f"qjobs show {target.folder.job_set.set_id}")
    return ExitCode.OK


def _preview(workspace: Workspace, request: "SubmitRequest", output: Output) -> ExitCode:
    from qjobs.engine.set.making import estimates_remark, preview, warnings

    with progress(output, "reading") as meter:
        plan, gathered = preview(workspace, request, progress=meter.show)
    _warn(output, gathered)
    _say_where(output, plan)
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
    return ExitCode.OK


def _submit(
    workspace: Workspace,
    request: "SubmitRequest",
    output: Output,
    max_workers: int | None,
    limit: Limit,
    *,
    print_id: bool,
    deadline: Deadline,
) -> tuple[Target, list[QjobsError]]:
    """Make the set and send it; the errors are what the command has to end with."""
    from qjobs.engine.set.making import estimates_remark, plan_set

    with progress(output, "reading") as meter:
        preparation = plan_set(workspace, request, progress=meter.show)
    _warn(output, preparation.gathered)
    folder = preparation.folder
    _say_where(output, folder.job_set)
    if remark := estimates_remark(workspace, folder.job_set):
        output.note(f"expectation values {remark}")
    set_id = folder.job_set.set_id
    target = resolve(workspace.store, set_id)
    if print_id:
        print_ids([target])
    if preparation.existing:
        output.note(f"submitted before as {set_id}")
        if target.folder.being_submitted():
            return target, []
    error = submit_jobs(
        workspace, target, output, max_workers=max_workers, limit=limit, deadline=deadline
    )
    return target, [error] if error else []


def _say_where(output: Output, plan: JobSet) -> None:
    if plan.instance_name or plan.plan:
        paid = f", plan {plan.plan}" if plan.plan else ""
        output.note(f"{plan.provider}:{plan.backend} in the instance {plan.instance_name}{paid}")


def _warn(output: Output, gathered: "Gathered") -> None:
    if gathered.skipped:
        output.list_unreadable(gathered.skipped)
        files = len(gathered.sources) + len(gathered.skipped)
        output.warn(f"left out {len(gathered.skipped)} of {count(files, 'file')}")
    for circuit in gathered.unreadable:
        output.warn(f"will fail: {circuit}")
    if gathered.unmeasured.count:
        circuits = gathered.unmeasured_circuits
        output.warn(f"without a measurement there are no counts: {circuits}")
