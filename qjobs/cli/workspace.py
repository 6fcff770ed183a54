"""The workspace of this process."""

from qjobs import paths
from qjobs.engine.workspace import Workspace


def open_workspace() -> Workspace:
    """The workspace that the environment names. Nothing is read or made yet."""
    return Workspace.at(paths.state_home())
