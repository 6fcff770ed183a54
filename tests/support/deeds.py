"""Processes that kill themselves at a moment of their own work, the same on any machine.

What a killed process leaves behind is what it had done until then. So the moments that differ are
those before and after each of its deeds: a write, a sync, a rename, a statement of SQL, a message.
They are counted, not timed: a slow machine, or a fast one, meets the same ones.
"""

import io
import itertools
import json
import os
import random
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType, ModuleType

_FILES = {"open", "close", "write", "pwrite", "flush", "fsync", "fdatasync", "fcntl", "ftruncate"}
_FOLDERS = {"mkdir", "rmdir", "rename", "replace", "link", "unlink", "remove"}
_OTHERS = {"flock", "connect", "execute", "executemany", "executescript", "send", "sendall"}
_DEEDS = _FILES | _FOLDERS | _OTHERS | {"fork_exec", "kill"}
_DOERS = {"posix", "fcntl", "sqlite3", "socket", "_io", "_posixsubprocess", "_socket"}
"""The built-in functions whose calls others can see the outcome of, and where they come from."""

_CAMPAIGN = os.environ.get("QJOBS_CAMPAIGN", "")
"""A seed, if much more is to be tried than in a usual run of the tests."""
SEED = int(_CAMPAIGN or 20261122)


def chance_of(part: object) -> random.Random:
    """What a part of a test leaves to chance, the same each time; a test that fails says how."""
    print(f"{part}: seed {SEED}")
    return random.Random(f"{SEED} {part}")


def times(few: int, many: int) -> int:
    """How often something is done usually, and in a campaign."""
    return many if _CAMPAIGN else few


class Moments:
    """Counts the moments of this process. At the one of the number `last` it says so and dies.

    Or what else the signal `ends` does to it.
    """

    def __init__(
        self, last: int = 0, *, say: Callable[[], object] = bool, ends: int = signal.SIGKILL
    ) -> None:
        self._last = last
        self._say = say
        self._ends = ends
        self._numbers = itertools.count(1)
        self._place: object = None
        self._seen: set[str] = set()

    def watch(self) -> None:
        """Begin, in this thread and in those that it starts."""
        threading.setprofile(self._see)
        sys.setprofile(self._see)

    def end(self) -> int:
        """Count no longer; how many there were."""
        sys.setprofile(None)
        threading.setprofile(None)
        return next(self._numbers) - 1

    def _see(self, frame: FrameType, event: str, call: object) -> None:
        if event[1] != "_" or not _is_deed(call):
            return
        # Somebody who asks again and again at one place until there is news does nothing.
        place = (frame.f_code, frame.f_lineno)
        if place != self._place:
            self._place = place
            self._seen = set()
        elif event in self._seen:
            return
        self._seen.add(event)
        if next(self._numbers) == self._last:
            self._say()
            os.kill(os.getpid(), self._ends)


def _is_deed(call: object) -> bool:
    if getattr(call, "__name__", "") not in _DEEDS:
        return False
    doer = getattr(call, "__self__", None)
    if isinstance(doer, ModuleType):
        return doer.__name__ in _DOERS and call is not io.open  # it only reads, mostly
    return type(doer).__module__ in _DOERS and not isinstance(doer, io.BytesIO | io.StringIO)


class Fates:
    """The moments at which the local provider's processes die, in a folder that they share.

    Of each kind of process (`supervisor`, `worker`), so many as `kills` says are killed, each
    within as many moments as `within` says. Those that come after live.
    """

    def __init__(
        self, folder: Path, *, kills: Mapping[str, int], within: Mapping[str, int]
    ) -> None:
        folder.mkdir()
        self._folder = folder
        self._kills = kills
        (folder / "fates.json").write_text(
            json.dumps({"kills": dict(kills), "within": dict(within)})
        )
        (folder / "sitecustomize.py").write_text(
            f"import sys; sys.path.append({os.path.dirname(__file__)!r})\n"  # noqa: PTH120
            f"import deeds; deeds.meet_fate({str(folder)!r})\n"
        )

    @property
    def path(self) -> str:
        """What PYTHONPATH must begin with."""
        return os.pathsep.join(filter(None, [str(self._folder), os.environ.get("PYTHONPATH")]))

    def killed(self) -> dict[str, int]:
        """How many were killed so far, by their kinds."""
        return {kind: _killed(self._folder, kind) for kind in self._kills}

    @property
    def met(self) -> bool:
        """Whether as many as were to be killed are dead."""
        killed = self.killed()
        return all(killed[kind] >= number for kind, number in self._kills.items())


def meet_fate(folder: str) -> None:
    """Have this process die when it is to, if it is one of the local provider's."""
    here = Path(folder)
    fates = json.loads((here / "fates.json").read_text())
    module = next((word for word in sys.orig_argv if "providers.local." in word), "")
    kind = module.rpartition(".")[2]
    if _killed(here, kind) >= fates["kills"].get(kind, 0):
        return
    for number in itertools.count():
        mark = here / f"{kind}-{number}"
        try:
            mark.touch(exist_ok=False)
        except FileExistsError:
            continue
        last = random.Random(f"{SEED} {kind} {number}").randint(1, fates["within"][kind])
        Moments(last, say=mark.with_suffix(".killed").touch).watch()
        return


def _killed(folder: Path, kind: str) -> int:
    return len(list(folder.glob(f"{kind}-*.killed")))


def be_qjobs(arguments: Sequence[str], *, last: int, count: Path | None = None) -> None:
    """Run the whole program in this process, to its moment `last`; or count those it has."""
    from qjobs.cli.main import main

    sys.argv = ["qjobs", *arguments]
    moments = Moments(last)
    moments.watch()
    try:
        main()
    finally:
        number = moments.end()
        if count is not None:
            count.write_text(str(number))


if __name__ == "__main__":
    be_qjobs(sys.argv[3:], last=int(sys.argv[1]), count=Path(sys.argv[2]))
