"""Folds what facts say into the tables of the jobs."""

import re

from qjobs.errors import StateError
from qjobs.ledger import Recorded
from qjobs.model import JobSet
from qjobs.store.state import checks, format1, reading, tables
from qjobs.store.state import format as layout

_OURS = re.compile(r"# [0-9]+ circuits? in [0-9]+ jobs? on .* `qjobs show .*\n")


def assembled(header: bytes, recorded: Recorded) -> bytes:
    """A whole file without facts. A check line tells the header from tables that were cut off."""
    head, body = checks.closed(header), tables.written(recorded)
    return checks.closed(head + body) if body else head


def folded(header: str, job_set: JobSet, recorded: Recorded) -> bytes:
    """A file that is all as we write it, with tables of what is on record.

    The header stays as it was, but for its first line. Raises StateError if it would say
    anything else.
    """
    header = _renewed(header, job_set, len(recorded.jobs))
    fresh = assembled(header.encode(), recorded)
    if reading.understand(fresh.decode())[:4] != (job_set, recorded, [], layout.FORMAT):
        raise StateError("other tables would change what the file says")
    return fresh


def _renewed(header: str, job_set: JobSet, jobs: int) -> str:
    text = f"{checks.without(header).rstrip()}\n"
    first_line = layout.comment(job_set, jobs)
    if text.startswith("format = 1\n"):
        text = f"{first_line}{format1.upgraded(text)}"
    return _OURS.sub(lambda _: first_line, text, count=1)
