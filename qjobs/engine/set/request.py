"""The request to submit circuits."""

from collections.abc import Sequence
from dataclasses import dataclass

from qjobs.circuits.inputs import InputFile
from qjobs.model import Destination, RunOptions


@dataclass(frozen=True, slots=True)
class SubmitRequest:
    """The user's request. `per_job` None lets the backend choose.

    With `least_busy` the destination has no backend: it becomes one that jobs wait for least.
    `named_options` are those of the run options that only some providers have.
    `parameters` is the file with a row of values for each run of every circuit, `observables`
    that of the observables whose expectation values are wanted; None where there is none.
    `start_index` and `program` are those of a `JobSet`.
    """

    inputs: Sequence[InputFile]
    destination: Destination
    options: RunOptions
    name: str = ""
    tags: tuple[str, ...] = ()
    per_job: int | None = None
    skip_invalid: bool = False
    strict: bool = False
    once: bool = False
    parameters: str | None = None
    observables: str | None = None
    least_busy: bool = False
    named_options: tuple[str, ...] = ()
    start_index: int = 0
    program: str = ""
