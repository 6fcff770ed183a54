import io
import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qjobs.circuits.inputs import InputFile, expand, natural_key, read_list
from qjobs.errors import InputError


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("q10.qasm", "q2.qasm", "q1.QPY", "sub/b.qasm3.gz", "sub/a.qasm2", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    for name in (".hidden.qasm", "lib.inc", ".git/x.qasm"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def paths(*arguments: str) -> list[str]:
    return [file.path for file in expand(arguments)]


@pytest.mark.usefixtures("here")
def test_a_folder_gives_its_circuit_files_in_natural_order() -> None:
    assert paths(".") == ["q1.QPY", "q2.qasm", "q10.qasm", "sub/a.qasm2", "sub/b.qasm3.gz"]


@pytest.mark.usefixtures("here")
def test_the_order_of_the_arguments_is_kept() -> None:
    assert paths("q10.qasm", "sub", "notes.txt", "q10.qasm") == [
        "q10.qasm",
        "sub/a.qasm2",
        "sub/b.qasm3.gz",
        "notes.txt",
        "q10.qasm",
    ]


@pytest.mark.usefixtures("here")
def test_patterns_are_expanded_in_natural_order() -> None:
    assert paths("q*.qasm") == ["q2.qasm", "q10.qasm"]
    assert paths("**/*.qasm*") == ["q2.qasm", "q10.qasm", "sub/a.qasm2", "sub/b.qasm3.gz"]
    assert paths("s?b") == ["sub/a.qasm2", "sub/b.qasm3.gz"]


def test_a_file_whose_name_looks_like_a_pattern_is_itself(here: Path) -> None:
    (here / "q[1].qasm").touch()
    assert paths("q[1].qasm") == ["q[1].qasm"]


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("gone.qasm", "no file or folder 'gone.qasm'"),
        ("*.nothing", r"no file matches '\*.nothing'"),
        ("empty", "the folder 'empty' holds no circuits"),
        ("nul\0l", "cannot be the name of a file"),
        ("q2.qasm/x", "q2.qasm/x"),
        ("x" * 5000, "cannot read"),
    ],
)
def test_an_argument_that_stands_for_nothing_is_named(
    here: Path, argument: str, message: str
) -> None:
    (here / "empty").mkdir()
    with pytest.raises(InputError, match=message):
        expand([argument])


def test_a_folder_that_links_to_itself_ends(here: Path) -> None:
    (here / "sub" / "loop").symlink_to(here)
    assert len(paths(".")) == 5


def test_standard_input_is_read_once_and_only_if_there_is_one() -> None:
    assert expand(["-"], stdin=io.BytesIO(b"x")) == [InputFile("-", b"x")]
    with pytest.raises(InputError, match="only once"):
        expand(["-", "-"], stdin=io.BytesIO(b"x"))
    with pytest.raises(InputError, match="standard input"):
        expand(["-"])


def test_a_named_pipe_is_read_once(here: Path) -> None:
    os.mkfifo(here / "pipe")
    writer = threading.Thread(target=(here / "pipe").write_bytes, args=(b"data",))
    writer.start()
    assert expand(["pipe"]) == [InputFile("pipe", b"data")]
    writer.join()


class Endless(io.RawIOBase):
    def read(self, size: int = -1) -> bytes:
        assert size > 0
        return bytes(size)


def test_a_stream_without_end_is_refused() -> None:
    with pytest.raises(InputError, match="the standard input gives more than 256 MiB"):
        expand(["-"], stdin=Endless())
    with pytest.raises(InputError, match="longer than 64 MiB"):
        read_list(Endless())


def test_a_list_has_one_path_a_line_or_between_nuls() -> None:
    assert read_list(io.BytesIO(b"a b\n\nc\r\n")) == ["a b", "c"]
    assert read_list(io.BytesIO(b"a\nb\0c\0")) == ["a\nb", "c"]
    with pytest.raises(InputError, match="UTF-16 text"):
        read_list(io.BytesIO("a\n".encode("utf-16")))


def test_a_name_in_a_list_may_be_any_bytes() -> None:
    assert read_list(io.BytesIO(b"\xff\n")) == [os.fsdecode(b"\xff")]
    assert read_list(io.BytesIO("a\x85b\x0cc\u2028d\n".encode())) == ["a\x85b\x0cc\u2028d"]


@given(st.lists(st.text()))
def test_any_names_have_an_order(names: list[str]) -> None:
    assert sorted(sorted(names, key=natural_key)) == sorted(names)
