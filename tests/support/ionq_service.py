"""A stand-in for IonQ's service on the loopback: the calls that its client makes, and faults."""

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from qiskit import QuantumCircuit
from qiskit.quantum_info import Statevector

KEY = "a-key-that-nobody-may-see"


class Fault(NamedTuple):
    """What the next request of a kind gets; `late`: after it was carried out."""

    method: str
    status: int  # 0: the connection breaks
    late: bool = False
    headers: dict[str, str] = {}  # noqa: RUF012 - nobody changes it
    times: int = 1


class Service:
    """Jobs, requests that came, and faults that are to come."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.jobs: dict[str, dict[str, Any]] = {}
        self.requests: list[str] = []
        self.faults: deque[Fault] = deque()
        self.ends = "completed"
        self.lock = threading.Lock()

    def fault(self, method: str) -> Fault | None:
        with self.lock:
            if not self.faults or self.faults[0].method != method:
                return None
            fault = self.faults.popleft()
            if fault.times > 1:
                self.faults.appendleft(fault._replace(times=fault.times - 1))
            return fault

    def count(self, start: str) -> int:
        return sum(request.startswith(start) for request in self.requests)

    def do(self, method: str, path: str, body: bytes) -> dict[str, Any] | None:
        match method:
            case "POST":
                return self.post(json.loads(body))
            case "PUT":
                return self.put(path)
            case _:
                return self.get(path)

    def post(self, body: dict[str, Any]) -> dict[str, Any]:
        with self.lock:
            job_id = f"job-{len(self.jobs)}"
            self.jobs[job_id] = {"id": job_id, "status": self.ends, "body": body}
        return {"id": job_id, "status": "submitted"}

    def get(self, path: str) -> dict[str, Any] | None:
        _, _, _, *rest = path.split("/")  # /v0.4/jobs/ID/results/probabilities
        job = self.jobs.get(rest[0]) if rest else None
        if job is None:
            return None
        body = job["body"]
        circuits = body["input"].get("circuits") or [body["input"]]
        children = [f"{job['id']}-{number}" for number in range(len(circuits))]
        if rest[1:]:
            found = [probabilities(circuit, body["input"]["qubits"]) for circuit in circuits]
            return dict(zip(children, found, strict=True)) if len(found) > 1 else found[0]
        return {
            "id": job["id"],
            "status": job["status"],
            "metadata": body["metadata"],
            "child_job_ids": children,
            "stats": {"qubits": body["input"]["qubits"], "circuits": len(circuits)},
            "results": {"probabilities": {"url": f"/v0.4/jobs/{job['id']}/results/probabilities"}},
            "failure": {"code": "CompilationError", "error": "no such gate"},
            "execution_duration_ms": 1,
        }

    def put(self, path: str) -> dict[str, Any] | None:
        job = self.jobs.get(path.split("/")[3])
        if job is not None:
            job["status"] = "canceled"
        return job


def probabilities(given: dict[str, Any], qubits: int) -> dict[str, float]:
    """Of a circuit in IonQ's JSON, of the gates that the tests use."""
    circuit = QuantumCircuit(qubits)
    for gate in given["circuit"]:
        controls = gate.get("controls", [])
        name = {"x": "cx", "not": "cx", "cnot": "cx"}[gate["gate"]] if controls else gate["gate"]
        for target in gate.get("targets") or [gate["target"]]:
            getattr(circuit, name)(*controls, target)
    found = Statevector(circuit).probabilities()
    return {str(state): float(value) for state, value in enumerate(found) if value > 1e-9}


class Handler(BaseHTTPRequestHandler):
    """Answers for the service that its server has."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def answer(self) -> None:
        service = self.server.service
        service.requests.append(f"{self.command} {self.path}")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers["Authorization"] != f"apiKey {KEY}":
            self.reply(401, {"code": 1, "message": f"who is {self.headers['Authorization']}?"})
            return
        fault = service.fault(self.command)
        found = service.do(self.command, self.path, body) if fault is None or fault.late else None
        if fault is None:
            self.reply(200 if found else 404, found or {"code": 2, "message": "no such thing"})
        elif fault.status:
            self.reply(fault.status, {"code": 3, "message": "not now"}, fault.headers)
        else:
            self.close_connection = True

    do_GET = do_POST = do_PUT = answer  # noqa: N815 - the library's names

    def reply(
        self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None
    ) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """On a port of its own."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.service = Service(f"http://127.0.0.1:{self.server_address[1]}/v0.4")


@contextmanager
def serving() -> Iterator[Service]:
    """The service, as long as the block lasts."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.service
        finally:
            server.shutdown()
            thread.join()
