"""What of `--seed` and `--memory` an object takes, asked in a process that makes it.

`python -m qjobs.providers.local.describing BACKEND FOLDERS ANSWERS`: the answer is JSON, the words
that it takes. The folders, in JSON, are those of the packages of the code that the backend names.
"""

import json
import os
import selectors
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

from qjobs.children import channel

TIMEOUT_S = 60.0
_LARGEST_ANSWER_BYTES = 1000


def takes(backend: str, folders: Sequence[str]) -> Sequence[str] | None:
    """The words, `seed` and `memory`; None where that cannot be told: then the job will tell."""
    command = [sys.executable, "-P", "-m", "qjobs.providers.local.describing", backend]
    command.append(json.dumps(folders))
    process, answers = channel.start(command, printed=subprocess.DEVNULL)
    try:
        with selectors.DefaultSelector() as selector, suppress(ValueError):
            selector.register(answers, selectors.EVENT_READ)
            if selector.select(TIMEOUT_S):
                found: list[str] = json.loads(os.read(answers.fileno(), _LARGEST_ANSWER_BYTES))
                return found
        return None
    finally:
        process.kill()
        process.communicate()
        answers.close()


def main(arguments: list[str]) -> None:
    """Run as a process of its own."""
    backend, folders, descriptor = arguments
    requests, answers = channel.take(int(descriptor))
    # Here: it loads Qiskit, and Aer.
    from qjobs.providers.local import running

    words = running.takes(backend, json.loads(folders))
    with requests, answers:
        answers.write(json.dumps(words).encode())


if __name__ == "__main__":
    main(sys.argv[1:])
