"""The verb that lists what may stand after `-b`."""

from collections.abc import Iterator, Sequence
from threading import Thread
from typing import Annotated, TypeAlias

import typer

from qjobs import defaults, pool
from qjobs.circuits.foreign import describe
from qjobs.cli import options
from qjobs.cli.groups import OutputOptions
from qjobs.cli.headings import Heading
from qjobs.cli.tab import complete_provider
from qjobs.cli.workspace import open_workspace
from qjobs.contract import Finding, Provider
from qjobs.engine.set import choice
from qjobs.errors import ExitCode, ProviderError, QjobsError, UsageError
from qjobs.model import Destination
from qjobs.providers import loading
from qjobs.render.backends import Offer, backend_rows, backends_document, offers_by_provider
from qjobs.render.checks import check_document, check_line, check_rows
from qjobs.render.data import DATA
from qjobs.render.output import Format, Output
from qjobs.render.writing import show

ProviderName = Annotated[
    str | None,
    Heading.WHERE.option(
        "--provider",
        "-p",
        metavar="NAME",
        help="List only backends of this provider.",
        autocompletion=complete_provider,
    ),
]


def backends(
    *,
    provider: ProviderName = None,
    least_busy: Annotated[
        bool,
        Heading.WHERE.option(
            "--least-busy", help="List only the one with the fewest waiting jobs."
        ),
    ] = False,
    check: Annotated[
        bool,
        Heading.WHERE.option("--check", help="Try whether jobs can run there, at next to no cost."),
    ] = False,
    account: options.AccountName = "",
    instance: options.Instance = "",
    written: OutputOptions,
) -> ExitCode:
    output = written.output
    if provider is None:
        if least_busy or check or account or instance:
            raise UsageError("of which provider?", hint="name it: qjobs backends -p NAME")
        offers = _all_offered(output)
    else:
        where = Destination(provider, account=account, instance=instance)
        if check:
            return _tried(provider, open_workspace(output).provider_at(where), output)
        offers = _offered(provider, open_workspace(output).provider_at(where))
        if not offers:
            output.warn(_none_listed(provider))
        if least_busy:
            offers = [Offer(provider, choice.least_busy([o.info for o in offers], provider))]
    if output.quiet:
        for offer in offers:
            typer.echo(offer.address, file=DATA.stream)
    else:
        rows = offers_by_provider if output.format is Format.TABLE else backend_rows
        show(output, backends_document(offers), rows(offers), most=None, paged=True)
        chosen = offers[0].address if provider and offers else "PROVIDER:BACKEND"
        output.hint_next(f"qjobs run FILES... -b {chosen}")
    return ExitCode.OK


def _offered(name: str, provider: Provider) -> list[Offer]:
    return [Offer(name, info) for info in provider.backends()]


def _tried(name: str, provider: Provider, output: Output) -> ExitCode:
    """Say what works as soon as it is known; the exit code is that of a provider that fails."""
    works = []

    def findings() -> Iterator[Finding]:
        for finding in defaults.try_out(provider):
            works.append(finding.works)
            yield finding

    if output.quiet or output.format is Format.TABLE:
        for finding in findings():  # a line as soon as there is one, for a person who waits
            if not output.quiet:
                typer.echo(check_line(finding), file=DATA.stream)
    else:
        found = findings()
        show(output, check_document(name, found), check_rows(found))
    return ExitCode.OK if all(works) else ExitCode.UNEXPECTED


Answer: TypeAlias = list[Offer] | QjobsError


def _all_offered(output: Output) -> list[Offer]:
    """List the backends of all providers, and name the providers that do not answer.

    Those that only pretend come last.
    """
    names = loading.names()
    answers = _asked(names, output)
    offers = []
    for name in names:
        match answers[name]:
            case QjobsError() as problem:
                output.warn(f"{name}: {problem.message}")
            case []:
                output.warn(_none_listed(name))
            case some:
                offers += some
    return sorted(offers, key=lambda offer: offer.info.pretends)


def _asked(names: Sequence[str], output: Output) -> dict[str, Answer]:
    """Ask each provider for its backends, those that are processes of their own side by side."""
    workspace = open_workspace(output)
    apart = loading.read_config().vendors()
    answers: dict[str, Answer] = {}

    def ask(name: str, provider: Provider) -> None:
        try:
            answers[name] = _offered(name, provider)
        except QjobsError as problem:
            answers[name] = problem
        except Exception as problem:  # noqa: BLE001 - whatever a plug-in lets through
            answers[name] = ProviderError(describe(problem))

    threads: list[Thread] = []
    for name in sorted(names, key=lambda name: name not in apart):
        try:
            provider = workspace.load_provider(name)
        except QjobsError as problem:  # the others are of use all the same
            answers[name] = problem
            continue
        if name in apart:
            threads.append(Thread(target=ask, args=(name, provider), daemon=True))
            threads[-1].start()
        else:
            # On the main thread: it may import Qiskit, which must not come in another one.
            ask(name, provider)
    for thread in threads:
        pool.join(thread)
    return answers


def _none_listed(name: str) -> str:
    return f"{name} lists no backends; one that you know is named as -b {name}:BACKEND"
