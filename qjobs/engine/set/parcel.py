"""The circuits of a set's jobs, as a provider gets them."""

from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qjobs.circuits.slices import CircuitSlice
from qjobs.circuits.sweep import Sweep
from qjobs.engine.set.notes import write_note
from qjobs.errors import InputError, StateDamaged
from qjobs.model import JobSet, Slice
from qjobs.store.folder import SetFolder

if TYPE_CHECKING:
    from qjobs.circuits.observables import Observable


def circuit_slice(folder: SetFolder, part: Slice) -> CircuitSlice:
    """The circuits of a job with that slice, with the values and observables that they need.

    Raises InputError if a file of these is not there, as where a set was carried without it.
    """
    job_set = folder.job_set
    if job_set.recovered:
        raise InputError(
            f"the circuits of the set {job_set.set_id} are gone: it was recovered from its jobs",
            hint="submit the files once more, as a new set",
        )
    sweep = None
    if job_set.parameters:
        path = _present(folder.parameters_path, "values of the parameters")
        sweep = Sweep(path, job_set.parameters, job_set.bindings)
    observables = None
    if job_set.observables:
        observables = _present(folder.observables_path, "observables")
    return CircuitSlice(
        folder.circuits_path, job_set.stored(part), sweep, observables,
        note=write_note(job_set, part), first=job_set.start_index,
        name=_name(job_set, part), tags=job_set.tags, labels=job_set.labels,
    )  # fmt: skip


def observables_of(folder: SetFolder) -> "Sequence[Observable]":
    """The observables of a set; none if it has none, or they are lost. Raises StateDamaged."""
    path = folder.observables_path
    if not folder.job_set.observables or not path.is_file():
        return ()
    # Imported here: few sets have any.
    from qjobs.circuits.observables import read_observables

    try:
        return read_observables(str(path))
    except InputError as error:
        raise StateDamaged(
            f"{path} does not hold observables", hint="copy it from where the set was submitted"
        ) from error


def _name(job_set: JobSet, part: Slice) -> str:
    """The name of a job, in the predecessor's form; empty if its set has no name.

    Parts of a job that are sent again are called like the whole.
    """
    if not job_set.name or job_set.program:
        return job_set.name
    index = bisect_right(job_set.slices, part.start_index, key=lambda own: own.start_index) - 1
    return f"{job_set.name}_{index}_"


def planned_slice(folder: SetFolder, part: Slice) -> CircuitSlice:
    """The circuits of a job, to be sent: those that were planned. Raises StateDamaged besides."""
    folder.check_files()
    return circuit_slice(folder, part)


def _present(path: Path, what: str) -> Path:
    if not path.is_file():
        raise InputError(
            f"the {what} of this set are not here: there is no {path}",
            hint="copy the whole folder of the set from where it was submitted",
        )
    return path
