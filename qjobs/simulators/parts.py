"""One job on several cores: its circuits side by side, in processes that end with this one.

To run them in threads of one process would gain little, for Aer holds the lock of Python. What a
circuit gives depends on its index in the set alone, and not on how the set is cut.
"""

import selectors
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, replace

from qjobs.children.child import Child, Died
from qjobs.simulators import ending
from qjobs.simulators.ending import Ended, Part
from qjobs.simulators.job import SimulatorJob
from qjobs.simulators.sharing import Share

PARTS_A_PROCESS = 4
"""Into how many parts the share of a process is cut, so that no core waits long for the others."""

_PROCESS_BYTES = 300 << 20
"""Python, Qiskit and Aer, before there is any state."""

_ANSWERING_S = 600.0  # for the rest of an answer, once it has begun
_LOG = 2  # stderr


def end(
    job: SimulatorJob,
    share: Share,
    *,
    keep: Callable[[bytes], None],
    died: Callable[[int], str],
    beat: Callable[[], object],
    beat_s: float,
) -> Ended:
    """Do what `ending.end` does, with as many circuits at once as the share of a machine allows.

    `died` says what the return code of a process means that died of the job. `beat` is called
    at least each `beat_s` seconds while it runs.
    """
    started_s = time.monotonic()
    width = share.side_by_side(job, job.experiments_count, each_bytes=_PROCESS_BYTES)
    cut = _cut(job, width)
    parts = [Part(Ended())] * len(cut)
    waiting = iter(enumerate(cut))
    numbers: dict[Child, int] = {}

    with ExitStack() as stack, selectors.DefaultSelector() as selector:

        def give(child: Child) -> None:
            number, part = next(waiting, (0, None))
            if part is None:
                selector.unregister(child)
                child.leave()
            else:
                numbers[child] = number
                child.send({"job": asdict(part)})

        try:
            for _ in range(min(width, len(cut))):
                threads = share.cores // width
                child = Child.of("qjobs.simulators.part", threads, printed=_LOG, reason=died)
                stack.callback(child.end)
                selector.register(child, selectors.EVENT_READ, child)
                give(child)
            while selector.get_map():
                for key, _ in selector.select(beat_s):
                    answer = key.data.answer(limit_s=_ANSWERING_S)
                    part = Part(Ended(**answer.fields["ended"]), answer.body)
                    if part.ended.message:
                        return part.ended
                    parts[numbers[key.data]] = part
                    give(key.data)
                beat()
        except Died as death:
            return Ended(f"the process that ran its circuits {death}")
    return ending.conclude(job, parts, started_s=started_s, keep=keep)


def _cut(job: SimulatorJob, width: int) -> list[SimulatorJob]:
    """The parts, in the order of their circuits."""
    number = 1 if width == 1 else width * PARTS_A_PROCESS
    size = -(-job.experiments_count // number)
    end = job.start_index + job.experiments_count
    return [
        replace(job, start_index=start, experiments_count=min(size, end - start))
        for start in range(job.start_index, end, size)
    ]
