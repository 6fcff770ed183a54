"""The user's pager, for what is longer than the screen."""

import shlex
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from qjobs import paths
from qjobs.render.data import DATA

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

# As git has it: leave at once what fits, keep colours, and leave on the screen what was read.
_SETTINGS = {"LESS": "FRX", "LV": "-c"}


def page(out: "Console", lines: Sequence["Text"]) -> bool:
    """Show lines in the pager that the user chose, else less.

    False if there is none, nobody to use it, or room for all of them on the screen.
    """
    if len(lines) < out.height or not out.is_terminal or out.is_dumb_terminal:
        return False
    try:
        command = shlex.split(paths.pager())
        if not command:
            return False
        pager = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=DATA.stream,
            env={**_SETTINGS, **paths.variables()},
            encoding="utf-8",
            errors="backslashreplace",
        )
    except (OSError, ValueError):
        return False
    # The pager may end before it has read everything, and Ctrl-C is a key of its own.
    with suppress(BrokenPipeError, KeyboardInterrupt), pager.stdin or DATA.stream as stream:
        stream.write(_drawn(out, lines))
    while pager.poll() is None:
        with suppress(KeyboardInterrupt):
            pager.wait()
    return True


def _drawn(out: "Console", lines: Sequence["Text"]) -> str:
    """The lines as they would be sent to the terminal."""
    with out.capture() as drawn:
        for line in lines:
            out.print(line, soft_wrap=True)
    return drawn.get()
