"""Tries a cluster with one tiny task, and says what works."""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from qjobs import tags
from qjobs.circuits.slices import CircuitSlice
from qjobs.contract import Finding, Provider
from qjobs.errors import ProviderError, QjobsError
from qjobs.model import RunOptions, Slice
from qjobs.providers.slurm import commands
from qjobs.providers.slurm.settings import Settings
from qjobs.providers.slurm.shared import Array, Shared

LONGEST_S = 600.0
"""So long it is waited for the task to begin, and then to end."""

_BACKEND = "aer"
_LOOK_S = 0.3
_OPTIONS = RunOptions(shots=10)


class Trial:
    """One task, of a circuit that measures a one: how it is submitted, begins, runs and ends."""

    def __init__(self, provider: Provider, shared: Shared, settings: Settings) -> None:
        self._provider = provider
        self._shared = shared
        self._settings = settings
        self._tag = f"{tags.set_tag(os.urandom(6).hex())}-0-1"
        self._job_id = ""

    def findings(self) -> Iterator[Finding]:
        """Each thing that is needed, as soon as it is known; the first that does not work is last.

        The task does not outlive it, whenever the caller has enough.
        """
        steps = {
            "slurm": self._find_slurm,
            "shared folder": self._write,
            "submit": self._submit,
            "start": self._begin,
            "python": self._run,
            "result": self._read,
        }
        try:
            for name, step in steps.items():
                try:
                    yield Finding(name, works=True, detail=step())
                except QjobsError as error:
                    yield Finding(name, works=False, detail=error.message, hint=error.hint)
                    return
        finally:
            self._clean_up()

    def _find_slurm(self) -> str:
        version = commands.run("sbatch", "--version").strip()
        number = len([*commands.partitions()])
        return f"{version}, {number} partitions"

    def _write(self) -> str:
        self._provider.check(_BACKEND, _OPTIONS)
        return f"{self._settings.shared} can be written from here"

    def _submit(self) -> str:
        # Imported here: whoever only looks loads no Qiskit.
        from qiskit import QuantumCircuit, qpy

        circuit = QuantumCircuit(1, 1, name="one")
        circuit.x(0)
        circuit.measure(0, 0)
        with TemporaryDirectory() as folder:
            path = Path(folder) / "one.qpy"
            with path.open("wb") as file:
                qpy.dump([circuit], file)
            self._job_id = self._provider.submit(
                CircuitSlice(path, Slice(0, 1)), backend=_BACKEND, options=_OPTIONS, tag=self._tag
            )
        return f"task {self._job_id}"

    def _begin(self) -> str:
        begun_s = time.monotonic()
        array, task = self._array
        while not (node := array.node(task)):
            self._wait(begun_s, "begun")
        took_s = time.monotonic() - begun_s
        return f"after {took_s:.1f} s on {node}, which reads and writes the shared folder"

    def _run(self) -> str:
        begun_s = time.monotonic()
        array, task = self._array
        while (outcome := array.outcome(task)) is None:
            self._wait(begun_s, "ended")
        if outcome["message"]:
            raise ProviderError(str(outcome["message"]))
        versions = ", ".join(" ".join(one) for one in array.manifest["versions"].items())
        took_s = outcome["finished"] - outcome["started"]
        return f"{self._settings.python} ran it in {took_s:.1f} s: {versions}, as here"

    def _read(self) -> str:
        (circuit,) = self._provider.result(self._job_id, backend=_BACKEND).circuits()
        if circuit.counts != {"0x1": _OPTIONS.shots}:
            raise ProviderError(f"a circuit that measures 1 gave {circuit.counts}")
        return "a circuit that measures 1 gave it"

    @property
    def _array(self) -> tuple[Array, int]:
        ((array, task),) = self._shared.with_tag(self._tag)
        return array, task

    def _wait(self, since_s: float, what: str) -> None:
        """Wait a moment. Raises ProviderError once there is nothing to wait for."""
        status = self._provider.statuses([self._job_id], backend=_BACKEND)[self._job_id]
        array, task = self._array
        if status.final and array.outcome(task) is None:
            why = self._provider.error_message(self._job_id, backend=_BACKEND)
            raise ProviderError(
                why or f"the task is {status}",
                hint=f"does the node see {self._settings.shared}, and this Python in it?",
            )
        if time.monotonic() - since_s > LONGEST_S:
            reasons = [one.reason for one in commands.queue() if one.comment == array.key]
            said = ", ".join(filter(None, ["", *reasons]))
            raise ProviderError(f"it has not {what} after {LONGEST_S:.0f} s{said}")
        time.sleep(_LOOK_S)

    def _clean_up(self) -> None:
        with suppress(ProviderError):
            # Found, for whoever interrupts the submission has not heard its id.
            tasks = self._provider.find(self._tag, backend=_BACKEND)
            self._provider.cancel(tasks, backend=_BACKEND)
        with suppress(ProviderError, OSError):  # without its folder, a task does nothing
            self._shared.forget(tags.set_tag_of(self._tag))
