"""What of `--seed` and `--memory` an object takes, asked in a process that makes it.

It is a `child`. It is asked with `{"backend": ..., "folders": [...]}`, where the folders are those
of the packages of the code that the backend names, and answers with the words, `{"takes": [...]}`.
"""

import subprocess
import sys
from collections.abc import Sequence

from qjobs.children.child import Child, Died
from qjobs.children.parent import THREADED, begin

TIMEOUT_S = 60.0


def takes(backend: str, folders: Sequence[str]) -> Sequence[str] | None:
    """The words, `seed` and `memory`; None where that cannot be told: then the job will tell."""
    child = Child.of("qjobs.providers.local.describing", printed=subprocess.DEVNULL)
    try:
        question = {"backend": backend, "folders": folders}
        found: list[str] = child.ask(question, limit_s=TIMEOUT_S).fields["takes"]
    except Died:
        return None
    finally:
        child.end()
    return found


def main(arguments: list[str]) -> None:
    """Run as a process of its own."""
    _, parent = begin(arguments, threaded=THREADED - {"OMP"})
    # Here: it loads Qiskit, and Aer.
    from qjobs.providers.local import running

    for question, _ in parent.requests():
        parent.answer({"takes": running.takes(question["backend"], question["folders"])})


if __name__ == "__main__":
    main(sys.argv[1:])
