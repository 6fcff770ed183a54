"""What every use-case stands on: the state folder, the providers, the clock."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from qjobs.store.sets import Store

if TYPE_CHECKING:
    # Nothing but a name here, and commands that only look should not pay for it.
    from qjobs.providers.interface import Provider


class Workspace(NamedTuple):
    """The outside world as arguments, so that a test can bring its own.

    `load_provider` gives the provider of a name, the same object each time; `new_id` a fresh
    set id of 12 hexadecimal digits; `clock` the time in UTC.
    """

    store: Store
    load_provider: "Callable[[str], Provider]"
    clock: Callable[[], datetime]
    new_id: Callable[[], str]

    @classmethod
    def at(cls, home: Path) -> Self:
        """The real world, with the state folder `home`. Nothing is read or made yet."""

        @cache
        def load_provider(name: str) -> "Provider":
            from qjobs.providers.loading import open_provider

            return open_provider(name, home)

        return cls(
            store=Store(home, clock=_now),
            load_provider=load_provider,
            clock=_now,
            new_id=lambda: os.urandom(6).hex(),
        )


def _now() -> datetime:
    return datetime.now(UTC)
