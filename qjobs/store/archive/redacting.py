"""Leaves out of a set where it was made, and by whom: paths, accounts, instances, owners."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath, PureWindowsPath

from qjobs.attempts import RecordedAttempt
from qjobs.errors import StateDamaged
from qjobs.model import JobSet
from qjobs.store.state import format as layout
from qjobs.store.state import reading
from qjobs.store.state.fold import assembled

HIDDEN = "***"
_WHOSE = ("account", "instance")
"""Run options of these names say as much as the columns of the header."""
_SHORTEST = 3
# A path has a folder in it, and is not the rest of an address on the web.
_PATH = re.compile(r"(?<![\w.:/~-])(?:~?/|[A-Za-z]:[\\/])[^\s'\"`:,;()<>]*[^\s'\"`:,;()<>.]")
_CRN = re.compile(r"\bcrn:[^\s'\",;()<>]+")


def redacted_state(state: reading.State) -> bytes:
    """The state file of a set without these. Raises StateDamaged if it does not say all."""
    ledger, odd = state.ledger()
    contents = state.contents
    if odd or contents.newer or state.damage or contents.unknown or contents.unknown_key:
        raise StateDamaged(
            f"the state of {contents.job_set.set_id} has parts that this qjobs does not understand:"
            " it cannot leave anything out of them",
            hint="export it without --redact, or update qiskit-qjobs",
        )
    job_set = contents.job_set
    hide = _Hiding(
        [job_set.account, job_set.instance, job_set.instance_name, job_set.owner]
        + [str(job_set.options.extra[key]) for key in _WHOSE if key in job_set.options.extra]
    )
    recorded = ledger.recorded()
    jobs = tuple(
        job._replace(attempts=tuple(_attempt(one, hide) for one in job.attempts))
        for job in recorded.jobs
    )
    header = layout.header(_job_set(job_set, hide), len(jobs))
    return assembled(header, recorded._replace(jobs=jobs))


def redacted_sources(data: bytes, job_set: JobSet) -> bytes:
    """`sources.json` with the names of files alone. Raises ValueError, KeyError, TypeError."""
    hide = _Hiding([job_set.account, job_set.instance, job_set.instance_name, job_set.owner])
    document = json.loads(data)
    for row in (*document["sources"], *document.get("skipped", ())):
        for key in ("path", "file"):
            if key in row:
                row[key] = _file_name(row[key])
        if "message" in row:
            row["message"] = hide(row["message"])
    return json.dumps(document).encode()


class _Hiding:
    """Puts `***` in the place of names and paths."""

    def __init__(self, names: Sequence[str]) -> None:
        chosen = sorted({name for name in names if len(name) >= _SHORTEST}, key=len, reverse=True)
        self._names = re.compile("|".join(map(re.escape, chosen))) if chosen else None

    def __call__(self, text: str) -> str:
        text = _CRN.sub(HIDDEN, self._names.sub(HIDDEN, text) if self._names else text)
        return _PATH.sub(HIDDEN, text)


def _job_set(job_set: JobSet, hide: _Hiding) -> JobSet:
    extra = {
        key: hide(value) if isinstance(value, str) else value
        for key, value in job_set.options.extra.items()
        if key not in _WHOSE
    }
    return replace(
        job_set,
        account="",
        instance="",
        instance_name="",
        owner="",
        options=replace(job_set.options, extra=extra),
    )


def _attempt(attempt: RecordedAttempt, hide: _Hiding) -> RecordedAttempt:
    failed, so_far = (
        one and one._replace(reason=hide(one.reason))
        for one in (attempt.failed, attempt.failed_so_far)
    )
    return attempt._replace(message=hide(attempt.message), failed=failed, failed_so_far=so_far)


def _file_name(path: str) -> str:
    return PurePosixPath(PureWindowsPath(path).name if "\\" in path else path).name or path
