"""The command line of qjobs at work on a stand-in, each command in a process of its own."""

from pathlib import Path
from typing import Any

from qiskit import QuantumCircuit

from qjobs.circuits import qpy
from support.ibm_client import BACKEND
from support.standin.process import StandIn
from support.warm_shell import Running, WarmShell, check_jobs

__all__ = ["Running", "Shell", "check_the_bill", "submission", "write_circuits"]

SHOTS = 64
SETTLE_S = 0.5
"""How far the list may lag behind: more than it does."""

_IMPORTED = (
    "qjobs.cli.resume",
    "qjobs.cli.app",
    "qjobs.cli.submit",
    "qjobs.engine.set.making",
    "qjobs.providers.ibm.provider",
    "qiskit.qpy",
    "qiskit_ibm_runtime.executor_sampler",
)


class Shell(WarmShell):
    """Runs qjobs in one folder with one state. Safe in many threads."""

    def __init__(self, folder: Path, standin: StandIn, **settings: str) -> None:
        self.standin = standin
        ours = {
            "ibm_settle_s": str(SETTLE_S),
            "ibm_submits_per_minute": "1000000",
            "ibm_timeout_s": "60",
            "ibm_post_timeout_s": "60",
            **settings,
        }
        named = {f"QJOBS_{name.upper()}": value for name, value in ours.items() if value}
        super().__init__(folder, {**standin.environment, **named}, imported=_IMPORTED)

    def bill(self, set_id: str) -> list[dict[str, Any]]:
        """The jobs that the service has of a set, the oldest first."""
        return [job for job in self.standin.stats()["jobs"] if f"qj-{set_id}" in job["sent_tags"]]


def check_the_bill(shell: Shell, set_id: str) -> None:
    """Each slice has one adopted job, and there is no job at the service that we do not know."""
    check_jobs(shell.jobs(set_id), [job["id"] for job in shell.bill(set_id)])


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
    path.write_bytes(qpy.encode(circuits))
    return path


def submission(path: Path, *, per_job: int = 1, shots: int = SHOTS) -> list[str]:
    """The arguments that submit a file, and have only the id of the set written."""
    cut = ["--per-job", str(per_job), "--shots", str(shots)]
    return ["submit", str(path), "-b", f"ibm:{BACKEND}", *cut, "--quiet"]
