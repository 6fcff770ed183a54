import bz2
import gzip
import hashlib
import io
import lzma
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from qiskit import QuantumCircuit, qasm2, qasm3
from support.sample_circuits import dump, edge_circuits, ghz, load

from qjobs.children.child import Died, Expired
from qjobs.circuits import joining, qpy, records, unpacking
from qjobs.circuits.files import CircuitFile, Task
from qjobs.circuits.gather import Gathered, gather
from qjobs.circuits.inputs import expand
from qjobs.circuits.process import Process
from qjobs.circuits.slices import CircuitSlice
from qjobs.circuits.sniff import Format
from qjobs.errors import InputError, StateUnwritable, UnreadableFiles
from qjobs.model import Slice


def collect(folder: Path, *arguments: str | Path, **options: object) -> Gathered:
    """Gather into `folder/set/circuits.qpy`, and see that nothing else is left there.

    Its sha256 is that of the file, however it came about.
    """
    target = folder / "set" / "circuits.qpy"
    target.parent.mkdir(exist_ok=True)
    try:
        gathered = gather(expand([str(a) for a in arguments]), target, **options)  # type: ignore[arg-type] # options of the test's own choice
        assert gathered.sha256 == hashlib.sha256(target.read_bytes()).hexdigest()
        return gathered
    finally:
        assert {path.name for path in target.parent.iterdir()} <= {"circuits.qpy"}


def loaded(folder: Path) -> list[QuantumCircuit]:
    return load((folder / "set" / "circuits.qpy").read_bytes())


def write(path: Path, data: bytes | str) -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def test_one_qpy_file_is_copied_as_it_is(tmp_path: Path) -> None:
    data = dump(edge_circuits())
    path = write(tmp_path / "a.qpy", data)
    gathered = collect(tmp_path, path)
    target = tmp_path / "set" / "circuits.qpy"
    assert target.read_bytes() == data
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    (source,) = gathered.sources
    assert (source.path, source.format) == (str(path), "qpy")
    assert source.sha256 == hashlib.sha256(data).hexdigest()
    assert (source.start_index, source.experiments_count) == (0, gathered.circuits) == (0, 9)


def test_qpy_files_are_joined_in_order_with_their_provenance(tmp_path: Path) -> None:
    for name, qubits in (("b", 2), ("a", 3)):
        write(tmp_path / f"{name}.qpy", dump([ghz(qubits, f"{name}{i}") for i in range(3)]))
    gathered = collect(tmp_path, tmp_path / "b.qpy", tmp_path / "a.qpy", tmp_path / "b.qpy")
    assert [c.name for c in loaded(tmp_path)] == [
        *("b0", "b1", "b2"),
        *("a0", "a1", "a2"),
        *("b0", "b1", "b2"),
    ]
    assert [source.start_index for source in gathered.sources] == [0, 3, 6]
    assert gathered.source(5) is gathered.sources[1]
    assert gathered.source(6) is gathered.sources[2]


def join_small(folder: Path, files: list[bytes], buffer_bytes: int) -> joining.Joined:
    parts = []
    for index, data in enumerate(files):
        path = write(folder / f"{index}.qpy", data)
        parts.append(joining.Part(path, path.name, len(load(data)), hashed=True))
    dialect, _ = qpy.read_header(files[0])
    target = folder / "set" / "circuits.qpy"
    target.parent.mkdir()
    return joining.join(
        parts, target, dialect=dialect, copied=lambda _: None, buffer_bytes=buffer_bytes
    )


def test_records_longer_than_a_buffer_are_joined_and_searched(tmp_path: Path) -> None:
    plain = QuantumCircuit(3)
    plain.h(range(3))
    circuits = [ghz(2 + i % 4, f"g{i}") if i % 3 else plain.copy(f"p{i}") for i in range(40)]
    files = [dump(circuits[index : index + 10]) for index in range(0, 40, 10)]
    joined = join_small(tmp_path, files, buffer_bytes=97)
    assert loaded(tmp_path) == circuits
    assert joined.unmeasured == joining.Unmeasured(14, tuple(range(0, 30, 3)))
    assert joined.sha256 == tuple(hashlib.sha256(data).hexdigest() for data in files)


