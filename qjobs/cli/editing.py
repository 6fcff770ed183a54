"""Has the user edit a config file, and checks it before it takes the place of the old one."""

import shlex
import signal
import subprocess
from binascii import crc32
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import fsencode
from pathlib import Path

from qjobs import config, files, paths
from qjobs.cli import rewriting
from qjobs.errors import UsageError


def edit(path: Path, *, of_project: bool, warn: Callable[[str], None]) -> bool:
    """Run the editor on a draft, and put it in place; False if nothing was changed.

    What was written and cannot be used stays, for the next time. Raises UsageError.
    """
    which = " --project" if of_project else ""
    goes_on = f"qjobs config edit{which} goes on with what you wrote"
    draft = _draft(path)
    before = _read(path)
    begun = draft.exists()
    if begun:
        warn(f"this goes on with what you wrote before; to begin anew remove {draft}")
    else:
        try:
            files.make_folder(draft.parent)
            files.create(draft, before)
        except OSError as error:
            raise rewriting.unwritable(draft, error) from error
    try:
        code = _run(draft)
    except UsageError:
        if not begun:
            draft.unlink()
        raise
    written = _read(draft)
    if code and written != before:
        raise UsageError(f"the editor ended with {code}; nothing has changed", hint=goes_on)
    if written != before:
        try:
            rewriting.check(path, written, of_project=of_project)
        except UsageError as error:
            raise UsageError(error.message, hint=goes_on) from error
        with rewriting.alone(path, of_project=of_project):
            if _read(path) != before:
                raise UsageError(f"{path} was changed meanwhile", hint=goes_on)
            rewriting.replace(path, written, of_project=of_project)
    draft.unlink(missing_ok=True)
    return written != before


def _draft(path: Path) -> Path:
    """A file in the user's own folder: that of a project may be one where others write."""
    return paths.config_file().parent / f"{path.stem}.{crc32(fsencode(path)):08x}.draft.toml"


def _read(path: Path) -> bytes:
    try:
        return config.read_bytes(path)
    except FileNotFoundError:
        return b""


def _run(draft: Path) -> int:
    editor = paths.editor()
    try:
        words = shlex.split(editor)
    except ValueError as error:
        raise UsageError(
            f"the editor {editor!r} cannot be split into words", hint="export EDITOR=vi"
        ) from error
    try:
        with _deaf():
            return subprocess.run([*words, str(draft)], check=False).returncode
    except OSError as error:
        raise UsageError(
            f"cannot run the editor {editor!r}: {error.strerror}", hint="export EDITOR=vi"
        ) from error


@contextmanager
def _deaf() -> Iterator[None]:
    """Leave Ctrl-C to the editor. It has its own way with it, as it would not if it was ignored."""
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
