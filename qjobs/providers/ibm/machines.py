"""The backends that an account can use, each in the first instance that has it."""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from qjobs.contract import BackendInfo
from qjobs.errors import UnknownBackend, UsageError
from qjobs.near import near_ones
from qjobs.providers.ibm.account import Account
from qjobs.providers.ibm.instances import Listed
from qjobs.providers.ibm.options import JobOptions
from qjobs.providers.ibm.program import Device, Primitives, load_primitives
from qjobs.providers.ibm.service import Service


class Machines:
    """The backends of an account, each asked for once. Safe in many threads."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._mutex = threading.Lock()
        self._places: dict[str, str] = {}
        self._devices: dict[tuple[str, bool], Device] = {}
        self._primitives: Primitives | None = None

    def list(self) -> Sequence[BackendInfo]:
        """All of them as they are now, the least busy first."""
        found: dict[str, BackendInfo] = {}
        for service in self._account.services():
            billed = not self._account.may_charge(service.instance)
            for device in service.devices():
                info = _describe(device)._replace(billed=billed)
                found.setdefault(info.name, info)
        return sorted(
            found.values(), key=lambda info: (not info.operational, info.pending_jobs or 0)
        )

    def service(self, backend: str) -> Service:
        """The service of the backend's instance. Raises UnknownBackend, naming near ones."""
        with self._mutex:
            if backend not in self._places:
                names: dict[str, str] = {}
                for service in self._account.services():
                    for device in service.devices():
                        names.setdefault(str(device["name"]), service.instance)
                if backend not in names:
                    raise _unknown(backend, names)
                self._places.update(names)
            place = self._places[backend]
        return self._account.service(place)

    def place(self, backend: str) -> Listed:
        """The instance that jobs go to. Raises UsageError if they would cost, unasked."""
        known = self._account.instances()
        only = len(known) == 1 and self._account.may_charge(known[0])
        crn = known[0] if only else self.service(backend).instance
        self.check_charges(crn, backend)
        return self._account.place(crn)

    def check_charges(self, instance: str, backend: str) -> None:
        """Raise UsageError if jobs there may be billed, and nobody has named the instance."""
        if not self._account.may_charge(instance):
            homes = [
                self._account.place(service.instance)
                for service in self._account.services()
                if any(device["name"] == backend for device in service.devices())
            ]
            raise UsageError(
                f"{backend} is in instances that may be billed, and none is named: "
                + ", ".join(map(str, homes)),
                hint=f"name one: --instance {homes[0].name}, or QJOBS_IBM_INSTANCE={homes[0].name}",
            )

    def device(self, backend: str, job: JobOptions) -> Device:
        """The backend as the primitives want it. Raises UnknownBackend."""
        service = self.service(backend)
        key = (backend, job.fractional_gates)
        primitives = self.primitives()
        with self._mutex:
            if key not in self._devices:
                self._devices[key] = Device(
                    primitives,
                    service.configuration(backend),
                    lambda: service.properties(backend),
                    instance=service.instance,
                    fractional_gates=job.fractional_gates,
                )
            return self._devices[key]

    def primitives(self) -> Primitives:
        """The client's primitives; imported the first time, by one thread."""
        with self._mutex:
            if self._primitives is None:
                self._primitives = load_primitives()
            return self._primitives


def _describe(device: Mapping[str, Any]) -> BackendInfo:
    status = device.get("status") or {}
    word, reason = str(status.get("name") or "unknown"), str(status.get("reason") or "")
    qubits, queue = device.get("qubits"), device.get("queue_length")
    return BackendInfo(
        str(device["name"]),
        f"{word}: {reason}" if reason and reason != "available" else word,
        qubits if isinstance(qubits, int) else None,
        simulator=bool(device.get("is_simulator") or device.get("class") == "mock"),
        operational=word == "online",
        pending_jobs=queue if isinstance(queue, int) else None,
    )


def _unknown(backend: str, names: Mapping[str, str]) -> UnknownBackend:
    what = f"no backend {backend!r} at IBM Quantum" if backend else "no backend is named"
    return UnknownBackend(
        what + near_ones(backend, names),
        hint=f"backends: {', '.join(sorted(names))}; or --least-busy",
    )
