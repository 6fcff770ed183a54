"""Another name, other tags or other option values for a set: the one change that is no fact."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from qjobs import files
from qjobs.errors import StateDamaged
from qjobs.model import Scalar
from qjobs.store.state import any_toml, checks, fast, reading
from qjobs.store.state import format as layout

_OPTIONS = "[set.options]\n"


def relabel(
    path: Path, *, name: str | None, tags: Sequence[str] | None, extra: Mapping[str, Scalar]
) -> None:
    """Replace a state file by one that differs in these lines alone; None keeps what is there.

    Nobody else may write it meanwhile. Raises OSError and StateDamaged, and then nothing has
    changed.
    """
    state = reading.read_state(path)
    state.check_writable(path)
    before = state.contents
    job_set = before.job_set
    text = checks.without(path.read_bytes().decode())
    lines = []
    if name is not None:
        job_set = replace(job_set, name=layout.writable(name))
        lines.append((layout.name_line(name), "[set]\n"))
    if tags is not None:
        job_set = replace(job_set, tags=tuple(map(layout.writable, tags)))
        lines.append((layout.tags_line(tags), "[set]\n"))
    if extra:
        options = replace(job_set.options, extra={**job_set.options.extra, **extra})
        job_set = replace(job_set, options=options)
        for key, value in extra.items():
            lines.append((layout.option_line(key, value), _OPTIONS))
    for line, head in lines:
        text = _with_line(text, line, head)
    wanted = before._replace(job_set=job_set)
    try:
        done = reading.understand(text) == wanted
    except any_toml.Wrong:
        done = False
    if not done:
        raise StateDamaged(
            f"{path}: what is to be changed is not where qjobs writes it",
            hint="write there, in place of what it says: " + "; ".join(line for line, _ in lines),
        )
    # A part of its own, if it is where we think it is.
    start = fast.body_start(text) if before.exact else 0
    header = checks.closed(text[:start].encode()) if start else b""
    files.replace(path, checks.closed(header + text[start:].encode()))


def _with_line(text: str, line: str, head: str) -> str:
    """The text of a state file with a line of a table replaced, or added to it."""
    if head not in text:  # of options, of which there are none yet: they stand behind their set
        end = text.find("\n[", text.find("[set]\n")) + 1 or len(text)
        return f"{text[:end]}{head}{line}\n\n{text[end:]}"
    start = text.find(head) + len(head)
    end = text.find("\n[", start) + 1 or len(text)
    table, found = re.subn(
        rf"^{re.escape(line.partition(' = ')[0])} = .*$",
        lambda _: line,
        text[start:end],
        flags=re.MULTILINE,
    )
    return text[:start] + (table if found else f"{line}\n{table}") + text[end:]
