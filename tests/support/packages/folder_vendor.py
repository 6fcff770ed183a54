"""A vendor's package as tests want one: its service is a folder, its backends behave as named.

A job is a JSON file. A call that was begun leaves a file `<what>.begun`; one that is to wait
does so until there is a file `go`. Circuits run on Aer, or on the `simulator`, `module:callable`.
"""

import json
import os
import signal
import time
import uuid
from collections import Counter
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from qiskit.providers import JobStatus
from qiskit.result import Result

QUBITS = 60


class JobNotFoundError(Exception):
    """As vendors have one."""


class Job:
    def __init__(self, path):
        self.path = path

    def job_id(self):
        return self.path.stem

    def persist(self):
        self.path.with_suffix(".persisted").touch()

    def _read(self):
        return json.loads(self.path.read_text())

    def status(self):
        return JobStatus[self._read()["status"]]

    def error_message(self):
        return self._read()["message"]

    def result(self):
        fetched = self.path.with_suffix(".fetched")
        fetched.write_text(str(int(fetched.read_text()) + 1 if fetched.exists() else 1))
        return Result.from_dict(self._read()["result"])

    def cancel(self):
        if self.status() is JobStatus.RUNNING:
            write(self.path, status="CANCELLED")
            return True
        return False


class Backend:
    num_qubits = QUBITS
    max_circuits = 100
    status = "DONE"

    def __init__(self, name, service, simulator=None):
        self.name = name
        self.description = f"is {name}"
        self.service = service
        self.simulator = simulator
        self.target = getattr(simulator, "target", None)

    def run(self, circuits, shots=1024, seed_simulator=None, memory=False, job_tags=None, **more):
        more |= {"job_tags": job_tags} if job_tags else {}
        print(f"{len(circuits)} circuits with {more}", flush=True)
        (self.service / "keywords.json").write_text(json.dumps(more))
        return self.accept(circuits, shots=shots, seed_simulator=seed_simulator, memory=memory)

    def accept(self, circuits, **options):
        result = self.simulate(circuits, options) if self.status == "DONE" else None
        path = self.service / f"{uuid.uuid4().hex}.json"
        write(path, status=self.status, message=f"{self.name} is {self.status}", result=result)
        return Job(path)

    def simulate(self, circuits, options):
        if self.simulator is not None:
            return self.simulator.run(circuits, shots=options["shots"]).result().to_dict()
        from qiskit_aer import AerSimulator

        known = {name: value for name, value in options.items() if value is not None}
        return AerSimulator().run(circuits, **known).result().to_dict()

    def retrieve_job(self, job_id):
        return self.found(job_id)

    def found(self, job_id):
        path = self.service / f"{job_id}.json"
        if not job_id.isalnum() or not path.exists():
            raise JobNotFoundError(job_id)
        return Job(path)


class Busy(Backend):
    status = "RUNNING"


class Failing(Backend):
    status = "ERROR"


class Refusing(Backend):
    """Refuses, with its credentials in the message."""

    def run(self, circuits, **_):
        raise ValueError(f"bad circuit, {os.environ.get('FOLDER_TOKEN')}")


class Unreachable(Backend):
    """Takes the job; then the connection breaks."""

    def run(self, circuits, **options):
        self.accept(circuits, shots=1)
        raise ConnectionError("broken pipe")


class Slow(Backend):
    """Takes the job once it may."""

    def run(self, circuits, **options):
        wait(self.service, "run")
        return self.accept(circuits, shots=options.get("shots", 1))


class Silent(Backend):
    """Never answers when it is asked for a job."""

    def retrieve_job(self, job_id):
        wait(self.service, "retrieve")


class Dying(Backend):
    """Takes the whole process along."""

    def run(self, circuits, **_):
        os.kill(os.getpid(), signal.SIGKILL)


class Forgetful(Backend):
    """Nobody can fetch its jobs."""

    retrieve_job = None

    def __init__(self, name="forgetful", service=None, simulator=None):
        super().__init__(name, service, simulator)
        self.description = "simulates, and forgets"


class Machine(Forgetful):
    """It is real, and nobody can fetch its jobs either."""

    def __init__(self, name="machine", service=None, simulator=None):
        super().__init__(name, service, simulator)
        self.description = "20 ions"


class Packed(Backend):
    """Writes outcomes as Braket does: a character for each clbit that is measured into."""

    def simulate(self, circuits, options):
        result = super().simulate(circuits, {**options, "memory": True})
        for circuit, experiment in zip(circuits, result["results"], strict=True):
            shots = [self.written(circuit, int(shot, 16)) for shot in experiment["data"]["memory"]]
            memory = [hex(int(shot.replace(" ", ""), 2)) for shot in shots]
            experiment["data"] = {"counts": Counter(shots), "memory": memory}
            del experiment["header"]
        return result

    def written(self, circuit, number):
        return "".join(str(number >> bit & 1) for bit in reversed(measured(circuit)))


