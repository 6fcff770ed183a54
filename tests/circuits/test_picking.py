"""Some circuits of a file are just those, byte for byte, and know where they are from."""

import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qiskit import qasm2
from support.sample_circuits import dump, edge_circuits, ghz, load

from qjobs.circuits.gather import Gathered, gather
from qjobs.circuits.inputs import expand
from qjobs.errors import InputError, UnreadableFiles

NAMES = ("a", "b", "a", "c", "b:2", "a", "8", "d", "a", "e")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def picked(*arguments: str) -> tuple[list[str], Gathered]:
    """The names of the circuits that arguments stand for."""
    target = Path("gathered.qpy")
    target.unlink(missing_ok=True)
    gathered = gather(expand(arguments), target)
    return [circuit.name for circuit in load(target.read_bytes())], gathered


def named(prefix: str = "") -> bytes:
    return dump([ghz(1 + at % 3, prefix + name) for at, name in enumerate(NAMES)])


def places(gathered: Gathered) -> list[tuple[str, int]]:
    """The file of each circuit, and its place there."""
    return [
        (source.path, source.position(source.start_index + at))
        for source in gathered.sources
        for at in range(source.experiments_count)
    ]


@pytest.mark.parametrize(
    ("chosen", "numbers"),
    [
        ("3", [3]), ("2-4", [2, 3, 4]), ("7-", [7, 8, 9]), ("-2", [0, 1, 2]),
        ("0-9:4", [0, 4, 8]), ("5,1-2,1", [1, 2, 5]), ("1-:3,0", [0, 1, 4, 7]),
        ("a", [0, 2, 5, 8]), ("d", [7]), ("b:2", [4]), ("8", [8]), ("0-9", [*range(10)]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("version", [13, 17, 18])
def test_numbers_and_names_choose_circuits(chosen: str, numbers: list[int], version: int) -> None:
    circuits = [ghz(1 + at % 3, name) for at, name in enumerate(NAMES)]
    Path("x.qpy").write_bytes(dump(circuits, version))

    names, gathered = picked(f"x.qpy:{chosen}")

    assert names == [NAMES[number] for number in numbers]
    assert places(gathered) == [("x.qpy", number) for number in numbers]
    assert load(Path("gathered.qpy").read_bytes()) == [circuits[number] for number in numbers]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.sets(st.integers(0, 8), min_size=1))
def test_any_circuits_are_cut_out_as_they_are(numbers: set[int]) -> None:
    circuits = edge_circuits()
    Path("x.qpy").write_bytes(dump(circuits))

    _, gathered = picked("x.qpy:" + ",".join(map(str, numbers)))

    whole = load(dump(circuits))
    assert load(Path("gathered.qpy").read_bytes()) == [whole[at] for at in sorted(numbers)]
    assert places(gathered) == [("x.qpy", at) for at in sorted(numbers)]
    words = [source.word for source in gathered.sources]
    assert places(picked(*words)[1]) == places(gathered)


def test_files_and_parts_of_files_are_mixed_in_order() -> None:
    Path("x.qpy").write_bytes(named())
    Path("y.qpy.gz").write_bytes(gzip.compress(named("y")))
    Path("b.qasm").write_text(qasm2.dumps(ghz(2)))

    names, gathered = picked("x.qpy:8-", "b.qasm:b", "y.qpy.gz:0,9", "x.qpy:1", "b.qasm:0")

    assert names == ["a", "e", "b", "ya", "ye", "b", "b"]
    assert places(gathered) == [
        ("x.qpy", 8), ("x.qpy", 9), ("b.qasm", 0), ("y.qpy.gz", 0), ("y.qpy.gz", 9),
        ("x.qpy", 1), ("b.qasm", 0),
    ]  # fmt: skip


def test_patterns_and_folders_choose_of_each_file() -> None:
    Path("in").mkdir()
    Path("in/q2.qpy").write_bytes(named("2"))
    Path("in/q10.qpy").write_bytes(named("10"))

    for word in ("in/*.qpy:3", "in:3", "in/q?*.qpy:3"):
        names, gathered = picked(word)
        assert names == ["2c", "10c"]
        assert places(gathered) == [("in/q2.qpy", 3), ("in/q10.qpy", 3)]


def test_a_file_whose_own_name_ends_so_is_that_file() -> None:
    Path("x.qpy").write_bytes(named())
    Path("x.qpy:3").write_bytes(named("own-"))

    assert len(picked("x.qpy:3")[0]) == 10
    assert picked("x.qpy:4")[0] == ["b:2"]
    assert picked("x.qpy:3:3")[0] == ["own-c"]
    assert picked("x*:3")[0][0] == "own-a"


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("x.qpy:10", "x.qpy:10: there is no circuit 10: they are numbered 0-9"),
        ("x.qpy:5-12", "x.qpy:5-12: there is no circuit 12: they are numbered 0-9"),
        ("x.qpy:5-2", "x.qpy:5-2: the range '5-2' in the address 'x.qpy:5-2' is empty"),
        ("x.qpy:bb", "x.qpy:bb: there is no circuit 'bb'"),
        ("x.qpy:1-x", "x.qpy:1-x: there is no circuit '1-x'"),
        ("b.qasm:1", "b.qasm:1: there is no circuit 1: they are numbered 0-0"),
        ("y.qpy:1", "there is no file or folder 'y.qpy:1'"),
        ("x.qpy:", "there is no file or folder 'x.qpy:'"),
        ("y*:1", "no file matches 'y*:1'"),
    ],
)
def test_what_is_not_there_is_told(word: str, why: str) -> None:
    Path("x.qpy").write_bytes(named())
    Path("b.qasm").write_text(qasm2.dumps(ghz(2)))

    with pytest.raises(InputError) as caught:
        picked(word)

    assert caught.value.message.startswith(why)


def test_all_ranges_that_do_not_exist_are_told_together() -> None:
    Path("x.qpy").write_bytes(named())

    with pytest.raises(UnreadableFiles, match=r"^2 of 3 files") as caught:
        picked("x.qpy:10", "x.qpy:1", "x.qpy:nobody")

    assert [file.path for file in caught.value.unreadable] == ["x.qpy", "x.qpy"]


def test_a_long_list_of_numbers_is_no_name_of_a_file() -> None:
    Path("x.qpy").write_bytes(dump([ghz(1)] * 2000))

    assert len(picked("x.qpy:" + ",".join(map(str, range(0, 2000, 2))))[0]) == 1000


def test_what_is_left_out_is_never_decoded() -> None:
    data = bytearray(named())
    at = data.index(b"HGate")
    data[at : at + 5] = b"XXXXX"  # of the first circuit
    Path("x.qpy").write_bytes(data)

    assert len(picked("x.qpy:1-")[0]) == 9


def test_fingerprints_depend_on_the_circuits_that_are_chosen() -> None:
    Path("x.qpy").write_bytes(named())
    words = ("x.qpy", "x.qpy:0-4", "x.qpy:5-", "x.qpy:0-8:2", "x.qpy:0-4,6", "x.qpy:a")

    found = [picked(word)[1].fingerprint for word in words]

    assert len({*found}) == len(words)
    assert picked("x.qpy:0-9")[1].fingerprint == found[0]
    assert picked("x.qpy:0,1,2,3,4")[1].fingerprint == found[1]
