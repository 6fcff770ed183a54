"""The workspace of this process: its state folder, its clock, its providers."""

import os
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from qjobs import paths
from qjobs.engine.workspace import Workspace
from qjobs.store.sets import Store

if TYPE_CHECKING:
    from qjobs.providers.interface import Provider


def open_workspace() -> Workspace:
    """The workspace that the environment names. Nothing is read or made yet."""
    home = paths.state_home()

    @cache
    def load_provider(name: str) -> "Provider":
        from qjobs.providers import loading
        from qjobs.providers.interface import ProviderContext

        return loading.load(name, ProviderContext(home / name, paths.provider_settings(name)))

    return Workspace(
        store=Store(home, clock=_now),
        load_provider=load_provider,
        clock=_now,
        new_id=lambda: os.urandom(6).hex(),
    )


def _now() -> datetime:
    return datetime.now(UTC)
