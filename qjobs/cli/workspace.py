"""The workspace of this process."""

from typing import TYPE_CHECKING

from qjobs import paths
from qjobs.engine.workspace import Workspace
from qjobs.render.data import DATA

if TYPE_CHECKING:
    from qjobs.contract import Provider


def open_workspace() -> Workspace:
    """The workspace that the environment names. Nothing is made yet. Raises StateError."""
    workspace = Workspace.at(paths.state_home())

    def load_provider(name: str, **settings: str) -> "Provider":
        DATA.keep_apart()
        return workspace.load_provider(name, **settings)

    return workspace._replace(load_provider=load_provider)
