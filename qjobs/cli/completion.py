"""The verb completion: the scripts that teach a shell to complete words of qjobs."""

import sys
from enum import StrEnum
from typing import Annotated

import typer

from qjobs.cli.tab import SCRIPTS
from qjobs.errors import ExitCode


class Shell(StrEnum):
    """A shell that can be taught."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"
    POWERSHELL = "powershell"


def completion(
    shell: Annotated[Shell, typer.Argument(metavar="SHELL", help="bash, zsh, fish or powershell.")],
) -> ExitCode:
    sys.stdout.write(SCRIPTS[shell])
    return ExitCode.OK
