"""What every use-case stands on: the state folder, the providers, the clock."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

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
