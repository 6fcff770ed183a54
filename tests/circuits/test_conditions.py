"""Files of `conditions/`, which no Qiskit here can write; `write.py` there says what is right."""

import gzip
import itertools
import struct
from pathlib import Path

import pytest
from qiskit import transpile
from qiskit_aer import AerSimulator
from support.sample_circuits import dump, edge_circuits, load

from qjobs.circuits import qpy, records
from qjobs.circuits.conditions import as_if_else
from qjobs.circuits.gather import gather
from qjobs.circuits.inputs import InputFile
from qjobs.circuits.older import decode_windows
from qjobs.errors import InputError

FILES = sorted((Path(__file__).parent / "conditions").glob("qiskit-*.qpy.gz"))
PULSES = Path(__file__).parent / "conditions" / "pulses-qpy-13.qpy.gz"


def unpack(path: Path, folder: Path) -> Path:
    plain = folder / path.stem
    plain.write_bytes(gzip.decompress(path.read_bytes()))
    return plain


def records_of(data: bytes) -> tuple[qpy.Dialect, list[bytes]]:
    """The records of a file without a table."""
    dialect, count = qpy.read_header(data)
    bounds = [len(dialect.header(count))]
    for _ in range(count):
        bounds.append(records.find_end(data, bounds[-1], dialect.version))
    assert bounds[-1] == len(data)
    return dialect, [data[start:end] for start, end in itertools.pairwise(bounds)]


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_each_condition_holds_where_it_should(path: Path, tmp_path: Path) -> None:
    gather([InputFile(str(path))], tmp_path / "circuits.qpy")
    circuits = load((tmp_path / "circuits.qpy").read_bytes())
    assert len(circuits) >= 21
    simulator = AerSimulator()
    for circuit in circuits:
        result = simulator.run(transpile(circuit, simulator), shots=10).result()
        assert (circuit.name, result.get_counts()) == (
            circuit.name,
            {circuit.metadata["expected"]: 10},
        )


def test_a_record_without_conditions_stays_as_it_is() -> None:
    # No version of Qiskit here writes version 13 from all of them, as the newer can.
    found = [circuit for circuit in edge_circuits() if _can_be_written(circuit)]
    _, whole = records_of(dump(found, 13))
    assert len(whole) >= 6
    for record in whole:
        assert as_if_else(record, 13) is record


def _can_be_written(circuit: object) -> bool:
    try:
        dump([circuit], 13)  # type: ignore[list-item]
    except Exception:  # noqa: BLE001 - whatever that version has no way to say
        return False
    return True


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_is_converted_has_no_conditions_left(path: Path, tmp_path: Path) -> None:
    dialect, whole = records_of(unpack(path, tmp_path).read_bytes())
    converted = [as_if_else(record, dialect.version) for record in whole]
    assert all(new is not old for new, old in zip(converted, whole, strict=True))
    assert [as_if_else(record, dialect.version) for record in converted] == converted


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_record_cut_short_anywhere_is_noticed(path: Path, tmp_path: Path) -> None:
    dialect, whole = records_of(unpack(path, tmp_path).read_bytes())
    for record in whole:
        for size in range(0, len(record), 7):
            with pytest.raises(records.Unsliceable):
                as_if_else(record[:size], dialect.version)


def test_conditions_in_a_file_that_cannot_be_taken_apart_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"circuit 0 \('cal0'\) has conditions that Qiskit 2"):
        list(decode_windows(unpack(PULSES, tmp_path), "old.qpy"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_stands_behind_the_last_circuit_is_not_lost(path: Path, tmp_path: Path) -> None:
    joined = unpack(path, tmp_path)
    size = joined.stat().st_size
    joined.write_bytes(joined.read_bytes() * 2)
    with pytest.raises(InputError, match=f"two.qpy goes on for {size} bytes after its end"):
        list(decode_windows(joined, "two.qpy"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_circuit_of_too_many_qubits_is_named_before_qiskit_makes_room(
    path: Path, tmp_path: Path
) -> None:
    dialect, whole = records_of(unpack(path, tmp_path).read_bytes())
    wide = whole[1][:5] + struct.pack("!I", 2_000_000_000) + whole[1][9:]
    (tmp_path / "wide.qpy").write_bytes(qpy.whole(dialect, [whole[0], wide, whole[2]]))
    with pytest.raises(InputError, match=r"circuit 1 \('on_a_bit_that_is_0'\): a circuit has 2000"):
        list(decode_windows(tmp_path / "wide.qpy", "wide.qpy"))
