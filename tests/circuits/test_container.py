import io
import struct
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from support.sample_circuits import dump, edge_circuits, ghz, load

from qjobs.circuits import codec, qpy, records
from qjobs.circuits.qpy import Container
from qjobs.errors import InputError, JobRefused, TooLarge, UnreadableCircuit
from qjobs.model import Slice

TABLE_VERSIONS = (16, 17, 18)


def walk(data: bytes, version: int, count: int) -> list[int]:
    """Where each record of a file starts, and the last one ends."""
    has_table = version >= qpy.OLDEST_TABLE_VERSION
    bounds = [qpy.first_record(count) if has_table else qpy.HEADER_BYTES]
    for _ in range(count):
        bounds.append(records.find_end(data, bounds[-1], version))
    return bounds


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("version", [14, 15, *TABLE_VERSIONS])
def test_every_record_ends_where_the_next_begins(version: int) -> None:
    circuits = edge_circuits()
    data = dump(circuits, version)
    assert walk(data, version, len(circuits))[-1] == len(data)


@pytest.mark.parametrize("version", TABLE_VERSIONS)
def test_the_table_and_the_records_agree(tmp_path: Path, version: int) -> None:
    circuits = edge_circuits()
    data = dump(circuits, version)
    with Container.open(write(tmp_path / "a.qpy", data)) as container:
        assert list(container.offsets()) == walk(data, version, len(circuits))
        container.check()


@pytest.mark.parametrize("version", TABLE_VERSIONS)
def test_every_slice_holds_the_circuits_it_should(tmp_path: Path, version: int) -> None:
    data = dump(edge_circuits(), version)
    whole = load(data)
    with Container.open(write(tmp_path / "a.qpy", data)) as container:
        assert len(container) == len(whole)
        for start, end in combinations(range(len(whole) + 1), 2):
            part = Slice(start, end - start)
            cut = container.cut(part)
            assert codec.decode(cut) == whole[start:end]
            assert container.size_bytes(part) == len(cut)
            assert container.names(part) == [circuit.name for circuit in whole[start:end]]
            assert container.qubits(part) == max(c.num_qubits for c in whole[start:end])


def test_a_slice_of_a_slice_is_the_slice(tmp_path: Path) -> None:
    data = dump([ghz(2 + index, f"g{index}") for index in range(6)])
    with Container.open(write(tmp_path / "a.qpy", data)) as container:
        outer, inner = container.cut(Slice(1, 4)), container.cut(Slice(2, 2))
    with Container.open(write(tmp_path / "b.qpy", outer)) as container:
        assert container.cut(Slice(1, 2)) == inner


def test_a_slice_of_all_is_the_file(tmp_path: Path) -> None:
    data = dump(edge_circuits())
    with Container.open(write(tmp_path / "a.qpy", data)) as container:
        assert container.cut(Slice(0, len(container))) == data


def test_offsets_count_from_where_qiskit_began_to_write(tmp_path: Path) -> None:
    circuits = [ghz(2), ghz(3)]
    data = bytearray(dump(circuits, 16))
    for entry in range(2):
        at = qpy.HEADER_BYTES + 8 * entry
        (offset,) = struct.unpack_from("!Q", data, at)
        struct.pack_into("!Q", data, at, offset + 50)
    with Container.open(write(tmp_path / "a.qpy", bytes(data))) as container:
        container.check()
        assert codec.decode(container.cut(Slice(1, 1))) == circuits[1:]


def test_a_slice_beyond_the_end_is_refused(tmp_path: Path) -> None:
    with (
        Container.open(write(tmp_path / "a.qpy", dump([ghz(2)]))) as container,
        pytest.raises(InputError, match="holds 1 circuits: 0-1 is not among them"),
    ):
        container.cut(Slice(0, 2))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.qpy"), Container.open(tmp_path / "gone.qpy"):
        pass


def use(path: Path) -> None:
    """Everything that is done with a foreign file."""
    with Container.open(path) as container:
        container.check()
        everything = Slice(0, len(container))
        container.names(everything)
        container.qubits(everything)
        container.cut(everything)


@pytest.mark.parametrize("version", TABLE_VERSIONS)
def test_a_file_cut_short_anywhere_is_refused(tmp_path: Path, version: int) -> None:
    data = dump([ghz(2), ghz(3)], version)
    path = tmp_path / "a.qpy"
    for size in range(len(data)):
        path.write_bytes(data[:size])
        with pytest.raises(InputError):
            use(path)


@pytest.mark.parametrize("version", [14, 15])
def test_an_older_file_cut_short_anywhere_has_no_end(version: int) -> None:
    data = dump([ghz(2), ghz(3)], version)
    for size in range(qpy.HEADER_BYTES, len(data)):
        with pytest.raises(records.CutShort):
            walk(data[:size], version, 2)