@pytest.mark.parametrize("buffer_bytes", [*range(7, 80), 1000])
def test_a_measurement_is_found_wherever_a_buffer_ends(tmp_path: Path, buffer_bytes: int) -> None:
    data = dump([ghz(2), QuantumCircuit(2), ghz(3), QuantumCircuit(1)])
    joined = join_small(tmp_path, [data], buffer_bytes)
    assert joined.unmeasured == joining.Unmeasured(2, (1, 3))


def test_a_slice_of_what_was_gathered_gives_its_circuits(tmp_path: Path) -> None:
    circuits = [ghz(2, f"g{i}") for i in range(5)]
    write(tmp_path / "a.qpy", dump(circuits))
    collect(tmp_path, tmp_path / "a.qpy")
    part = CircuitSlice(tmp_path / "set" / "circuits.qpy", Slice(1, 3))
    assert part.circuits() == circuits[1:4]


def test_the_fingerprint_is_that_of_the_contents_in_their_order(tmp_path: Path) -> None:
    a, b = dump([ghz(2)]), dump([ghz(3)])
    paths = [write(tmp_path / name, data) for name, data in (("1", a), ("2", b), ("x/3", a))]
    first = collect(tmp_path, paths[0], paths[1]).fingerprint
    assert collect(tmp_path, paths[2], paths[1]).fingerprint == first
    assert collect(tmp_path, paths[1], paths[0]).fingerprint != first


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress, bz2.compress])
def test_packed_qpy_is_unpacked_and_its_hash_is_of_the_packed_bytes(
    tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    data = compress(dump([ghz(2)])) + compress(b"")
    gathered = collect(tmp_path, write(tmp_path / "a.qpy.packed", data))
    assert loaded(tmp_path) == [ghz(2)]
    assert gathered.sources[0].sha256 == hashlib.sha256(data).hexdigest()


def test_standard_input_is_a_file_like_any_other(tmp_path: Path) -> None:
    target = tmp_path / "circuits.qpy"
    gathered = gather(expand(["-"], stdin=io.BytesIO(dump([ghz(2)]))), target)
    assert gathered.sources[0].path == "-"
    assert list(tmp_path.iterdir()) == [target]


def test_a_gzip_bomb_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "bomb.qpy.gz", gzip.compress(b"QISKIT" + bytes(unpacking.FREE_BYTES)))
    with pytest.raises(InputError, match="holds more than 64 MiB"):
        collect(tmp_path, path)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.qasm", b"", "a.qasm is empty"),
        ("a.qasm", b" \n\t", "is empty"),
        ("a.qpy", b"QISKIT", "QPY"),
        ("a.txt", b"\x89PNG\r\n", "neither QPY nor OpenQASM"),
        ("a.qasm", b"OPENQASM 4.0;", "OpenQASM 4, not 2 or 3"),
        ("a.qpy", b"\x1f\x8bnonsense", "damaged gzip"),
        (
            "a.qpy.gz",
            gzip.compress(dump([ghz(2)]), mtime=0)[:-9],
            "damaged gzip file: it ends too early",
        ),
        ("a.qpy", b"QISKIT\x63" + bytes(60), r"QPY version 99; Qiskit \S+ reads up to"),
        ("a.qpy", dump([ghz(2)]) + b"x", "1 bytes stand behind"),
        ("a.qpy", dump([ghz(2)])[:-1], "cut short"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        collect(tmp_path, write(tmp_path / name, data))
    assert name in caught.value.message


def test_nothing_given_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no circuit files"):
        collect(tmp_path)


def test_a_folder_that_cannot_be_written_is_a_state_error(tmp_path: Path) -> None:
    given = expand([str(write(tmp_path / "a.qpy", dump([ghz(2)])))])
    with pytest.raises(StateUnwritable, match="cannot write"):
        gather(given, tmp_path / "missing" / "circuits.qpy")


def test_copying_qpy_loads_no_qiskit(tmp_path: Path) -> None:
    path = write(tmp_path / "a.qpy", dump([ghz(2)]))
    code = (
        "import sys; from pathlib import Path\n"
        "from qjobs.circuits.gather import gather; from qjobs.circuits.inputs import expand\n"
        "gather(expand(sys.argv[1:2]), Path(sys.argv[2]))\n"
        "bad = {'qiskit', 'numpy', 'subprocess', 'multiprocessing', 'asyncio', 'concurrent'}\n"
        "print(bad & set(sys.modules))"
    )
    command = [sys.executable, "-c", code, str(path), str(tmp_path / "circuits.qpy")]
    assert subprocess.run(command, capture_output=True, check=True, text=True).stdout == "set()\n"


# What follows starts worker processes, each of which imports Qiskit.


@pytest.mark.slow
def test_everything_mixed_keeps_its_order(tmp_path: Path) -> None:
    write(tmp_path / "in/q1.qasm", qasm2.dumps(ghz(2)))
    write(tmp_path / "in/q2.qpy", dump([ghz(3, "new"), ghz(3, "newer")]))
    write(tmp_path / "in/q3.qpy", dump([ghz(4, "old"), ghz(5, "older")], 13))
    write(tmp_path / "in/q4.qasm.gz", gzip.compress(qasm3.dumps(ghz(6)).encode()))
    edge = dump(edge_circuits(), 16)
    write(tmp_path / "in/q10.qpy", edge)
    seen: list[tuple[int, int]] = []
    gathered = collect(tmp_path, tmp_path / "in", progress=lambda *p: seen.append(p))
    names = [circuit.name for circuit in loaded(tmp_path)]
    assert names[:6] == ["q1", "new", "newer", "old", "older", "q4"]
    assert loaded(tmp_path)[6:] == load(edge)
    assert [s.experiments_count for s in gathered.sources] == [1, 2, 2, 1, 9]
    assert [s.format for s in gathered.sources] == ["qasm2", "qpy", "qpy", "qasm3", "qpy"]
    for source in gathered.sources:
        assert source.sha256 == hashlib.sha256(Path(source.path).read_bytes()).hexdigest()
    assert seen[-1] == (5, 5)
    assert seen == sorted(seen)


@pytest.mark.slow
def test_programs_are_read_however_they_are_written_and_packed(tmp_path: Path) -> None:
    programs = {
        "a.qasm": qasm2.dumps(ghz(2)).encode("utf-16"),
        "b.qasm": qasm3.dumps(ghz(3)).replace("\n", "\r").encode("utf-16-le"),
        "c.qasm": qasm2.dumps(ghz(4)).partition(";")[2].encode(),
        "d.qasm": qasm3.dumps(ghz(5)).partition(";")[2].replace('"', "'").encode(),
        "e.qasm.xz": lzma.compress(qasm2.dumps(ghz(6)).encode()),
        "f.QASM.BZ2": bz2.compress(f"// \xe9\n{qasm3.dumps(ghz(7))}".encode("latin-1")),
        "g.qasm.gz": gzip.compress(qasm2.dumps(ghz(8)).replace("\n", "\r\n").encode("utf-8-sig")),
    }
    for name, data in programs.items():
        write(tmp_path / "in" / name, data)
    gathered = collect(tmp_path, tmp_path / "in")
    assert [circuit.name for circuit in loaded(tmp_path)] == [*"abcdefg"]
    for qubits, circuit in enumerate(loaded(tmp_path), start=2):
        assert circuit == ghz(qubits)
    for source, data in zip(gathered.sources, programs.values(), strict=True):
        assert source.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.slow
def test_many_files_and_processes_keep_their_order(tmp_path: Path) -> None:
    for index in range(150):
        write(tmp_path / f"in/c{index}.qasm", qasm2.dumps(ghz(2 + index % 5)))
    gathered = collect(tmp_path, tmp_path / "in", processes=3)
    assert [c.name for c in loaded(tmp_path)] == [f"c{index}" for index in range(150)]
    assert [c.num_qubits for c in loaded(tmp_path)] == [2 + index % 5 for index in range(150)]
    assert gathered.circuits == 150


@pytest.mark.slow
def test_an_old_file_is_decoded_in_windows(tmp_path: Path) -> None:
    circuits = [ghz(2, f"g{index}") for index in range(650)]
    collect(tmp_path, write(tmp_path / "a.qpy", dump(circuits, 13)))
    assert loaded(tmp_path) == circuits


@pytest.mark.slow
def test_invalid_files_stop_everything_or_are_skipped(tmp_path: Path) -> None:
    for index in range(6):
        write(tmp_path / f"in/good{index}.qasm", qasm2.dumps(ghz(2)))
        write(tmp_path / f"in/bad{index}.qasm", "OPENQASM 2.0;\nqreg q[1];\n  nogate q[0];\n")
    write(tmp_path / "in/cut.qpy", dump([ghz(2)])[:-1])
    (tmp_path / "in/broken.inc").write_text("gate a q {}\n gate b q { nogate q; }\n")
    write(tmp_path / "in/including.qasm", 'OPENQASM 2.0;\ninclude "broken.inc";\nqreg q[1];\n')
    # What is found at the first look, and what a reader finds: all are told, in their order.
    with pytest.raises(UnreadableFiles) as caught:
        collect(tmp_path, tmp_path / "in")
    assert caught.value.message == "8 of 14 files cannot be read"
    assert "--skip-invalid" in caught.value.hint
    unreadable = caught.value.unreadable
    names = [*(f"bad{index}.qasm" for index in range(6)), "cut.qpy", "including.qasm"]
    paths = [str(tmp_path / "in" / name) for name in names]
    assert [file.path for file in unreadable] == paths
    not_defined = "'nogate' is not defined in this scope"
    assert unreadable[5] == (paths[5], 3, 3, not_defined, paths[5])
    cut_short = "is not a whole QPY file: its last circuit is cut short"
    assert unreadable[6] == (paths[6], None, None, cut_short, paths[6])
    included = str(tmp_path / "in" / "broken.inc")
    message = f"{not_defined} (included by {paths[7]})"
    assert unreadable[7] == (included, 2, 13, message, paths[7])
    assert str(unreadable[7]) == f"{included}:2:13: {message}"

    gathered = collect(tmp_path, tmp_path / "in", skip_invalid=True)
    assert [c.name for c in loaded(tmp_path)] == [f"good{index}" for index in range(6)]
    assert gathered.skipped == unreadable
    with pytest.raises(InputError, match=r"bad0.qasm:3:3") as only:
        collect(tmp_path, tmp_path / "in/bad0.qasm", skip_invalid=True)
    assert only.value.unreadable == unreadable[:1]
    with pytest.raises(UnreadableFiles, match=r"^2 of 2 files cannot be read$") as both:
        collect(tmp_path, tmp_path / "in/bad0.qasm", tmp_path / "in/bad1.qasm")
    assert not both.value.hint  # to leave them out would leave nothing


def test_a_damaged_table_is_skipped_before_anything_is_written(tmp_path: Path) -> None:
    data = bytearray(dump([ghz(2), ghz(2), ghz(2)]))
    data[28:36] = bytes(8)
    write(tmp_path / "bad.qpy", bytes(data))
    write(tmp_path / "good.qpy", dump([ghz(2)]))
    gathered = collect(tmp_path, tmp_path / "bad.qpy", tmp_path / "good.qpy", skip_invalid=True)
    assert [Path(file.path).name for file in gathered.skipped] == ["bad.qpy"]
    assert loaded(tmp_path) == [ghz(2)]


def _workers(parent: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
            command = path.with_name("cmdline").read_bytes()
        except OSError:
            continue
        if int(fields[1]) == parent and b"qjobs.circuits.worker" in command:
            found.append(int(path.parent.name))
    return found


def _slow_files(folder: Path) -> Path:
    for index in range(20):
        body = "".join(f"if (c[0]) {{ rx({i}.5) q[0]; }}\n" for i in range(300))
        program = f'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[1] q;\nbit[1] c;\n{body}'
        write(folder / f"s{index}.qasm", program)
    return folder


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="it looks into /proc")
def test_a_worker_that_is_killed_once_blames_no_file(tmp_path: Path) -> None:
    folder = _slow_files(tmp_path / "in")
    seen: list[int] = []

    def kill(done: int, total: int) -> None:
        if done == 2 and len(seen) == 1:
            for worker in _workers(os.getpid()):
                os.kill(worker, signal.SIGKILL)
        seen.append(done)

    collect(tmp_path, folder, processes=2, progress=kill)
    assert [circuit.name for circuit in loaded(tmp_path)] == [f"s{index}" for index in range(20)]
    assert seen[:20] == [*range(1, 21)]
    assert not _workers(os.getpid())


GOOD = qasm2.dumps(ghz(2))
# Python runs this before our code: a reader that opens a file of such a name ends so.
ENDINGS = """
import os, sys

def end(event, arguments):
    name = str(arguments[0]) if event == "open" else ""
    if "killed" in name:
        os.kill(os.getpid(), 9)
    if "memory" in name:
        raise MemoryError
    if "exits" in name:
        raise SystemExit(3)
    if "panics" in name:
        raise BaseException("what a panic says")

sys.addaudithook(end)
"""


@pytest.mark.slow
def test_a_file_that_its_reader_does_not_survive_is_blamed_and_skipped_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "hooks/sitecustomize.py", ENDINGS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "hooks"))
    bad = ["a_killed", "c_exits", "d_memory", "e_panics", "g_killed", "h_killed"]
    good = ["a", "b", "c", "d", "f", "i", "j"]
    for name in (*good, *bad):
        write(tmp_path / f"in/{name}.qasm", GOOD)
    seen: list[int] = []
    gathered = collect(
        tmp_path,
        tmp_path / "in",
        skip_invalid=True,
        processes=1,
        progress=lambda done, _: seen.append(done),
    )
    assert [circuit.name for circuit in loaded(tmp_path)] == good
    assert [Path(file.path).stem for file in gathered.skipped] == bad
    reasons = [file.message.partition("cannot be read: ")[2] for file in gathered.skipped]
    killed = "the process that read it was killed by signal 9 (SIGKILL): out of memory?"
    assert reasons[0] == reasons[4] == reasons[5] == killed
    assert reasons[1] == "SystemExit: 3"
    assert reasons[2].startswith("the process that read it needed more than")
    assert reasons[3] == "BaseException: what a panic says"
    assert seen[:13] == [*range(1, 14)]
    with pytest.raises(UnreadableFiles, match=r"^6 of 13 files") as caught:
        collect(tmp_path, tmp_path / "in", processes=3)
    assert "/a_killed.qasm: cannot be read: " in str(caught.value.unreadable[0])
    assert not _workers(os.getpid())


