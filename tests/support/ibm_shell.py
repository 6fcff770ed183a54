"""The command line of qjobs at work on a stand-in, each command in a process of its own."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

from qiskit import QuantumCircuit

from qjobs.circuits import codec
from qjobs.model import Accepted, Finished, Job
from qjobs.store.sets import Store
from support import deeds
from support.ibm_client import BACKEND
from support.standin.process import StandIn

SHOTS = 64
SETTLE_S = 0.5
"""How far the list may lag behind: more than it does."""

_PATIENCE_S = 120.0
_IMPORTED = (
    "qjobs.cli.resume",
    "qjobs.cli.app",
    "qjobs.cli.submit",
    "qjobs.engine.set.making",
    "qjobs.providers.ibm.provider",
    "qiskit.qpy",
    "qiskit_ibm_runtime.executor_sampler",
)


class Ended(NamedTuple):
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str


class Running:
    """A command in a copy of a process that has imported qjobs and the client already.

    To import them takes longer than all that these tests do with them; and the start of a
    process is not what they are about.
    """

    def __init__(self, process: BaseProcess, out: Path, err: Path) -> None:
        self._process = process
        self._out = out
        self._err = err

    def wait(self, timeout_s: float = _PATIENCE_S) -> bool:
        """Whether it ends within a time."""
        self._process.join(timeout_s)
        return self._process.exitcode is not None

    def kill(self) -> bool:
        """SIGKILL; whether that is what it ended of."""
        self._process.kill()
        return self.died()

    def died(self) -> bool:
        """Wait for the end; whether it ended of SIGKILL."""
        assert self.wait(), f"no end: {self._err.read_text()}"
        return self._process.exitcode == -9

    def interrupt(self) -> None:
        """Ctrl-C."""
        assert self._process.pid is not None
        os.kill(self._process.pid, signal.SIGINT)

    def said(self) -> str:
        """What is on stderr so far."""
        return self._err.read_text() if self._err.exists() else ""

    def end(self) -> Ended:
        """Wait for the end."""
        assert self.wait(), f"no end: {self._err.read_text()}"
        assert self._process.exitcode is not None
        return Ended(self._process.exitcode, self._out.read_text(), self._err.read_text())


class Shell:
    """Runs qjobs in one folder with one state. Safe in many threads."""

    def __init__(self, folder: Path, standin: StandIn, **settings: str) -> None:
        folder.mkdir(exist_ok=True)
        self.home = folder / "home"
        self.standin = standin
        self._folder = folder
        self._started = 0
        ours = {
            "home": str(self.home),
            "ibm_settle_s": str(SETTLE_S),
            "ibm_submits_per_minute": "1000000",
            "ibm_timeout_s": "60",
            "ibm_post_timeout_s": "60",
            **settings,
        }
        named = {f"QJOBS_{name.upper()}": value for name, value in ours.items() if value}
        self._environment = {**standin.environment, **named}
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(list(_IMPORTED))

    def start(self, *arguments: str, last: int = 0) -> Running:
        """Start a command from a warm process; it is killed at its moment `last`, if it has one."""
        self._started += 1
        streams = [
            self._folder / f"{arguments[0]}-{self._started}-{os.urandom(4).hex()}.{end}"
            for end in ("out", "err")
        ]
        process = self._context.Process(
            target=_be_qjobs,
            args=(arguments, self._environment, self._folder, streams, last),
            daemon=True,
        )
        process.start()
        return Running(process, *streams)

    def run(self, *arguments: str, codes: Sequence[int] = (0,)) -> Ended:
        """Run a command to its end, from a warm process."""
        ended = self.start(*arguments).end()
        assert ended.code in codes, (arguments, ended)
        assert "Traceback" not in ended.err
        assert "fault of qjobs" not in ended.err
        return ended

    def moments(self, *arguments: str) -> int:
        """How many moments a command has."""
        assert self.start(*arguments, last=-1).end().code == 0
        return int((self._folder / "moments").read_text())

    def run_cold(self, *arguments: str) -> Ended:
        """Run a command as a user does."""
        done = subprocess.run(
            [sys.executable, "-m", "qjobs", *arguments],
            cwd=self._folder,
            env={**os.environ, **self._environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    @property
    def store(self) -> Store:
        return Store(self.home, clock=lambda: datetime.now(UTC))

    def set_ids(self) -> list[str]:
        """The newest first."""
        return [header.set_id for header in self.store.listing().headers]

    def jobs(self, set_id: str) -> list[Job]:
        return self.store.open(set_id).jobs()

    def counts(self, set_id: str) -> list[Mapping[str, int] | None]:
        """What `result` gives of each circuit, in the order of the circuits."""
        document = json.loads(self.run("result", set_id, "--partial", "--json", codes=(0, 6)).out)
        circuits = document["circuits"]
        assert [circuit["index"] for circuit in circuits] == list(range(len(circuits)))
        return [circuit["counts"] for circuit in circuits]

    def bill(self, set_id: str) -> list[dict[str, Any]]:
        """The jobs that the service has of a set, the oldest first."""
        return [job for job in self.standin.stats()["jobs"] if f"qj-{set_id}" in job["sent_tags"]]


def check_the_bill(shell: Shell, set_id: str) -> None:
    """Each slice has one adopted job, and there is no job at the service that we do not know."""
    jobs = shell.jobs(set_id)
    adopted = [
        attempt.state.job_id
        for job in jobs
        for attempt in job.attempts
        if isinstance(attempt.state, Accepted | Finished)
    ]
    duplicates = [one for job in jobs for attempt in job.attempts for one in attempt.duplicates]
    assert all(isinstance(job.state, Accepted | Finished) for job in jobs)
    assert max(Counter(adopted + duplicates).values()) == 1
    billed = [job["id"] for job in shell.bill(set_id)]
    assert sorted(billed) == sorted(adopted + duplicates), (billed, adopted, duplicates)


def write_circuits(path: Path, number: int) -> Path:
    """A QPY file of different circuits in the gates of `BACKEND`, named by their places."""
    circuits = []
    for index in range(number):
        circuit = QuantumCircuit(7, name=f"turn-{index}")
        circuit.sx(index % 7)
        circuit.rz(0.1 * index, 0)
        circuit.cx(0, 1)
        circuit.measure_all()
        circuits.append(circuit)
    path.write_bytes(codec.encode(circuits))
    return path


def submission(path: Path, *, per_job: int = 1, shots: int = SHOTS) -> list[str]:
    """The arguments that submit a file, and have only the id of the set written."""
    cut = ["--per-job", str(per_job), "--shots", str(shots)]
    return ["submit", str(path), "-b", f"ibm:{BACKEND}", *cut, "--quiet"]


def _be_qjobs(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    streams: Sequence[Path],
    last: int,
) -> None:
    """The whole program, in this process."""
    os.environ.update(environment)
    os.chdir(folder)
    for number, stream in enumerate(streams, 1):
        os.dup2(os.open(stream, os.O_CREAT | os.O_WRONLY), number)
    if last:
        deeds.be_qjobs(arguments, last=last, count=folder / "moments")
        return
    sys.argv = ["qjobs", *arguments]
    from qjobs.cli.main import main

    main()
