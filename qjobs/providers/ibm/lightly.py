"""Import modules of a package without running the package: that of the client imports all of it.

The client's package loads every primitive, which takes as long as Qiskit does. To look at jobs
none of them is needed.
"""

import importlib.util
import sys
from threading import RLock
from types import ModuleType

_running = RLock()


class _Postponed(ModuleType):
    """A package that runs when something in it is first asked for; its modules do not ask."""

    def __getattr__(self, name: str) -> object:
        with _running:
            # While it runs it is asked for what it does not have yet, by the same thread.
            if type(self) is _Postponed and "_is_running" not in vars(self):
                vars(self)["_is_running"] = True
                assert self.__spec__ is not None
                assert self.__spec__.loader is not None
                try:
                    self.__spec__.loader.exec_module(self)
                    self.__class__ = ModuleType  # type: ignore[assignment]  # as LazyLoader does
                finally:
                    del vars(self)["_is_running"]
        if name in vars(self):
            return vars(self)[name]
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")


def postpone(package: str) -> None:
    """Let a package run when it is first used, if nobody has imported it yet.

    To whoever imports it later it is what it would be otherwise.
    """
    if package in sys.modules:
        return
    spec = importlib.util.find_spec(package)
    if spec is None or spec.loader is None:
        return  # importing it will say so
    module = _Postponed(package)
    module.__spec__ = spec
    module.__loader__ = spec.loader
    module.__package__ = package
    module.__file__ = spec.origin
    module.__path__ = list(spec.submodule_search_locations or ())
    sys.modules[package] = module
