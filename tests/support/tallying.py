"""A provider in memory that tells all that it has of a set in one question, with its notes."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from qjobs import contract as interface
from qjobs.circuits.slices import CircuitSlice
from support.scripted import ScriptedProvider

NOW = datetime(2026, 11, 22, tzinfo=UTC)


class Tallying(ScriptedProvider):
    """`sent` counts the calls of a tag that came to a job; of two, the second is of `doubles`."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.notes: dict[str, str] = {}
        self.sent: Counter[str] = Counter()
        self.doubles: set[str] = set()

    def jobs_of(self, set_tag: str, *, backend: str) -> list[interface.RemoteJob]:
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

    def submit(self, circuits: CircuitSlice, *, tag: str, **more: Any) -> str:
        before = len(self.jobs)
        self.notes[tag] = circuits.note
        try:
            return super().submit(circuits, tag=tag, **more)
        finally:
            made = [*self.jobs][before:]
            self.sent[tag] += len(made) > 0
            self.doubles.update(made[1:])
