"""The result files of a set: one an attempt, written once, checked whenever it is read.

The first line is a header in JSON, {format, job_id, sha256, circuits}; the rest is the body
of a `JobResult`, of which `sha256` is the checksum.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from qjobs import files
from qjobs.errors import StateDamaged, StateTooNew
from qjobs.results import JobResult

FORMAT = 1
_LONGEST_HEAD = 1 << 12
_LARGEST_BYTES = 4 << 30


@dataclass(frozen=True, slots=True)
class ResultFiles:
    """The results in one folder, which is made when the first one is written."""

    folder: Path

    def path(self, job: int, attempt: int) -> Path:
        """Where a result is, or would be."""
        return self.folder / f"{job}-{attempt}.jsonl"

    def has(self, job: int, attempt: int) -> bool:
        """Whether there is a file; only `read` says whether it is good."""
        return self.path(job, attempt).exists()

    def write(self, job: int, attempt: int, *, job_id: str, result: JobResult) -> None:
        """Keep a result; it is on the disk when this returns. A good one is never replaced.

        Raises StateUnwritable, and then nothing has changed.
        """
        path = self.path(job, attempt)
        try:
            files.make_folder(self.folder, parents=False)  # the set may have been removed
            with files.temporary(path, encode(job_id, result)) as fresh:
                self.put(fresh, job, attempt)
            files.sync_folder(self.folder)
        except OSError as error:
            raise files.unwritable(path, error) from error

    def put(self, fresh: Path, job: int, attempt: int) -> None:
        """Give a whole file its name; a good one that has it stays. Raises OSError."""
        path = self.path(job, attempt)
        try:
            os.link(fresh, path)  # which, unlike a rename, never replaces
        except FileExistsError:
            try:
                self.read(job, attempt)
            except StateDamaged:
                fresh.replace(path)
        except OSError:  # a file system without links
            fresh.replace(path)

    def read(self, job: int, attempt: int) -> JobResult:
        """A result that was kept. Raises NotFound, StateDamaged, StateTooNew, StateError."""
        return read(self.path(job, attempt))


def encode(job_id: str, result: JobResult) -> bytes:
    """What the file of a result holds."""
    head = {
        "format": FORMAT,
        "job_id": job_id,
        "sha256": _sha256(result.body),
        "circuits": len(result),
    }
    return json.dumps(head).encode() + b"\n" + result.body


def read(path: Path) -> JobResult:
    """A result in a file, wherever it is. Raises as `ResultFiles.read` does."""
    # Whatever is not as long as it says, or has another sum, is never taken into memory.
    start, circuits = check(path)
    result = JobResult(files.read(path, largest=_LARGEST_BYTES)[0][start:], path=str(path))
    if circuits != len(result):
        raise _damaged(path, f"it has {len(result)} results of {circuits!r}")
    return result


def check(path: Path) -> tuple[int, object]:
    """Read a file through for its checksum: where its body starts, and its number of circuits.

    Raises as `ResultFiles.read` does.
    """
    head, _, _ = files.read(path, at_most=_LONGEST_HEAD)[0].partition(b"\n")
    try:
        fields = json.loads(head)
        number, checksum, circuits = fields["format"], fields["sha256"], fields["circuits"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _damaged(path, "its first line is not a header") from None
    if number != FORMAT:
        raise StateTooNew(f"{path}: written by a newer qjobs", hint="update qiskit-qjobs")
    if checksum != files.sha256(path, start=len(head) + 1)[0]:
        raise _damaged(path, "its content does not match its checksum")
    return len(head) + 1, circuits


def _sha256(body: bytes) -> str:
    # Imported here: it loads OpenSSL, and most commands read no result.
    import hashlib

    return hashlib.sha256(body).hexdigest()


def _damaged(path: Path, what: str) -> StateDamaged:
    return StateDamaged(f"{path}: {what}", hint="remove the file to have the result fetched again")
