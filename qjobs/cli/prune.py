"""The verb prune: sets that have had their day are removed."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from qjobs.cli import options
from qjobs.cli.groups import OutputOptions
from qjobs.cli.headings import Heading
from qjobs.cli.removals import tell
from qjobs.cli.values import duration_s, whole_number
from qjobs.cli.workspace import open_workspace
from qjobs.engine.address import Target
from qjobs.engine.du import Copies
from qjobs.engine.prune import Choice, choose
from qjobs.engine.remove import Removal, foresee, remove
from qjobs.engine.workspace import Workspace
from qjobs.errors import BeingSubmitted, ExitCode, NotFound, OnlyHere, Unfinished, UsageError
from qjobs.render.house import freed_bytes
from qjobs.render.output import Output, is_terminal
from qjobs.render.text import count, size

_EXPECTED = (Unfinished, OnlyHere, BeingSubmitted, NotFound)
"""Why a set stays without anything having gone wrong."""


def prune(
    *,
    older_than: Annotated[
        float | None,
        Heading.FILTER.option(
            "--older-than",
            metavar="DURATION",
            parser=duration_s,
            help="Remove sets that were made longer ago than this (30d, 12h).",
            show_default=False,
        ),
    ] = None,
    keep: Annotated[
        int | None,
        Heading.FILTER.option(
            "--keep",
            metavar="N",
            parser=whole_number(0),
            help="Keep the newest N sets.",
            show_default=False,
        ),
    ] = None,
    failed: Annotated[
        bool,
        Heading.FILTER.option("--failed", help="Remove only sets in which something failed."),
    ] = False,
    force: options.Force = False,
    dry_run: options.DryRun = False,
    yes: Annotated[bool, Heading.RISK.option("--yes", "-y", help="Remove without asking.")] = False,
    written: OutputOptions,
) -> ExitCode:
    output = written.output
    if older_than is None and keep is None and not failed:
        raise UsageError(
            "which sets have had their day?",
            hint="say at least one of --older-than 30d, --keep 20 and --failed; with --dry-run "
            "nothing is removed",
        )
    workspace = open_workspace(output)
    chosen = choose(workspace, Choice(older_than, keep or 0, failed))
    for problem in chosen.problems:
        output.warn(f"it stays: {problem}")
    asks = not yes and is_terminal(sys.stdin) and is_terminal(sys.stderr)
    removals: list[Removal] = []
    if dry_run or (asks and chosen.targets):
        removals = _foreseen(workspace, chosen.targets, output, force=force)
        if not dry_run:
            going = count(sum(removal.keeps is None for removal in removals), "set")
            question = f"remove {going}, {size(freed_bytes(removals))}?"
            typer.confirm(question, abort=True, err=True)
    if not dry_run:
        removals = [remove(workspace, target, force=force) for target in chosen.targets]
    tell(removals, output, dry_run=dry_run)
    stayed = [removal.keeps for removal in removals if removal.keeps is not None]
    wrong = [error for error in stayed if not isinstance(error, _EXPECTED)]
    for error in stayed:
        if error not in wrong[:1]:
            output.warn(f"it stays: {error.message}")
    if wrong:
        raise wrong[0]
    if dry_run and chosen.targets:
        output.hint_next("the same without --dry-run")
    return ExitCode.OK


def _foreseen(
    workspace: Workspace, targets: Sequence[Target], output: Output, *, force: bool
) -> list[Removal]:
    """What would become of the sets, with the room that their providers' copies take."""
    copies = Copies(workspace)
    removals = []
    for target in targets:
        removal = foresee(workspace, target, force=force)
        size_bytes = removal.size_bytes + (copies.of(removal.job_set) or 0)
        removals.append(removal._replace(size_bytes=size_bytes))
    for problem in copies.problems:
        output.warn(problem)
    return removals
