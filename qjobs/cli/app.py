"""The program: its verbs, in the groups and with the examples that `--help` shows."""

import platform
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from qjobs import __version__
from qjobs.cli import cancelling, continuing, looking, results, setup, submitting
from qjobs.render.output import is_terminal

_VERBS: tuple[tuple[str, Callable[..., Any], str, Sequence[str]], ...] = (
    ("submit", submitting.submit, "Run", (
        "qjobs submit circuits.qpy",
        "qjobs submit circuits/ -b ibm:ibm_fez --name ghz --per-job 300",
        "id=$(qjobs submit *.qasm) && qjobs wait $id && qjobs result $id --json",
    )),
    ("run", submitting.run, "Run", (
        "qjobs run bell.qasm",
        "qjobs run circuits/ --shots 4096 --out counts.csv",
    )),
    ("wait", looking.wait, "Run", (
        "qjobs wait",
        "qjobs wait ghz --timeout 2h --fail-fast",
    )),
    ("status", looking.status, "Look", (
        "qjobs status",
        "qjobs status ghz --jobs --failed",
        "qjobs status --failed -q | qjobs retry -",
    )),
    ("result", results.result, "Look", (
        "qjobs result",
        "qjobs result ghz:0-9 --top 4",
        "qjobs result ghz --out counts.jsonl",
    )),
    ("error", looking.error, "Look", (
        "qjobs error",
        "qjobs error ghz --all-attempts --json",
    )),
    ("list", looking.list_, "Look", (
        "qjobs list",
        "qjobs list --all -q",
    )),
    ("show", looking.show, "Look", (
        "qjobs show",
        "qjobs show @2 --json",
    )),
    ("cancel", cancelling.cancel, "Mend", (
        "qjobs cancel",
        "qjobs cancel ghz/2",
    )),
    ("resume", continuing.resume, "Mend", (
        "qjobs resume",
        "qjobs resume ghz --wait",
    )),
    ("retry", continuing.retry, "Mend", (
        "qjobs retry",
        "qjobs retry ghz --all --wait",
    )),
    ("completion", setup.completion, "Set up", (
        "qjobs completion bash > ~/.local/share/bash-completion/completions/qjobs",
        "qjobs completion fish > ~/.config/fish/completions/qjobs.fish",
    )),
    ("schema", setup.schema, "Set up", (
        "qjobs schema",
        "qjobs schema status",
    )),
)  # fmt: skip


def _print_version(asked: bool) -> None:  # noqa: FBT001 - as Typer calls it
    if asked:
        sys.stdout.write(f"qjobs {__version__} (python {platform.python_version()})\n")
        raise typer.Exit


def _qjobs(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Split large batches of quantum circuits into jobs, run them, and lose none."""


def application(*, rich_help: bool) -> typer.Typer:
    """The Typer program. Rich help is for a terminal: it takes as long again to start."""
    app = typer.Typer(
        rich_markup_mode="rich" if rich_help else None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["--help", "-h"]},
    )
    app.callback()(_qjobs)
    for name, verb, group, examples in _VERBS:
        # A blank line makes rich begin a new one; \b keeps lines as they are without rich.
        epilog = "\n\n".join(examples) if rich_help else "\n".join(("\b", "Examples:", *examples))
        app.command(name, epilog=epilog, rich_help_panel=group)(verb)
    return app


def command() -> Any:
    """The program as Typer runs it, without the options that would install its own scripts."""
    program: Any = typer.main.get_command(application(rich_help=is_terminal(sys.stdout)))
    program.params = [
        param
        for param in program.params
        if param.name not in ("install_completion", "show_completion")
    ]
    return program
