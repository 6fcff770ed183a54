"""Changes one key of a config file, and leaves every other byte, comments too, as it stands."""

import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from qjobs import config, files
from qjobs.cli.filling import check_all
from qjobs.errors import UsageError

_OF_PROJECT = 0o644


def put(path: Path, keys: Sequence[str], value: Any, *, of_project: bool) -> None:
    """Give a key a value, in a file that is made where it is missing. Raises UsageError."""
    import tomlkit

    def change(document: Any) -> None:
        inner = document
        for depth, name in enumerate(keys[:-1]):
            if name not in inner:
                inner[name] = tomlkit.table(is_super_table=depth < len(keys) - 2)
            inner = inner[name]
            if not isinstance(inner, dict):
                raise UsageError(f"{path}: {'.'.join(keys[: depth + 1])} is no table")
        inner[keys[-1]] = value

    _rewrite(path, change, of_project=of_project)


def take(path: Path, keys: Sequence[str], *, of_project: bool) -> None:
    """Take a key out of a file. Raises UsageError if it is not in it."""

    def change(document: Any) -> None:
        inner = document
        for name in keys[:-1]:
            inner = inner.get(name, {}) if isinstance(inner, dict) else {}
        if not isinstance(inner, dict) or keys[-1] not in inner:
            raise UsageError(
                f"{'.'.join(keys)} is not set in {path}", hint="qjobs config list --show-origin"
            )
        del inner[keys[-1]]

    _rewrite(path, change, of_project=of_project)


def check(path: Path, data: bytes, *, of_project: bool) -> None:
    """Raise UsageError if that is no config file, as `path` is one."""
    check_all(config.parse(path, data, of_project=of_project))


def replace(path: Path, data: bytes, *, of_project: bool) -> None:
    """Put a checked file in the place of `path`, or of what it links to. Raises UsageError.

    The user's own may have secrets, so nobody else can read it; that of a project keeps its mode.
    """
    target = path.resolve()
    try:
        mode = stat.S_IMODE(target.stat().st_mode) if of_project else 0o600
    except FileNotFoundError:
        mode = _OF_PROJECT
    try:
        files.replace(target, data)
        if of_project:
            target.chmod(mode)
    except OSError as error:
        raise unwritable(path, error) from error


def _rewrite(path: Path, change: Callable[[Any], None], *, of_project: bool) -> None:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    with alone(path, of_project=of_project):
        try:
            data = config.read_bytes(path)
        except FileNotFoundError:
            data = b""
        wanted = config.document(path, data)
        change(wanted)
        text = data.decode()
        if text and not text.endswith("\n"):
            text += "\n"
        try:
            document = tomlkit.parse(text)
            change(document)
            fresh = tomlkit.dumps(document).encode()
            # Another reader says whether that, and nothing else, has changed.
            if config.document(path, fresh) != wanted:
                raise _harmful(path, of_project=of_project)
        except (TOMLKitError, UsageError, ValueError) as error:
            raise _harmful(path, of_project=of_project) from error
        check(path, fresh, of_project=of_project)
        replace(path, fresh, of_project=of_project)


@contextmanager
def alone(path: Path, *, of_project: bool) -> Iterator[None]:
    """Keep others from changing the file meanwhile, by a lock on its folder."""
    folder = path.resolve().parent
    try:
        if not of_project:
            files.make_folder(folder)
        if sys.platform == "win32":  # where a folder cannot be opened
            yield
            return
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        files.claim(descriptor)
        yield
    finally:
        with suppress(OSError):
            os.close(descriptor)


def _harmful(path: Path, *, of_project: bool) -> UsageError:
    which = " --project" if of_project else ""
    return UsageError(
        f"{path}: it cannot be changed without harm",
        hint=f"change it by hand: qjobs config edit{which}",
    )


def unwritable(path: Path, error: OSError) -> UsageError:
    """The failure to write a config file."""
    return UsageError(f"cannot write {path}: {error.strerror or error}")
