"""The surroundings of every use-case: the state folder, the providers, the clock."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from qjobs import paths
from qjobs.store import trust
from qjobs.store.sets import Store

if TYPE_CHECKING:
    # Nothing but names here, and commands that only look should not pay for them.
    from qjobs.contract import Provider
    from qjobs.model import Destination


class Workspace(NamedTuple):
    """The outside world as arguments, so that a test can bring its own.

    `load_provider` gives the provider of a name, the same object each time; keywords are settings
    that go before the user's. `new_id` gives a fresh set id of 12 hexadecimal digits, `clock`
    the time in UTC.
    """

    store: Store
    load_provider: "Callable[..., Provider]"
    clock: Callable[[], datetime]
    new_id: Callable[[], str]

    @classmethod
    def at(cls, home: Path) -> Self:
        """The real world, with the state folder `home`. Nothing is made yet.

        Raises StateError if the folder is another user's, or can be written by others.
        """
        owners = paths.trusted_owners()
        trust.check_home(home, owners=owners)

        @cache
        def load_provider(name: str, **settings: str) -> "Provider":
            from qjobs.providers.loading import open_provider

            trust.check_provider(home, name, owners=owners)
            return open_provider(name, home, settings)

        return cls(
            store=Store(home, clock=_now),
            load_provider=load_provider,
            clock=_now,
            new_id=lambda: os.urandom(6).hex(),
        )

    def provider_at(self, destination: "Destination") -> "Provider":
        """The provider of a destination, with its account, its instance and its pace."""
        return self.load_provider(destination.provider, **destination.settings)


def _now() -> datetime:
    return datetime.now(UTC)
