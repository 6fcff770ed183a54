"""What a backend name that is no method of Aer stands for.

Loads Qiskit: for worker processes only.
"""

import sys
from importlib import import_module, reload
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from qiskit.providers import BackendV2
from qiskit.providers.fake_provider import GenericBackendV2

from qjobs.errors import UnknownBackend
from qjobs.simulators import names as backends

GENERIC_SEED = 0
"""Of the errors that a generic device is given: they are the same in each process."""


def device(backend: str) -> BackendV2:
    """The device of a `fake_...` or `generic_...` name."""
    if backend.startswith(backends.GENERIC):
        qubits = int(backend.removeprefix(backends.GENERIC))
        return GenericBackendV2(qubits, seed=GENERIC_SEED, control_flow=True)
    module = import_module(f"{backends.FAKE_MODULE}.{backend.removeprefix(backends.FAKE)}")
    for found in vars(module).values():
        if isinstance(found, type) and getattr(found, "backend_name", None) == backend:
            return found()
    raise UnknownBackend(f"the installed qiskit-ibm-runtime has no {backend}")


class Modules:
    """The modules of `package.module:callable` names, imported again when their files change."""

    def __init__(self) -> None:
        self._versions: dict[str, int] = {}

    def version(self, named: str, folder: str) -> int:
        """Another number when the file of the module is another one.

        Its package is looked for in `folder` if this Python does not have it.
        """
        name = named.partition(":")[0]
        if folder and find_spec(name.partition(".")[0]) is None:
            sys.path.append(folder)
        try:
            found = find_spec(name)
        except ImportError:  # that it is not there is said when it is imported
            return 0
        if found is None or found.origin is None or not found.has_location:
            return 0
        return Path(found.origin).stat().st_mtime_ns

    def renew(self, named: str, version: int) -> None:
        """Import the module again if its file has changed. Raises whatever it does."""
        name = named.partition(":")[0]
        module = import_module(name)
        if self._versions.setdefault(name, version) != version:
            reload(module)
            self._versions[name] = version

    def call(self, named: str, version: int) -> Any:
        """What the callable gives. Raises whatever it does."""
        self.renew(named, version)
        name, _, path = named.partition(":")
        found: Any = import_module(name)
        for attribute in path.split("."):
            found = getattr(found, attribute)
        return found()
