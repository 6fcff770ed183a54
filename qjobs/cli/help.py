"""The verb help: of a verb what its `--help` prints, and texts on topics."""

from typing import Annotated

import typer

from qjobs.cli.app import VERBS, command
from qjobs.cli.help_pages import TOPICS
from qjobs.cli.tab import one_of
from qjobs.errors import ExitCode, UsageError
from qjobs.near import near_ones
from qjobs.render.data import DATA
from qjobs.render.prose import Prose


def _words() -> list[tuple[str, str]]:
    return [*((verb.name, verb.help) for verb in VERBS), *TOPICS.items()]


def help_(
    word: Annotated[
        str,
        typer.Argument(
            metavar="VERB|TOPIC",
            help=f"A verb, or one of {', '.join(TOPICS)}.",
            show_default=False,
            autocompletion=one_of(_words),
        ),
    ] = "",
) -> ExitCode:
    verbs = [verb.name for verb in VERBS]
    if word and word not in (*verbs, *TOPICS):
        raise UsageError(
            f"there is no verb and no topic {word!r}{near_ones(word, [*verbs, *TOPICS])}",
            hint="qjobs help",
        )
    if word in verbs or not word:
        # Not in its standalone mode Typer leaves the ending of the process to the caller.
        command().main(
            args=[*filter(None, [word]), "--help"], prog_name="qjobs", standalone_mode=False
        )
    if word in TOPICS:
        from qjobs.cli.topics import write

        page = Prose.for_stream(DATA.stream)
        write(word, page)
        between = "\n" if word in verbs else ""
        typer.echo(f"{between}{page}", file=DATA.stream)
    return ExitCode.OK
