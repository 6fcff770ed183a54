"""What files of circuits hold, and how backends would take it; nothing is submitted or kept."""

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from pathlib import Path
from typing import NamedTuple

from qjobs.circuits import older, qpy, records
from qjobs.circuits.anatomy import FRONT_BYTES, Anatomy
from qjobs.circuits.files import CircuitFile, Scratch
from qjobs.circuits.files import inspect as sniffed
from qjobs.circuits.fitting import Judgement, Verdict
from qjobs.circuits.inputs import InputFile, circuit_name
from qjobs.circuits.joining import Part
from qjobs.circuits.looking import Lookers, Window, windows
from qjobs.circuits.picking import pick
from qjobs.circuits.reading import read
from qjobs.circuits.sniff import Format
from qjobs.contract import Judge, Judges
from qjobs.engine.workspace import Workspace
from qjobs.errors import InputError, QjobsError, Unreadable, UnreadableFiles
from qjobs.model import Destination, RunOptions

_MOST_LISTED = 1000


class Looked(NamedTuple):
    """A circuit: the user's name for its file, its position there, from 0, and what it is.

    `judgements` are those of the backends that were asked for, in their order.
    """

    path: str
    position: int
    anatomy: Anatomy
    judgements: Sequence[Judgement] = ()


@dataclass(slots=True)
class LookedFile:
    """A file, by the user's word for it, and those of its circuits that are meant, together.

    `version` is that of QPY, `qiskit` the one that wrote it. `ranges` are the lowest and the
    highest number of each kind, `registers` None if circuits differ in them; `verdicts` counts
    those of each backend. All of these are whole once all circuits have been looked at.
    """

    path: str
    format: Format
    packed: str
    version: int | None
    qiskit: str
    circuits: int
    ranges: dict[str, tuple[int, int]] = field(default_factory=dict)
    registers: Sequence[str] | None = None
    unreadable: int = 0
    verdicts: Sequence[Counter[Verdict]] = ()
    _seen: int = 0

    def add(self, looked: Looked) -> None:
        """Take in one of its circuits."""
        found = looked.anatomy
        if found.why:
            self.unreadable += 1
            return
        named = found.parameters
        for name, number in (
            ("qubits", found.qubits),
            ("clbits", found.clbits),
            ("depth", found.depth),
            ("size", found.size),
            ("two_qubit_gates", found.two_qubit_gates),
            ("parameters", None if named is None else len(named)),
        ):
            if number is not None:
                low, high = self.ranges.get(name, (number, number))
                self.ranges[name] = min(low, number), max(high, number)
        registers = None if found.registers is None else [*map(str, found.registers)]
        self.registers = registers if self._seen == 0 or registers == self.registers else None
        self._seen += 1
        for counter, judgement in zip(self.verdicts, looked.judgements, strict=True):
            counter[judgement.verdict] += 1


