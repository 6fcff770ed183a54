"""The verb tag: the labels of sets."""

from typing import Annotated

from qjobs.cli import options
from qjobs.cli.addresses import find_whole, warn_of
from qjobs.cli.groups import OutputOptions
from qjobs.cli.headings import Heading
from qjobs.cli.labels import tell
from qjobs.cli.workspace import open_workspace
from qjobs.engine.label import tag as tag_set
from qjobs.errors import ExitCode


def tag(
    addresses: options.WholeSets,
    *,
    add: Annotated[
        list[str] | None,
        Heading.OTHER.option("--add", metavar="TAG", help="Add a tag; repeatable."),
    ] = None,
    remove: Annotated[
        list[str] | None,
        Heading.OTHER.option("--remove", metavar="TAG", help="Remove one; repeatable."),
    ] = None,
    written: OutputOptions,
) -> ExitCode:
    output = written.output
    workspace = open_workspace(output)
    targets = find_whole(workspace, "tag", addresses, output.warn)
    if not (add or remove):
        tell(targets, output, asked=True)
        return ExitCode.OK
    warn_of(targets, output.warn)
    for target in targets:
        for strange in tag_set(workspace, target, add=add or (), remove=remove or ()):
            output.warn(f"{target.folder.job_set.set_id} had no tag {strange!r}")
    tell(targets, output)
    return ExitCode.OK
