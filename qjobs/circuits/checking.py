"""Whether Qiskit can read all circuits of a container that were copied to it by bytes."""

from dataclasses import replace
from pathlib import Path

from qjobs.circuits import older
from qjobs.circuits.gather import Gathered
from qjobs.circuits.sniff import Format
from qjobs.errors import InputError
from qjobs.model import Slice

_SHOWN = 3


def checked(container: Path, gathered: Gathered, *, refuse: bool) -> Gathered:
    """What was gathered, with what is known then of circuits that Qiskit cannot read.

    All are decoded, in a process of its own. Raises InputError, naming the first of them, if
    there are some and they are to be refused.
    """
    if all(source.format != Format.QPY for source in gathered.sources):
        return gathered
    # Imported here: most commands need no process, nor the modules that start one.
    from qjobs.circuits.workers import Workers

    unreadable: list[str] = []
    with Workers(1) as workers:
        for start in range(0, gathered.circuits, older.WINDOW):
            part = Slice(start, min(older.WINDOW, gathered.circuits - start))
            unreadable += [
                f"circuit {index} ({name}, {gathered.source(index).path}): {why}"
                for index, name, why in workers.find_unreadable(container, part)
            ]
    if unreadable and refuse:
        more = len(unreadable) - _SHOWN
        raise InputError(
            "; ".join(unreadable[:_SHOWN]) + (f"; and {more} more" if more > 0 else ""),
            hint="in a job they fail and the others run; --skip-invalid shows the plan for that",
        )
    return replace(gathered, unreadable=tuple(unreadable))
