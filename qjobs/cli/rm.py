"""The verb rm: job sets that are removed with all that is kept of them here."""

from qjobs.cli import options
from qjobs.cli.addresses import find_whole
from qjobs.cli.groups import OutputOptions
from qjobs.cli.removals import tell
from qjobs.cli.workspace import open_workspace
from qjobs.engine.remove import remove
from qjobs.errors import ExitCode


def rm(
    addresses: options.WholeSets,
    *,
    force: options.Force = False,
    written: OutputOptions,
) -> ExitCode:
    output = written.output
    workspace = open_workspace(output)
    targets = find_whole(workspace, "rm", addresses, output.warn)
    removals = [remove(workspace, target, force=force) for target in targets]
    tell(removals, output)
    stayed = [removal.keeps for removal in removals if removal.keeps is not None]
    for error in stayed[1:]:
        output.warn(error.message)
    if stayed:
        raise stayed[0]
    return ExitCode.OK
