"""A job that is too large for its provider keeps half of its circuits; a new one has the rest.

The refusal tells of that job alone. Others as large are not halved ahead of their own: one
circuit that no job can hold would cut all of them to pieces.
"""

from qjobs.errors import NotAccepted, TooLarge
from qjobs.facts import Fact, FactKind
from qjobs.model import Job
from qjobs.store.journal import Journal


def can_be_halved(job: Job, error: NotAccepted) -> bool:
    """Whether a job was refused for its size, and can be made smaller."""
    return isinstance(error, TooLarge) and job.slice.experiments_count > 1


def halve(journal: Journal, job: Job, refused: Fact) -> Job | None:
    """Record the refusal and the split at once; the new job. None if another process was faster."""
    kept = job.slice.experiments_count // 2
    if not journal.append(refused, refused._replace(kind=FactKind.SPLIT, value=str(kept))):
        return None
    return journal.job_of(job.slice.start_index + kept)
