"""What results are held against: those of another set, or a distribution from a file."""

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import NamedTuple, TypeAlias

from qjobs.circuits.text import read_json
from qjobs.engine.result import CircuitRow
from qjobs.errors import InputError, UsageError
from qjobs.pictures.source import Source

_MOST_CHARACTERS = 64 * 2**20
_EXAMPLE = 'such a file is {"00": 0.5, "11": 0.5}, or {"bell": {"00": 0.5, "11": 0.5}}'

Distribution: TypeAlias = Mapping[str, float]


class Ideal(NamedTuple):
    """Distributions by the names of circuits, or one for all of them under the empty name."""

    path: str
    by_name: Mapping[str, Distribution]

    def of(self, row: CircuitRow) -> Distribution | None:
        """The distribution of a circuit; None if there is none."""
        return self.by_name.get(row.name, self.by_name.get(""))


Reference: TypeAlias = Source | Ideal


def names_file(text: str) -> bool:
    """Whether `--against` means a file: such a name ends in .json."""
    return text.endswith(".json")


def read_ideal(path: str) -> Ideal:
    """The distributions of a JSON file: probabilities, or numbers of shots, by outcome.

    It is one for all circuits, or one for each by name. Raises InputError.
    """
    return ideal(read_json(path, most=_MOST_CHARACTERS, hint=_EXAMPLE), path)


def ideal(found: object, path: str) -> Ideal:
    """The distributions in a value as JSON has it, which is called `path`. Raises InputError."""
    if not isinstance(found, Mapping) or not found:
        raise InputError(f"{path} has no distribution in it", hint=_EXAMPLE)
    if all(isinstance(value, Mapping) for value in found.values()):
        return Ideal(
            path, {name: _distribution(one, f"{path}, {name!r}") for name, one in found.items()}
        )
    return Ideal(path, {"": _distribution(found, path)})


def _distribution(found: Mapping[str, object], where: str) -> Distribution:
    for outcome, number in found.items():
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise InputError(f"{where}: what belongs to {outcome!r} is no number", hint=_EXAMPLE)
        if not (number >= 0 and isfinite(number)):
            raise InputError(f"{where}: {outcome!r} has {number}", hint=_EXAMPLE)
    if not sum(found.values()):  # type: ignore[arg-type]  # numbers, by now
        raise InputError(f"{where}: nothing has a share", hint=_EXAMPLE)
    return found  # type: ignore[return-value]  # likewise


def beside(
    reference: Reference | None, source: Source, circuits: Sequence[int]
) -> Iterator[tuple[CircuitRow, Distribution | None]]:
    """The rows of circuits, each with the counts of its reference. Raises UsageError.

    The circuits of another set are taken in their order: they must be as many.
    """
    rows = source.read(circuits)
    match reference:
        case None:
            yield from ((row, None) for row in rows)
        case Ideal():
            for row in rows:
                other = reference.of(row)
                if other is None:
                    raise UsageError(f"{reference.path} has no distribution for {row.name!r}")
                yield row, _fitting(row, other, reference.path)
        case _:
            check_as_many(source, reference)
            for row, other_row in zip(
                rows, reference.read(reference.circuits[: len(circuits)]), strict=False
            ):
                yield row, _fitting(row, other_row.counts or {}, reference.name)


def check_as_many(source: Source, reference: Source) -> None:
    """Raise UsageError unless a circuit stands beside each."""
    if len(reference.circuits) != len(source.circuits):
        raise UsageError(
            f"{len(source.circuits)} circuits do not stand beside {len(reference.circuits)} "
            f"of {reference.name}",
            hint="name the circuits of both, such as ghz:0-3 and --against other:0-3",
        )


def _fitting(row: CircuitRow, other: Distribution, name: str) -> Distribution:
    """The other counts, if they are of the same bits: else no two bars would ever meet."""
    for ours in row.counts or {}:
        for theirs in other:
            if len(ours) != len(theirs):
                raise UsageError(
                    f"circuit {row.index} ({row.name}) measured {ours!r}, {name} has {theirs!r}: "
                    "these are not the same bits"
                )
            break
        break
    return other


def base_name(path: str) -> str:
    """What a file is called in a legend."""
    return Path(path).stem
