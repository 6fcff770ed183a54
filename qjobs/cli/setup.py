"""The verbs about qjobs itself: completion and schema."""

import sys
from enum import StrEnum
from typing import Annotated

import typer

from qjobs.cli.tab import SCRIPTS
from qjobs.errors import ExitCode, UsageError


class Shell(StrEnum):
    """A shell that can be taught."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"
    POWERSHELL = "powershell"


def completion(
    shell: Annotated[Shell, typer.Argument(metavar="SHELL", help="bash, zsh, fish or powershell.")],
) -> ExitCode:
    """Print the script that completes words of qjobs in a shell."""
    sys.stdout.write(SCRIPTS[shell])
    return ExitCode.OK


def schema(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Such as status; without it, all names.")
    ] = "",
) -> ExitCode:
    """Print the JSON Schema of a JSON document."""
    from importlib.resources import files

    schemas = {
        entry.name.removesuffix(".json"): entry
        for entry in files("qjobs").joinpath("schemas").iterdir()
        if entry.name.endswith(".json")
    }
    if not name:
        sys.stdout.writelines(f"{known}\n" for known in sorted(schemas))
        return ExitCode.OK
    found = schemas.get(name.removeprefix("qjobs.").removesuffix("/1"))
    if found is None:
        raise UsageError(f"no schema {name!r}", hint=f"one of {', '.join(sorted(schemas))}")
    sys.stdout.write(found.read_text(encoding="utf-8"))
    return ExitCode.OK
