"""The backends on offer: snapshots of real ones that come with the client."""

import importlib.util
import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support.standin.answers import Answer, Request, answer, not_found

if TYPE_CHECKING:
    from support.standin.service import Service

DEFAULT = ("ibm_torino", "ibm_fez", "ibm_lagos")
"""133 qubits with cz, 156 with cz, and 7 with cx."""


class Devices:
    """The backends by name. Raises ValueError for a name that the client has no snapshot of."""

    def __init__(self, names: Sequence[str]) -> None:
        self._folders = {name: _folder(name) for name in names}

    def __iter__(self) -> Iterator[str]:
        return iter(self._folders)

    def __contains__(self, name: object) -> bool:
        return name in self._folders

    def read(self, name: str, part: str) -> dict[str, Any]:
        """The `conf` or the `props` of a backend."""
        return {**_read(next(self._folders[name].glob(f"{part}_*.json"))), "backend_name": name}


def _folder(name: str) -> Path:
    # Finding the package does not import it: that would cost more than a second.
    package = importlib.util.find_spec("qiskit_ibm_runtime")
    if package is None or package.origin is None:
        raise ValueError("qiskit-ibm-runtime is not installed")
    folders = Path(package.origin).parent / "fake_provider" / "backends"
    folder = folders / name.removeprefix("ibm_")
    if not folder.is_dir():
        raise ValueError(f"the client has no snapshot of {name!r} in {folders}")
    return folder


@cache
def _read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text()))


def listing(service: "Service", _request: Request) -> Answer:
    """GET /backends."""
    settings = service.settings
    status = {"name": "online" if settings.operational else "offline", "reason": ""}
    devices = [
        {
            "name": name,
            "status": status,
            "qubits": service.devices.read(name, "conf")["n_qubits"],
            "queue_length": _queue(service, name),
            "is_simulator": False,
        }
        for name in service.devices
    ]
    if ":first:" in _request.instance:
        missing = settings.second_only.split(",")
        devices = [device for device in devices if device["name"] not in missing]
    return answer({"devices": devices})


def configuration(service: "Service", request: Request) -> Answer:
    """GET /backends/{name}/configuration."""
    name = request.arguments[0]
    if name not in service.devices:
        return not_found(f"Backend {name}")
    return answer(service.devices.read(name, "conf"))


def properties(service: "Service", request: Request) -> Answer:
    """GET /backends/{name}/properties; another calibration has other errors and another date."""
    name = request.arguments[0]
    if name not in service.devices:
        return not_found(f"Backend {name}")
    found = service.devices.read(name, "props")
    at = datetime.fromisoformat(found["last_update_date"])
    later = at + timedelta(days=service.settings.calibration)
    gates = [
        {**gate, "parameters": [_worse(item, service) for item in gate["parameters"]]}
        for gate in found["gates"]
    ]
    return answer({**found, "gates": gates, "last_update_date": later.isoformat()})


def _worse(parameter: dict[str, Any], service: "Service") -> dict[str, Any]:
    """A parameter of a gate, by so many calibrations later."""
    if parameter["name"] != "gate_error":
        return parameter
    return {**parameter, "value": parameter["value"] * (1 + service.settings.calibration / 1000)}


def status(service: "Service", request: Request) -> Answer:
    """GET /backends/{name}/status."""
    name = request.arguments[0]
    if name not in service.devices:
        return not_found(f"Backend {name}")
    return answer(
        {
            "state": service.settings.operational,
            "status": service.settings.backend_status,
            "message": "available",
            "length_queue": _queue(service, name),
            "backend_version": service.devices.read(name, "conf")["backend_version"],
        }
    )


def _queue(service: "Service", name: str) -> int:
    rows = service.state.rows(
        "SELECT count(*) AS number FROM jobs WHERE status = 'Queued' AND backend = ?", [name]
    )
    return int(rows[0]["number"])