class Inspection:
    """Files that are being looked into. `unreadable` has what could not be read so far."""

    def __init__(
        self,
        inputs: Sequence[InputFile],
        scratch: Scratch,
        *,
        fast: bool,
        judges: Sequence[Judge],
        missing: Sequence[Unreadable],
    ) -> None:
        self._judges = judges
        self._fast = fast
        self._asked = len(inputs) + len(missing)
        self.unreadable: list[Unreadable] = [*missing]
        self._bad_files = len(missing)
        self._only_error: InputError | None = None
        self._bad_circuits = 0
        found: list[tuple[CircuitFile, LookedFile]] = []
        for given in inputs:
            try:
                file = sniffed(given, scratch)
                if file.chosen:
                    pick(file, scratch)
                found.append((file, self._headed(file)))
            except InputError as error:
                self._refuse(given.path, error)
        given_to_qiskit = [file for file, _ in found if file.dialect is None]
        self._parts: list[Part] = []
        if given_to_qiskit and not fast:
            self._parts, _ = read(given_to_qiskit, scratch, processes=None, answered=lambda: None)
        self._found: list[tuple[CircuitFile, LookedFile]] = []
        for file, looked in found:
            if file.error is not None:
                self._refuse(file.name, file.error)
            else:
                looked.circuits = file.circuits
                self._found.append((file, looked))
        self.files = [looked for _, looked in self._found]
        self.circuits = sum(file.circuits for file in self.files)

    def look(self) -> Iterator[Looked]:
        """All circuits, in order; those of each file are added to it as they come."""
        anatomies = self._heads() if self._fast else self._anatomies()
        for given, file in self._found:
            for position in given.positions:
                found, judgements = next(anatomies)
                looked = Looked(given.name, position, found, judgements)
                if found.why:
                    self._bad_circuits += 1
                    if self._bad_circuits <= _MOST_LISTED:
                        said = f"circuit {position} ({found.name}): {found.why}"
                        self.unreadable.append(Unreadable(given.name, None, None, said, given.name))
                file.add(looked)
                yield looked

    def check(self) -> None:
        """Raise InputError, with all of them, if there were files or circuits nobody can read."""
        if self._asked == 1 and self._only_error:
            raise self._only_error
        wrong = []
        if self._bad_files:
            wrong.append(f"{self._bad_files} of {self._asked} files")
        if self._bad_circuits:
            wrong.append(f"{self._bad_circuits} of {self.circuits} circuits")
        if wrong:
            message = f"{' and '.join(wrong)} cannot be read"
            raise UnreadableFiles(message, hint="", unreadable=self.unreadable)

    def _refuse(self, path: str, error: InputError) -> None:
        about = error.about(path)
        error.unreadable = (about,)
        self.unreadable.append(about)
        self._bad_files += 1
        self._only_error = error

    def _headed(self, file: CircuitFile) -> LookedFile:
        """What the head of a file tells; in a hurry that is also how many circuits it has."""
        version, qiskit = None, ""
        if file.format is Format.QPY:
            with file.path.open("rb") as opened:
                head = opened.read(qpy.HEADER_BYTES)
            version = head[len(qpy.MAGIC)] if len(head) > len(qpy.MAGIC) else None
            qiskit = ".".join(map(str, head[len(qpy.MAGIC) + 1 : len(qpy.MAGIC) + 4]))
            if self._fast and file.dialect is None:
                file.circuits = (
                    len(older.bounds_of(file.path, file.name, hint="leave out --fast")) - 1
                )
        elif self._fast:
            file.circuits = 1
        verdicts = [Counter[Verdict]() for _ in self._judges]
        return LookedFile(
            file.label, file.format, file.packed, version, qiskit, file.circuits, verdicts=verdicts
        )

    def _heads(self) -> Iterator[tuple[Anatomy, Sequence[Judgement]]]:
        for file, looked in self._found:
            if file.format is not Format.QPY:
                yield Anatomy(circuit_name(file.name)), ()
                continue
            version = looked.version or 0
            for record in _fronts(file):
                try:
                    yield Anatomy.of_record(record, version), ()
                except records.Unsliceable:
                    yield Anatomy(records.name(record, version)), ()

    def _anatomies(self) -> Iterator[tuple[Anatomy, Sequence[Judgement]]]:
        if not self.circuits:
            return
        with Lookers(self.circuits) as lookers:
            for window, found in lookers.look(self._windows()):
                judged = self._judged(window, found)
                yield from zip(found, judged, strict=True)

    def _windows(self) -> Iterator[Window]:
        """The circuits of all files in order, wherever they are by now."""
        made = (window for part in self._parts for window in windows(part.path))
        left: Window | None = None
        files = (file for file, _ in self._found)
        for by_qiskit, group in groupby(files, key=lambda file: file.dialect is None):
            if not by_qiskit:
                for file in group:
                    yield from windows(file.path)
                continue
            wanted = sum(file.circuits for file in group)
            while wanted:
                window = left or next(made)
                count = min(wanted, window.part.experiments_count)
                first, left = window.split(count)
                yield first
                wanted -= count

    def _judged(self, window: Window, found: Sequence[Anatomy]) -> list[Sequence[Judgement]]:
        """What each backend says of each circuit of a window."""
        good = [at for at, one in enumerate(found) if not one.why]
        judged: list[list[Judgement]] = [[] for _ in found]
        if not self._judges or not good:
            return [*judged]
        with qpy.Container.open(window.path) as container:
            bounds = container.offsets(window.part)
            data = qpy.whole(
                container.dialect,
                [container.read(bounds[at], bounds[at + 1] - bounds[at]) for at in good],
            )
        for judge in self._judges:
            try:
                told = judge(data)
            except QjobsError as error:
                told = [Judgement(Verdict.UNKNOWN, error.message)] * len(good)
            for at, judgement in zip(good, told, strict=True):
                judged[at].append(judgement)
        return [*judged]


def _fronts(file: CircuitFile) -> Iterator[bytes]:
    """The front of each record of a QPY file, as far as it tells of the circuit as a whole."""
    if file.dialect is None:
        bounds = older.bounds_of(file.path, file.name, hint="leave out --fast")
    else:
        with qpy.Container.open(file.path, name=file.name) as container:
            bounds = container.offsets()
    with file.path.open("rb") as opened:
        for start, end in pairwise(bounds):
            opened.seek(start)
            yield opened.read(min(end - start, FRONT_BYTES))


@contextmanager
def inspect(
    inputs: Sequence[InputFile],
    *,
    fast: bool = False,
    workspace: Workspace | None = None,
    backends: Sequence[Destination] = (),
    missing: Sequence[Unreadable] = (),
) -> Iterator[Inspection]:
    """Look into files for as long as the block lasts.

    What takes Qiskit is done by worker processes; `fast` is without, and tells only how files
    and the circuits in QPY files begin. `missing` are names that stand for no file. Raises
    UsageError for a backend that is none.
    """
    with ExitStack() as stack:
        judges = [
            stack.enter_context(_judging(workspace, where)) for where in backends if workspace
        ]
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="qjobs-"))
        scratch = Scratch(Path(folder) / "circuits.qpy")
        yield Inspection(inputs, scratch, fast=fast, judges=judges, missing=missing)


@contextmanager
def _judging(workspace: Workspace, where: Destination) -> Iterator[Judge]:
    provider = workspace.provider_at(where)
    provider.capabilities(where.backend)
    provider.check(where.backend, RunOptions())
    if isinstance(provider, Judges):
        with provider.judging(backend=where.backend) as judge:
            yield judge
        return
    unknown = Judgement(Verdict.UNKNOWN, f"{where.provider} does not tell before a job is there")

    def none(circuits: bytes) -> Sequence[Judgement]:
        return [unknown] * len(qpy.Container(circuits))

    yield none
