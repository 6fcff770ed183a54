"""The material of a job set: circuits, values of their parameters, observables."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from qjobs import files
from qjobs.circuits import qpy
from qjobs.circuits.gather import Gathered, gather
from qjobs.circuits.joining import Unmeasured
from qjobs.circuits.slices import CircuitSlice
from qjobs.circuits.sweep import Sweep
from qjobs.circuits.symbols import check_columns, refuse_parameters
from qjobs.errors import InputError
from qjobs.model import JobSet, Slice
from qjobs.store.sets import Draft

if TYPE_CHECKING:
    from qjobs.engine.set.request import SubmitRequest


class Material(NamedTuple):
    """The files of a draft, written and checked. `observables` counts them."""

    draft: Draft
    gathered: Gathered
    sweep: Sweep | None = None
    observables: int = 0

    @property
    def circuits(self) -> int:
        """How many circuits the set has: each of those gathered, once a row of values."""
        return self.gathered.circuits * self.bindings

    @property
    def bindings(self) -> int:
        """How often each circuit runs."""
        return self.sweep.rows if self.sweep else 1

    def with_sums(self, job_set: JobSet) -> JobSet:
        """The set with the sha256 of each of its files."""
        return replace(
            job_set,
            circuits_sha256=self.gathered.sha256,
            parameters_sha256=_sha256(self.sweep.path) if self.sweep else "",
            observables_sha256=_sha256(self.draft.observables_path) if self.observables else "",
        )

    def fingerprint(self) -> list[object]:
        """Equal for the same files with the same values and observables."""
        parts: list[object] = [self.gathered.fingerprint]
        if self.sweep:
            parts += [self.sweep.names, _sha256(self.sweep.path)]
        if self.observables:
            parts.append(self.draft.observables_path.read_text())
        return parts

    def qubits(self) -> int:
        """How many the widest circuit has."""
        with qpy.Container.open(self.draft.circuits_path) as container:
            return max(container.widths(Slice(0, len(container))))

    def slice(self, part: Slice) -> CircuitSlice:
        """Some of the circuits, as a provider gets them."""
        observables = self.draft.observables_path if self.observables else None
        return CircuitSlice(self.draft.circuits_path, part, self.sweep, observables)

    def size_bytes(self, part: Slice) -> int:
        """How many bytes there are to send for a slice."""
        circuits = self.slice(part)
        values = 8 * len(self.sweep.names) * part.experiments_count if self.sweep else 0
        with qpy.Container.open(circuits.path) as container:
            return container.size_bytes(circuits.records) + values


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def collect(
    request: "SubmitRequest",
    draft: Draft,
    progress: Callable[[int, int], None],
    *,
    look: Callable[[Gathered], Gathered] = lambda gathered: gathered,
) -> Material:
    """Write the files of a set into a draft. Raises InputError and StateUnwritable.

    What is small comes first, for it goes wrong sooner. Whoever wants to `look` at the circuits
    does it before these are compared with what was asked of them.
    """
    sweep = None
    if request.parameters is not None:
        # Imported here, as below: most sets have none.
        from qjobs.circuits.parameters import read_parameters

        sweep = read_parameters(request.parameters, draft.parameters_path)
    observables = 0
    if request.observables is not None:
        observables = _write_observables(request.observables, draft)
    gathered = look(
        gather(
            request.inputs,
            draft.circuits_path,
            skip_invalid=request.skip_invalid,
            progress=progress,
        )
    )
    material = Material(draft, gathered, sweep, observables)
    if sweep is None or request.parameters is None:
        refuse_parameters(draft.circuits_path, gathered)
    else:
        check_columns(draft.circuits_path, gathered, sweep.names, request.parameters)
    if request.observables is not None:
        _check_widths(material, request.observables)
        # Expectation values need no measurements.
        return material._replace(gathered=replace(gathered, unmeasured=Unmeasured(0, ())))
    if request.strict and gathered.unmeasured.count:
        raise InputError(
            f"without a measurement there are no counts: {gathered.unmeasured_circuits}",
            hint="add measurements, or leave out --strict",
        )
    return material


def _write_observables(path: str, draft: Draft) -> int:
    from qjobs.circuits.observables import encode_observables, read_observables

    found = read_observables(path)
    try:
        files.create(draft.observables_path, encode_observables(found))
    except OSError as error:
        raise files.unwritable(draft.observables_path, error) from error
    return len(found)


def _check_widths(material: Material, source: str) -> None:
    from qjobs.circuits.observables import check_widths, read_observables

    with qpy.Container.open(material.draft.circuits_path) as container:
        qubits = container.widths(Slice(0, len(container)))
    check_widths(read_observables(str(material.draft.observables_path)), qubits, source)
