"""The program: its verbs, in the groups and with the examples that `--help` shows."""

import builtins
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from keyword import iskeyword
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from qjobs import __version__, paths
from qjobs.cli import help_pages
from qjobs.errors import ExitCode, UsageError
from qjobs.near import near_ones


class Verb(NamedTuple):
    """A verb before it is imported: enough for a list of verbs. Each has a module of its own.

    `group` is a key of `help_pages.GROUPS`.
    """

    name: str
    group: str
    help: str
    examples: Sequence[str]

    def function(self) -> Callable[..., ExitCode]:
        """Import the function of the verb, which has its name, unless Python has that word."""
        is_keyword = iskeyword(self.name)  # of which there can be no module either
        module = import_module(f"qjobs.cli.{self.name}{'_' if is_keyword else ''}")
        taken = is_keyword or hasattr(builtins, self.name)
        found: Callable[..., ExitCode] = getattr(module, f"{self.name}{'_' if taken else ''}")
        return found


VERBS = (
    Verb("submit", "Run",
        "Cut circuits into jobs, submit them and print the set's id.", (
        "qjobs submit circuits.qpy",
        "qjobs submit circuits/ -b ibm:ibm_fez --name ghz --per-job 300",
        "id=$(qjobs submit *.qasm) && qjobs wait $id && qjobs result $id --json",
    )),
    Verb("run", "Run",
        "Submit circuits, wait for them and print the results.", (
        "qjobs run bell.qasm",
        "qjobs run circuits/ --shots 4096 --out counts.csv",
        "qjobs run ansatz.qasm3 --parameters angles.csv --observables energy.json",
    )),
    Verb("wait", "Run",
        "Wait until jobs are finished; the exit code tells how.", (
        "qjobs wait",
        "qjobs wait ghz --timeout 2h --fail-fast",
    )),
    Verb("watch", "Run",
        "Look on while jobs run; q or Ctrl-C leave them alone.", (
        "qjobs watch",
        "qjobs watch ghz @2 --notify",
        "qjobs watch | jq -c 'select(.event == \"job\")'",
    )),
    Verb("status", "Look",
        "Show how far the jobs are.", (
        "qjobs status",
        "qjobs status ghz --jobs --failed",
        "qjobs status --failed -q | qjobs retry -",
    )),
    Verb("result", "Look",
        "Print what the circuits gave, in the order submitted.", (
        "qjobs result",
        "qjobs result ghz:0-9 --top 4",
        "qjobs result ghz --out counts.jsonl",
        "qjobs result ghz --plot ghz.svg",
    )),
    Verb("error", "Look",
        "Show all that went wrong, with the reasons.", (
        "qjobs error",
        "qjobs error ghz --all-attempts --json",
    )),
    Verb("report", "Look",
        "Write one page in HTML of how sets ran, and what they gave.", (
        "qjobs report -o report.html",
        "qjobs report ghz -o ghz.html --every 10s",
    )),
    Verb("list", "Look",
        "List the job sets, the newest first.", (
        "qjobs list",
        "qjobs list --all -q",
    )),
    Verb("inspect", "Look",
        "Look into files of circuits, before anything is submitted.", (
        "qjobs inspect circuits/",
        "qjobs inspect circuits.qpy --circuits -b ibm:ibm_fez",
        "qjobs inspect circuits.qpy --fast --json",
    )),
    Verb("show", "Look",
        "Show everything about one job set.", (
        "qjobs show",
        "qjobs show @2 --json",
    )),
    Verb("cancel", "Mend",
        "Stop jobs, and drop those that were not submitted yet.", (
        "qjobs cancel",
        "qjobs cancel ghz/2",
    )),
    Verb("resume", "Mend",
        "Submit the jobs that were not submitted yet, once each.", (
        "qjobs resume",
        "qjobs resume ghz --wait",
    )),
    Verb("retry", "Mend",
        "Submit failed jobs again; earlier attempts are kept.", (
        "qjobs retry",
        "qjobs retry ghz --all --wait",
    )),
    Verb("adopt", "Mend",
        "Attach a job that you found to one whose answer was lost.", (
        "qjobs adopt ghz/2 d1q8k2m5v6n0008xyz0g",
    )),
    Verb("recover", "Mend",
        "Rebuild sets from their jobs at the provider.", (
        "qjobs recover -b ibm --dry-run",
        "qjobs recover -b ibm:ibm_fez 9f3c1a7e2b40",
    )),
    Verb("export", "Carry",
        "Write job sets, with all that they gave, into one file.", (
        "qjobs export ghz -o ghz.zip",
        "qjobs export ghz @2 -o paper.zip --redact",
    )),
    Verb("import", "Carry",
        "Take in the job sets of a file that export wrote.", (
        "qjobs import ghz.zip",
    )),
    Verb("rename", "Tidy up",
        "Give a job set another name.", (
        "qjobs rename 9f3c1a7e2b40 ghz-sweep",
    )),
    Verb("tag", "Tidy up",
        "Show, add and remove the tags of job sets.", (
        "qjobs tag ghz --add paper --remove draft",
    )),
    Verb("du", "Tidy up",
        "Show how much room job sets take.", (
        "qjobs du",
        "qjobs du ghz --json",
    )),
    Verb("rm", "Tidy up",
        "Remove job sets, with all that is kept of them here.", (
        "qjobs rm ghz",
        "qjobs rm --force ghz 9f3c1a7e2b40",
    )),
    Verb("prune", "Tidy up",
        "Remove the job sets that have had their day.", (
        "qjobs prune --older-than 30d --keep 20 --dry-run",
        "qjobs prune --failed --older-than 7d --yes",
    )),
    Verb("gc", "Tidy up",
        "Remove what no job set needs any more.", (
        "qjobs gc --dry-run",
        "qjobs gc",
    )),
    Verb("backends", "Set up",
        "List the backends that circuits can be submitted to.", (
        "qjobs backends",
        "qjobs backends -p local",
    )),
    Verb("config", "Set up",
        "Show and change what options are by default.", (
        "qjobs config list --show-origin",
        "qjobs config set backend ibm:ibm_fez",
        "qjobs config set profiles.ci.timeout 30m --project",
        "qjobs config edit",
    )),
    Verb("help", "Set up",
        "Show the help of a verb or on a topic.", (
        "qjobs help submit",
        "qjobs help addresses",
    )),
    Verb("completion", "Set up",
        "Print the script that completes words of qjobs in a shell.", (
        'eval "$(qjobs completion bash)"',
        "qjobs completion fish | source",
    )),
    Verb("schema", "Set up",
        "Print the JSON Schema of a JSON document.", (
        "qjobs schema",
        "qjobs schema status",
    )),
)  # fmt: skip


