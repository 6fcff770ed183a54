"""The summary of a step of GitHub's, where one is wanted: what came of it, below the job."""

import os
from collections.abc import Callable, Sequence
from itertools import islice

from qjobs import paths
from qjobs.engine.address import Target
from qjobs.engine.report import SetReport
from qjobs.errors import QjobsError
from qjobs.render.output import Output

_MOST_BYTES = 1 << 20
"""GitHub refuses the summary of a step that is larger."""
_MOST_FAILURES = 10_000


def summarize_sets(output: Output, targets: Sequence[Target], reports: Sequence[SetReport]) -> None:
    """Append how the sets are, if there are some, and a summary."""

    def text() -> str:
        # Imported here, as below: outside of GitHub nobody needs it.
        from qjobs.cli.next_step import next_step
        from qjobs.engine.error import failures
        from qjobs.render.markdown import sets

        found = (
            (report.job_set, failure)
            for target, report in zip(targets, reports, strict=True)
            for failure in failures(target, report)
        )
        return sets(reports, islice(found, _MOST_FAILURES), next_step(reports))

    if targets:
        append(output, text)


def append(output: Output, text: Callable[[], str]) -> None:
    """Append to the summary, if there is one; that it cannot be written is no more than a pity."""
    place = paths.step_summary()
    if not place:
        return
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    try:
        # Not to wait for the reader of a FIFO.
        descriptor = os.open(place, flags | getattr(os, "O_NONBLOCK", 0), 0o644)
        with os.fdopen(descriptor, "ab") as file:
            data = text().encode(errors="replace")
            if os.fstat(descriptor).st_size + len(data) > _MOST_BYTES:
                output.warn("the step summary is full: GitHub takes no more than 1 MiB")
                return
            file.write(data)
    except (OSError, QjobsError) as error:
        output.warn(f"the step summary cannot be written: {error}")
