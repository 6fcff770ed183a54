"""The verb du: how much room sets take."""

from qjobs import disk
from qjobs.cli import options
from qjobs.cli.addresses import find_whole
from qjobs.cli.groups import ShowOptions
from qjobs.cli.workspace import open_workspace
from qjobs.engine.du import Copies, measure
from qjobs.errors import ExitCode
from qjobs.render import house
from qjobs.render.output import Format
from qjobs.render.text import count, size
from qjobs.render.writing import show


def du(
    addresses: options.Sets = None,
    *,
    written: ShowOptions,
) -> ExitCode:
    output = written.output
    workspace = open_workspace(output)
    store = workspace.store
    if addresses:
        targets = find_whole(workspace, "du", addresses, output.warn)
        set_ids = [target.folder.job_set.set_id for target in targets]
    else:
        set_ids = [set_id for set_id in store.ids() if store.has(set_id)]
    copies = Copies(workspace)
    found = measure(workspace, set_ids, copies)
    for problem in copies.problems:
        output.warn(problem)
    human = output.format is Format.TABLE
    home_bytes = disk.used_bytes(store.home)
    if found or not human:
        document = house.usage_document(found, home=store.home, home_bytes=home_bytes)
        show(output, document, house.usage_rows(found, human=human), most=None)
    total = sum(usage.total_bytes for usage in found)
    output.note(
        f"{count(len(found), 'set')}, {size(total)}; {store.home} takes {size(home_bytes)} in all"
    )
    if found and not addresses:
        output.hint_next("qjobs prune --older-than 30d --dry-run")
    return ExitCode.OK
