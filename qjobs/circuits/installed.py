"""Which QPY the installed Qiskit reads, known without importing it."""

import re
from importlib.util import find_spec
from pathlib import Path

# The newest version that `qpy.load` takes, by the first release of Qiskit that takes it: from
# the table at https://quantum.cloud.ibm.com/docs/api/qiskit/qpy#qpy-format-version-history
_READS = (((2, 6, 0), 18), ((2, 3, 0), 17), ((2, 1, 1), 16), ((2, 1, 0), 15), ((2, 0, 0), 14))
_KNOWN = (2, 6)


def qiskit_version() -> str:
    """The version of the installed Qiskit, empty if it does not say."""
    spec = find_spec("qiskit")
    if spec is None or spec.origin is None:
        return ""
    try:
        return Path(spec.origin).with_name("VERSION.txt").read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""


def newest_readable_qpy(version: str) -> int | None:
    """The newest QPY version that a release of Qiskit reads; None if we cannot know."""
    match = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", version)
    if match is None:
        return None
    release = (int(match[1]), int(match[2]), int(match[3] or 0))
    if release[:2] > _KNOWN:
        return None
    return next((reads for since, reads in _READS if release >= since), None)
