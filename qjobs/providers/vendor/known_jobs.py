"""What is known of a vendor's jobs on this machine: which call made which, what they gave.

    calls/<tag>            {"begun": true} before a submit is made, then how it ended:
                           {"job_id": ...}, with how to read the results, or {"refused": true}
    jobs/<hash>.json       the same, by the job's id
    results/<hash>.jsonl   the results that were fetched first

The process that makes a call holds a lock on its file until the answer is written and
synced, and finishes calls even if whoever asked for them has died. So a call that only began
and is not locked was cut off: there may be a job or not.
"""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from qjobs import disk, files
from qjobs.errors import NotAccepted, NotFound, ProviderError, StateError
from qjobs.known_jobs.layouts import packed, unpacked
from qjobs.lock import FileLock
from qjobs.model import RunOptions
from qjobs.tags import set_tag_of

if TYPE_CHECKING:
    from qjobs.circuits.layout import Layout

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
_LARGEST_CALL_BYTES = 64 << 20


class SentCircuits(NamedTuple):
    """How to read the results of a job: the layouts of its circuits, and how they were run."""

    layouts: "Sequence[Layout]"
    options: RunOptions


class OpenCall:
    """A submit in progress: exactly one of these has to be told how it ended, if it is known."""

    def __init__(self, known_jobs: "KnownJobs", path: Path, known: str) -> None:
        self._known_jobs = known_jobs
        self._path = path
        self.known = known

    def accepted(self, job_id: str, reading: SentCircuits) -> None:
        """Write the id down, durably."""
        entry = json.dumps({"job_id": job_id, **_fields(reading)}).encode()
        _write(self._path, entry)
        self._known_jobs.note(job_id, entry)

    def refused(self) -> None:
        """There is no job of this call; another one with its tag may be made."""
        _write(self._path, b'{"refused": true}')


