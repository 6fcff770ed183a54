"""The names of the parameters that circuits have, and whether a table of values suits them."""

from collections.abc import Sequence
from pathlib import Path

from qjobs.circuits import older, qpy
from qjobs.circuits.files import Parameters
from qjobs.circuits.gather import Gathered
from qjobs.errors import InputError
from qjobs.model import Slice
from qjobs.near import near_ones


def find_parameters(container: Path, gathered: Gathered, *, first_only: bool) -> Parameters:
    """The parameters of the circuits in a container that was gathered.

    Circuits that were copied by bytes are decoded in a process of their own, and only if some of
    them seem to have parameters; with `first_only`, until one that has them is found. Raises
    InputError.
    """
    found = dict(gathered.parameters)
    if gathered.suspect is None or (found and first_only):
        return found
    # Imported here: most sets need no process, nor the modules that start one.
    from qjobs.circuits.workers import Workers

    with Workers(1) as workers:
        for start in range(gathered.suspect, gathered.circuits, older.WINDOW):
            part = Slice(start, min(older.WINDOW, gathered.circuits - start))
            for names, index in workers.find_parameters(container, part).items():
                found[names] = min(index, found.get(names, index))
            if found and first_only:
                break
    return found


def refuse_parameters(container: Path, gathered: Gathered) -> None:
    """Raise InputError if a circuit has parameters, for which there are no values."""
    found = find_parameters(container, gathered, first_only=True)
    if found:
        names, index = min(found.items(), key=lambda item: item[1])
        raise InputError(
            f"{_name(container, gathered, index)} has parameters without values: {_list(names)}",
            hint="--parameters FILE gives them: .npz, .json or .csv, one row a run",
        )


def check_columns(container: Path, gathered: Gathered, columns: Sequence[str], source: str) -> None:
    """Raise InputError unless every parameter has a column, and every column a parameter.

    `source` is what the user calls the table.
    """
    found = find_parameters(container, gathered, first_only=False)
    if not found:
        raise InputError(
            f"no circuit has parameters, but {source} has values for {_list(columns)}",
            hint="leave out --parameters, or leave the parameters in the circuits unbound",
        )
    for names, index in sorted(found.items(), key=lambda item: item[1]):
        missing = [name for name in names if name not in columns]
        if missing:
            raise InputError(
                f"{_name(container, gathered, index)} has parameters that {source} has no "
                f"column for: {_list(missing)}{near_ones(missing[0], columns)}"
            )
    used = {name for names in found for name in names}
    unused = [name for name in columns if name not in used]
    if unused:
        raise InputError(
            f"{source} has columns that are no parameter of any circuit: {_list(unused)}"
            f"{near_ones(unused[0], used)}"
        )


def _name(container: Path, gathered: Gathered, index: int) -> str:
    """A circuit in the words of the user: its index, its name and its file."""
    with qpy.Container.open(container) as circuits:
        (name,) = circuits.names(Slice(index, 1))
    return f"circuit {index} ({name}, {gathered.source(index).path})"


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
