"""The verb gc: what no set needs any more is removed."""

from qjobs.cli import options
from qjobs.cli.groups import ShowOptions
from qjobs.cli.workspace import open_workspace
from qjobs.engine.gc import collect
from qjobs.errors import ExitCode
from qjobs.render import house
from qjobs.render.output import Format
from qjobs.render.text import count, size
from qjobs.render.writing import show


def gc(
    *,
    dry_run: options.DryRun = False,
    written: ShowOptions,
) -> ExitCode:
    output = written.output
    problems: list[str] = []
    found = list(collect(open_workspace(output), problems, dry_run=dry_run))
    human = output.format is Format.TABLE
    if found or not human:
        table = house.leftover_rows(found, human=human)
        show(output, house.leftover_document(found, dry_run=dry_run), table, most=None)
    for problem in problems:
        output.warn(problem)
    said = "would be freed" if dry_run else "freed"
    total = sum(one.size_bytes for one in found)
    output.note(f"{count(len(found), 'leftover')}, {size(total)} {said}")
    if dry_run and found:
        output.hint_next("qjobs gc")
    return ExitCode.OK
