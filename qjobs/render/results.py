"""Results as text: on stdout, in a file, or in a folder with a file a circuit."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TextIO

from qjobs.circuits.inputs import circuit_name
from qjobs.circuits.observables import observable_label
from qjobs.engine.result import CircuitRow
from qjobs.errors import UsageError
from qjobs.model import JobSet
from qjobs.order import Order
from qjobs.pictures.source import Source
from qjobs.render.data import DATA
from qjobs.render.files import file_name, format_of, names_folder, replacing
from qjobs.render.folder import filling, read_list
from qjobs.render.output import Format, Output
from qjobs.render.rows import Rows, outcome_rows, parameter_rows, value_rows
from qjobs.render.shapes import Document, parameters_document, result_document
from qjobs.render.text import count
from qjobs.render.writing import write

_CIRCUITS_ON_TERMINAL = 20
_OUTCOMES_ON_TERMINAL = 16


@dataclass(frozen=True, slots=True)
class SetResult:
    """The results of one set. `rows` come one by one, and only once; `circuits` counts them.

    `files` are where the circuits came from, `observables` those whose expectation values the
    rows have. With `whole_arrays`, what a simulator saved is wanted in full; with
    `parameters_only`, nothing but the values that the circuits ran with. `source` is the same
    results, for curves; outcomes stand in this `order`.
    """

    job_set: JobSet
    rows: Iterator[CircuitRow]
    circuits: int
    complete: bool
    files: Sequence[str] = ()
    observables: Sequence[Mapping[str, float]] = ()
    whole_arrays: bool = False
    order: Order = Order.COUNT
    source: Source | None = None
    parameters_only: bool = False

    @property
    def labels(self) -> list[str]:
        """The observables in short."""
        return [observable_label(observable) for observable in self.observables]


def show_results(output: Output, results: Sequence[SetResult], *, top: int | None) -> None:
    """Write results to stdout; a person sees histograms of the first circuits of each set."""
    if output.format is not Format.TABLE:
        _write(DATA.stream, output.format, results, top=top, header=output.header)
        return
    from qjobs.render.curves import print_curves
    from qjobs.render.tables import print_histograms, print_table

    for result in results:
        if result.parameters_only:
            print_table(_table([result], top), most=_CIRCUITS_ON_TERMINAL)
            continue
        set_id = result.job_set.set_id
        print_histograms(
            result.rows,
            labels=result.labels,
            circuits=_CIRCUITS_ON_TERMINAL,
            total=result.circuits,
            top=top or _OUTCOMES_ON_TERMINAL,
            order=result.order,
            hint=f"qjobs result {set_id} --format tsv, or --out {set_id}.csv",
            file_of=_telling_file(result.files),
        )
        if result.source is not None:
            print_curves(result.source, top=top)


def _telling_file(files: Sequence[str]) -> Callable[[CircuitRow], str]:
    """A function to the file of a circuit, or nothing where that tells no more than the name.

    A file tells no more if it is the only one, or the only one that the circuit's name is from.
    """
    names = Counter(map(circuit_name, set(files)))

    def tell(row: CircuitRow) -> str:
        alone = row.name == circuit_name(row.source) and names[row.name] == 1
        return "" if alone or names.total() < 2 else row.source

    return tell


def check_place(output: Output, place: str | None) -> None:
    """Raise UsageError, before any work is done for it, for a file in no known format.

    And for a folder of which it cannot be known what there is ours.
    """
    if place is None:
        return
    if names_folder(place):
        read_list(Path(place))
    else:
        _format_for(output, Path(place))


def _format_for(output: Output, path: Path) -> Format:
    return output.format if output.asked_for else format_of(path)


def save_results(output: Output, results: Sequence[SetResult], place: str, top: int | None) -> None:
    """Write results to the file or into the folder `place`. Raises UsageError."""
    path = Path(place)
    if names_folder(place):
        for result in results:
            # The files of several sets have the same names.
            folder = path / result.job_set.set_id if len(results) > 1 else path
            _save_apart(output, result, folder, top)
        return
    format_ = _format_for(output, path)
    with replacing(path) as stream:
        _write(stream, format_, results, top=top, header=output.header)
    output.note(f"{count(sum(result.circuits for result in results), 'circuit')} in {path}")


def _write(
    stream: TextIO,
    format_: Format,
    results: Sequence[SetResult],
    *,
    top: int | None,
    header: bool,
) -> None:
    """A document a set, or the rows of all sets in one table."""
    if format_ in (Format.JSON, Format.JSONL):
        for result in results:
            write(stream, format_, _document(result, top), outcome_rows((), top=top))
    else:
        write(stream, format_, Document({}, "", ()), _table(results, top), header=header)


def _document(result: SetResult, top: int | None) -> Document:
    if result.parameters_only:
        return parameters_document(result.job_set, result.rows)
    return result_document(
        result.job_set,
        result.rows,
        complete=result.complete,
        top=top,
        order=result.order,
        observables=result.observables,
        whole_arrays=result.whole_arrays,
    )


def _table(results: Sequence[SetResult], top: int | None) -> Rows:
    """The rows of all sets. Raises UsageError if they do not have the same columns."""
    parameters = _parameters(results)
    rows = chain.from_iterable(result.rows for result in results)
    if any(result.parameters_only for result in results):
        return parameter_rows(rows, parameters)
    kinds = {bool(result.job_set.observables) for result in results}
    if len(kinds) > 1:
        raise UsageError(
            "counts and expectation values do not go into one table",
            hint="name these sets one by one, or use --format jsonl",
        )
    if True in kinds:
        values = ((row, labels) for r in results for labels in [r.labels] for row in r.rows)
        return value_rows(values, bindings=bool(parameters), parameters=parameters)
    return outcome_rows(
        rows, top=top, order=results[0].order, bindings=bool(parameters), parameters=parameters
    )


def _parameters(results: Iterable[SetResult]) -> list[str]:
    """The names of the parameters of all sets, each once."""
    return list(dict.fromkeys(name for one in results for name in one.job_set.parameters))


def _save_apart(output: Output, result: SetResult, folder: Path, top: int | None) -> None:
    """A file a circuit."""
    format_ = output.format if output.asked_for else Format.JSON
    with filling(folder, result.job_set.set_id) as fresh:
        for row in result.rows:
            with fresh.file(file_name(row.index, row.name, f".{format_}")) as stream:
                alone = replace(result, rows=iter([row]))
                # A file holds one circuit alone, so JSON is that object without an envelope.
                write(
                    stream,
                    Format.JSONL if format_ is Format.JSON else format_,
                    _document(alone, top),
                    _table([alone], top),
                    header=True,
                )
    output.note(f"{count(len(fresh.names), 'file')} in {folder}")
    if fresh.removed:
        output.note(f"removed from there: {count(len(fresh.removed), 'file')} of another set")
