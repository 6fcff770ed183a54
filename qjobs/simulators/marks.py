"""Who named the code that a job runs.

A job may name a callable and the folder of its package. Whoever can have somebody use their
queue, as a copy, an archive, a volume, would have that imported. So such a job has a mark
that only a key outside of the state folder can give, and what has none is not imported.
"""

from qjobs import paths
from qjobs.errors import InputError, JobRefused, StateUnwritable
from qjobs.simulators.job import SimulatorJob
from qjobs.store import key


def make(job: SimulatorJob) -> str:
    """The mark of a job that this user submits. Raises JobRefused if there can be no key."""
    try:
        return key.mark(_named(job))
    except (OSError, StateUnwritable) as error:
        said = getattr(error, "strerror", None) or error
        raise JobRefused(
            f"cannot keep in {paths.key_file()} what shows that you named {job.backend}: {said}",
            hint="allow writing there, or set XDG_CONFIG_HOME to another folder",
        ) from error


def check(job: SimulatorJob) -> None:
    """Raise InputError unless this user named the code of the job."""
    if not key.is_marked(_named(job), job.mark):
        raise InputError(
            f"{job.backend} was not run: nothing shows that it was you, on this machine, who named"
            " it. If you trust it, retry the job with --trust"
        )


def _named(job: SimulatorJob) -> list[str]:
    named = [job.job_id, job.backend, job.folder]
    return [*named, job.definition] if job.definition else named