class Terse(Packed):
    """Writes outcomes as IQM does: the registers that are measured into, spaces between them."""

    def written(self, circuit, number):
        groups = [[circuit.find_bit(bit).index for bit in register] for register in circuit.cregs]
        used = [group for group in groups if not {*group}.isdisjoint(measured(circuit))]
        return " ".join("".join(str(number >> bit & 1) for bit in bits) for bits in used)[::-1]


class Lavish(Packed):
    """Writes a character for each qubit, whatever is measured."""

    def written(self, circuit, number):
        return format(number, f"0{circuit.num_qubits}b")


def measured(circuit):
    found = [one.clbits[0] for one in circuit.data if one.operation.name == "measure"]
    return sorted({circuit.find_bit(bit).index for bit in found})


KINDS = {
    "calm": Backend, "busy": Busy, "failing": Failing, "refusing": Refusing,
    "unreachable": Unreachable, "slow": Slow, "silent": Silent, "dying": Dying,
}  # fmt: skip
HIDDEN = {
    "machine": Machine,
    "forgetful": Forgetful,
    "packed": Packed,
    "terse": Terse,
    "lavish": Lavish,
}


class Provider:
    def __init__(self, folder, token="", simulator=None):
        self.service = Path(folder)
        self.simulator = load(simulator)() if simulator else None
        self.service.mkdir(parents=True, exist_ok=True)
        # What lies beside the program that runs here could stand in for a vendor's modules.
        assert find_spec("ledger") is None
        print("a line that is no message, and the token", token)

    def backends(self):
        return [self.get_backend(name) for name in KINDS]

    def get_backend(self, name="calm"):
        return {**KINDS, **HIDDEN}[name](name, self.service, self.simulator)


def load(address):
    module, _, name = address.partition(":")
    return getattr(import_module(module), name)


def write(path, **fields):
    known = json.loads(path.read_text()) if path.exists() else {}
    fresh = path.with_suffix(".tmp")
    fresh.write_text(json.dumps({**known, **fields}, default=str))
    fresh.replace(path)


def wait(folder, what):
    (folder / f"{what}.begun").touch()
    while not (folder / "go").exists():
        time.sleep(0.01)


def hanging(folder, **_):
    """A provider that never comes to be."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    wait(Path(folder), "open")


def wanting(folder, **_):
    """A provider that is told nothing of the user."""
    raise ValueError("No API token: set ACME_API_TOKEN, or save an account")


def unlocked(folder, credentials_file="", way="", **_):
    """A provider that finds out who the user is, in one of many ways, and cannot."""
    match way:
        case "file":
            Path(credentials_file).read_text()
        case "variable":
            return os.environ["ACME_API_TOKEN"]
        case "argument":
            raise TypeError("__init__() missing 1 required positional argument: 'api_key'")
        case "person":
            return input("user name: ")
        case "session":
            raise RuntimeError("You are not logged in")
        case "region":
            raise NoRegionError("You must specify a region.")
        case "network":
            raise ConnectionError("Max retries exceeded with url: /oauth/token")
        case "json":
            raise ValueError("Unexpected token < in JSON at position 0")
        case "other file":
            Path(folder, "settings.toml").read_text()
    return Late()


class NoRegionError(Exception):
    """As botocore has one."""


class Late:
    """A provider that looks at its credentials only when it is asked for a backend."""

    def get_backend(self, name=""):
        raise ValueError("API key not set")

    backends = get_backend


class OnlyH:
    """A simulator that compiles by itself: all that it says of its gates is that it has H."""

    def __init__(self):
        from qiskit.circuit.library import HGate
        from qiskit.transpiler import Target
        from qiskit_aer import AerSimulator

        self.target = Target(num_qubits=3)
        self.target.add_instruction(HGate(), {(0,): None})
        self.run = AerSimulator().run


def bare(folder, **_):
    """A provider that lists nothing."""
    return type("Bare", (), {"get_backend": lambda self, name="": Backend(name, Path(folder))})()


def emulator(folder, **_):
    """A provider that is its only backend, which is called as some emulators are."""
    return Backend("EMU:6Q:CATS", Path(folder))


class Listing:
    """A provider that lists its backends, and restores the jobs of all of them."""

    def __init__(self, folder, **_):
        Path(folder).mkdir(parents=True, exist_ok=True)
        self.backends = [Forgetful("first", Path(folder)), Forgetful("second", Path(folder))]

    def restore_job(self, job_id):
        path = self.backends[0].service / f"{job_id}.persisted"
        assert not job_id.isalnum() or path.exists(), "nobody persisted it"
        return self.backends[0].found(job_id)
