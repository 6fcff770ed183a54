"""Damage files of circuits at random, and see that nothing but themselves suffers from it.

    python tests/fuzz_readers.py [--inputs 2000] [--seed 1] [--keep FOLDER]

Files of each format are changed in many ways: bytes and tokens replaced, removed, doubled,
numbers made huge, pieces of two files joined, ends cut off. They are gathered in batches, with
whole files among them, as `qjobs submit --skip-invalid` does. Each whole file must come back as
it was, each other be read or be left out with a reason that names it, and no process and no
file be left. What breaks this is kept in FOLDER, and ends the script with 1. The same seed gives
the same files.
"""

import argparse
import gzip
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from qiskit import QuantumCircuit, qasm2, qasm3
from support.sample_circuits import dump, edge_circuits, ghz, load

from qjobs.circuits.gather import Gathered, gather
from qjobs.circuits.inputs import InputFile
from qjobs.errors import InputError

BATCH = 100
WHOLE_EVERY = 10
NUMBERS = ["0", "-1", "1e309", "2147483648", "9" * 30, "1000001", "0.1e-400", "pi/0", "0x7f"]
PROGRAMS = [
    qasm2.dumps(ghz(3)),
    qasm3.dumps(ghz(3)),
    (
        'OPENQASM 2.0;\ninclude "qelib1.inc";\ngate g(a,b) x,y { rx(a*2) x; u3(a,b,0) y; }\n'
        "opaque o(a) x;\nqreg q[4];\ncreg c[2];\ng(pi/2,-1e-3) q[0],q[1];\nif(c==1) h q;\n"
        "barrier q;\nreset q[3];\nmeasure q[0] -> c[1];\n"
    ),
    (
        'OPENQASM 3.0;\ninclude "stdgates.inc";\ninput float theta;\ngate g(a) x { rx(a) x; }\n'
        "qubit[3] q;\nbit[3] c;\nrx(theta) q[0];\ng(2*pi) q[1];\nctrl @ g(0.5) q[0], q[2];\n"
        "for int i in [0:2:8] { rz(i) q[0]; }\nc[0] = measure q[0];\n"
        "if (c == 3) { x q[1]; } else { h q; }\nwhile (!c[1]) { h q[1]; c[1] = measure q[1]; }\n"
        "switch (c) { case 1 { x q[0]; } default { z q[0]; } }\nlet a = q[0:1];\nbarrier a;\n"
    ),
]
TOKENS = [
    *("{", "}", "(", ")", "[", "]", ";", ",", "@", "->", "==", "-", "^", "$7", "\0", "\ufeff", '"'),
    *("gate", "qubit", "bit", "if", "for", "include", "measure", "ctrl", "inv", "pow", "/*", "//"),
]

Mutation = Callable[[bytes, bytes, random.Random], bytes]


def flip(data: bytes, _: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8, 64))):
        changed[chance.randrange(len(changed))] = chance.choice((0, 1, 127, 128, 255, 10, 113))
    return bytes(changed)


def overwrite(data: bytes, _: bytes, chance: random.Random) -> bytes:
    """A number of two, four or eight bytes becomes an extreme one."""
    size = chance.choice((2, 4, 8))
    at = chance.randrange(max(1, len(data) - size))
    value = chance.choice((0, 1, 2 ** (8 * size - 1), 2 ** (8 * size) - 1, 2**20, 2**31))
    return data[:at] + (value % 2 ** (8 * size)).to_bytes(size, "big") + data[at + size :]


def cut(data: bytes, _: bytes, chance: random.Random) -> bytes:
    start, end = sorted(chance.randrange(len(data)) for _ in range(2))
    return chance.choice((data[:start], data[:start] + data[end:], data[start:end], data[end:]))


def double(data: bytes, _: bytes, chance: random.Random) -> bytes:
    start, end = sorted(chance.randrange(len(data)) for _ in range(2))
    return data[:start] + data[start:end] * chance.choice((2, 3, 50)) + data[end:]


def splice(data: bytes, other: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data))] + other[chance.randrange(len(other)) :]


def tokens(data: bytes, other: bytes, chance: random.Random) -> bytes:
    """Tokens change places, vanish, or become others."""
    found = re.findall(rb"\w+|\s+|[^\w\s]", data)
    strange = re.findall(rb"\w+", other) + [text.encode() for text in (*TOKENS, *NUMBERS)]
    for _ in range(chance.choice((1, 1, 2, 5))):
        at = chance.randrange(len(found))
        match chance.randrange(4):
            case 0:
                found[at] = chance.choice(strange or [b"q"])
            case 1:
                found[at] = b""
            case 2:
                found.insert(at, chance.choice(strange or [b"q"]))
            case _:
                to = chance.randrange(len(found))
                found[at], found[to] = found[to], found[at]
    return b"".join(found)


