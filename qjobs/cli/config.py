"""The verb config: what options are by default, and where that is said."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from qjobs import paths
from qjobs.cli import options
from qjobs.cli.filling import checked
from qjobs.cli.groups import ShowOptions
from qjobs.cli.headings import Heading
from qjobs.cli.settings import all_settings, complete_key, split
from qjobs.cli.tab import one_of
from qjobs.config import DEFAULTS
from qjobs.errors import ExitCode, NotFound, UsageError
from qjobs.near import near_ones
from qjobs.render.configured import Setting, setting_document, setting_rows, shown
from qjobs.render.data import DATA
from qjobs.render.output import Format, Output
from qjobs.render.writing import show


class Action(StrEnum):
    """What is done, and with how many words behind it."""

    LIST = "list"
    GET = "get"
    SET = "set"
    UNSET = "unset"
    PATH = "path"
    EDIT = "edit"

    @property
    def takes(self) -> tuple[str, ...]:
        """The arguments that it takes."""
        return {Action.GET: ("KEY",), Action.UNSET: ("KEY",), Action.SET: ("KEY", "VALUE")}.get(
            self, ()
        )


_MEANINGS = {
    Action.LIST: "all that is set, and the defaults",
    Action.GET: "one value",
    Action.SET: "change one",
    Action.UNSET: "take one out of the file",
    Action.PATH: "the name of the file",
    Action.EDIT: "the file, in $VISUAL or $EDITOR",
}


def config(
    action: Annotated[
        str,
        typer.Argument(
            metavar="ACTION",
            help=f"{', '.join(Action)}.",
            autocompletion=one_of(lambda: [(one.value, _MEANINGS[one]) for one in Action]),
        ),
    ],
    key: Annotated[
        str,
        typer.Argument(
            metavar="KEY",
            help="Such as shots, profiles.ci.shots or providers.local.workers.",
            show_default=False,
            autocompletion=complete_key,
        ),
    ] = "",
    value: Annotated[
        str, typer.Argument(metavar="VALUE", help="What set gives it.", show_default=False)
    ] = "",
    *,
    project: Annotated[
        bool,
        Heading.WHICH.option(
            "--project", help="Mean the qjobs.toml of the project, not the user's own file."
        ),
    ] = False,
    profile: options.Profile = "",
    show_origin: Annotated[
        bool, Heading.SHOWN.option("--show-origin", help="Say where each value is set.")
    ] = False,
    written: ShowOptions,
) -> ExitCode:
    output = written.output
    chosen = _action(action, [word for word in (key, value) if word])
    match chosen:
        case Action.LIST:
            _show(output, all_settings(profile), show_origin=show_origin)
        case Action.GET:
            _get(output, key, profile=profile, show_origin=show_origin)
        case Action.SET | Action.UNSET:
            _change(output, key, value if chosen is Action.SET else None, project=project)
        case Action.PATH:
            DATA.stream.write(f"{_file(project=project)}\n")
        case Action.EDIT:
            from qjobs.cli.editing import edit

            if not edit(_file(project=project), of_project=project, warn=output.warn):
                output.note("nothing has changed")
    return ExitCode.OK


def _action(word: str, given: list[str]) -> Action:
    if word not in [*Action]:
        raise UsageError(
            f"config has no action {word!r}{near_ones(word, [*Action])}", hint="qjobs config --help"
        )
    action = Action(word)
    if len(given) != len(action.takes):
        wanted = " and ".join(action.takes) or "nothing"
        raise UsageError(f"config {action} takes {wanted}", hint="qjobs config --help")
    return action


def _file(*, project: bool) -> Path:
    if not project:
        return paths.config_file()
    return paths.project_file() or Path.cwd() / paths.PROJECT


def _show(output: Output, found: list[Setting], *, show_origin: bool) -> None:
    show(output, setting_document(found), setting_rows(found, origin=show_origin), most=None)


def _get(output: Output, key: str, *, profile: str, show_origin: bool) -> None:
    name = key.removeprefix("defaults.")
    found = [one for one in all_settings(profile) if f"{one.key}.".startswith(f"{name}.")]
    if not found:
        split(key)
        raise NotFound(f"{key} is not set", hint="qjobs config list")
    if len(found) > 1 or show_origin or output.format not in (Format.TABLE, Format.TSV):
        _show(output, found, show_origin=show_origin)
    else:
        DATA.stream.write(f"{shown(found[0].value)}\n")


def _change(output: Output, key: str, value: str | None, *, project: bool) -> None:
    # Imported here: it loads a reader of TOML that keeps comments, which nothing else needs.
    from qjobs.cli import rewriting

    keys, path = split(key), _file(project=project)
    if value is None:
        rewriting.take(path, keys, of_project=project)
    else:
        read = _read(keys, value)
        if keys[-1] in DEFAULTS and keys[0] in ("defaults", "profiles"):
            checked(keys[-1], read, "config set")
        rewriting.put(path, keys, read, of_project=project)
    now = {one.key: one for one in all_settings("")}.get(keys[-1])
    if value is not None and keys[0] == "defaults" and now and str(path) not in (now.place or ""):
        output.warn(f"{now.place} goes before it: {now.key} is {shown(now.value)}")


def _read(keys: tuple[str, ...], text: str) -> Any:
    """A value as TOML has it: a number where it is one, otherwise what TOML reads, or text."""
    if keys[-1] in DEFAULTS and keys[0] in ("defaults", "profiles"):
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else text
    import tomllib

    try:
        read = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return read["value"] if len(read) == 1 else text
