"""The tags of a job: ours, and as many of the user's own as the service has room for.

It has limits, and publishes none: these have been seen to pass. Ours go first.
"""

from collections.abc import Sequence
from typing import NamedTuple

from qjobs.backends.runtime import LONGEST_TAG, MOST_TAGS
from qjobs.tags import NOTE_PREFIX, PREFIX

_OURS = 3
_OURS_BEGIN = (PREFIX, NOTE_PREFIX)  # nobody else's may look like them


class Fitted(NamedTuple):
    """The labels that go with a job, and those that do not."""

    taken: Sequence[str]
    left_out: Sequence[str]


def fit_labels(labels: Sequence[str]) -> Fitted:
    """Which of the user's labels become tags, in their order."""
    fitting = [
        label
        for label in labels
        if 0 < len(label) <= LONGEST_TAG and not label.startswith(_OURS_BEGIN)
    ]
    taken = fitting[: MOST_TAGS - _OURS]
    return Fitted(taken, [label for label in labels if label not in taken])
