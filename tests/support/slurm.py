"""A Slurm of one node for tests: munged, slurmctld and slurmd on loopback, in a folder.

Nothing of the system is touched: ports, key, socket and state are its own. Debian's packages
`slurm-wlm` and `munge` are enough, and no rights are needed. Its processes end with this one.
"""

import getpass
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_DAEMONS = ("munged", "slurmctld", "slurmd")
_COMMANDS = ("setpriv", "sbatch", "scancel", "scontrol", "sinfo", "squeue")
_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin"])
_PATIENCE_S = 60.0
_LONGEST_PATH = 60
"""Sockets have up to 107 characters; slurmd's lie in its spool, by node and by job.

Without them no task begins: Slurm cancels them.
"""
_MEMORY_GROUPS = Path("/sys/fs/cgroup/memory")
PARTITIONS = ("main Default=YES MaxTime=INFINITE", "short MaxTime=1")


class NoSlurm(Exception):
    """There can be no Slurm here; the message says why."""


def why_not() -> str:
    """Why there can be no Slurm here; empty if it seems that there can."""
    missing = [name for name in (*_DAEMONS, *_COMMANDS) if not shutil.which(name, path=_PATH)]
    return f"there is no {', '.join(missing)} here" if missing else ""


def limits_memory() -> bool:
    """Whether a cluster here can have the kernel end what takes too much memory."""
    return os.access(_MEMORY_GROUPS, os.W_OK)


