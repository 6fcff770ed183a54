"""Files of parameter values are read whole, or refused with the place where they are wrong."""

import bz2
import gzip
import io
import json
import lzma
import math
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qjobs.circuits import parameters
from qjobs.circuits.parameters import read_parameters
from qjobs.circuits.sweep import Sweep
from qjobs.errors import InputError
from qjobs.model import Slice


def read(folder: Path, name: str, data: bytes | str) -> Sweep:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    (folder / "table.npy").unlink(missing_ok=True)
    return read_parameters(str(path), folder / "table.npy")


def rows(sweep: Sweep) -> list[list[float]]:
    return sweep.values(Slice(0, sweep.rows)).tolist()


def npz(**arrays: object) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]  # arrays, and what is none
    return buffer.getvalue()


THREE = {
    "a.csv": "theta,phi\n1,2\n3,4.5\n-1e-3,6\n",
    "bom.csv": "\ufefftheta, phi\r\n\r\n1,2\r\n 3 ,4.5\r\n-1e-3,6",
    "quoted.csv": '"theta","phi"\n"1",2\n3,4.5\n\n-0.001,6\n\n',
    "columns.json": '{"theta": [1, 3, -0.001], "phi": [2, 4.5, 6]}',
    "rows.json": '[{"theta": 1, "phi": 2}, {"phi": 4.5, "theta": 3}, {"theta": -1e-3, "phi": 6}]',
    "a.npz": npz(theta=[1, 3, -0.001], phi=np.array([2, 4.5, 6], dtype=np.float32)),
    "a.csv.xz": lzma.compress(b"theta,phi\n1,2\n3,4.5\n-0.001,6\n"),
    "a.csv.BZ2": bz2.compress(b"theta,phi\n1,2\n3,4.5\n-0.001,6\n"),
    "powershell.csv": "theta,phi\r\n1,2\r\n3,4.5\r\n-0.001,6\r\n".encode("utf-16"),
    "A.CSV.gz": gzip.compress(b"theta,phi\n1,2\n3,4.5\n-0.001,6\n"),
}


@pytest.mark.parametrize("name", THREE)
def test_every_format_gives_the_same_table(tmp_path: Path, name: str) -> None:
    sweep = read(tmp_path, name, THREE[name])

    assert (sweep.names, sweep.rows) == (("theta", "phi"), 3)
    assert rows(sweep) == [[1, 2], [3, 4.5], [-0.001, 6]]
    assert stat.S_IMODE(sweep.path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("v.npz", npz(a=[5, 6], v=[[1, 2, 3], [4, 5, 6]])),
        ("v.json", '{"a": [5, 6], "v": [[1, 2, 3], [4, 5, 6]]}'),
        ("r.json", '[{"a": 5, "v": [1, 2, 3]}, {"a": 6, "v": [4, 5, 6]}]'),
        ("v.csv", "a,v[0],v[1],v[2]\n5,1,2,3\n6,4,5,6\n"),
    ],
)
def test_the_elements_of_a_vector_have_the_names_that_qiskit_gives_them(
    tmp_path: Path, name: str, data: bytes | str
) -> None:
    sweep = read(tmp_path, name, data)

    assert sweep.names == ("a", "v[0]", "v[1]", "v[2]")
    assert rows(sweep) == [[5, 1, 2, 3], [6, 4, 5, 6]]


