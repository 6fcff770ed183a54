"""Make files of circuits of a given size and shape, the same ones every time.

    python benchmarks/corpus.py SHAPE FOLDER [--circuits N] [--megabytes M]

    qpy-10k     circuits.qpy: 150 MB of QPY in the newest version, 10,000 circuits
    qpy-100k    circuits.qpy: 150 MB of QPY in the newest version, 100,000 circuits
    qasm2       10,000 OpenQASM 2 files of 5 to 12 qubits
    qasm3       500 straight-line OpenQASM 3 files
    aer-5       circuits.qpy: 1,500 circuits of 5 qubits (efficient SU(2), 3 repetitions)
    aer-12      circuits.qpy: 300 circuits of 12 qubits
    aer-16      circuits.qpy: 60 circuits of 16 qubits
    many-5      circuits.qpy: 10,000 circuits of 5 qubits

All circuits are measured. Large QPY files repeat the records of a few hundred circuits,
because writing 100,000 different ones takes minutes and would measure nothing more.
Other benchmarks import the functions; each takes the path to write and returns it.
"""

import argparse
import io
import random
import struct
from collections.abc import Iterator
from pathlib import Path

from qiskit import QuantumCircuit, qasm2, qasm3, qpy

MEGABYTE = 1_000_000
_DISTINCT = 200


def efficient_su2(qubits: int, repetitions: int, seed: int) -> QuantumCircuit:
    """Layers of RY and RZ with random angles, entangled in reverse order, and measured."""
    angles = random.Random(seed)
    circuit = QuantumCircuit(qubits, qubits, name=f"su2-{qubits}-{seed}")
    for layer in range(repetitions + 1):
        for qubit in range(qubits):
            circuit.ry(angles.uniform(0, 6.28), qubit)
            circuit.rz(angles.uniform(0, 6.28), qubit)
        if layer < repetitions:
            for qubit in reversed(range(qubits - 1)):
                circuit.cx(qubit, qubit + 1)
    circuit.measure(range(qubits), range(qubits))
    return circuit


def simulations(path: Path, *, qubits: int, circuits: int, repetitions: int = 3) -> Path:
    """A QPY file of `circuits` different circuits to simulate."""
    with path.open("wb") as file:
        qpy.dump([efficient_su2(qubits, repetitions, seed) for seed in range(circuits)], file)
    return path


def large_qpy(path: Path, *, circuits: int, size_bytes: int, version: int = 18) -> Path:
    """A QPY file of about `size_bytes` with `circuits` circuits, written record by record."""
    if version < 16:
        raise ValueError("the records of a QPY file before version 16 have no offsets")
    header, records = _records(_distinct(size_bytes // circuits), version)
    start = len(header) + 8 * circuits
    with path.open("wb") as file:
        file.write(header[:10] + struct.pack("!Q", circuits) + header[18:])
        offsets, position = bytearray(), start
        for index in range(circuits):
            offsets += struct.pack("!Q", position)
            position += len(records[index % len(records)])
        file.write(offsets)
        for index in range(circuits):
            file.write(records[index % len(records)])
    return path


def _distinct(record_bytes: int) -> list[QuantumCircuit]:
    """Circuits whose QPY records have about `record_bytes` each, at least some 600."""
    sizes = [len(_records([efficient_su2(3, reps, 0)], 18)[1][0]) for reps in (0, 10)]
    repetitions = max(0, round(10 * (record_bytes - sizes[0]) / (sizes[1] - sizes[0])))
    return [efficient_su2(3, repetitions, seed) for seed in range(_DISTINCT)]


def _records(circuits: list[QuantumCircuit], version: int) -> tuple[bytes, list[bytes]]:
    """The header of a QPY file (with the program type) and the records behind the table."""
    buffer = io.BytesIO()
    qpy.dump(circuits, buffer, version=version)
    data = buffer.getvalue()
    header_bytes = struct.calcsize("!6sBBBBQcc")
    offsets = list(struct.unpack_from(f"!{len(circuits)}Q", data, header_bytes))
    ends = [*offsets[1:], len(data)]
    return data[:header_bytes], [data[a:b] for a, b in zip(offsets, ends, strict=True)]


def qasm2_files(folder: Path, *, circuits: int) -> Path:
    """A folder of OpenQASM 2 files: `c0.qasm` and so on, 5 to 12 qubits each."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = [qasm2.dumps(efficient_su2(5 + seed % 8, 4, seed)) for seed in range(_DISTINCT)]
    for index in range(circuits):
        (folder / f"c{index}.qasm").write_text(texts[index % len(texts)])
    return folder


def qasm3_files(folder: Path, *, circuits: int) -> Path:
    """A folder of straight-line OpenQASM 3 files: `c0.qasm` and so on."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(circuits):
        (folder / f"c{seed}.qasm").write_text(qasm3.dumps(efficient_su2(5 + seed % 8, 2, seed)))
    return folder


def _make(shape: str, folder: Path, circuits: int | None, megabytes: int) -> Iterator[Path]:
    target = folder / "circuits.qpy"
    match shape:
        case "qpy-10k" | "qpy-100k":
            count = circuits or (10_000 if shape == "qpy-10k" else 100_000)
            yield large_qpy(target, circuits=count, size_bytes=megabytes * MEGABYTE)
        case "qasm2":
            yield qasm2_files(folder, circuits=circuits or 10_000)
        case "qasm3":
            yield qasm3_files(folder, circuits=circuits or 500)
        case _:
            qubits, count = {
                "aer-5": (5, 1_500),
                "aer-12": (12, 300),
                "aer-16": (16, 60),
                "many-5": (5, 10_000),
            }[shape]
            yield simulations(target, qubits=qubits, circuits=circuits or count)


SHAPES = ("qpy-10k", "qpy-100k", "qasm2", "qasm3", "aer-5", "aer-12", "aer-16", "many-5")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--circuits", type=int)
    parser.add_argument("--megabytes", type=int, default=150)
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    for path in _make(chosen.shape, chosen.folder, chosen.circuits, chosen.megabytes):
        print(path)


if __name__ == "__main__":
    main()