class Slurm:
    """One cluster. `settings` go before those of its slurm.conf, as that spells them.

    More CPUs than the machine has are no fault. With `kernel_limits` a task that takes more
    memory than it asked for is ended by the kernel, else by Slurm itself, which looks each second.
    """

    def __init__(
        self,
        folder: Path,
        *,
        cpus: int = 4,
        partitions: Sequence[str] = PARTITIONS,
        kernel_limits: bool = False,
        **settings: object,
    ) -> None:
        if reason := why_not():
            raise NoSlurm(reason)
        if len(str(folder)) > _LONGEST_PATH:
            raise NoSlurm(f"the path {folder} is too long for slurmd's sockets")
        folder.mkdir(mode=0o700, exist_ok=True)
        self.folder = folder
        self.conf = folder / "slurm.conf"
        self.node = f"qj{secrets.token_hex(6)}"
        """The node's name, and the cluster's: nobody else's, for the kernel's groups have it."""
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        user = getpass.getuser()
        lines = {
            "ClusterName": self.node,
            "SlurmctldHost": f"{_host()}(127.0.0.1)",
            "AuthType": "auth/munge",
            "AuthInfo": f"socket={folder / 'munge.socket'}",
            "SlurmUser": user,
            "SlurmdUser": user,
            "SlurmctldPort": _free_port(),
            "SlurmdPort": _free_port(),
            "StateSaveLocation": folder / "state",
            "SlurmdSpoolDir": folder / "spool",
            "SlurmctldPidFile": folder / "slurmctld.pid",
            "SlurmdPidFile": folder / "slurmd.pid",
            "ProctrackType": "proctrack/cgroup" if kernel_limits else "proctrack/linuxproc",
            "TaskPlugin": "task/cgroup" if kernel_limits else "task/none",
            "SelectType": "select/cons_tres",
            "SelectTypeParameters": "CR_Core_Memory",
            "CommunicationParameters": "NoCtldInAddrAny,NoInAddrAny",
            "SlurmdParameters": "config_overrides",
            "MpiDefault": "none",
            "ReturnToService": 2,
            "KillWait": 2,
            "MinJobAge": 3600,
            "MaxArraySize": 100_001,
            "MaxJobCount": 100_000,
            "JobAcctGatherType": "jobacct_gather/linux",
            "JobAcctGatherFrequency": 1,
            **({} if kernel_limits else {"JobAcctGatherParams": "OverMemoryKill"}),
            "DefMemPerCPU": 1000,
            "SchedulerParameters": "batch_sched_delay=0,sched_interval=1,bf_interval=1",
            **settings,
        }
        text = [f"{name}={value}" for name, value in lines.items()]
        text.append(
            f"NodeName={self.node} NodeHostname={_host()} NodeAddr=127.0.0.1 CPUs={cpus}"
            " RealMemory=16000 State=UNKNOWN"
        )
        text += [f"PartitionName={one} Nodes={self.node} State=UP" for one in partitions]
        self.conf.write_text("\n".join([*text, ""]))
        (folder / "cgroup.conf").write_text("ConstrainRAMSpace=yes\nConstrainSwapSpace=yes\n")
        for name in ("state", "spool"):
            (folder / name).mkdir(exist_ok=True)

    @property
    def environment(self) -> dict[str, str]:
        """What a process has beside its own that asks this cluster."""
        return {"SLURM_CONF": str(self.conf), "PATH": _PATH}

    def start(self) -> None:
        """Until jobs can run."""
        self._start_munge()
        self.start_controller()
        self.start_node()

    def run(self, *command: str) -> str:
        """What a command of Slurm writes. Raises CalledProcessError."""
        return subprocess.run(
            command,
            env=os.environ | self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=True,
        ).stdout

    def start_controller(self) -> None:
        """Until it answers."""
        self._start("slurmctld", "-D", "-f", str(self.conf))
        self._until("slurmctld", lambda: "is UP" in self.run("scontrol", "ping"))

    def start_node(self) -> None:
        """Until jobs can run on it."""
        self._start("slurmd", "-D", "-f", str(self.conf), "-N", self.node)
        fit = ("idle", "mixed", "allocated")
        self._until("slurmd", lambda: self.run("sinfo", "-h", "-o", "%T").split()[0] in fit)

    def kill(self, daemon: str) -> None:
        """SIGKILL, and gone."""
        self._end(daemon, signal.SIGKILL)

    def restart_controller(self) -> None:
        """An orderly end, and a start."""
        self._end("slurmctld", signal.SIGTERM)
        self.start_controller()

    def cut_power(self) -> None:
        """SIGKILL to slurmd and to all that it started, of which none lives to tell of another."""
        self.kill("slurmd")
        _send(self._ours(), signal.SIGSTOP)
        while left := self._ours():
            _send(left, signal.SIGKILL)

    def jobs(self) -> list[dict[str, Any]]:
        """All that the controller knows of, ended ones as well, as `squeue --json` has them."""
        jobs: list[dict[str, Any]] = json.loads(self.run("squeue", "--json"))["jobs"]
        return jobs

    def tasks(self) -> list[int]:
        """The ids of the processes of jobs."""
        return self._ours(b"SLURM_JOB_ID=")

    def processes(self, words: str) -> list[int]:
        """The ids of those of jobs whose command line has these words."""
        found = []
        for process in self.tasks():
            with suppress(OSError):
                line = Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ")
                if words.encode() in line:
                    found.append(process)
        return found

    def stop(self) -> None:
        """Nothing of it runs any more."""
        for daemon in ("slurmctld", "slurmd"):
            self._end(daemon, signal.SIGKILL)
        while left := self._ours():
            _send(left, signal.SIGKILL)
        self._end("munged", signal.SIGKILL)
        for groups in _MEMORY_GROUPS.parent.glob(f"*/slurm_{self.node}"):
            for group in [*reversed([*groups.rglob("*/")]), groups]:
                with suppress(OSError):
                    group.rmdir()

    def _start_munge(self) -> None:
        key, at = self.folder / "munge.key", self.folder / "munge.socket"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)
        own = [
            f"--{name}-file={self.folder / f'munge.{name}'}"
            for name in ("key", "pid", "log", "seed")
        ]
        # It warns of the folder, which nobody else can enter, instead of ending.
        self._start("munged", "--foreground", "--force", "--num-threads=10", f"--socket={at}", *own)
        self._until("munged", at.is_socket)

    def _start(self, daemon: str, *arguments: str) -> None:
        assert daemon not in self._running
        program = shutil.which(daemon, path=_PATH)
        assert program is not None
        with (self.folder / f"{daemon}.out").open("ab") as out:
            self._running[daemon] = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", program, *arguments],
                env=os.environ | self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _until(self, daemon: str, ready: Callable[[], bool]) -> None:
        until = time.monotonic() + _PATIENCE_S
        while time.monotonic() < until and self._running[daemon].poll() is None:
            with suppress(subprocess.CalledProcessError, IndexError):
                if ready():
                    return
            time.sleep(0.02)
        said = (self.folder / f"{daemon}.out").read_text(errors="replace").strip()
        raise NoSlurm(f"{daemon} does not start: {said[-500:]}")

    def _end(self, daemon: str, how: int) -> None:
        process = self._running.pop(daemon, None)
        if process is not None:
            process.send_signal(how)
            process.wait(_PATIENCE_S)

    def _ours(self, more: bytes = b"") -> list[int]:
        """The processes that were started with this cluster's configuration, but munged and us."""
        daemons = {process.pid for process in self._running.values()} | {os.getpid()}
        mark = f"SLURM_CONF={self.conf}".encode()
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                variables = (entry / "environ").read_bytes().split(b"\0")
                if (
                    mark in variables
                    and int(entry.name) not in daemons
                    and any(variable.startswith(more) for variable in variables)
                ):
                    found.append(int(entry.name))
        return found


@contextmanager
def slurm(folder: Path, **settings: Any) -> Iterator[Slurm]:
    """A cluster in `folder`; `settings` as for `Slurm`. Raises NoSlurm."""
    cluster = Slurm(folder, **settings)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def _send(processes: Iterable[int], number: int) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, number)


def _host() -> str:
    return socket.gethostname().partition(".")[0]


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def shim(folder: Path, command: str, script: str) -> Mapping[str, str]:
    """The PATH with a shell script before the command of this name; `$REAL` is that command."""
    folder.mkdir(exist_ok=True)
    real = shutil.which(command, path=_PATH)
    (folder / command).write_text(f"#!/bin/sh\nREAL={real}\n{script}\n")
    (folder / command).chmod(0o700)
    return {"PATH": f"{folder}{os.pathsep}{_PATH}"}
