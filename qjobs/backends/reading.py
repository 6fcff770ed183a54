"""The result object of a vendor's job, in our words.

Loads Qiskit: for processes that have such an object.
"""

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import repeat
from typing import Any

from qiskit.result.models import ExperimentResult

from qjobs.circuits import keys, outcomes
from qjobs.circuits.foreign import describe
from qjobs.circuits.layout import Layout
from qjobs.errors import ProviderError
from qjobs.model import RunOptions
from qjobs.results import About, CircuitResult


def from_result(
    result: Any, layouts: Sequence[Layout] | None, *, options: RunOptions
) -> list[CircuitResult]:
    """A `Result` or `PrimitiveResult` in our words, as `results`."""
    try:
        experiments = getattr(result, "results", None)
        if experiments is not None:
            _check_number(len(experiments), layouts, getattr(result, "status", None))
            return list(_from_experiments(experiments, layouts, options))
        return list(_from_pubs(list(result), layouts, options))
    except ProviderError:
        raise
    except Exception as error:  # of unknown shape
        raise ProviderError(
            f"cannot read a result of type {type(result).__name__}: {describe(error)}"
        ) from error


def about(result: Any) -> About:
    """The data of a `Result` about the whole job, without what JSON cannot hold."""
    told: About = {}
    time_taken = getattr(result, "time_taken", None)
    if isinstance(time_taken, int | float) and math.isfinite(time_taken):
        told["time_taken"] = time_taken
    date: Any = getattr(result, "date", None)
    if date:
        told["date"] = date.isoformat() if hasattr(date, "isoformat") else str(date)
    header: Any = getattr(result, "header", None)
    header = header.to_dict() if hasattr(header, "to_dict") else header
    if isinstance(header, dict):
        with suppress(TypeError, ValueError, RecursionError):
            told["header"] = json.loads(json.dumps(header, allow_nan=False))
    return told


def _from_experiments(
    experiments: Sequence[ExperimentResult | None],
    layouts: Sequence[Layout] | None,
    options: RunOptions,
) -> Iterator[CircuitResult]:
    for position, experiment in enumerate(experiments):
        layout = layouts[position] if layouts is not None else _header_layout(experiment)
        if experiment is None:  # Braket, for a task without a result
            yield outcomes.failed(layout, options.shots, "the backend gave no result for it")
        else:
            yield outcomes.from_result(layout, options.shots, experiment)


def _header_layout(experiment: ExperimentResult | None) -> Layout:
    header = getattr(experiment, "header", None) or {}
    fields = header if isinstance(header, dict) else header.to_dict()
    registers = tuple((str(name), int(size)) for name, size in fields.get("creg_sizes") or ())
    slots = int(fields.get("memory_slots") or sum(size for _, size in registers))
    return Layout(slots or _widest(experiment), registers)


def _widest(experiment: ExperimentResult | None) -> int:
    """How many bits the outcomes have, where nothing says how many the circuit has."""
    found = experiment.data.to_dict() if experiment is not None else {}
    outcomes_given = found.get("counts") or found.get("memory") or ()
    return max((keys.width(outcome) for outcome in outcomes_given), default=0) or 1


def _from_pubs(
    pubs: Sequence[Any], layouts: Sequence[Layout] | None, options: RunOptions
) -> Iterator[CircuitResult]:
    # A pub with several rows of parameter values counts as so many circuits.
    rows = [math.prod(pub.data.shape) for pub in pubs]
    by_pub = layouts is not None and len(layouts) == len(pubs)
    if not by_pub:
        _check_number(sum(rows), layouts)
    position = 0
    for number, pub in enumerate(pubs):
        if layouts is None:
            layout = _data_layout(pub.data)
        else:
            layout = layouts[number if by_pub else position]
        position += rows[number]
        try:
            yield from outcomes.from_sampler(layout, pub.data, memory=options.memory)
        except ValueError as error:
            yield from repeat(outcomes.failed(layout, options.shots, str(error)), rows[number])


def _data_layout(data: Any) -> Layout:
    registers = tuple((str(name), int(data[name].num_bits)) for name in data)
    return Layout(sum(size for _, size in registers), registers)


def _check_number(number: int, layouts: Sequence[Layout] | None, status: object = None) -> None:
    if layouts is not None and number != len(layouts):
        why = f": {status}".strip() if isinstance(status, str) else ""
        raise ProviderError(
            f"the backend gave {number} results for a job of {len(layouts)} circuits{why}"
        )
