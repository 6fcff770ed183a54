"""The surroundings of a job manager: the command line's workspace, and providers of objects."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from qjobs.contract import Provider, ProviderContext
from qjobs.engine.workspace import Workspace
from qjobs.providers import loading

HELD = "python"
"""The provider that runs circuits with an object of this process."""


class Surroundings(NamedTuple):
    """The outside world as arguments.

    `hold` makes the provider `python` of a backend or sampler object; a vendor's provider helps
    it to retrieve jobs. It gives the same one for the same object.
    """

    workspace: Workspace
    hold: Callable[[object, object | None], Provider]

    @classmethod
    def at(cls, home: Path) -> "Surroundings":
        """The surroundings for a state folder; makes nothing. Raises StateError if it is unsafe."""
        return cls(Workspace.at(home), _holder(home))

    @classmethod
    def of_program(cls, home: Path) -> "Surroundings":
        """The surroundings that jobs share which a program makes without a manager.

        A provider of an object keeps files open: there is one, not one for each job.
        """
        return cls(Workspace.at(home), _shared_holder(home))

    def holding(self, provider: Provider) -> Workspace:
        """The workspace with this provider as `python`."""
        load = self.workspace.load_provider
        return self.workspace._replace(
            load_provider=lambda name, **chosen: provider if name == HELD else load(name, **chosen)
        )


def _holder(home: Path) -> Callable[[object, object | None], Provider]:
    held: dict[int, tuple[object, Provider]] = {}

    def hold(backend: object, vendor: object | None) -> Provider:
        # With the object itself, so that its id is no other's.
        if vendor is not None or id(backend) not in held:
            settings: Any = {"backend": backend, "provider": vendor}
            provider = loading.load(HELD, ProviderContext(home / HELD, settings))
            held[id(backend)] = backend, provider
        return held[id(backend)][1]

    return hold


_shared_holder = cache(_holder)