@pytest.mark.slow
@pytest.mark.parametrize("version", [13, 17])
def test_an_older_file_without_circuits_is_left_out(tmp_path: Path, version: int) -> None:
    header = dump([ghz(2)], version)[: qpy.HEADER_BYTES]
    empty = header[:10] + bytes(8) + header[18:]
    assert qpy.read_header(empty)[1] == 0
    write(tmp_path / "in/a.qpy", empty)
    write(tmp_path / "in/b.qasm", GOOD)
    gathered = collect(tmp_path, tmp_path / "in", skip_invalid=True)
    assert [(file.path, file.message) for file in gathered.skipped] == [
        (str(tmp_path / "in/a.qpy"), "holds no circuits")
    ]
    assert [circuit.name for circuit in loaded(tmp_path)] == ["b"]


@pytest.mark.slow
def test_an_older_file_that_promises_bits_without_number_is_left_out(tmp_path: Path) -> None:
    data = bytearray(dump([ghz(2), ghz(3)], 13))
    at = records.find_end(bytes(data), qpy.HEADER_BYTES, 13) + 5
    assert data[at : at + 4] == (3).to_bytes(4, "big")
    data[at : at + 4] = (4_000_000_000).to_bytes(4, "big")
    path = write(tmp_path / "in/a.qpy", bytes(data))
    told = "a circuit has 4000000000 qubits and 3 clbits, .* more than 1000000"
    message = rf"{path}: circuit 1 \('ghz'\): {told}"
    with pytest.raises(InputError, match=message):
        collect(tmp_path, path)


