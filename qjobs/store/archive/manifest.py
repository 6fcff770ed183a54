"""The table of contents of an archive, and what can be in one.

    manifest.json                                    the last file
    sets/<set id>/state.toml
                  circuits.qpy, parameters.npy, observables.json, sources.json
                  results/<job>-<attempt>.jsonl

It says `schema`, which `qjobs` wrote it, whether it was `redacted`, what is to be known of the
`sets`, and of each of the `files` its `path`, `bytes` and `sha256`.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from qjobs.errors import InputError, StateTooNew
from qjobs.store.folder import CIRCUITS, OBSERVABLES, PARAMETERS, RESULTS, SOURCES, STATE

NAME = "manifest.json"
SCHEMA = "qjobs.manifest/1"
CHUNK_BYTES = 1 << 20

MOST_FILES = 200_000
MOST_BYTES = 64 << 20
"""The manifest has at most so many."""
SMALL_BYTES = 1 << 14
MOST_RATIO = 100
"""How much larger than in the archive a file can be, unless it is small: more is a bomb."""

_GIVEN = (CIRCUITS, PARAMETERS, OBSERVABLES, SOURCES)
_RESULT = re.compile(rf"{RESULTS}/[0-9]{{1,9}}-[0-9]{{1,9}}\.jsonl")
_ID = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"
_MEMBER = re.compile(
    rf"sets/(?P<set_id>{_ID})/(?P<file>{'|'.join(map(re.escape, (STATE, *_GIVEN)))}"
    rf"|{_RESULT.pattern})"
)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SCHEMA = re.compile(r"qjobs\.manifest/([0-9]{1,9})")


class Packed(NamedTuple):
    """A file of an archive."""

    path: str
    size_bytes: int
    sha256: str


class Manifest(NamedTuple):
    """What an archive holds: the ids of its sets and its files."""

    set_ids: tuple[str, ...]
    files: tuple[Packed, ...]
    redacted: bool = False


def member(set_id: str, file: str) -> str:
    """Where a file of a set is in an archive."""
    return f"sets/{set_id}/{file}"


def set_of(path: str) -> str:
    """The set that a file of an archive belongs to; empty if there can be no such file."""
    found = _MEMBER.fullmatch(path)
    return found["set_id"] if found else ""


def written(sets: Sequence[Mapping[str, Any]], files: Sequence[Packed], **more: Any) -> bytes:
    """The manifest as it stands in an archive. Raises InputError if no archive can be so large."""
    rows = [{"path": one.path, "bytes": one.size_bytes, "sha256": one.sha256} for one in files]
    document = {"schema": SCHEMA, **more, "sets": [*sets], "files": rows}
    data = json.dumps(document, indent=1).encode() + b"\n"
    if len(rows) >= MOST_FILES or len(data) > MOST_BYTES:
        raise InputError(
            f"{len(rows):,} files are more than one archive can have",
            hint="export fewer sets into each",
        )
    return data


def read(data: bytes) -> Manifest:
    """The manifest of an archive. Raises ValueError, saying what is wrong, and StateTooNew."""
    try:
        document = json.loads(data)
        schema = _SCHEMA.fullmatch(document["schema"])
        if schema and int(schema[1]) > 1:
            raise StateTooNew("it was written by a newer qjobs", hint="update qiskit-qjobs")
        files = tuple(
            Packed(_text(row["path"]), _size(row["bytes"]), _sum(row["sha256"]))
            for row in document["files"]
        )
        set_ids = tuple(_text(row["id"]) for row in document["sets"])
        redacted = document.get("redacted", False) is True
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError(f"its {NAME} is not as qjobs writes it") from None
    found = {set_of(file.path) for file in files}
    if not schema or found != {*set_ids} or "" in found or len({*set_ids}) != len(set_ids):
        raise ValueError(f"its {NAME} is not as qjobs writes it")
    states = {member(set_id, STATE) for set_id in set_ids}
    if not states <= {file.path for file in files}:
        raise ValueError(f"a set in it has no {STATE}")
    return Manifest(set_ids, files, redacted)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _size(value: object) -> int:
    if type(value) is not int or value < 0:
        raise TypeError
    return value


def _sum(value: object) -> str:
    if not _SHA256.fullmatch(_text(value)):
        raise ValueError
    return str(value)
