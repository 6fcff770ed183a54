"""Writes format 1 as the last version that did so wrote it."""

import json
from collections.abc import Sequence

from qjobs.facts import Fact
from qjobs.model import JobSet
from qjobs.store.state import format as layout


def header(job_set: JobSet) -> bytes:
    """The header, with the slices, without a check line."""
    slices = [[part.start_index, part.experiments_count] for part in job_set.slices]
    text = layout.header(job_set).decode().partition("\n")[2]
    text = text.replace("format = 2\n", "format = 1\n", 1)
    return text.replace("[set]\n", f"[set]\nslices = {json.dumps(slices)}\n", 1).encode()


def columns(facts: Sequence[Fact]) -> bytes:
    """Many facts, compacted."""
    arrays = {
        "job": (str(fact.job) for fact in facts),
        "attempt": (str(fact.attempt) for fact in facts),
        "at": (layout.time(fact.at) for fact in facts),
        "kind": (layout.string(fact.kind.value) for fact in facts),
        "value": (layout.string(fact.value) for fact in facts),
        "message": (layout.string(fact.message) for fact in facts),
    }
    lines = (f"{key} = {layout.array(values)}\n" for key, values in arrays.items())
    return ("\n[facts]\n" + "".join(lines)).encode()