@pytest.mark.slow
def test_a_file_that_goes_away_while_others_are_read_is_left_out(tmp_path: Path) -> None:
    folder = _slow_files(tmp_path / "in")
    write(folder / "z.qasm", GOOD)

    def remove(done: int, total: int) -> None:
        (folder / "z.qasm").unlink(missing_ok=True)

    gathered = collect(tmp_path, folder, skip_invalid=True, processes=1, progress=remove)
    (skipped,) = gathered.skipped
    assert Path(skipped.path).name == "z.qasm"
    assert skipped.message == "cannot be read: No such file or directory"


@pytest.mark.slow
def test_a_reader_may_take_no_more_than_its_memory(tmp_path: Path) -> None:
    path = write(tmp_path / "wide.qasm", "OPENQASM 2.0;\nqreg q[990000];\ncreg c[9];\n")
    file = CircuitFile(str(path), path, Format.QASM2)
    process = Process(400 << 20)
    try:
        process.greet()
        process.take(Task([file], tmp_path / "part"))
        with pytest.raises(Died, match=r"more than 0\.4 GiB of memory\??$"):
            process.hear()
    finally:
        process.child.end()


@pytest.mark.slow
def test_a_reader_may_take_no_more_than_its_time(tmp_path: Path) -> None:
    path = write(tmp_path / "a.qasm", GOOD)
    process = Process(1 << 30)
    try:
        process.greet()
        process.take(Task([CircuitFile(str(path), path, Format.QASM2)], tmp_path / "part"))
        process.spend(59)
        with pytest.raises(Expired, match="took longer than 60 s"):
            process.spend(2)
    finally:
        process.child.end()


