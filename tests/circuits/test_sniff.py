"""What a file is, told from its bytes, before any process is started for it."""

import bz2
import gzip
import io
import lzma
import pickle
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.sample_circuits import dump, ghz

from qjobs.circuits import unpacking
from qjobs.circuits.inputs import expand
from qjobs.circuits.sniff import Format, sniff
from qjobs.circuits.unpacking import Packing, contents
from qjobs.errors import InputError

BODY2 = 'include "qelib1.inc";\nqreg q[2];\nh q[0];\n'
BODY3 = 'include "stdgates.inc";\nqubit[2] q;\nh q[0];\n'
PACKERS: dict[Packing, Callable[[bytes], bytes]] = {
    Packing.NONE: bytes,
    Packing.GZIP: gzip.compress,
    Packing.XZ: lzma.compress,
    Packing.BZIP2: bz2.compress,
}


def sniffed(folder: Path, name: str, data: bytes | str) -> Format:
    (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)
    return sniff(folder / name, name)[0]


def zipped() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.qasm", "OPENQASM 2.0;\n" + BODY2)
    return stream.getvalue()


def tarred() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        member = tarfile.TarInfo("a.qasm")
        data = ("OPENQASM 2.0;\n" + BODY2).encode()
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()


@pytest.mark.parametrize("packing", Packing)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("text", "format_"),
    [
        ("OPENQASM 2.0;\n" + BODY2, Format.QASM2),
        ("// a comment\nOPENQASM 3.0;\n" + BODY3, Format.QASM3),
        (BODY2, Format.QASM),
        ("\n// a comment\n" + BODY3, Format.QASM),
        ("// " + "x" * 10**5 + "\nOPENQASM 3;", Format.QASM),
    ],
)
def test_a_program_is_known_however_it_is_written_and_packed(
    tmp_path: Path, packing: Packing, encoding: str, line_end: str, text: str, format_: Format
) -> None:
    path = tmp_path / "file"
    path.write_bytes(PACKERS[packing](text.replace("\n", line_end).encode(encoding)))
    assert sniff(path, "file") == (format_, packing)


@pytest.mark.parametrize("packing", Packing)
def test_a_qpy_file_is_known_however_it_is_packed(tmp_path: Path, packing: Packing) -> None:
    path = tmp_path / "file"
    path.write_bytes(PACKERS[packing](dump([ghz(2)])))
    assert sniff(path, "file") == (Format.QPY, packing)


def test_an_ending_decides_where_the_text_does_not(tmp_path: Path) -> None:
    assert sniffed(tmp_path, "a.qasm2", "x q;") is Format.QASM2
    assert sniffed(tmp_path, "a.QASM3.GZ", "x q;") is Format.QASM3
    assert sniffed(tmp_path, "a.qasm.xz", "x q;") is Format.QASM
    assert sniffed(tmp_path, "a.qasm2", "OPENQASM 3.0;") is Format.QASM3
    with pytest.raises(InputError, match="neither QPY nor OpenQASM"):
        sniffed(tmp_path, "a", "x q;")


@pytest.mark.parametrize("ending", ["", ".qasm", ".qasm3"])
@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ('{"counts": {"00": 512}}', "neither QPY nor OpenQASM, but JSON"),
        ("[1, 2]", "but JSON"),
        ('{"cells": [], "nbformat": 4}', "but a Jupyter notebook"),
        ("<!DOCTYPE html>\n<html></html>", "but a web page"),
        ("\n<?xml version='1.0'?>", "or XML"),
        ("#!/usr/bin/env python\n# qreg q[2];\nimport qiskit\n", "but Python"),
        ('"""Bell pairs.\nqreg q[2];\n"""\n', "but Python"),
        ("from qiskit import QuantumCircuit\nqasm = 'qreg q[2];'", "but Python"),
        ("def main(q):\n    pass\n", "but Python"),
        ("; ModuleID = 'bell'\n", "but LLVM code"),
        (b"%PDF-1.7\n\xff", "but PDF"),
        (b"\x89PNG\r\n\x1a\n", "but a PNG image"),
        (b"\x7fELF\x02", "but an ELF program"),
        (b"BC\xc0\xde\x35", "but LLVM bitcode"),
        (pickle.dumps([1]), "but a pickle"),
        (zipped(), "is a zip archive: unpack it first"),
        (tarred(), "is a tar archive: unpack it first"),
        (gzip.compress(tarred(), mtime=0), "is a tar archive: unpack it first"),
        (b"\x28\xb5\x2f\xfd\x04\x00", "is packed with zstd: unpack it first"),
        (lzma.compress(gzip.compress(b"OPENQASM;", mtime=0)), "is packed twice: unpack it first"),
        (b"", "is empty"),
        (b"\xff\xfe", "is empty"),
        (gzip.compress(b" \n", mtime=0), "is empty"),
        ("// a comment\n/* and\nanother */", "holds comments, but no circuit"),
        ("// a comment", "holds comments, but no circuit"),
    ],
)  # fmt: skip
def test_another_file_is_named_as_what_it_is(
    tmp_path: Path, ending: str, data: bytes | str, kind: str
) -> None:
    with pytest.raises(InputError) as caught:
        sniffed(tmp_path, f"a{ending}", data)
    assert kind in caught.value.message
    assert caught.value.message.startswith(f"a{ending} ")


