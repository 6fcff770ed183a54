"""A vendor's provider object and its backends, in the process that has them.

Loads Qiskit.
"""

import inspect
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from threading import Lock
from typing import Any

from qjobs import arguments as given
from qjobs.backends import jobs, refusals, running
from qjobs.circuits.foreign import describe
from qjobs.contract import BackendInfo
from qjobs.errors import AuthError, ProviderError, QjobsError, UnknownBackend

_MOST_JOBS = 1000
_MOST_NAMES = 20
_SIMULATES = re.compile(r"sim|emu|fake|statevector", re.IGNORECASE)


class Vendor:
    """What the factory of the settings made: an object that gives backends, or is one.

    Any thread may call. Raises AuthError and ProviderError where the vendor fails, and
    UnknownBackend.
    """

    def __init__(self, name: str, factory: str, arguments: Mapping[str, Any]) -> None:
        self._name = name
        self._factory = factory
        self._made = _make(name, factory, arguments)
        self._lock = Lock()
        self._targets: dict[str, Any] = {}
        self._jobs: OrderedDict[str, Any] = OrderedDict()

    def backends(self) -> list[BackendInfo]:
        """All backends that it lists."""
        return [
            BackendInfo(
                name=running.name(target),
                description=_first_line(getattr(target, "description", "")),
                qubits=_whole(getattr(target, "num_qubits", None)),
                simulator=_is_simulator(target),
            )
            for target in self._listed()
        ]

    def target(self, backend: str) -> Any:
        """The backend of a name; without one, the vendor's own choice."""
        with self._lock:
            if backend not in self._targets:
                self._targets[backend] = self._get(backend)
            return self._targets[backend]

    def fetches(self, backend: str) -> bool:
        """Whether a later process can get the jobs of a backend by their ids."""
        return jobs.can_retrieve(self.target(backend), self._made)

    def simulates(self, backend: str) -> bool:
        """Whether a backend is a simulator or an emulator, by what it says of itself."""
        return _is_simulator(self.target(backend))

    def local_address(self, backend: str) -> str:
        """What gives this backend without arguments, `module:callable`; empty if nothing does."""
        target = self.target(backend)
        if target is self._made:
            return self._factory
        kind = type(target)
        try:
            inspect.signature(kind).bind()
        except (TypeError, ValueError):
            return ""
        return f"{kind.__module__}:{kind.__qualname__}"

    def job(self, job_id: str, backend: str) -> Any:
        """The vendor's job object. Raises jobs.UnknownJob."""
        with self._lock:
            if job_id in self._jobs:
                self._jobs.move_to_end(job_id)
                return self._jobs[job_id]
        job = jobs.retrieve(job_id, backend=self.target(backend), provider=self._made)
        self.remember(job_id, job)
        return job

    def remember(self, job_id: str, job: Any) -> None:
        """Keep a job object for the next question about it."""
        with self._lock:
            self._jobs[job_id] = job
            if len(self._jobs) > _MOST_JOBS:
                self._jobs.popitem(last=False)

    def _get(self, backend: str) -> Any:
        if _is_target(self._made):
            if backend in ("", running.name(self._made)):
                return self._made
            raise self._unknown(backend, [running.name(self._made)])
        getter = getattr(self._made, "get_backend", None) or getattr(self._made, "backend", None)
        if not callable(getter):
            return self._chosen(backend)
        try:
            return getter(backend) if backend else getter()
        except Exception as error:
            listed = {running.name(target): target for target in self._listed()}
            if not backend and len(listed) == 1:
                return next(iter(listed.values()))
            if backend in listed:
                raise _unopened(self._name, error, f"cannot open {self._name}:{backend}") from error
            raise self._unknown(backend, list(listed)) from error

    def _chosen(self, backend: str) -> Any:
        """The backend of a name, of those of a provider that only lists them."""
        listed = {running.name(target): target for target in self._listed()}
        if not listed:
            raise ProviderError(f"{self._factory} gives nothing that has backends, or is one")
        if backend in listed:
            return listed[backend]
        if not backend and len(listed) == 1:
            return next(iter(listed.values()))
        raise self._unknown(backend, list(listed))

    def _listed(self) -> Sequence[Any]:
        if _is_target(self._made):
            return [self._made]
        found = getattr(self._made, "backends", ())
        try:
            return list(found() if callable(found) else found)
        except Exception as error:
            what = f"cannot list the backends of {self._name}"
            raise _unopened(self._name, error, what) from error

    def _unknown(self, backend: str, names: Sequence[str]) -> UnknownBackend:
        shown = ", ".join(f"{self._name}:{name}" for name in names[:_MOST_NAMES])
        if not backend:
            return UnknownBackend(
                f"{self._name} has no backend of its own choice", hint=f"backends: {shown}"
            )
        near = get_close_matches(backend, names, n=3)
        return UnknownBackend(
            f"there is no backend {self._name}:{backend}"
            + (f"; near ones: {', '.join(near)}" if near else ""),
            hint=f"backends: {shown}" if shown else "",
        )


def _make(name: str, factory: str, arguments: Mapping[str, Any]) -> Any:
    where = f"[providers.{name}]"
    made = given.imported(where, factory)
    try:
        return made(**given.made(where, arguments))
    except Exception as error:
        files = [
            value
            for key, value in arguments.items()
            if isinstance(value, str) and refusals.is_secret(key)
        ]
        raise _unopened(name, error, f"{where}: {factory} failed", files) from error


def _unopened(name: str, error: Exception, what: str, files: Sequence[str] = ()) -> QjobsError:
    """A vendor's error before there is a backend, as one of ours: at first one of credentials."""
    if isinstance(error, QjobsError):
        return error
    message = f"{what}: {describe(error)}"
    if refusals.lacks_credentials(error, files):
        return AuthError(
            message,
            hint=f"give it what it wants in `arguments` of [providers.{name}], "
            'and {env = "NAME"} for a secret',
        )
    return ProviderError(message)


def _is_target(made: Any) -> bool:
    return callable(getattr(made, "run", None)) and not callable(getattr(made, "get_backend", None))


def _is_simulator(target: Any) -> bool:
    said = (running.name(target), type(target).__name__, getattr(target, "description", ""))
    return any(_SIMULATES.search(text) for text in said if isinstance(text, str))


def _first_line(text: object) -> str:
    return text.strip().partition("\n")[0] if isinstance(text, str) else ""


def _whole(number: object) -> int | None:
    return number if isinstance(number, int) else None