WRONG = {
    "text.csv": ("a,b\n1,2\n3,x\n", ":3:3: 'x' for b is not a finite number"),
    "nan.csv": ("a,b\n1,2\nnan,3\n", ":3:1: 'nan' for a"),
    "inf.csv": ("a\n1\n\n1e999\n", ":4:1: '1e999' for a"),
    "underscore.csv": ("a\n1_0\n", ":2:1: '1_0'"),
    "ragged.csv": ("a,b\n1,2\n\n3\n", ":4: there are 1 values for 2 columns"),
    "empty-cell.csv": ("a,b\n1,\n", ":2:3: ''"),
    "twice.csv": ("a,b,a\n1,2,3\n", "the column 'a' twice"),
    "unnamed.csv": ("a,,b\n1,2,3\n", "column 2 has no name"),
    "no-names.csv": ("1.5,2\n3,4\n", ":1:1: '1.5' is not the name of a parameter"),
    "no-rows.csv": ("a,b\n\n", "no rows"),
    "nothing.csv": ("", "no columns"),
    "quote.csv": ('a\n"1\n', ":2:"),
    "latin.csv": (b"a\n\xff\n", "not UTF-8"),
    "zipped.csv.zip": (b"PK\x03\x04", "is a zip archive: unpack it first"),
    "cut16.csv": ("a\n1\n".encode("utf-16") + b"\n", "not UTF-16"),
    "cut.csv.xz": (lzma.compress(b"a\n1\n" * 100)[:-9], "damaged xz"),
    "cut.csv.gz": (gzip.compress(b"a\n1\n" * 100)[:-9], "damaged gzip"),
    "not.json": ('{"a": [1,\n2}', ":2:2: not JSON"),
    "nan.json": ('{"a": [1, NaN]}', "nan in row 1 of 'a'"),
    "big.json": ('{"a": [1, 1e999]}', "inf in row 1"),
    "huge.json": (f'{{"a": [{10**400}]}}', "in row 0 of 'a'"),
    "text.json": ('{"a": [1, "2"]}', "'2' in row 1 of 'a'"),
    "bool.json": ('[{"a": true}]', "True in row 0"),
    "twice.json": ('{"a": [1], "a": [2]}', "'a' stands twice"),
    "ragged.json": ('{"a": [1, 2], "b": [1]}', "'a' has 2 rows, 'b' has 1"),
    "vector.json": ('{"a": [[1, 2], [3]]}', "row 1 of 'a' is not a list of 2 values"),
    "row.json": ('[{"a": 1}, {"b": 1}]', "row 1 is no object with the names of row 0"),
    "scalar.json": ('{"a": 1}', "neither columns nor rows"),
    "number.json": ("3", "neither columns nor rows"),
    "empty.json": ("[]", "no columns"),
    "no-rows.json": ('{"a": []}', "no rows"),
    "elements.json": ('{"a": [[1]], "a[0]": [1]}', "the column 'a[0]' twice"),
    "deep.json": ("[" * 100_000, "json"),
    "nan.npz": (npz(a=[1, math.nan]), "row 1 of 'a' is not a finite number"),
    "complex.npz": (npz(a=[1j]), "of complex128"),
    "three.npz": (npz(a=np.zeros((1, 1, 1))), "of 3 dimensions"),
    "object.npz": (npz(a=np.array([None])), "of object"),
    "ragged.npz": (npz(a=[1, 2], b=[1]), "'a' has 2 rows, 'b' has 1"),
    "empty.npz": (npz(), "no columns"),
    "not.npz": (b"PK\3\4 and no more", "not a whole .npz file"),
    "cut.npz": (npz(a=np.arange(1000.0))[:-30], "not a whole .npz file"),
    "odd.txt": ("a\n1\n", "in which format"),
    "a.npz.gz": (gzip.compress(npz(a=[1])), "in which format"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named_with_its_place_and_nothing_is_left(
    tmp_path: Path, name: str
) -> None:
    data, message = WRONG[name]
    with pytest.raises(InputError) as raised:
        read(tmp_path, name, data)

    assert message in raised.value.message
    assert name in raised.value.message
    assert not (tmp_path / "table.npy").exists()


def test_an_array_that_promises_terabytes_is_refused_before_they_are_reserved(
    tmp_path: Path,
) -> None:
    head = io.BytesIO()
    about = {"descr": "<f8", "fortran_order": False, "shape": (2**40,)}
    np.lib.format.write_array_header_1_0(head, about)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.npy", head.getvalue())

    with pytest.raises(InputError, match="more than 250000000 values"):
        read(tmp_path, "bomb.npz", buffer.getvalue())


def test_a_line_without_an_end_is_not_read_to_its_end(tmp_path: Path) -> None:
    packed = gzip.compress(b"a\n" + b"1" * 2**24)
    with pytest.raises(InputError, match="a line has more than"):
        read(tmp_path, "long.csv.gz", packed)


def test_a_pickle_is_never_loaded(tmp_path: Path) -> None:
    data = npz(a=np.array([print], dtype=object))
    with pytest.raises(InputError, match="of object"):
        read(tmp_path, "pickle.npz", data)


FINITE = st.floats(allow_nan=False, allow_infinity=False)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
@given(table=st.lists(st.tuples(FINITE, FINITE), min_size=1), block=st.integers(4, 200))
def test_every_float_comes_back_as_it_was_wherever_a_block_ends(
    tmp_path: Path, table: list[tuple[float, float]], block: int
) -> None:
    text = "a,b\n" + "".join(f"{a!r},{b!r}\n" for a, b in table)
    # A line must fit into a block.
    parameters._BLOCK_CHARACTERS, before = max(block, 60), parameters._BLOCK_CHARACTERS
    try:
        found = rows(read(tmp_path, "t.csv", text))
    finally:
        parameters._BLOCK_CHARACTERS = before

    assert found == [list(row) for row in table]
    columns = {"a": [a for a, _ in table], "b": [b for _, b in table]}
    assert rows(read(tmp_path, "t.json", json.dumps(columns))) == found
    assert rows(read(tmp_path, "t.npz", npz(**columns))) == found