def _print_version(asked: bool) -> None:  # noqa: FBT001 - as Typer calls it
    if asked:
        sys.stdout.write(f"qjobs {__version__} (python {sys.version.split()[0]})\n")
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


def _not_imported() -> None:
    """Stand in for a verb that nobody has asked for."""


class _Verbs(TyperGroup):
    """Imports a verb when it is about to run: all of them together cost more than Typer."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0]
        found = {verb.name: verb for verb in VERBS}.get(name)
        if found:
            self.commands[name] = _import_verb(found)
        elif not (name.startswith("-") or ctx.resilient_parsing):
            # Whoever follows a suggestion without a look shall not spend or change anything.
            harmless = [verb.name for verb in VERBS if help_pages.GROUPS[verb.group].harmless]
            raise UsageError(
                f"there is no verb {name!r}{near_ones(name, harmless)}", hint="qjobs help"
            )
        return super().resolve_command(ctx, args)

    def get_help(self, ctx: Any) -> str:
        return help_pages.of_program(self, ctx, (verb[:3] for verb in VERBS))


class _Command(TyperCommand):
    """A verb: what is given to it must not be empty."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        given, _, _ = self.make_parser(ctx).parse_args(list(args))
        if not (ctx.resilient_parsing or "help" in given):
            paths.check_variables()
            for param in self.params:
                _check_value(param, given.get(param.name or ""))
            # Imported here: a TAB and `--help` do without.
            from qjobs.cli.filling import given_by_settings

            ctx.default_map = given_by_settings(ctx.info_name or "", self.params, given)
        return super().parse_args(ctx, args)

    def get_help(self, ctx: Any) -> str:
        return help_pages.of_verb(self, ctx)


def _check_value(param: Any, given: object) -> None:
    """Raise UsageError if a text on the command line is empty: it is no wish for a default."""
    for text in given if isinstance(given, list | tuple) else [given]:
        if isinstance(text, str) and not text.strip():
            name = max(param.opts, key=len)
            what = name if name.startswith("-") else f"the argument {param.metavar}"
            raise UsageError(f"{what} is empty", hint="give it a value, or leave it out")


def _import_verb(verb: Verb) -> Any:
    # Imported here: `--help` does without.
    from qjobs.cli.groups import expanded

    app = _typer(add_completion=False)
    _add(app, verb, expanded(verb.function()))
    return typer.main.get_command(app)


def _typer(**settings: Any) -> typer.Typer:
    # Without rich: the help is ours, and rich takes as long again to start.
    return typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, **settings)


def _add(app: typer.Typer, verb: Verb, function: Any) -> None:
    app.command(
        verb.name,
        cls=_Command,
        help=verb.help,
        epilog="\n".join(verb.examples),
        context_settings={"help_option_names": ["--help", "-h"]},
    )(function)


def command() -> Any:
    """The program as Typer runs it, without the options that would install its own scripts."""
    app = _typer(cls=_Verbs, context_settings={"help_option_names": ["--help", "-h"]})
    app.callback()(_qjobs)
    for verb in VERBS:
        _add(app, verb, _not_imported)
    program: Any = typer.main.get_command(app)
    program.params = [
        param
        for param in program.params
        if param.name not in ("install_completion", "show_completion")
    ]
    return program
