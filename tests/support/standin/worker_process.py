"""The worker, seen from the server: started with the first job, and again if it dies."""

import subprocess
import sys
import threading
from pathlib import Path

from support.standin.state import State


class WorkerProcess:
    """One worker process at most. It ends with this process: its input closes then."""

    def __init__(self, folder: Path, state: State) -> None:
        self._folder = folder
        self._state = state
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def wake(self) -> None:
        """There may be work."""
        if self._state.settings.run == "never":
            return
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._start()
            assert self._process is not None
            assert self._process.stdin is not None
            try:
                self._process.stdin.write("\n")
                self._process.stdin.flush()
            except BrokenPipeError:
                pass  # it died just now; `_watch` sees it

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).parent), "--worker", "--state", str(self._folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        threading.Thread(target=self._watch, args=[self._process], daemon=True).start()

    def _watch(self, process: subprocess.Popen[str]) -> None:
        process.wait()
        # Whatever it was running kills workers: nobody tries it again.
        ended = "UPDATE jobs SET status = 'Failed', reason = ?, reason_code = 9999"
        self._state.execute(f"{ended} WHERE status = 'Running'", ["The worker died."])
        self.wake()
