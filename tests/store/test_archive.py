"""Archives of anybody: whatever is in one, reading it gives its files, or says why not."""

import io
import json
import struct
import zipfile
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qjobs.errors import InputError, NotFound, StateTooNew
from qjobs.store.archive import manifest, reading
from qjobs.store.archive.manifest import Packed
from qjobs.store.archive.writing import Writer

SET = "9f3c1a7e2b40"
FILES = {
    f"sets/{SET}/state.toml": b"format = 2\n" * 40,
    f"sets/{SET}/circuits.qpy": bytes(range(256)) * 300,
    f"sets/{SET}/results/0-1.jsonl": b"{}\n",
}


def archive(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with Writer(stream) as writer:
        packed = [writer.add(name, data) for name, data in files.items()]
        ids = sorted({manifest.set_of(name) for name in files})
        writer.add(manifest.NAME, manifest.written([{"id": one} for one in ids], packed))
    return stream.getvalue()


def read(data: bytes) -> dict[str, bytes]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.zip"
        path.write_bytes(data)
        with reading.opened(path) as found:
            return {file.path: b"".join(found.pieces(file)) for file in found.manifest.files}


GOOD = archive(FILES)


def test_what_was_written_is_read() -> None:
    assert read(GOOD) == FILES


@given(st.data())
def test_a_damaged_archive_gives_what_was_written_or_an_error_of_ours(data: st.DataObject) -> None:
    """Never another content: a checksum would have to fit."""
    broken = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(broken) - 1))
        match data.draw(st.sampled_from(["bit", "cut", "double", "number", "insert"])):
            case "bit":
                broken[place] ^= 1 << data.draw(st.integers(0, 7))
            case "cut":
                del broken[place : place + data.draw(st.integers(1, 40))]
            case "double":
                broken[place:place] = broken[place : place + data.draw(st.integers(1, 40))]
            case "number":
                most = data.draw(st.sampled_from([0, 0xFFFF, 0xFFFFFFFF, 0x7FFFFFFF]))
                broken[place : place + 4] = struct.pack("<L", most)
            case _:
                broken[place:place] = data.draw(st.binary(max_size=30))
        if not broken:
            broken = bytearray(b"PK")
    try:
        found = read(bytes(broken))
    except (InputError, StateTooNew):
        return
    assert found == FILES  # some bytes of a ZIP file mean nothing, such as a time


NAMES = st.one_of(
    st.sampled_from(
        ["/x", "../x", "a/../../x", "C:x", "\\x", "sets", "sets/", f"sets/{SET}", "manifest.json/",
         f"sets/{SET}/state.toml/", f"sets/{SET}//state.toml", f"sets/{SET}/state.toml ",
         f"sets/{SET}/results/1-1.jsonl\n",
         f"sets/{SET}/results/\N{ARABIC-INDIC DIGIT ONE}-1.jsonl",
         "SETS/a/state.toml", f"sets/{SET.upper()}/state.toml", f"./sets/{SET}/state.toml"]
    ),
    st.text(min_size=1, max_size=40),
)  # fmt: skip


@given(NAMES)
def test_no_name_but_those_of_an_export_is_ever_read(name: str) -> None:
    stream = io.BytesIO(GOOD)
    with zipfile.ZipFile(stream, "a") as file:
        info = zipfile.ZipInfo("x")
        info.filename = info.orig_filename = name
        try:
            file.writestr(info, b"")
        except UnicodeEncodeError:
            return
    with pytest.raises(InputError):
        read(stream.getvalue())


def test_two_sets_whose_ids_one_file_system_takes_for_one_are_refused() -> None:
    with pytest.raises(InputError, match="in it twice, perhaps in another case"):
        read(archive({"sets/abc/state.toml": b"", "sets/ABC/state.toml": b""}))


@given(st.binary(max_size=200), st.integers(0, 40))
def test_what_compresses_too_well_is_stored_as_it_is_and_is_read_again(
    piece: bytes, doublings: int
) -> None:
    """What is written is never taken for a bomb."""
    data = (piece or b"0") * (1 << min(doublings, 14))
    files = {**FILES, f"sets/{SET}/circuits.qpy": data[: 4 << 20]}
    assert read(archive(files)) == files


def test_zeros_are_stored_so_that_no_archive_of_ours_is_a_bomb() -> None:
    files = {**FILES, f"sets/{SET}/circuits.qpy": bytes(8 << 20)}
    data = archive(files)
    assert len(data) > 8 << 20
    assert read(data) == files


def test_the_same_files_make_the_same_bytes() -> None:
    assert archive(FILES) == GOOD
    assert archive({**FILES, f"sets/{SET}/sources.json": b"{}"}) != GOOD


DOCUMENT = {
    "schema": "qjobs.manifest/1",
    "sets": [{"id": SET}],
    "files": [
        {"path": name, "bytes": len(data), "sha256": sha256(data).hexdigest()}
        for name, data in FILES.items()
    ],
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)  # fmt: skip


@given(st.sampled_from(["schema", "sets", "files", "path", "bytes", "sha256", "id", ""]), JSON)
def test_any_manifest_is_read_or_refused(key: str, value: object) -> None:
    document = json.loads(json.dumps(DOCUMENT))
    if key in document:
        document[key] = value
    elif key == "id":
        document["sets"][0]["id"] = value
    elif key:
        document["files"][0][key] = value
    else:
        document = value
    try:
        found = manifest.read(json.dumps(document).encode())
    except (ValueError, StateTooNew):
        return
    assert all(isinstance(file, Packed) and file.size_bytes >= 0 for file in found.files)
    assert {manifest.set_of(file.path) for file in found.files} == {*found.set_ids}


def test_a_manifest_nested_without_an_end_is_refused() -> None:
    with pytest.raises(ValueError, match="not as qjobs writes it"):
        manifest.read(b"[" * 100_000)


def test_a_file_that_is_gone_is_named_and_the_stream_is_left(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with pytest.raises(NotFound, match="there is no"), Writer(stream) as writer:
        writer.add(f"sets/{SET}/circuits.qpy", tmp_path / "circuits.qpy")
    assert not stream.closed
