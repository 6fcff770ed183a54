"""The verb that brings sets back whose state is lost: recover."""

from typing import TYPE_CHECKING, Annotated

import typer

from qjobs.cli import options
from qjobs.cli.groups import OutputOptions
from qjobs.cli.headings import Heading
from qjobs.cli.workspace import open_workspace
from qjobs.errors import ExitCode, NotFound
from qjobs.model import Destination
from qjobs.providers.loading import parse_backend
from qjobs.render.data import DATA
from qjobs.render.output import Output
from qjobs.render.text import count
from qjobs.render.writing import show

if TYPE_CHECKING:
    from qjobs.engine.recover import RecoverRequest, Recovery

SetIds = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SET_ID...",
        help="Ids of sets. Default: all that the provider has and this state folder has not.",
        show_default=False,
    ),
]


def recover(
    set_ids: SetIds = None,
    *,
    backend: options.Backend,
    dry_run: Annotated[
        bool,
        Heading.OUTPUT.option("--dry-run", help="Show what would be recovered, and write nothing."),
    ] = False,
    others: Annotated[
        bool,
        Heading.RISK.option("--others", help="Recover sets of other users of the instance, too."),
    ] = False,
    account: options.AccountName = "",
    instance: options.Instance = "",
    written: OutputOptions,
) -> ExitCode:
    from qjobs.engine.recover import Outcome, RecoverRequest
    from qjobs.render.recovered import recovered_document, recovered_rows

    output = written.output
    provider, name = parse_backend(backend)
    request = RecoverRequest(
        Destination(provider, name, account, instance), set_ids or (), dry_run, others
    )
    recoveries, foreign, lost = _recoveries(request, output)
    made = [r.set_id for r in recoveries if r.outcome in (Outcome.RECOVERED, Outcome.MISSING)]
    if output.ids_only:
        for set_id in made:
            typer.echo(set_id, file=DATA.stream)
    else:
        show(output, recovered_document(recoveries), recovered_rows(recoveries), most=None)
    if lost:
        raise lost
    if foreign:
        output.note(f"left out {count(foreign, 'set')} of other users: --others takes them")
    unreadable = [r.set_id for r in recoveries if r.outcome is Outcome.UNREADABLE]
    if unreadable and set_ids:
        raise NotFound(f"not enough is left of {' '.join(unreadable)}")
    if made:
        output.hint_next(
            "the same without --dry-run" if dry_run else f"qjobs status {' '.join(made)}"
        )
    else:
        output.note(f"{count(len(recoveries), 'set')} found, none of them missing here")
    return ExitCode.OK


def _recoveries(
    request: "RecoverRequest", output: Output
) -> "tuple[list[Recovery], int, NotFound | None]":
    """Collect the sets found, the number of other users' sets, and the error for missing ones."""
    from qjobs.engine.recover import Outcome
    from qjobs.engine.recover import recover as recover_sets

    recoveries = []
    foreign = 0
    try:
        for recovery in recover_sets(open_workspace(output), request):
            for problem in recovery.problems:
                output.warn(problem)
            if recovery.outcome is Outcome.FOREIGN:
                foreign += 1
            else:
                recoveries.append(recovery)
    except NotFound as error:
        return recoveries, foreign, error
    return recoveries, foreign, None
