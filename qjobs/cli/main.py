"""The way in, and the one place where an error becomes text and an exit code."""

import os
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from io import TextIOWrapper
from typing import Any

import typer

from qjobs import paths
from qjobs.cli.headings import Heading
from qjobs.errors import ExitCode, QjobsError, ResultsUnkept, UsageError
from qjobs.near import near_ones
from qjobs.render.data import DATA
from qjobs.render.line import LINE
from qjobs.render.output import report_error, say

_KEPT_ON_S = 60.0


def main() -> None:
    """Run the command line of this process."""
    from qjobs.cli.signals import exit_on_sigterm

    exit_on_sigterm()
    DATA.claim()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # Rather an escape than a crash where the terminal cannot show a character.
            stream.reconfigure(errors="backslashreplace")
    code = run(sys.argv[1:])
    if threading.active_count() > 1 and _left_behind():
        # A library's own threads may wait for that call, and Python waits for those.
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _left_behind() -> bool:
    """Whether something runs on that would keep the process from ending."""
    # Imported here: a completion does without.
    from qjobs.engine.deadline import kept_on, left_behind

    if reading := kept_on():
        say(f"results that can be read only once are on their way: up to {_KEPT_ON_S:.0f} s more")
        end = time.monotonic() + _KEPT_ON_S
        with suppress(KeyboardInterrupt, SystemExit):
            for thread in reading:
                thread.join(max(0.0, end - time.monotonic()))
    return left_behind() or bool(kept_on())


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code. Data is on stdout, the rest on stderr."""
    words = list(arguments)
    as_json = "--json" in words[: words.index("--") if "--" in words else None]
    try:
        code = _invoke(words or ["--help"])
        DATA.stream.flush()
    except BrokenPipeError:
        return _leave_closed_pipe()
    except typer.Abort:
        return ExitCode.UNEXPECTED
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - nothing may end in a traceback
        if paths.setting("debug"):
            import traceback

            traceback.print_exc()
        translated = _translate(error)
        with suppress(BrokenPipeError):
            DATA.stream.flush()
        report_error(translated, as_json=as_json)
        if isinstance(error, ResultsUnkept):
            print_unkept(error)
        return translated.exit_code
    return code


def _invoke(arguments: Sequence[str]) -> int:
    if paths.completing():
        # Typer has rich look for markup in each suggestion: three times the work of a TAB.
        # An entry of None is how Python is told that there is no such module.
        sys.modules["rich"] = None  # type: ignore[assignment]  # as documented, see `import`
    from qjobs.cli.app import command

    # Not in its standalone mode Typer returns what the verb returned, and raises what it raised.
    try:
        code = command().main(args=arguments, prog_name="qjobs", standalone_mode=False)
    finally:
        LINE.take_away()
    return code if isinstance(code, int) else ExitCode.OK


def _translate(error: Exception) -> QjobsError:
    """Any exception as one of ours."""
    if isinstance(error, QjobsError):
        return error
    if isinstance(error, typer.TyperException):
        context = getattr(error, "ctx", None)
        verb = context.command_path if context else "qjobs"
        message = error.format_message()
        if context and hasattr(error, "possibilities"):
            message = f"{verb} has no option {_unknown_option(error, context)}"
        return UsageError(message, hint=f"{verb} --help")
    return QjobsError(
        f"{type(error).__name__}: {error}".removesuffix(": "),
        hint="this is a fault of qjobs; QJOBS_DEBUG=1 shows the traceback",
    )


def _unknown_option(error: Any, context: Any) -> str:
    """The option that there is not, and near ones; never one that is at the user's own risk."""
    names = (
        name.removeprefix("--")
        for param in context.command.get_params(context)
        if getattr(param, "rich_help_panel", None) is not Heading.RISK
        for name in param.opts
        if name.startswith("--")
    )
    name = error.option_name
    return f"{name}{near_ones(name.removeprefix('--'), [*names], prefix='--')}"


def print_unkept(error: ResultsUnkept) -> None:
    """The last resort: what is in no file, and cannot be had again, as the files would be."""
    with suppress(OSError):
        for path, data in error.files.items():
            say(f"what follows is all that there is of {path}", "warning")
            DATA.stream.write(data.decode())
            DATA.stream.flush()


def _leave_closed_pipe() -> int:
    """Be quiet about a reader that has gone; Python would complain when it flushes stdout."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), DATA.stream.fileno())
    return ExitCode.UNEXPECTED
