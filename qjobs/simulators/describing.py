"""What a backend is like, asked in a process that makes it.

It is a `child`. It is asked with `{"backend": ..., "folders": [...]}`, where the folders are those
of the packages of the code that the backend names, and answers with which of `--seed` and
`--memory` it takes, `{"takes": [...]}`. With a QPY file as its body, the answer to a question is
`{"judged": [[VERDICT, WHY], ...]}` of its circuits, or `{"error": ...}`.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from qjobs.children.child import Child, Died
from qjobs.children.parent import THREADED, begin
from qjobs.circuits.fitting import Judgement, Verdict
from qjobs.circuits.foreign import describe
from qjobs.errors import ProviderError

TIMEOUT_S = 60.0
JUDGING_S = 600.0


def takes(backend: str, folders: Sequence[str]) -> Sequence[str] | None:
    """The words, `seed` and `memory`; None where that cannot be told: then the job will tell."""
    child = Child.of("qjobs.simulators.describing", printed=subprocess.DEVNULL)
    try:
        question = {"backend": backend, "folders": folders}
        found: list[str] = child.ask(question, limit_s=TIMEOUT_S).fields["takes"]
    except Died:
        return None
    finally:
        child.end()
    return found


@contextmanager
def judging(
    backend: str, folders: Sequence[str]
) -> Iterator[Callable[[bytes], Sequence[Judgement]]]:
    """What tells of the circuits of QPY files how the backend takes them. Raises ProviderError."""
    child = Child.of("qjobs.simulators.describing", printed=subprocess.DEVNULL)

    def judge(circuits: bytes) -> Sequence[Judgement]:
        question = {"backend": backend, "folders": folders}
        try:
            answer = child.ask(question, circuits, limit_s=JUDGING_S).fields
        except Died as death:
            raise ProviderError(f"the process that compares circuits {death}") from death
        if "error" in answer:
            raise ProviderError(answer["error"])
        return [Judgement(Verdict(verdict), why) for verdict, why in answer["judged"]]

    try:
        yield judge
    finally:
        child.end()


def main(arguments: list[str]) -> None:
    """Run as a process of its own."""
    _, parent = begin(arguments, threaded=THREADED - {"OMP"})
    # Here: it loads Qiskit, and Aer.
    from qjobs.simulators import running

    for question, circuits in parent.requests():
        backend, folders = question["backend"], question["folders"]
        if not circuits:
            parent.answer({"takes": running.takes(backend, folders)})
            continue
        try:
            parent.answer({"judged": running.judge(backend, folders, circuits)})
        except Exception as error:  # noqa: BLE001 - whatever the code that was named raises
            parent.answer({"error": describe(error)})


if __name__ == "__main__":
    main(sys.argv[1:])