class KnownJobs:
    """The records in a folder. Any number of processes and threads may use them.

    Raises ProviderError where the folder cannot be read or written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def call(self, tag: str) -> Iterator[OpenCall]:
        """Open the call that is about to be made; `known` is the job it has made before, if so.

        Raises NotAccepted where it cannot be written down, and ProviderError if an earlier call
        with this tag is not over, or nobody knows how it ended.
        """
        if not _plain(tag):
            raise NotAccepted(f"{tag!r} is no tag")
        path = self._folder / "calls" / tag
        try:
            files.make_folder(path.parent)
            lock = FileLock(path)
            free = lock.acquire(wait_s=0.0)
        except (OSError, StateError) as error:
            raise NotAccepted(f"cannot write {path}: {error}") from error
        if not free:
            raise ProviderError(f"the job {tag} is just being submitted")
        try:
            entry = _read(path)
            if "begun" in entry:
                raise ProviderError(f"nobody knows whether the job {tag} was accepted")
            if "job_id" not in entry:
                _write(path, b'{"begun": true}')
            yield OpenCall(self, path, str(entry.get("job_id", "")))
        finally:
            lock.close()

    def find(self, tag: str, *, wait_s: float) -> str:
        """The id of the job that a call with this tag made; empty if none is known.

        Waits for a call in progress, and raises ProviderError if it is not over by then.
        """
        path = self._folder / "calls" / tag
        if not _plain(tag) or not path.exists():
            return ""
        lock = FileLock(path)
        try:
            if not lock.acquire(wait_s=wait_s):
                raise ProviderError(f"the job {tag} is still being submitted")
            return str(_read(path).get("job_id", ""))
        except StateError as error:
            raise ProviderError(error.message, hint=error.hint) from error
        finally:
            lock.close()

    def of_set(self, set_tag: str) -> dict[str, str]:
        """The calls of a set by their tags: the job that each made, empty if nobody knows."""
        if not _plain(set_tag):
            return {}
        entries = {path.name: _read(path) for path in (self._folder / "calls").glob(f"{set_tag}-*")}
        return {
            tag: str(entry.get("job_id", ""))
            for tag, entry in sorted(entries.items())
            if "job_id" in entry or "begun" in entry
        }

    def sizes(self) -> dict[str, int]:
        """How many bytes the files of each set take, by its tag."""
        found: dict[str, int] = {}
        for call in (self._folder / "calls").glob("*"):
            set_tag = set_tag_of(call.name)
            job_id = str(_read(call).get("job_id", ""))
            size_bytes = sum(map(disk.used_bytes, [call, *self._of_job(job_id)]))
            found[set_tag] = found.get(set_tag, 0) + size_bytes
        return found

    def forget(self, set_tag: str, job_ids: Sequence[str]) -> int:
        """Remove the files of a set, and of further jobs, but for those of a call in progress."""
        freed_bytes = 0
        try:
            for job_id in job_ids:
                freed_bytes += sum(map(disk.remove, self._of_job(job_id)))
            for call in (self._folder / "calls").glob(f"{set_tag}-*") if _plain(set_tag) else ():
                lock = FileLock(call)
                try:
                    if set_tag_of(call.name) == set_tag and lock.acquire(wait_s=0.0):
                        job_id = str(_read(call).get("job_id", ""))
                        # Last, for it tells of the others.
                        freed_bytes += sum(map(disk.remove, [*self._of_job(job_id), call]))
                finally:
                    lock.close()
        except (OSError, StateError) as error:
            raise ProviderError(f"cannot remove what is kept of {set_tag}: {error}") from error
        return freed_bytes

    def _of_job(self, job_id: str) -> list[Path]:
        """The files of a job, which may not be there."""
        if not job_id:
            return []
        return [self._path("results", job_id, ".jsonl"), self._path("jobs", job_id, ".json")]

    def note(self, job_id: str, entry: bytes) -> None:
        """Write down by its id what is known of a job. To lose it costs the registers."""
        path = self._path("jobs", job_id, ".json")
        with suppress(OSError):
            files.make_folder(path.parent)
            files.create(path, entry)

    def reading(self, job_id: str) -> SentCircuits | None:
        """How to read a job's results, if it was submitted here."""
        return _reading(_read(self._path("jobs", job_id, ".json")))

    def result(self, job_id: str) -> bytes | None:
        """The results that were kept."""
        path = self._path("results", job_id, ".jsonl")
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ProviderError(f"cannot read {path}: {error.strerror}") from error

    def keep_result(self, job_id: str, body: bytes) -> bytes:
        """Keep results, unless there are some; returns those that stay."""
        path = self._path("results", job_id, ".jsonl")
        try:
            files.make_folder(path.parent)
            with files.temporary(path, body) as fresh:
                try:
                    path.hardlink_to(fresh)  # whole, and never over another one
                    files.sync_folder(path.parent)
                except FileExistsError:
                    body = path.read_bytes()
        except OSError as error:
            raise ProviderError(f"cannot write {path}: {error.strerror}") from error
        return body

    def _path(self, folder: str, job_id: str, ending: str) -> Path:
        # Imported here: it loads OpenSSL.
        from hashlib import sha256

        # An id is the vendor's text: it may be long, or have any sign in it.
        return self._folder / folder / (sha256(job_id.encode()).hexdigest()[:32] + ending)


def _plain(tag: str) -> bool:
    return 0 < len(tag) < 200 and _PLAIN.issuperset(tag)


def _read(path: Path) -> dict[str, Any]:
    """What a file says; nothing if it is not there, empty, or was cut off while it was written."""
    try:
        data, _ = files.read(path, at_most=_LARGEST_CALL_BYTES)
        entry = json.loads(data)
    except (NotFound, ValueError):
        return {}
    except StateError as error:
        raise ProviderError(error.message) from error
    return entry if isinstance(entry, dict) else {}


def _write(path: Path, data: bytes) -> None:
    """Fill the file that is locked; it stays the same file."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC)
        try:
            files.write_all(descriptor, data)
        finally:
            os.close(descriptor)
        files.sync_folder(path.parent)
    except OSError as error:
        raise ProviderError(f"cannot write {path}: {error.strerror}: {data.decode()}") from error


def _fields(reading: SentCircuits) -> dict[str, Any]:
    return {
        "options": asdict(reading.options),
        "layouts": packed(reading.layouts),
    }


def _reading(entry: dict[str, Any]) -> SentCircuits | None:
    try:
        return SentCircuits(unpacked(entry["layouts"]), RunOptions(**entry["options"]))
    except (KeyError, TypeError, ValueError):
        return None
