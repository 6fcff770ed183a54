"""A process that transpiles: QPY files come in, QPY files and the weights of circuits go out.

It is a `child`. The first message that comes in describes the work,

    {"optimization_level": 1, "seed": 7, "qpy_version": 17, "keep_layouts": false}

with the target as text, and is answered `{"ready": true}`. Then each request,
`{"do": "transpile", "start_index": 0}` or `"weigh"` with a QPY file whose first circuit
has that index, is answered

    {"weights": [[INSTRUCTIONS, TWO_QUBIT_GATES, MISFIT], ...]}

with a QPY file, which is empty after `weigh`; or with `{"error": ..., "circuit": POSITION}`, null
if it is no circuit's fault; or, of a circuit that cannot be read, `{"error": ..., "others": BOOL}`,
whether others can.
"""

import gc
import io
import sys
import warnings
from typing import TYPE_CHECKING, Any

from qjobs.children.parent import Parent, begin
from qjobs.circuits.foreign import describe
from qjobs.circuits.own_gates import natives, set_apart
from qjobs.errors import UnreadableCircuit

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.transpiler import Target


class CircuitFailed(Exception):
    """Circuit `index` of a request cannot be transpiled."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(reason)
        self.index = index


class Transpiler:
    """One pass manager for one target. Not to be shared by threads."""

    def __init__(
        self,
        target: "Target",
        *,
        optimization_level: int,
        seed: int,
        qpy_version: int,
        keep_layouts: bool,
    ) -> None:
        from qiskit.qpy.common import QPY_VERSION
        from qiskit.transpiler import generate_preset_pass_manager

        from qjobs.providers.ibm.weights import Scales

        # Every circuit starts from the seed anew: what is before it makes no difference.
        self._manager = generate_preset_pass_manager(
            optimization_level, target=target, seed_transpiler=seed
        )
        self._scales = Scales(target)
        self._natives = natives(target)
        self._qpy_version = min(qpy_version, QPY_VERSION)
        self._keep_layouts = keep_layouts

    def answer(self, request: str, data: bytes, *, start_index: int) -> tuple[list[Any], bytes]:
        """The weights of circuits, and the circuits where they are wanted."""
        from qjobs.circuits import codec

        found = codec.decode(data, start_index=start_index)
        circuits = [set_apart(circuit, kept=self._natives) for circuit in found]
        if request == "weigh":
            return [self._scales.weigh(circuit) for circuit in circuits], b""
        made = [self._transpile(index, circuit) for index, circuit in enumerate(circuits)]
        return [self._scales.weigh(circuit) for circuit in made], self._encode(made)

    def _transpile(self, index: int, circuit: "QuantumCircuit") -> "QuantumCircuit":
        if self._scales.fits(circuit):
            return circuit
        try:
            made = self._manager.run(circuit)
        except BaseException as error:
            if isinstance(error, MemoryError | KeyboardInterrupt | SystemExit):
                raise
            raise CircuitFailed(index, describe(error)) from error
        if not self._keep_layouts:
            made._layout = None  # noqa: SLF001 - two thirds of the time to read it; no other way
        return made

    def _encode(self, circuits: "list[QuantumCircuit]") -> bytes:
        from qiskit import qpy

        buffer = io.BytesIO()
        qpy.dump(circuits, buffer, version=self._qpy_version)
        return buffer.getvalue()


def serve(parent: Parent) -> None:
    """Answer requests until there are no more."""
    transpiler: Transpiler | None = None
    # Cycles hold circuits. Between requests there are few objects to look through, but to look
    # as often as Python does by default, inside of them, takes a part of the time.
    gc.disable()
    for head, data in parent.requests():
        try:
            if transpiler is None:
                transpiler = Transpiler(_rebuild(data.decode()), **head)
                gc.freeze()
                parent.answer({"ready": True})
            else:
                weights, made = transpiler.answer(head["do"], data, start_index=head["start_index"])
                parent.answer({"weights": weights}, made)
        except CircuitFailed as error:
            parent.answer({"error": str(error), "circuit": error.index})
        except UnreadableCircuit as error:
            parent.answer({"error": error.message, "others": error.others})
        except Exception as error:  # noqa: BLE001 - whatever it is, the next request may pass
            parent.answer({"error": describe(error), "circuit": None})
        gc.collect()


def _rebuild(text: str) -> "Target":
    from qjobs.providers.ibm.targets import rebuild

    target = rebuild(text)
    # Qiskit loads all plug-ins for its transpiler, needed or not. Those of the client take twice
    # as long as Qiskit itself; they add nothing here if the target has not called for them.
    if "qiskit_ibm_runtime" not in sys.modules:
        sys.modules["qiskit_ibm_runtime"] = None  # type: ignore[assignment]  # cannot be imported
    return target


def main(arguments: list[str]) -> None:
    """Run as a process of its own."""
    _, parent = begin(arguments)
    warnings.simplefilter("ignore")
    serve(parent)


if __name__ == "__main__":
    main(sys.argv[1:])
