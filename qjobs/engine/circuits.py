"""The circuits of a set's jobs, as a provider gets them."""

from qjobs.circuits.slices import CircuitSlice
from qjobs.store.folder import SetFolder


def circuit_slice(folder: SetFolder, job: int) -> CircuitSlice:
    """The circuits of one job, by its index."""
    return CircuitSlice(folder.circuits_path, folder.job_set.slices[job])