def test_an_array_and_bytes_of_any_kind_are_no_circuits(tmp_path: Path) -> None:
    stream = io.BytesIO()
    np.save(stream, np.zeros(3))
    with pytest.raises(InputError, match="but a NumPy array"):
        sniffed(tmp_path, "a.qasm", stream.getvalue())
    with pytest.raises(InputError, match="but binary data"):
        sniffed(tmp_path, "a.qasm", bytes(range(256)))


def test_annotations_and_definitions_of_openqasm_3_are_not_taken_for_python(
    tmp_path: Path,
) -> None:
    for text in ("@reversible\ngate a q {}", "def f(qubit q) -> bit { return measure q; }"):
        assert sniffed(tmp_path, "a.qasm", text) is Format.QASM
        assert sniffed(tmp_path, "b", f"{text}\nqubit q;") is Format.QASM


@pytest.mark.parametrize(
    ("name", "data"), [("my circuits.zip", zipped()), ("-x.tar", tarred())]
)  # fmt: skip
def test_the_hint_to_unpack_an_archive_makes_a_folder_to_submit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, data: bytes
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        sniffed(tmp_path, name, data)
    command, _, _ = caught.value.hint.partition(" makes a folder")
    if subprocess.run(f"command -v {command.split()[0]}", shell=True, check=False).returncode:
        pytest.skip(f"there is no {command.split()[0]} here")
    subprocess.run(command, shell=True, check=True, capture_output=True)
    assert [file.path for file in expand(["circuits"])] == ["circuits/a.qasm"]


def test_the_hint_for_standard_input_names_no_file(tmp_path: Path) -> None:
    path = tmp_path / "stream"
    path.write_bytes(zipped())
    with pytest.raises(InputError) as caught:
        sniff(path, "-")
    assert not caught.value.hint


# Packed files.


def unpacked(path: Path, packing: Packing) -> bytes:
    seen = bytearray()
    data = b"".join(contents(path, "a", packed=packing, max_bytes=2**40, see=seen.extend))
    assert seen == path.read_bytes()
    return data


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from([*PACKERS]),
    st.lists(
        st.one_of(st.binary(max_size=50), st.integers(1, 600_000).map(lambda n: b"ab" * n)),
        min_size=1,
        max_size=4,
    ),
    st.booleans(),
)
def test_several_members_and_padding_are_unpacked_like_the_library_does(
    tmp_path_factory: pytest.TempPathFactory, packing: Packing, parts: list[bytes], padded: bool
) -> None:
    path = tmp_path_factory.mktemp("packed") / "a"
    data = b"".join(map(PACKERS[packing], parts))
    path.write_bytes(data + bytes(512) if padded and packing else data)
    assert unpacked(path, packing) == b"".join(parts)


@pytest.mark.parametrize("packing", [packing for packing in Packing if packing])
def test_a_packed_file_that_is_cut_or_changed_is_damaged(tmp_path: Path, packing: Packing) -> None:
    path = tmp_path / "a"
    data = PACKERS[packing](bytes(range(256)) * 4)
    for wrong in (data[:-9], data[:20], data[:30] + b"\xaa\x55" + data[32:], data + b"more"):
        path.write_bytes(wrong)
        with pytest.raises(InputError, match=f"^a is a damaged {packing} file: "):
            unpacked(path, packing)


@pytest.mark.parametrize("packing", [packing for packing in Packing if packing])
def test_a_bomb_is_refused(tmp_path: Path, packing: Packing) -> None:
    path = tmp_path / "a"
    path.write_bytes(PACKERS[packing](bytes(unpacking.FREE_BYTES + 1)))
    with pytest.raises(InputError, match=r"^a holds more than 64 MiB, which is refused"):
        unpacked(path, packing)


def test_unpacking_takes_no_memory_without_a_bound(tmp_path: Path) -> None:
    path = tmp_path / "a"
    wide = [{"id": lzma.FILTER_LZMA2, "dict_size": 2 * unpacking.MAX_MEMORY_BYTES, "mode": 1,
             "mf": lzma.MF_HC3}]  # fmt: skip
    with lzma.open(path, "w", filters=wide) as stream:
        stream.write(b"OPENQASM 2.0;")
    with pytest.raises(InputError, match=r"^a takes more than 128 MiB of memory to unpack"):
        unpacked(path, Packing.XZ)
