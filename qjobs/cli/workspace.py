"""The workspace of this process."""

from typing import TYPE_CHECKING

from qjobs import paths
from qjobs.engine.workspace import Workspace
from qjobs.render.data import DATA
from qjobs.render.output import Output

if TYPE_CHECKING:
    from qjobs.contract import Provider


def open_workspace(output: Output | None = None) -> Workspace:
    """The workspace that the environment names. Nothing is made yet. Raises StateError.

    Where there is an output, it shows whom a verb waits for.
    """
    workspace = Workspace.at(paths.state_home())

    def load_provider(name: str, **settings: str) -> "Provider":
        DATA.keep_apart()
        if output:
            # Imported here: most verbs that only look ask nobody.
            from qjobs.render.progress import wait_for

            wait_for(output, f"asking {name}")
        return workspace.load_provider(name, **settings)

    return workspace._replace(load_provider=load_provider)
