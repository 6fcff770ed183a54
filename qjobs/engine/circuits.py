"""The circuits of a set's jobs, as a provider gets them."""

from pathlib import Path

from qjobs.circuits.slices import CircuitSlice
from qjobs.circuits.sweep import Sweep
from qjobs.errors import InputError
from qjobs.store.folder import SetFolder


def circuit_slice(folder: SetFolder, job: int) -> CircuitSlice:
    """The circuits of one job, by its index, with the values and observables that they need.

    Raises InputError if a file of these is not there, as where a set was carried without it.
    """
    job_set = folder.job_set
    sweep = None
    if job_set.parameters:
        path = _present(folder.parameters_path, "values of the parameters")
        sweep = Sweep(path, job_set.parameters, job_set.bindings)
    observables = None
    if job_set.observables:
        observables = _present(folder.observables_path, "observables")
    return CircuitSlice(folder.circuits_path, job_set.slices[job], sweep, observables)


def _present(path: Path, what: str) -> Path:
    if not path.exists():
        raise InputError(
            f"the {what} of this set are not here: there is no {path}",
            hint="copy the whole folder of the set from where it was submitted",
        )
    return path
