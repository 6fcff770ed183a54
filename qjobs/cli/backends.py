"""The verb that lists what may stand after `-b`."""

from collections.abc import Iterator
from typing import Annotated

import typer

from qjobs.cli import options
from qjobs.cli.workspace import open_workspace
from qjobs.engine import choice
from qjobs.errors import ExitCode, QjobsError, UsageError
from qjobs.providers import loading
from qjobs.render.backends import Offer, backend_rows, backends_document
from qjobs.render.data import DATA
from qjobs.render.output import Output
from qjobs.render.writing import show

ProviderName = Annotated[
    str | None,
    typer.Option("--provider", "-p", metavar="NAME", help="Only those of this provider."),
]


def backends(
    *,
    provider: ProviderName = None,
    least_busy: Annotated[
        bool, typer.Option("--least-busy", help="Only the one that fewest jobs wait for.")
    ] = False,
    account: options.AccountName = "",
    instance: options.Instance = "",
    format_: options.FormatOption = None,
    header: options.Header = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> ExitCode:
    """List the backends that circuits can be submitted to."""
    output = Output.chosen(format_, as_json=json, header=header, quiet=quiet)
    if provider is None:
        if least_busy or account or instance:
            raise UsageError("of which provider?", hint="name it: qjobs backends -p NAME")
        offers = list(_all_offered(output))
    else:
        offers = list(_offered(provider, account=account, instance=instance))
        if least_busy:
            offers = [Offer(provider, choice.least_busy([o.info for o in offers], provider))]
    if quiet:
        for offer in offers:
            typer.echo(offer.address, file=DATA.stream)
    else:
        show(output, backends_document(offers), backend_rows(offers), most=None)
    return ExitCode.OK


def _offered(provider: str, **place: str) -> Iterator[Offer]:
    chosen = {name: value for name, value in place.items() if value}
    for info in open_workspace().load_provider(provider, **chosen).backends():
        yield Offer(provider, info)


def _all_offered(output: Output) -> Iterator[Offer]:
    for name in loading.names():
        try:
            yield from _offered(name)
        except QjobsError as error:  # the others are of use all the same
            output.warn(error.message)
