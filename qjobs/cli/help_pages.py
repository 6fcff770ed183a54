"""What `--help` prints: of the program, and of a verb."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from qjobs.cli.headings import Heading
from qjobs.render.data import DATA
from qjobs.render.prose import Prose


class Group(NamedTuple):
    """Verbs that stand together. A harmless one neither spends money nor changes anything."""

    heading: str
    harmless: bool


GROUPS: Mapping[str, Group] = {
    "Run": Group("Run circuits", harmless=False),
    "Look": Group("Look at jobs and results", harmless=True),
    "Mend": Group("Stop and repair", harmless=False),
    "Carry": Group("Carry elsewhere", harmless=False),
    "Tidy up": Group("Tidy up", harmless=False),
    "Set up": Group("Set up and learn", harmless=True),
}

TOPICS: Mapping[str, str] = {
    "addresses": "how sets, circuits and jobs are named",
    "backends": "what may stand after -b",
    "config": "the config files, defaults and profiles",
    "counts": "the order of the bits, and what counts are",
    "environment": "the variables that qjobs reads",
    "exit-codes": "how a command ends",
    "formats": "tables, TSV, CSV, JSON, and what is on stdout",
}

_FIRST_STEPS = (
    ("qjobs run bell.qasm", "Run a circuit on this machine, and print its counts."),
    ("qjobs submit circuits/", "Submit those of a folder; they run by themselves."),
    ("qjobs status", "How far are they?"),
    ("qjobs result", "What did they give?"),
    ("qjobs error", "What went wrong, and what helps?"),
)


def of_program(program: Any, ctx: Any, verbs: Iterable[tuple[str, str, str]]) -> str:
    """The help of the program: its verbs, the first steps, and where to read on.

    A verb is its name, the key of its group, and what it does.
    """
    page = Prose.for_stream(DATA.stream)
    page.text(program.help)
    page.usage("qjobs VERB [OPTIONS] [ARGUMENTS]")
    listed = [*verbs]
    names = max(len(name) for name, _, _ in listed)
    for key, group in GROUPS.items():
        chosen = ((name, does) for name, of, does in listed if of == key)
        page.rows(group.heading, chosen, names=names)
    page.rows("Options", [param.get_help_record(ctx) for param in program.get_params(ctx)])
    page.rows("First steps", _FIRST_STEPS)
    page.rows(
        "Read on",
        (
            ("qjobs help VERB", "The options of a verb, with examples."),
            ("qjobs help TOPIC", f"One of {', '.join(TOPICS)}."),
        ),
    )
    return str(page)


def of_verb(command: Any, ctx: Any) -> str:
    """The help of a verb: its arguments, its options in groups, examples."""
    page = Prose.for_stream(DATA.stream)
    page.text(command.help)
    pieces = [piece.strip("{}") for piece in command.collect_usage_pieces(ctx)]
    page.usage(" ".join([ctx.command_path, *pieces]))
    sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], **{h: [] for h in Heading}}
    *own, asks_for_help = command.get_params(ctx)
    for param in own:
        of_arguments = param.param_type_name == "argument"
        heading = "Arguments" if of_arguments else param.rich_help_panel or Heading.OTHER
        sections.setdefault(heading, []).append(param.get_help_record(ctx))
    options = Heading.OUTPUT if sections[Heading.OUTPUT] else Heading.OTHER
    sections[options].append(asks_for_help.get_help_record(ctx))
    for heading, rows in sections.items():
        if rows:
            page.rows(heading, rows)
    page.commands("Examples", command.epilog.splitlines())
    return str(page)
