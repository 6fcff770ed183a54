"""The verb schema: the JSON Schemas of what qjobs writes."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from qjobs.cli.tab import one_of
from qjobs.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


def schema_files() -> "dict[str, Traversable]":
    """The schemas by name: a schema `status` is that of `qjobs.status/1`."""
    from importlib.resources import files

    return {
        entry.name.removesuffix(".json"): entry
        for entry in files("qjobs").joinpath("schemas").iterdir()
        if entry.name.endswith(".json")
    }


def schema(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="Such as status; without it, all names.",
            autocompletion=one_of(lambda: [(name, "") for name in sorted(schema_files())]),
        ),
    ] = "",
) -> ExitCode:
    schemas = schema_files()
    if not name:
        sys.stdout.writelines(f"{known}\n" for known in sorted(schemas))
        return ExitCode.OK
    found = schemas.get(name.removeprefix("qjobs.").removesuffix("/1"))
    if found is None:
        raise UsageError(f"no schema {name!r}", hint=f"one of {', '.join(sorted(schemas))}")
    sys.stdout.write(found.read_text(encoding="utf-8"))
    return ExitCode.OK