def nest(data: bytes, _: bytes, chance: random.Random) -> bytes:
    """One place is nested deeply."""
    depth = chance.choice((10, 300, 3000))
    before, after = chance.choice(((b"(", b")"), (b"if(c==1){", b"}"), (b"-", b""), (b"{", b"}")))
    start, end = sorted(chance.randrange(len(data)) for _ in range(2))
    return data[:start] + before * depth + data[start:end] + after * depth + data[end:]


BYTES: list[Mutation] = [flip, overwrite, cut, double, splice]
TEXT: list[Mutation] = [tokens, tokens, tokens, tokens, nest, flip, cut, double, splice]


def sources() -> list[tuple[str, bytes, list[Mutation]]]:
    """Whole files to damage: their ending, what they hold, and how they may be damaged."""
    found = [(".qasm", text.encode(), TEXT) for text in PROGRAMS]
    for version in (10, 13, 15, 16, 18):
        for circuits in ([ghz(2), ghz(3)], *([circuit] for circuit in edge_circuits())):
            try:
                found.append((".qpy", dump(circuits, version), BYTES))
            except Exception:  # noqa: BLE001 - not every version holds every circuit
                continue
    packed = gzip.compress(PROGRAMS[0].encode(), mtime=0)
    return [*found, (".qasm.gz", packed, BYTES)]


def batches(folder: Path, inputs: int, seed: int) -> Iterator[tuple[list[Path], list[Path]]]:
    """Folders of files: those that are damaged and, in their order among them, whole ones."""
    chance = random.Random(seed)
    known = sources()
    for batch in range(0, inputs, BATCH):
        place = folder / f"batch{batch}"
        place.mkdir()
        damaged, whole = [], []
        for index in range(batch, min(batch + BATCH, inputs)):
            ending, data, mutations = chance.choice(known)
            _, other, _ = chance.choice(known)
            path = place / f"{index:06}-damaged{ending}"
            path.write_bytes(chance.choice(mutations)(data, other, chance))
            damaged.append(path)
            if index % WHOLE_EVERY == 0:
                whole.append(place / f"{index:06}-whole.qasm")
                whole[-1].write_text(qasm2.dumps(ghz(2 + index // WHOLE_EVERY % 3)))
        yield damaged, whole


def faults(damaged: list[Path], whole: list[Path], seen: Counter[str]) -> Iterator[str]:
    """Gather a batch; what is not as it should be."""
    target = damaged[0].parent / "set" / "circuits.qpy"
    target.parent.mkdir()
    files = sorted([*damaged, *whole])
    try:
        gathered = gather([InputFile(str(p)) for p in files], target, skip_invalid=True)
    except InputError as error:
        yield f"the batch was refused: {error}"
        return
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        yield f"the batch was stopped by {type(error).__name__}: {error}"
        return
    if [path.name for path in target.parent.iterdir()] != ["circuits.qpy"]:
        yield "files were left"
    read = {source.path for source in gathered.sources}
    reasons = {skipped.path: str(skipped) for skipped in gathered.skipped}
    for path in map(str, files):
        if (path in read) == (path in reasons):
            yield f"{path} was both read and left out, or neither"
    for path in map(str, damaged):
        if path in reasons and Path(path).name not in reasons[path]:
            yield f"{path} is not named: {reasons[path]}"
    seen.update("read" if str(path) in read else _kind(reasons[str(path)]) for path in damaged)
    for path in whole:
        if str(path) not in read or _circuit(gathered, target, path) != _expected(path):
            yield f"{path} is whole, but: {reasons.get(str(path), 'it was changed')}"


def _kind(reason: str) -> str:
    died = re.search(r"the process that read it (.*)", reason)
    return f"left out, for its reader {died[1]}" if died else "left out"


def _circuit(gathered: Gathered, target: Path, path: Path) -> QuantumCircuit:
    from qjobs.circuits.slices import CircuitSlice
    from qjobs.model import Slice

    (source,) = (source for source in gathered.sources if source.path == str(path))
    return load(CircuitSlice(target, Slice(source.start_index, 1)).qpy())[0]


def _expected(path: Path) -> QuantumCircuit:
    circuit = qasm2.loads(path.read_text(), custom_instructions=qasm2.LEGACY_CUSTOM_INSTRUCTIONS)
    circuit.name = path.stem
    return circuit


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--inputs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-faults"))
    chosen = parser.parse_args(arguments)
    seen: Counter[str] = Counter()
    wrong = 0
    slowest_s = 0.0
    with tempfile.TemporaryDirectory(prefix="qjobs-fuzz-") as name:
        for damaged, whole in batches(Path(name), chosen.inputs, chosen.seed):
            started = time.monotonic()
            for fault in faults(damaged, whole, seen):
                wrong += 1
                print(f"FAULT: {fault}")
                chosen.keep.mkdir(exist_ok=True)
                for path in damaged:
                    (chosen.keep / path.name).write_bytes(path.read_bytes())
            slowest_s = max(slowest_s, time.monotonic() - started)
    for kind, count in seen.most_common():
        print(f"{count:6} {kind}")
    print(f"{chosen.inputs} inputs, {wrong} faults; the slowest batch took {slowest_s:.1f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
