"""What is done when waiting for jobs is over: a notification, a command of the user's."""

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from typing import NamedTuple

from qjobs.children.child import exit_reason
from qjobs.cli.reports import status_of
from qjobs.engine.report import SetReport
from qjobs.errors import UsageError
from qjobs.render.output import Output, ring
from qjobs.render.summaries import summary
from qjobs.render.text import clean, count

_NOTIFYING_S = 10.0
_STDERR = 2
_OSASCRIPT = (
    "on run argv",
    "display notification (item 2 of argv) with title (item 1 of argv)",
    "end run",
)


class Ending(NamedTuple):
    """Whether to notify the user, and the words of a command to run."""

    notify: bool = False
    command: tuple[str, ...] = ()

    @classmethod
    def of(cls, *, notify: bool, on_end: str | None) -> "Ending":
        """What the options ask for. Raises UsageError for a command that there is not."""
        if on_end is None:
            return cls(notify)
        try:
            words = tuple(shlex.split(on_end))
        except ValueError as error:
            raise UsageError(
                f"--on-end {on_end!r} cannot be split into words: {error}",
                hint="it is split as a shell does, and run without one; for one: sh -c '...'",
            ) from error
        if not words or shutil.which(words[0]) is None:
            raise UsageError(
                f"--on-end: there is no command {words[0] if words else on_end!r}",
                hint="it is split as a shell does, and run without one; for one: sh -c '...'",
            )
        return cls(notify, words)

    def come(self, reports: Sequence[SetReport], output: Output) -> None:
        """Do what is to be done. What goes wrong is said, and changes nothing else."""
        if self.notify:
            _notify(reports, output)
        if self.command:
            _run(self.command, reports, output)


def _notify(reports: Sequence[SetReport], output: Output) -> None:
    """Ring the terminal's bell, and have the desktop show a message where it can."""
    ring()
    names = [report.job_set.name or report.job_set.set_id for report in reports]
    what = clean(names[0]) if len(names) == 1 else count(len(names), "set")
    states = {report.state.value for report in reports}
    title = f"qjobs: {what} {states.pop() if len(states) == 1 else 'ended'}"
    jobs = tuple(job for report in reports for job in report.jobs)
    words = _notifier(title, summary(reports[0]._replace(jobs=jobs)))
    if not words:
        return
    try:
        done = subprocess.run(
            words, check=False, capture_output=True, stdin=subprocess.DEVNULL, timeout=_NOTIFYING_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        output.note(f"no notification: {error}")
        return
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().split("\n")[0]
        output.note(f"no notification: {words[0]} {exit_reason(done.returncode)}: {said}")


def _notifier(title: str, text: str) -> list[str]:
    """The words that have the desktop show a message; none where there is no such program.

    What comes from outside is an argument of its own: no shell and no script ever reads it.
    """
    if sys.platform == "darwin":
        script = [word for line in _OSASCRIPT for word in ("-e", line)]
        return ["osascript", *script, title, text]
    if shutil.which("notify-send"):
        return ["notify-send", "--app-name=qjobs", "--", title, text]
    return []


def _run(command: tuple[str, ...], reports: Sequence[SetReport], output: Output) -> None:
    document = status_of(reports)
    told = json.dumps({**document.head, document.key: [*document.inner]})
    try:
        # Its stdout is not ours: that is for our data.
        done = subprocess.run(command, check=False, input=f"{told}\n".encode(), stdout=_STDERR)
    except OSError as error:
        output.warn(f"--on-end: {command[0]} cannot be run: {error.strerror or error}")
        return
    if done.returncode:
        output.warn(f"--on-end: {command[0]} {exit_reason(done.returncode)}")
