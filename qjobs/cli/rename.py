"""The verb rename: another name for a set."""

from typing import Annotated

import typer

from qjobs.cli import options
from qjobs.cli.addresses import find_whole, warn_of
from qjobs.cli.groups import OutputOptions
from qjobs.cli.labels import tell
from qjobs.cli.workspace import open_workspace
from qjobs.engine.label import rename as rename_set
from qjobs.errors import ExitCode, UsageError


def rename(
    address: options.OneSet,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name that it gets.")],
    *,
    written: OutputOptions,
) -> ExitCode:
    output = written.output
    workspace = open_workspace(output)
    targets = find_whole(workspace, "rename", [address], output.warn)
    if len(targets) != 1:
        raise UsageError(f"{address!r} means {len(targets)} sets, of which one can have the name")
    warn_of(targets, output.warn)
    rename_set(workspace, targets[0], name)
    tell(targets, output)
    return ExitCode.OK
