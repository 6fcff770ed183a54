"""Ask a provider for more than the status of jobs: when they ran or will, what they used."""

import threading
from collections.abc import Mapping, Sequence

from qjobs import pool
from qjobs.contract import Details, JobDetails
from qjobs.engine.asking import connections
from qjobs.engine.report import JobReport
from qjobs.engine.workspace import Workspace
from qjobs.errors import ProviderError
from qjobs.model import JobSet

MOST_ASKED = 50
"""Jobs of a set that are asked for: each costs the provider a question."""

_NEVER = threading.Event()


def details(
    workspace: Workspace, job_set: JobSet, jobs: Sequence[JobReport]
) -> Mapping[int, JobDetails]:
    """Ask the provider for details of jobs, by their indices; empty if it has none.

    These are the first ones, of those that go on before others. A job that it does not answer
    for is left out.
    """
    known = [job for job in jobs if job.job_id]
    asked = sorted(known, key=lambda job: not job.pending)[:MOST_ASKED]
    if not asked:
        return {}
    try:
        provider = workspace.provider_at(job_set.destination)
        if not isinstance(provider, Details):
            return {}
        width = min(connections(provider, job_set.backend), len(asked))
    except ProviderError:
        return {}
    tell = provider.details

    def ask(job: JobReport) -> tuple[int, JobDetails | None]:
        try:
            return job.index, tell(job.job_id, backend=job_set.backend)
        except ProviderError:
            return job.index, None

    answers = pool.each(ask, asked, width=width, stop=_NEVER)
    return {index: found for index, found in sorted(answers) if found is not None}