@pytest.mark.slow
def test_what_a_parser_prints_is_no_answer_of_its_process(tmp_path: Path) -> None:
    # Qiskit's parser in Rust prints what is wrong to stdout, before the full one is asked.
    bad = 'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[2] q;\n  h r[0];\n'
    write(tmp_path / "in/bad.qasm3", bad)
    write(tmp_path / "in/good.qasm3", qasm3.dumps(ghz(2)))
    with pytest.raises(UnreadableFiles) as caught:
        collect(tmp_path, tmp_path / "in")
    (file,) = caught.value.unreadable
    assert file[1:4] == (4, 5, "Undefined symbol 'r'.")
    gathered = collect(tmp_path, tmp_path / "in", skip_invalid=True)
    assert [circuit.name for circuit in loaded(tmp_path)] == ["good"]
    assert [Path(file.path).name for file in gathered.skipped] == ["bad.qasm3"]


@pytest.mark.slow
def test_a_file_may_have_any_name(tmp_path: Path) -> None:
    names = [b"no\xfftext", b"a\nb\tc", b"\x1b[31m", "é€😀".encode(), b"x" * 250]
    folder = os.fsencode(tmp_path) + b"/in\xfe"
    Path(os.fsdecode(folder)).mkdir()
    for name in names:
        Path(os.fsdecode(folder + b"/" + name + b".qasm")).write_text(GOOD)
    gathered = collect(tmp_path, os.fsdecode(folder))
    assert {os.fsencode(Path(s.path).stem) for s in gathered.sources} == {*names}
    for circuit, source in zip(loaded(tmp_path), gathered.sources, strict=True):
        text = os.fsencode(Path(source.path).stem).decode(errors="replace")
        assert circuit.name == text


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="it looks into /proc")
def test_an_interrupt_leaves_no_process_and_no_file(tmp_path: Path) -> None:
    folder = _slow_files(tmp_path / "in")

    def interrupt(done: int, total: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        collect(tmp_path, folder, progress=interrupt)
    assert not _workers(os.getpid())
