"""A Slurm of one's own on loopback: munged, slurmctld and slurmd, started and stopped by tests."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

_PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel", "sinfo")
_READY_S = 60.0
_LOOK_S = 0.1


def why_not() -> str:
    """Why there can be no Slurm here; empty if there can."""
    missing = [program for program in _PROGRAMS if _found(program) is None]
    if missing:
        return f"there is no {missing[0]} here"
    if os.getuid() != 0:
        return "slurmd starts tasks as root only"
    try:
        socket.gethostbyname(_host())
    except OSError:
        return f"the name of this host, {_host()}, has no address"
    return ""


class Slurm:
    """A cluster of one node, whose daemons can be killed and started again."""

    def __init__(self, folder: Path, *, settings: Mapping[str, object]) -> None:
        self._folder = folder
        self._munge = folder / "munge"
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        controller, node = _free_port(), _free_port()
        lines: dict[str, object] = {
            "ClusterName": "qj",
            "SlurmctldHost": f"{_host()}(127.0.0.1)",
            "AuthType": "auth/munge",
            "AuthInfo": f"socket={self._munge}/socket",
            "CryptoType": "crypto/munge",
            "SlurmUser": "root",
            "SlurmdUser": "root",
            "SlurmctldPort": controller,
            "SlurmdPort": node,
            "StateSaveLocation": folder / "state",
            "SlurmdSpoolDir": folder / "spool",
            "SlurmctldPidFile": folder / "slurmctld.pid",
            "SlurmdPidFile": folder / "slurmd.pid",
            "SlurmctldLogFile": folder / "slurmctld.log",
            "SlurmdLogFile": folder / "slurmd.log",
            "ProctrackType": "proctrack/linuxproc",
            "TaskPlugin": "task/none",
            "SelectType": "select/cons_tres",
            "SelectTypeParameters": "CR_Core",
            "SchedulerType": "sched/backfill",
            "SchedulerParameters": "sched_interval=1,bf_interval=1,batch_sched_delay=0",
            "MpiDefault": "none",
            "CommunicationParameters": "NoCtldInAddrAny,NoInAddrAny",
            "ReturnToService": 2,
            "MinJobAge": 3600,
            "MaxArraySize": 100001,
            "MaxJobCount": 100000,
            "KillWait": 2,
            "MessageTimeout": 10,
            "AccountingStorageType": "accounting_storage/none",
            "JobCompType": "jobcomp/none",
            "JobAcctGatherType": "jobacct_gather/none",
            **settings,
        }
        cpus = os.cpu_count() or 1
        text = "".join(f"{key}={value}\n" for key, value in lines.items())
        text += f"NodeName={_host()} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=4000 State=UNKNOWN\n"
        for name, rest in (("main", "Default=YES"), ("short", "MaxTime=1")):
            text += f"PartitionName={name} Nodes={_host()} {rest} OverSubscribe=FORCE:4 State=UP\n"
        for place in ("state", "spool", "munge"):
            (folder / place).mkdir(mode=0o700)
        self.conf = folder / "slurm.conf"
        self.conf.write_text(text)
        (self._munge / "key").write_bytes(os.urandom(128))
        (self._munge / "key").chmod(0o400)

    @property
    def environment(self) -> dict[str, str]:
        """What the commands of this cluster need in their environment."""
        return {**os.environ, "SLURM_CONF": str(self.conf)}

    def start(self) -> None:
        """Start all daemons; the node is idle when this returns."""
        munge = self._munge
        self._start(
            "munged", "--foreground", "--force", f"--socket={munge}/socket",
            f"--key-file={munge}/key", f"--pid-file={munge}/pid", f"--log-file={munge}/log",
            f"--seed-file={munge}/seed",
        )  # fmt: skip
        _wait((munge / "socket").exists, "munged")
        self.start_controller()
        self.start_node()

    def start_controller(self) -> None:
        """Start slurmctld, and wait until it answers."""
        self._start("slurmctld", "-D", "-f", str(self.conf))
        _wait(lambda: "is UP" in self.run("scontrol", "ping"), "slurmctld")

    def start_node(self) -> None:
        """Start slurmd, and wait until its node can take tasks."""
        self._start("slurmd", "-D", "-f", str(self.conf), "-N", _host())
        up = ("idle", "mixed", "allocated")
        _wait(lambda: self.run("sinfo", "-h", "-o", "%T").strip().startswith(up), "slurmd")

    def kill(self, daemon: str) -> None:
        """Kill a daemon, as SIGKILL does."""
        process = self._running.pop(daemon)
        process.kill()
        process.wait()

    def end(self, daemon: str) -> None:
        """Have a daemon end in order: slurmctld writes down first what it knows."""
        process = self._running.pop(daemon)
        process.terminate()
        process.wait()

    def run(self, *command: str) -> str:
        """What a command of Slurm prints."""
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )
        return done.stdout + done.stderr

    def stop(self) -> None:
        """End what runs, then all daemons."""
        with suppress(subprocess.TimeoutExpired):
            self.run("scancel", "--user=root", "--signal=KILL", "--full")
        for daemon in [*self._running]:
            self.kill(daemon)
        for line in subprocess.run(
            ["pgrep", "-f", f"slurmstepd: .*{self._folder}|{self._folder}/spool"],
            capture_output=True, text=True, check=False,
        ).stdout.split():  # fmt: skip
            with suppress(ProcessLookupError):
                os.kill(int(line), signal.SIGKILL)

    def _start(self, program: str, *arguments: str) -> None:
        path = _found(program)
        assert path is not None
        with (self._folder / f"{program}.out").open("ab") as out:
            self._running[program] = subprocess.Popen(
                [path, *arguments], env=self.environment, stdout=out, stderr=out,
                stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip


@contextmanager
def slurm(folder: Path, **settings: object) -> Iterator[Slurm]:
    """A cluster in `folder`; `settings` are further ones of slurm.conf."""
    cluster = Slurm(folder, settings=settings)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def _host() -> str:
    return socket.gethostname().partition(".")[0]


def _found(program: str) -> str | None:
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _wait(ready: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + _READY_S
    while not ready():
        if time.monotonic() > until:
            raise TimeoutError(f"{what} is not ready after {_READY_S:.0f} s")
        time.sleep(_LOOK_S)
