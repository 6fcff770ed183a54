"""A process that records facts until it is stopped, and says which it was told are safe.

    appender.py HOME SET_ID FIRST STEP [LARGEST_FILE_BYTES]

For each job FIRST, FIRST + STEP, ...: one line `JOB KIND` a fact, after it was recorded.
"""

import resource
import sys
from datetime import UTC, datetime
from pathlib import Path

from qjobs.errors import QjobsError
from qjobs.facts import Fact, FactKind
from qjobs.store.sets import Store


def main() -> None:
    home, set_id, first, step, *largest = sys.argv[1:]
    folder = Store(Path(home), clock=lambda: datetime.now(UTC)).open(set_id)
    if largest:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(largest[0]), resource.RLIM_INFINITY))
    with folder.journal() as journal:
        for job in range(int(first), len(folder.job_set.slices), int(step)):
            for kind, value in (
                (FactKind.ATTEMPTED, folder.job_set.job_tag(job, 1)),
                (FactKind.ACCEPTED, f"id-{job}"),
            ):
                try:
                    admitted = journal.append(Fact(job, 1, datetime.now(UTC), kind, value))
                except QjobsError as error:
                    print(job, type(error).__name__, flush=True)
                    return
                if not admitted:
                    break
                print(job, kind.value, flush=True)


if __name__ == "__main__":
    main()
