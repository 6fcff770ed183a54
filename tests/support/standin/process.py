"""A stand-in that runs beside a test or a benchmark, as a process of its own."""

import json
import shlex
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_SIGNS_OF_LIFE_S = 120
_CLOSE_WAIT = "08"  # <net/tcp_states.h>: the other end has gone, ours is still open


class StandIn:
    """A server with a folder and a port of its own; `environment` points the client there.

    Settings are those of `standin.settings`; faults those of `standin.faults`. It ends with
    this process, however that ends.
    """

    def __init__(
        self, folder: Path, *, backends: str = "", port: int = 0, **settings: object
    ) -> None:
        self.folder = folder
        self.port = port
        self.environment: Mapping[str, str] = {}
        self._options = [f"--backends={backends}"] if backends else []
        self._process: subprocess.Popen[str] | None = None
        self._start([f"--set={name}={_word(value)}" for name, value in settings.items()])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def faults(self, name: str, **parts: object) -> None:
        """Let something go wrong, besides what does already."""
        self.arm([{"name": name, **parts}])

    def arm(self, faults: list[dict[str, object]]) -> None:
        """Let several things go wrong."""
        self._ask("POST", "faults", {"faults": faults})

    def calm(self) -> None:
        """Nothing goes wrong any more; settings stay."""
        self._ask("DELETE", "faults")

    def set(self, **settings: object) -> None:
        """Change how it behaves."""
        self._ask("POST", "settings", settings)

    def reset(self, **settings: object) -> None:
        """Be as after a start with these settings and no others, in an empty folder."""
        if not self.running:
            self._start([])
        self._ask("POST", "reset", settings)

    def add_jobs(self, count: int = 1, **columns: object) -> list[str]:
        """Jobs without circuits, of somebody else unless `user="me"`; their ids."""
        return list(self._ask("POST", "jobs", {"count": count, **columns})["ids"])

    def stats(self) -> dict[str, Any]:
        """`jobs` and `sessions` (oldest first), `requests` by kind, `posts`, `faults`."""
        return self._ask("GET", "stats")

    def quiet(self) -> None:
        """Until all that was asked by processes that are gone is done. (Linux; else at once.)"""
        table = Path("/proc/net/tcp")
        until = time.monotonic() + _SIGNS_OF_LIFE_S
        while table.exists() and any(
            row.split()[1].endswith(f":{self.port:04X}") and row.split()[3] == _CLOSE_WAIT
            for row in table.read_text().splitlines()
        ):
            if time.monotonic() > until:
                raise TimeoutError("the stand-in does not come to rest")
            time.sleep(0.005)

    def duplicates(self) -> list[list[str]]:
        """The ids of jobs that came with the same tags, where there are several; oldest first."""
        same = defaultdict(list)
        for job in self.stats()["jobs"]:
            if job["user"] == "me" and job["sent_tags"]:
                same[tuple(job["sent_tags"])].append(str(job["id"]))
        return [ids for ids in same.values() if len(ids) > 1]

    def kill(self) -> None:
        """SIGKILL, and gone."""
        assert self._process is not None
        self._process.kill()
        self.wait()

    def wait(self, timeout_s: float = _SIGNS_OF_LIFE_S) -> None:
        """Until the process has ended, as after a fault `die`."""
        assert self._process is not None
        self._process.wait(timeout_s)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def restart(self) -> None:
        """The same folder and port again, after an orderly end if it is still there."""
        self.stop()
        self._start([])

    def stop(self) -> None:
        """SIGTERM; no error if it has ended already."""
        assert self._process is not None
        if self.running:
            self._process.terminate()
        self.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _start(self, more: list[str]) -> None:
        command = [sys.executable, str(Path(__file__).parent), "--attached"]
        self._process = subprocess.Popen(
            [*command, f"--state={self.folder}", f"--port={self.port}", *self._options, *more],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        environment = {}
        for line in self._process.stdout:
            if line.startswith("#"):
                break
            name, _, value = shlex.split(line)[1].partition("=")
            environment[name] = value
        else:
            raise RuntimeError(f"the stand-in ended with {self._process.wait()}")
        self.environment = environment
        self.port = int(environment["IAM_URL"].rpartition(":")[2])

    def _ask(self, verb: str, what: str, body: object = None) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self.url}/_standin/{what}",
            method=verb,
            data=None if body is None else json.dumps(body).encode(),
        )
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with direct.open(request, timeout=_SIGNS_OF_LIFE_S) as response:
                return dict(json.load(response))
        except urllib.error.HTTPError as error:
            raise ValueError(error.read().decode()) from error


def _word(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
