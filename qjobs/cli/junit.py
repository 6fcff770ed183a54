"""The option --junitxml: what became of circuits as a report of tests."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from qjobs.engine.address import Target
from qjobs.engine.report import SetReport
from qjobs.errors import UsageError


def check_junitxml(place: str | None) -> None:
    """Raise UsageError, before any work is done for it, for a file that cannot be."""
    if place is None:
        return
    path = Path(place)
    if not place or path.is_dir():
        raise UsageError(f"--junitxml takes the name of a file, not {place!r}")
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise UsageError(f"--junitxml {place}: nothing can be written in {folder}")


def write_junitxml(
    place: str | None, targets: Sequence[Target], reports: Sequence[SetReport]
) -> None:
    """Write the report to `place`, if there is one, by what is on record. Raises UsageError."""
    if place is None:
        return
    # Imported here: few commands write one.
    from qjobs.engine.result import rows
    from qjobs.render.files import replacing
    from qjobs.render.junit import Suite, write

    def suite(target: Target, report: SetReport) -> Suite:
        sources = target.folder.sources()
        named = Counter(source.path for source in sources)
        return Suite(
            report,
            # Only there is more to say of a circuit than what became of its job.
            rows(target, report, results_of=lambda job: bool(job.failed)),
            shared=frozenset(source.path for source in sources if source.experiments_count > 1),
            repeated=frozenset(path for path, times in named.items() if times > 1),
        )

    with replacing(Path(place)) as stream:
        write(stream, map(suite, targets, reports))
