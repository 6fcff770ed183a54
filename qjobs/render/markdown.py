"""What became of sets, or is wrong with files, as GitHub shows it under a job: in Markdown."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from qjobs.engine.error import Failure
from qjobs.engine.report import SetReport
from qjobs.model import JobSet
from qjobs.render.failures import FailureGroup, grouped
from qjobs.render.findings import Finding
from qjobs.render.summaries import SIGNS, done_circuits, set_title, summary
from qjobs.render.text import clean

_MOST_ROWS = 50
_MOST_CHARACTERS = 300
_MOST_FILES = 3
# All that may mean something within a line of Markdown, or make a link of what follows.
_PUNCTUATION = re.compile(r"[!\"#$&*+:<>@\[\\\]^_`{|}~]|(?<=www)\.", re.IGNORECASE)


def sets(
    reports: Sequence[SetReport], failures: Iterable[tuple[JobSet, Failure]], next_step: str
) -> str:
    """How sets are, what went wrong in them, and the command that comes next."""
    return _page(
        [
            *_table(
                ("set", "backend", "state", "circuits", "jobs"),
                [
                    (
                        set_title(report.job_set),
                        f"{report.job_set.provider}:{report.job_set.backend}",
                        f"{SIGNS[report.state]} {report.state}",
                        done_circuits(report),
                        summary(report),
                    )
                    for report in reports[: _MOST_ROWS + 1]
                ],
                len(reports),
            ),
            *_failures(failures),
            *([f"Next: {_escaped(next_step)}"] if next_step else []),
        ]
    )


def findings(found: Sequence[Finding], conclusion: str) -> str:
    """What a dry run found in files."""
    rows = [
        (f"{finding.level}", str(finding.place or ""), finding.message)
        for finding in found[: _MOST_ROWS + 1]
    ]
    return _page([*_table(("", "where", "what"), rows, len(found)), _escaped(conclusion)])


def _failures(failures: Iterable[tuple[JobSet, Failure]]) -> Iterator[str]:
    groups = grouped(failures)
    rows = [
        (
            set_title(group.plan),
            f"{group.went_wrong}: {group.jobs}",
            ", ".join(_files(group)),
            group.messages[0],
        )
        for group in groups[: _MOST_ROWS + 1]
    ]
    yield from _table(("set", "what went wrong", "file", "why"), rows, len(groups))


def _files(group: FailureGroup) -> list[str]:
    """The first files that the circuits of the group are from."""
    named = dict.fromkeys(file for failure in group.failures for file in failure.files)
    return [*islice(named, _MOST_FILES)]


def _page(blocks: Sequence[str]) -> str:
    return "\n\n".join(("### qjobs", *blocks)) + "\n\n"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], of_all: int) -> Iterator[str]:
    """A table of the first rows, and how many more there are; nothing without rows."""
    if not rows:
        return
    lines = [columns, ["---"] * len(columns)]
    lines += [[*map(_escaped, row)] for row in rows[:_MOST_ROWS]]
    yield "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    if of_all > _MOST_ROWS:
        yield f"and {of_all - _MOST_ROWS} more"


def _escaped(text: str) -> str:
    """A text on one line that is shown as it is, and not too long."""
    cut = text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}..."
    return _PUNCTUATION.sub(lambda found: f"&#{ord(found[0])};", clean(cut))
