"""Whether Qiskit can read all circuits of a container that were copied to it by bytes."""

from dataclasses import replace
from pathlib import Path

from qjobs.circuits import older
from qjobs.circuits.gather import Gathered
from qjobs.circuits.sniff import Format
from qjobs.errors import Unreadable, UnreadableFiles
from qjobs.model import Slice


def checked(container: Path, gathered: Gathered, *, refuse: bool) -> Gathered:
    """Decode all circuits that were gathered, and note those that Qiskit cannot read.

    All are decoded, in a process of its own. Raises InputError, with all of them, if there
    are some and they are to be refused.
    """
    if all(source.format != Format.QPY for source in gathered.sources):
        return gathered
    # Imported here: most commands need no process, nor the modules that start one.
    from qjobs.circuits.workers import Workers

    unreadable: list[Unreadable] = []
    with Workers(1) as workers:
        for start in range(0, gathered.circuits, older.WINDOW):
            part = Slice(start, min(older.WINDOW, gathered.circuits - start))
            for index, name, why in workers.find_unreadable(container, part):
                source = gathered.source(index)
                said = f"circuit {source.position(index)} ({name}): {why}"
                unreadable.append(Unreadable(source.path, None, None, said, source.path))
    if unreadable and refuse:
        raise UnreadableFiles(
            f"{len(unreadable)} of {gathered.circuits} circuits cannot be read",
            hint="in their jobs they fail and the others run; --skip-invalid shows the plan",
            unreadable=unreadable,
        )
    return replace(gathered, unreadable=tuple(unreadable))
