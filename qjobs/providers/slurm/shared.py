"""The folder that submitter and nodes share: arrays with their manifests, circuits, results.

USER/circuits/SHA256.qpy    what the circuits of a set are run from
USER/arrays/TAG.KEY/        one call of sbatch; TAG is that of the set
    manifest.json           its tasks: tags and jobs; written before the call
    id                      what Slurm calls the array
    N.taken                 task N was begun, or was ruled out before it was
    N.beat                  it lives
    N.jsonl, N.json         its results, and how it ended
    N.slurm                 how Slurm says it ended, for when Slurm has forgotten
"""

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

from qjobs import disk, files
from qjobs.errors import NotFound, NotNow, ProviderError, StateError
from qjobs.simulators.job import SimulatorJob
from qjobs.tags import set_tag_of

VOID = b"void\n"
_WHOLE_SECOND = 1_000_000_000


class Array:
    """One call of sbatch, which has come to an array of tasks, or to nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def key(self) -> str:
        """What the array carries as its comment."""
        return self.folder.name

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        """The manifest, which never changes. Raises ProviderError."""
        return self._json("manifest.json")

    @cached_property
    def tasks(self) -> Mapping[str, int]:
        """The tasks by their tags."""
        return {tag: task for task, tag in enumerate(self.manifest.get("tags", ()))}

    @cached_property
    def files(self) -> frozenset[Path]:
        """What its tasks are run from. Raises ProviderError."""
        return _files_of(map(self.job, self.tasks.values()))

    @property
    def slurm_id(self) -> str:
        """What Slurm calls it; empty if nobody has heard."""
        try:
            return (self.folder / "id").read_text().strip()
        except OSError:
            return ""

    @property
    def told_ns(self) -> int:
        """When that was written down."""
        return (self.folder / "id").stat().st_mtime_ns

    def tell(self, slurm_id: str) -> None:
        """Keep what Slurm calls it."""
        if not self.slurm_id:
            files.replace(self.folder / "id", f"{slurm_id}\n".encode())

    def job(self, task: int) -> SimulatorJob:
        """The job of a task. Raises ProviderError."""
        try:
            return SimulatorJob(**self.manifest["jobs"][task])
        except (LookupError, TypeError) as error:
            raise ProviderError(f"{self.folder}/manifest.json has no task {task}") from error

    def take(self, task: int, what: bytes) -> bool:
        """Begin a task, or rule it out: whoever comes first has it."""
        path = self.folder / f"{task}.taken"
        with files.temporary(path, what) as fresh:
            try:
                os.link(fresh, path)  # with all that is in it, or not at all
            except FileExistsError:
                return False
        return True

    def node(self, task: int) -> str:
        """The node that has begun a task; empty if none has."""
        taken = self._taken(task)
        return "" if taken == VOID else taken.decode("utf-8", "replace").strip()

    def is_void(self, task: int) -> bool:
        """Whether a task was ruled out before it was begun."""
        return self._taken(task) == VOID

    def _taken(self, task: int) -> bytes:
        try:
            return (self.folder / f"{task}.taken").read_bytes()
        except OSError:
            return b""

    def outcome(self, task: int) -> Mapping[str, Any] | None:
        """How a task says it ended; None if it has not. Raises ProviderError."""
        if not (self.folder / f"{task}.json").exists():
            return None
        return self._json(f"{task}.json")

    def ending(self, task: int) -> str:
        """How Slurm said that a task ended; empty if it did not."""
        try:
            return (self.folder / f"{task}.slurm").read_text().strip()
        except OSError:
            return ""

    def keep_ending(self, task: int, ending: str) -> None:
        """Keep how Slurm says that a task ended: what was kept first.

        Not durably, which would take minutes for thousands of tasks: it will be said again, for a
        time.
        """
        with suppress(OSError), (self.folder / f"{task}.slurm").open("x") as file:
            file.write(f"{ending}\n")

    def heard_ns(self, task: int) -> int:
        """When something was heard of a task; 0 if it never was."""
        try:
            return (self.folder / f"{task}.beat").stat().st_mtime_ns
        except OSError:
            return 0

    def silent_s(self, task: int, now_s: float) -> float | None:
        """For how long nothing was heard of a task; None if it never was heard of."""
        heard_ns = self.heard_ns(task)
        return max(0.0, now_s - heard_ns / 1e9) if heard_ns else None

    def empty(self) -> int:
        """Leave nothing but its name, so that no other gets it; the bytes that this freed."""
        manifest = self.folder / "manifest.json"
        files.replace(manifest, b'{"format": 1, "tags": [], "jobs": []}')
        rest = [path for path in self.folder.iterdir() if path.name not in ("id", manifest.name)]
        return sum(map(disk.remove, rest))

    def _json(self, name: str) -> Mapping[str, Any]:
        path = self.folder / name
        try:
            found = json.loads(files.read(path)[0])
        except (NotFound, StateError, ValueError) as error:
            raise ProviderError(f"cannot read {path}: {error}") from error
        if not isinstance(found, dict):
            raise ProviderError(f"{path} is not what a task writes")
        return found


class Shared:
    """The part of the shared folder that is this user's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / f"qjobs-{os.getuid()}"
        self._copies: dict[tuple[Path, files.Stamp], Path] = {}
        self._arrays: dict[Path, Array] = {}

    @property
    def arrays(self) -> Path:
        """The folder of the arrays."""
        return self._folder / "arrays"

    def check(self) -> None:
        """Make this user's folder in the one that is shared, and try to write. Raises OSError."""
        self._folder.parent.stat()
        files.make_folder(self.arrays)
        with files.temporary(self._folder / "probe", b"qjobs\n"):
            pass

    def copy(self, path: Path) -> Path:
        """The copy of a file there; made once. Raises OSError, QjobsError."""
        known = path, files.stamp(path.stat())
        if known not in self._copies:
            digest, _ = files.sha256(path)
            copy = self._folder / "circuits" / f"{digest}{path.suffix}"
            if not copy.exists():
                files.make_folder(copy.parent)
                fresh = copy.with_name(f"{copy.name}.{os.urandom(6).hex()}.tmp")
                try:
                    shutil.copyfile(path, fresh)
                    fresh.chmod(0o600)
                    now = int(fresh.stat().st_mtime) * _WHOLE_SECOND
                    os.utime(fresh, ns=(now, now))  # not every file system keeps parts of it
                    files.sync_file(fresh)
                    fresh.replace(copy)
                finally:
                    with suppress(OSError):
                        fresh.unlink()
                files.sync_folder(copy.parent)
            self._copies[known] = copy
        return self._copies[known]

    def begin(
        self, key: str, tags: Sequence[str], jobs: Sequence[SimulatorJob], **more: object
    ) -> Array:
        """Write down what is about to be submitted. Raises OSError, and NotNow."""
        folder = self.arrays / key
        files.make_folder(folder)
        manifest = {"format": 1, **more, "tags": tags, "jobs": [asdict(job) for job in jobs]}
        files.replace(folder / "manifest.json", json.dumps(manifest).encode())
        if not all(path.exists() for path in _files_of(jobs)):  # see `forget`
            self._copies.clear()
            raise NotNow("the circuits were just removed with another set that had them")
        return Array(folder)

    def of_set(self, set_tag: str) -> Iterator[Array]:
        """The arrays of a set, the oldest first."""
        found = self._found(f"{_plain(set_tag)}.*")
        yield from sorted(found, key=lambda array: str(array.manifest.get("created", "")))

    def sizes(self) -> dict[str, int]:
        """How many bytes the arrays of each set take, by its tag; circuits may be of several."""
        found: dict[str, int] = {}
        for array in self._found("*.*"):
            if not array.folder.exists():  # removed by another process
                continue
            for set_tag in {set_tag_of(tag) for tag in array.tasks}:
                found[set_tag] = found.get(set_tag, 0) + disk.used_bytes(array.folder)
        return found

    def forget(self, set_tag: str) -> int:
        """Remove the arrays of a set, and before them the circuits that no other is run from.

        Raises OSError.
        """
        folders = [*self.arrays.glob(f"{_plain(set_tag)}.*")]
        ours = [Array(folder) for folder in folders if (folder / "manifest.json").exists()]
        freed_bytes = 0
        for path in {path for array in ours for path in array.files} - self._needed(folders):
            # Out of the way first: whoever begins an array just now looks whether it is there.
            aside = path.with_name(f"{path.name}.removed")
            with suppress(FileNotFoundError):
                path.replace(aside)
                if path in self._needed(folders):
                    aside.replace(path)
            freed_bytes += disk.remove(aside)
        names = [array.slurm_id for array in self._found("*.*")]
        for folder in folders:
            # What the ids of another array's tasks are depends on which was called so first.
            array = Array(folder)
            shared = bool(array.slurm_id) and names.count(array.slurm_id) > 1
            freed_bytes += array.empty() if shared else disk.remove(folder)
            self._arrays.pop(folder, None)
        return freed_bytes

    def _needed(self, besides: Sequence[Path]) -> set[Path]:
        """The files that other arrays are run from."""
        others = (array for array in self._found("*.*") if array.folder not in besides)
        return {path for array in others if array.folder.exists() for path in array.files}

    def with_tag(self, tag: str) -> Iterator[tuple[Array, int]]:
        """The tasks that carry a tag, the oldest first."""
        for array in self.of_set(set_tag_of(tag)):
            if tag in array.tasks:
                yield array, array.tasks[tag]

    def _found(self, pattern: str) -> list[Array]:
        """The arrays that were written down whole."""
        for path in self.arrays.glob(pattern):
            if path not in self._arrays and (path / "manifest.json").exists():
                self._arrays[path] = Array(path)
        return [array for path, array in [*self._arrays.items()] if path.match(pattern)]

    def by_name(self) -> dict[str, Array]:
        """The arrays by what their tasks' ids begin with: what Slurm calls them.

        Slurm may begin to count anew: then the later array has its key in its name.
        """
        called: dict[str, list[Array]] = {}
        for array in self._found("*.*"):
            if slurm_id := array.slurm_id:
                called.setdefault(slurm_id, []).append(array)
        found = {}
        for slurm_id, arrays in called.items():
            first, *later = sorted(arrays, key=lambda array: array.told_ns)
            found[slurm_id] = first
            found |= {f"{slurm_id}@{array.key.rpartition('.')[2]}": array for array in later}
        return found

    def name_of(self, array: Array) -> str:
        """What the ids of an array's tasks begin with, once Slurm has taken it."""
        names = self.by_name().items()
        return next(name for name, known in names if known.folder == array.folder)


def _files_of(jobs: Iterable[SimulatorJob]) -> frozenset[Path]:
    """The files that jobs are run from."""
    found: set[Path] = set()

    def note(path: str) -> str:
        found.add(Path(path))
        return path

    for job in jobs:
        job.with_files(note)
    return frozenset(found)


def new_key(set_tag: str) -> str:
    """A name for an array of a set."""
    return f"{_plain(set_tag)}.{os.urandom(6).hex()}"


def _plain(set_tag: str) -> str:
    return "".join(sign if sign.isalnum() or sign in "-_" else "_" for sign in set_tag)
