"""Results in memory, as pictures take them: a formula instead of a run."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from qjobs.engine.report import State
from qjobs.engine.result import CircuitRow
from qjobs.model import JobSet, Slice
from qjobs.pictures.source import Source


def counted(
    counts: Sequence[Mapping[str, int] | None], *, names: Sequence[str] = (), name: str = "demo"
) -> Source:
    """A set that is no sweep: a circuit for each of these counts."""

    def row(circuit: int, values: Mapping[str, float] | None) -> CircuitRow:
        found = counts[circuit]
        called = names[circuit] if names else f"c{circuit}"
        return result(circuit, called, counts=found, shots=sum((found or {}).values()) or 1)

    return source(row, circuits=len(counts), name=name)


def swept(
    table: Sequence[Mapping[str, float]],
    *,
    counts: Callable[[Mapping[str, float]], Mapping[str, int] | None] | None = None,
    evs: Callable[[Mapping[str, float]], Sequence[float]] | None = None,
    records: int = 1,
    labels: Sequence[str] = (),
    name: str = "sweep",
    lost: bool = False,
) -> Source:
    """A sweep over the rows of a table, of circuits that all give what the formula says."""

    def row(circuit: int, values: Mapping[str, float] | None) -> CircuitRow:
        own = table[circuit % len(table)]
        found = counts(own) if counts else None
        return result(
            circuit, f"r{circuit // len(table)}", binding=circuit % len(table), parameters=values,
            counts=found, shots=sum((found or {}).values()) or 1,
            evs=evs(own) if evs else None, stds=[0.1] * len(labels) if evs else None,
        )  # fmt: skip

    return source(
        row, circuits=records * len(table), table=table, labels=labels, name=name, lost=lost
    )


def result(circuit: int, name: str, **more: object) -> CircuitRow:
    fields: dict[str, object] = {
        "index": circuit, "name": name, "source": "a.qpy", "position": 0, "job": 0, "job_id": "j",
        "state": State.DONE, "shots": 1, "counts": None,
    }  # fmt: skip
    return CircuitRow(**(fields | more))  # type: ignore[arg-type]  # fields of the test's own choice


def source(
    row: Callable[[int, Mapping[str, float] | None], CircuitRow],
    *,
    circuits: int,
    table: Sequence[Mapping[str, float]] = (),
    labels: Sequence[str] = (),
    name: str,
    lost: bool = False,
) -> Source:
    plan = JobSet(
        set_id="0123456789ab", name=name, created=datetime(2026, 1, 1, tzinfo=UTC),
        provider="fake", backend="", circuits=circuits, slices=(Slice(0, circuits),),
        parameters=tuple(table[0]) if table else (), bindings=len(table) or 1,
        observables=len(labels),
    )  # fmt: skip

    def values(circuit: int) -> Mapping[str, float] | None:
        return table[circuit % len(table)] if table and not lost else None

    def read(chosen: Sequence[int]) -> Iterator[CircuitRow]:
        return (row(circuit, values(circuit)) for circuit in chosen)

    return Source(plan, range(circuits), read, values, labels, name)
