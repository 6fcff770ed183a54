"""One job set and what happens to its jobs, for the tests of the store."""

from datetime import UTC, datetime
from pathlib import Path

from qjobs.facts import Fact, FactKind
from qjobs.ledger import Ledger, Recorded
from qjobs.model import JobSet, RunOptions, Slice
from qjobs.store.state import reading
from qjobs.store.state.fold import assembled
from qjobs.store.state.format import header

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


def plan(set_id: str = "9f3c1a7e2b40", *, jobs: int = 3, created: datetime = NOON) -> JobSet:
    return JobSet(
        set_id=set_id,
        name="ghz-sweep",
        created=created,
        provider="ibm",
        backend="ibm_fez",
        circuits=3 * jobs,
        slices=tuple(Slice(3 * index, 3) for index in range(jobs)),
        options=RunOptions(shots=100, seed=7, extra={"resilience": 1.5, "two words": "x"}),
        account="work",
        tags=("a", "b"),
        fingerprint="f" * 64,
    )


def attempted(job: int, attempt: int = 1) -> Fact:
    return Fact(job, attempt, NOON, FactKind.ATTEMPTED, f"qj-9f3c1a7e2b40-{job}-{attempt}")


def accepted(job: int, attempt: int = 1) -> Fact:
    return Fact(job, attempt, NOON, FactKind.ACCEPTED, f"id-{job}-{attempt}")


def finished(job: int, attempt: int = 1, message: str = "") -> Fact:
    return Fact(job, attempt, NOON, FactKind.FINISHED, "DONE", message)


def whole_file(*facts: Fact, jobs: int = 3) -> bytes:
    """The state file of a set to which these facts have happened, all in its tables."""
    return assembled(header(plan(jobs=jobs)), recorded_after(*facts, jobs=jobs))


def recorded_after(*facts: Fact, jobs: int = 3) -> Recorded:
    """What is on record once these facts have happened."""
    return Ledger(plan(jobs=jobs).slices, facts).recorded()


def recorded_in(path: Path) -> Recorded:
    """What a state file says."""
    return reading.read_state(path).ledger()[0].recorded()
