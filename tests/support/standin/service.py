"""What every part of the service works with."""

from dataclasses import dataclass

from support.standin.devices import Devices
from support.standin.settings import Settings
from support.standin.state import State
from support.standin.worker_process import WorkerProcess


@dataclass(frozen=True)
class Service:
    """The state, the backends, and the process that runs circuits."""

    state: State
    devices: Devices
    worker: WorkerProcess

    @property
    def settings(self) -> Settings:
        return self.state.settings
