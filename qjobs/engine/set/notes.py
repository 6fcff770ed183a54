"""Notes: labels that say in one word which circuits of which plan a provider job has.

    qj1.c900.j3.s300.n300.x1024.k5f3a9c01

A `qj1`, then letters with numbers: c circuits of the set, j jobs as it was planned, s and n
start_index and experiments_count of this job, x shots; where there are some, p parameters with
b bindings, o observables, m1 for memory, f the number of the first circuit of the set, from which
s is counted, and h the beginning of the set's fingerprint, if there is room for it. Last a CRC-32,
for notes can be changed at some providers.
"""

import re
from binascii import crc32
from collections.abc import Mapping
from typing import NamedTuple

from qjobs.model import JobSet, RunOptions, Slice
from qjobs.tags import NOTE_PREFIX

_NOTE = re.compile(r"qj1((?:\.[a-z][0-9]{1,18})+)\.k([0-9a-f]{8})")
_LONGEST = 80
_DIGITS = 14  # hexadecimal ones of a fingerprint: a number of 17 decimal ones at most
_MOST_JOBS = 1_000_000


class Outline(NamedTuple):
    """The part of a note that all jobs of a set share. `fingerprint` is a beginning of it."""

    circuits: int
    jobs: int
    shots: int
    parameters: int = 0
    bindings: int = 1
    observables: int = 0
    memory: bool = False
    start_index: int = 0
    fingerprint: str = ""


class Note(NamedTuple):
    """The note of one job."""

    outline: Outline
    slice: Slice


def write_note(job_set: JobSet, part: Slice) -> str:
    """The note of a job of this set that has the circuits of `part`; none for absurd numbers."""
    part = job_set.stored(part)
    fields = {
        "c": job_set.circuits, "j": len(job_set.slices),
        "s": part.start_index, "n": part.experiments_count, "x": job_set.options.shots,
    }  # fmt: skip
    if job_set.parameters:
        fields |= {"p": len(job_set.parameters), "b": job_set.bindings}
    if job_set.observables:
        fields["o"] = job_set.observables
    if job_set.options.memory:
        fields["m"] = 1
    if job_set.start_index:
        fields["f"] = job_set.start_index
    if job_set.fingerprint:
        longer = {**fields, "h": int(job_set.fingerprint[:_DIGITS], 16)}
        if note := _written(job_set, longer):
            return note
    return _written(job_set, fields)


def _written(job_set: JobSet, fields: Mapping[str, int]) -> str:
    body = "".join(f".{letter}{number}" for letter, number in fields.items())
    note = f"qj1{body}.k{_check(job_set.tag, body)}"
    return note if len(note) < _LONGEST else ""


def is_note(label: str) -> bool:
    """Whether a label is, or was, a note."""
    return label.startswith(NOTE_PREFIX)


def read_note(label: str, *, set_tag: str) -> Note:
    """Read the note of a job in the set with that tag. Raises ValueError if it was changed."""
    found = _NOTE.fullmatch(label)
    if found is None or found[2] != _check(set_tag, found[1]):
        raise ValueError(f"{label!r} is not as qjobs wrote it")
    fields = {field[0]: int(field[1:]) for field in found[1].split(".")[1:]}
    try:
        outline = Outline(
            circuits=fields["c"],
            jobs=fields["j"],
            shots=RunOptions(shots=fields["x"]).shots,
            parameters=fields.get("p", 0),
            bindings=fields.get("b", 1),
            observables=fields.get("o", 0),
            memory=bool(fields.get("m", 0)),
            start_index=fields.get("f", 0),
            fingerprint=f"{fields['h']:0{_DIGITS}x}" if "h" in fields else "",
        )
        note = Note(outline, Slice(fields["s"], fields["n"]))
    except KeyError as error:
        raise ValueError(f"{label!r} lacks {error}") from error
    fits = (
        1 <= outline.jobs <= min(outline.circuits, _MOST_JOBS)
        and note.slice.end_index < outline.circuits
    )
    if not fits or not outline.bindings or outline.circuits % outline.bindings:
        raise ValueError(f"{label!r} contradicts itself")
    return note


def _check(set_tag: str, body: str) -> str:
    return f"{crc32(f'{set_tag}{body}'.encode()):08x}"
