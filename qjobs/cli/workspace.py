"""The workspace of this process."""

from qjobs import paths
from qjobs.engine.workspace import Workspace


def open_workspace() -> Workspace:
    """The workspace that the environment names. Nothing is made yet. Raises StateError."""
    return Workspace.at(paths.state_home())
