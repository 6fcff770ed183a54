"""A provider in memory that tells all that it has of a set in one question, with its notes."""

from collections import Counter
from datetime import UTC, datetime

from scripted import ScriptedProvider

from qjobs import contract as interface

NOW = datetime(2026, 11, 22, tzinfo=UTC)


class Tallying(ScriptedProvider):
    """`sent` counts the calls of a tag that came to a job; of two, the second is of `doubles`."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.notes = {}
        self.sent = Counter()
        self.doubles = set()

    def jobs_of(self, set_tag, *, backend):
        self.calls.append(f"jobs_of {set_tag}")
        self._reach()
        return [
            interface.RemoteJob(
                job.job_id, backend, NOW, job.status,
                (job.tag, set_tag, *filter(None, [self.notes[job.tag]])), "why",
            )
            for job in self.jobs.values()
            if job.tag.startswith(f"{set_tag}-")
        ]  # fmt: skip

    def submit(self, circuits, *, tag, **more):
        before = len(self.jobs)
        self.notes[tag] = circuits.note
        try:
            return super().submit(circuits, tag=tag, **more)
        finally:
            made = [*self.jobs][before:]
            self.sent[tag] += len(made) > 0
            self.doubles.update(made[1:])
