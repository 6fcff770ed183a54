"""A program that ends stays until what it asked for is submitted, and says so on stderr."""

import os
import shlex
import sys
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from typing import TYPE_CHECKING

from qjobs import paths
from qjobs.engine.finding import listed
from qjobs.engine.submit import unsent_jobs
from qjobs.errors import ExitCode, QjobsError
from qjobs.managed.open_set import OpenSet
from qjobs.providers.loading import OF_OBJECTS

if TYPE_CHECKING:
    from concurrent.futures import Future

    from qjobs.engine.workspace import Workspace
    from qjobs.managed.submit_queue import SubmitQueue

_SAY_AGAIN_S = 10.0
_MOST_NAMED = 4


def stay_for(job_set: OpenSet, queue: "SubmitQueue", futures: "Collection[Future[None]]") -> None:
    """Keep the program from ending before these futures are done, those of jobs of a set.

    Ctrl-C ends the waiting: the calls that the queue has begun are finished, and the rest
    stays planned.
    """
    _departure(os.getpid()).stay_for(job_set, queue, futures)


@contextmanager
def named_at_the_end(workspace: "Workspace", set_id: str) -> Iterator[None]:
    """Have the program say how a set is gone on with, if Ctrl-C comes while it is being made."""
    try:
        yield
    except KeyboardInterrupt:
        if workspace.store.has(set_id):
            job_set = OpenSet(workspace, workspace.store.open(set_id))
            _departure(os.getpid()).let_go(job_set)
        raise


@cache
def _departure(process: int) -> "_Departure":
    """That of a process. A fork has another one, for the threads stayed with its parent."""
    return _Departure(process)


class _Departure:
    """What one process has to do before it ends. Any thread may call `stay_for`."""

    def __init__(self, process: int) -> None:
        self._process = process
        self._changed = threading.Condition()
        self._waiting: dict[Future[None], tuple[OpenSet, SubmitQueue]] = {}
        self._let_go: set[OpenSet] = set()  # with jobs that were dropped before they were submitted

    def stay_for(
        self, job_set: OpenSet, queue: "SubmitQueue", futures: "Collection[Future[None]]"
    ) -> None:
        """See the function of this name."""
        self._come_first()
        done = partial(self._done, job_set)
        for future in futures:
            future.add_done_callback(done)
        with self._changed:
            self._waiting.update(dict.fromkeys(futures, (job_set, queue)))

    def let_go(self, job_set: OpenSet) -> None:
        """Say in the end what is left of a set that nobody submits any more."""
        self._come_first()
        self._let_go.add(job_set)

    def _come_first(self) -> None:
        # Thread pools, the vendors' own among them, take no more work after a callback of
        # theirs, which is registered as their modules are imported. The last one that was
        # registered is the first to be called: ours has to be, and so it is again for each set.
        # (`atexit` comes only after these.)
        import concurrent.futures.thread  # noqa: F401

        with suppress(RuntimeError):  # it is just being left, and waits for these jobs, too
            threading._register_atexit(self._leave)  # type: ignore[attr-defined]  # noqa: SLF001 - there is no public one

    def _done(self, job_set: OpenSet, future: "Future[None]") -> None:
        with self._changed:
            self._waiting.pop(future, None)
            if future.cancelled():
                self._let_go.add(job_set)
            self._changed.notify_all()

    def _leave(self) -> None:
        if os.getpid() != self._process:
            return
        with self._changed:
            # Some may be done, and only what follows from that is not.
            waiting = [where for future, where in self._waiting.items() if not future.done()]
        sets = {job_set for job_set, _ in waiting}
        if waiting:
            what = f"{_jobs(len(waiting))} of {_ids(sets)}"
            if _was_interrupted() or not self._wait(what):
                _stop({queue for _, queue in waiting}, sets)
        with self._changed:
            sets |= {job_set for job_set in self._let_go if waiting or _unsent(job_set)}
            self._let_go.clear()
        if sets:
            _say_outcome(sets)

    def _wait(self, what: str) -> bool:
        """Wait for all futures, and say now and then how many are left; False at Ctrl-C."""
        try:
            _say(f"waiting for {what} to be submitted; Ctrl-C stops")
            with self._changed:
                said = len(self._waiting)
                while not self._changed.wait_for(lambda: not self._waiting, _SAY_AGAIN_S):
                    if len(self._waiting) != said:
                        said = len(self._waiting)
                        _say(f"{_jobs(said)} to go")
        except KeyboardInterrupt:
            return False
        return True


def _stop(queues: "set[SubmitQueue]", sets: set[OpenSet]) -> None:
    """Finish what is being submitted. At another Ctrl-C the process ends, as the command does."""
    try:
        _say("stopping: calls in flight are finished, the rest stays planned")
        for queue in queues:
            queue.stop.set()
        for queue in queues:
            queue.close()
    except KeyboardInterrupt:
        _say_outcome(sets)
        with suppress(Exception):
            sys.stdout.flush()
        # Python would wait for the threads; what they have not recorded is found by its tag.
        os._exit(ExitCode.INTERRUPTED)


def _was_interrupted() -> bool:
    """Whether Ctrl-C has ended the program. At a prompt, it only ended a line."""
    error = getattr(sys, "last_value", None)
    return isinstance(error, KeyboardInterrupt) and not hasattr(sys, "ps1")


def _say_outcome(sets: set[OpenSet]) -> None:
    """Say what is left to be submitted, and how."""
    by_path = {job_set.folder.state_path: job_set for job_set in sets}  # one may be open twice
    left = {job_set: _unsent(job_set) for _, job_set in sorted(by_path.items())}
    left_over = [job_set for job_set, jobs in left.items() if jobs]
    if not left_over:
        _say("no job is left to be submitted")
        return
    _say(f"{_jobs(sum(left.values()))} of {_ids(left_over)} left to be submitted; go on with:")
    for job_set in left_over[:_MOST_NAMED]:
        _say(f"  {_resuming(job_set)}")
    if len(left_over) > _MOST_NAMED:
        _say("  and so on: qjobs list")


def _unsent(job_set: OpenSet) -> int:
    """How many jobs of a set were not submitted; 0 if its state cannot be read."""
    with suppress(QjobsError):
        return len(unsent_jobs(job_set.folder))
    return 0


def _resuming(job_set: OpenSet) -> str:
    """What goes on with a set: a command, but for one that needs an object."""
    folder = job_set.folder
    home = folder.state_path.parents[2]
    own_home = home != paths.state_home()
    if folder.job_set.provider == OF_OBJECTS:
        manager = f"JobManager({str(home)!r})" if own_home else "JobManager()"
        return f"{manager}.retrieve_job_set({folder.job_set.set_id!r}).resume(BACKEND)"
    command = f"qjobs resume {folder.job_set.set_id}"
    return f"QJOBS_HOME={shlex.quote(str(home))} {command}" if own_home else command


def _ids(sets: Collection[OpenSet]) -> str:
    """The ids of the first few sets."""
    return listed(list(dict.fromkeys(job_set.folder.job_set.set_id for job_set in sets)))


def _jobs(number: int) -> str:
    return "1 job" if number == 1 else f"{number} jobs"


def _say(line: str) -> None:
    """Say something on stderr, if it is there to be written to."""
    with suppress(Exception):
        sys.stderr.write(f"qjobs: {line}\n")
        sys.stderr.flush()
