"""Whether Qiskit can read all circuits of a container that were copied to it by bytes."""

from dataclasses import replace
from itertools import chain
from pathlib import Path

from qjobs.circuits.anatomy import Numbers
from qjobs.circuits.gather import Gathered
from qjobs.errors import Unreadable, UnreadableFiles


def checked(container: Path, gathered: Gathered, *, refuse: bool) -> Gathered:
    """Decode all circuits that were gathered: their numbers, and those that Qiskit cannot read.

    All are decoded, in processes of their own. Raises InputError, with all of them, if there
    are some and they are to be refused.
    """
    # Imported here: most commands need no process, nor the modules that start one.
    from qjobs.circuits.looking import Lookers, windows

    unreadable: list[Unreadable] = []
    numbers = Numbers()
    with Lookers(gathered.circuits) as lookers:
        looked = chain.from_iterable(found for _, found in lookers.look(windows(container)))
        for index, found in enumerate(looked):
            numbers.add(found)
            if found.why:
                source = gathered.source(index)
                said = f"circuit {source.position(index)} ({found.name}): {found.why}"
                unreadable.append(Unreadable(source.path, None, None, said, source.path))
    if unreadable and refuse:
        raise UnreadableFiles(
            f"{len(unreadable)} of {gathered.circuits} circuits cannot be read",
            hint="in their jobs they fail and the others run; --skip-invalid shows the plan",
            unreadable=unreadable,
        )
    return replace(gathered, unreadable=tuple(unreadable), numbers=numbers)