def test_bytes_behind_the_last_circuit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="3 bytes stand behind"):
        use(write(tmp_path / "a.qpy", dump([ghz(2)]) + b"abc"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ((0, b"NOPE"), "no QPY header"),
        ((6, b"\x63"), "version is 99"),
        ((6, b"\x0f"), "no table"),
        ((10, struct.pack("!Q", 0)), "holds no circuits"),
        ((10, struct.pack("!Q", 2**60)), "too short"),
        ((19, b"s"), "does not hold circuits"),
        ((20, struct.pack("!Q", 2**63 + 5)), "table"),
        ((28, struct.pack("!Q", 5)), "not in order"),
        ((28, struct.pack("!Q", 2**40)), "not in order"),
    ],
)
def test_a_wrong_header_or_table_is_named(
    tmp_path: Path, change: tuple[int, bytes], message: str
) -> None:
    data = bytearray(dump([ghz(2), ghz(2), ghz(2)]))
    at, new = change
    data[at : at + len(new)] = new
    with pytest.raises(InputError, match=message):
        use(write(tmp_path / "a.qpy", bytes(data)))


SMALL = dump([ghz(2, "a"), ghz(3, "b")])


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(st.tuples(st.integers(0, len(SMALL) - 1), st.binary(min_size=1, max_size=8))))
def test_flipped_bytes_are_accepted_or_refused_but_never_crash(
    tmp_path: Path, changes: list[tuple[int, bytes]]
) -> None:
    data = bytearray(SMALL)
    for at, new in changes:
        data[at : at + len(new)] = new
    path = write(tmp_path / "a.qpy", bytes(data))
    try:
        use(path)
    except (InputError, records.Unsliceable):
        return


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(SMALL) - 1), st.integers(0, 255))
def test_decoding_garbage_is_an_input_error(at: int, byte: int) -> None:
    data = bytearray(SMALL)
    data[at] = byte
    try:
        codec.decode(bytes(data))
    except InputError:
        return


def test_what_is_encoded_can_be_sliced(tmp_path: Path) -> None:
    circuits = [ghz(2, "one"), QuantumCircuit(1, name="two")]
    with Container.open(write(tmp_path / "a.qpy", codec.encode(circuits))) as container:
        assert container.names(Slice(0, 2)) == ["one", "two"]
        assert load(container.cut(Slice(0, 2))) == circuits


def test_a_container_is_read_by_position_so_threads_do_not_disturb_each_other(
    tmp_path: Path,
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    data = dump([ghz(2 + index % 3, f"g{index}") for index in range(60)])
    with Container.open(write(tmp_path / "a.qpy", data)) as container:
        parts = [Slice(start, 3) for start in range(0, 60, 3)] * 5
        with ThreadPoolExecutor(8) as pool:
            cuts = list(pool.map(container.cut, parts))
        assert cuts == [container.cut(part) for part in parts]


def test_pulse_calibrations_are_left_to_qiskit() -> None:
    data = bytearray(dump([QuantumCircuit(1)], 17))
    layout_bytes = 22
    at = len(data) - layout_bytes - 1
    assert data[at - 1 : at + 1] == b"\0\0"
    data[at] = 1
    with pytest.raises(records.Unsliceable, match="pulse"):
        walk(bytes(data), 17, 1)


def test_the_stream_position_is_not_moved_by_reading(tmp_path: Path) -> None:
    path = write(tmp_path / "a.qpy", SMALL)
    with path.open("rb") as file:
        container = Container(file, "a")
        container.cut(Slice(0, 1))
        assert file.seek(0, io.SEEK_CUR) == 0


def spoilt(*places: int) -> bytes:
    """Four circuits, of which Qiskit cannot read those in these places: they have no such gate."""
    made = [QuantumCircuit(2, 1, name=f"c{place}") for place in range(4)]
    for place, circuit in enumerate(made):
        (circuit.sx if place in places else circuit.x)(0)
    return dump(made).replace(b"SXGate", b"NoGate")


def test_a_circuit_that_cannot_be_read_is_told_from_the_others() -> None:
    found = codec.decode_each(spoilt(1, 3))
    assert [type(circuit) for circuit in found] == [QuantumCircuit, codec.UnreadRecord] * 2
    assert found[1].name == "c1"
    assert found[1].clbits == 1
    assert "NoGate" in found[1].why


def test_the_first_circuit_that_cannot_be_read_is_named_by_its_index_in_the_set() -> None:
    with pytest.raises(UnreadableCircuit, match=r"circuit 301 \(c1\): .*NoGate") as caught:
        codec.decode(spoilt(1, 3), start_index=300)
    assert type(caught.value.refusal()) is TooLarge
    with pytest.raises(UnreadableCircuit, match="circuit 0 ") as caught:
        codec.decode(spoilt(0, 1, 2, 3))
    assert type(caught.value.refusal()) is JobRefused


def test_a_file_whose_table_is_wrong_has_no_circuits_to_tell_apart() -> None:
    data = bytearray(spoilt(1))
    data[qpy.HEADER_BYTES : qpy.HEADER_BYTES + 8] = bytes(8)
    with pytest.raises(InputError) as caught:
        codec.decode_each(bytes(data))
    assert not isinstance(caught.value, UnreadableCircuit)
