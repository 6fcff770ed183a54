"""The line of a file with a caret under the place, whatever is on that line."""

import gzip
import os
from pathlib import Path
from unicodedata import east_asian_width

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qjobs.circuits.text import read_line
from qjobs.errors import Place
from qjobs.render.findings import excerpt


def cells(text: str) -> int:
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


@given(st.text("ab \t漢\x1b\x00é;", max_size=200), st.integers(1, 250), st.integers(1, 99999))
@example("漢 a", 3, 1)
def test_the_caret_is_under_the_character_in_any_line(line: str, column: int, number: int) -> None:
    shown = [*excerpt(line, Place("f", number, column))]
    if not line.strip():
        assert shown == []
        return
    source, caret = shown
    assert source.isprintable()
    assert cells(source) <= 8 + 2 * 3 + 90
    under = caret.index("^")
    assert caret[:under].strip() == "|"
    wanted = line[column - 1 : column].replace("\x1b", "\\").replace("\x00", "\\")
    if wanted.strip():
        (at,) = [at for at in range(len(source)) if cells(source[:at]) == under]
        assert source[at] == wanted


def test_a_long_line_is_cut_on_both_sides() -> None:
    source, caret = excerpt("a" * 10_000_000 + "X" + "b" * 10_000_000, Place("f", 1, 10_000_001))
    assert source[caret.index("^")] == "X"
    assert source.startswith("    1 | ...aaa")
    assert source.endswith("bbb...")


def test_without_a_column_there_is_no_caret() -> None:
    assert [*excerpt("here", Place("f", 7))] == ["    7 | here"]


def test_bytes_that_are_no_text_are_shown_as_what_they_are(tmp_path: Path) -> None:
    path = tmp_path / "f.qasm"
    path.write_bytes(b"one\r\ntwo \xff;\n")
    line = read_line(Place(str(path), 2, 6))
    assert [*excerpt(line, Place("f", 2, 6))] == ["    2 | two \\xff;", "      |         ^"]


@pytest.mark.parametrize("line", [2, 3, 10**9])
def test_a_line_that_is_not_there_is_empty(tmp_path: Path, line: int) -> None:
    path = tmp_path / "f.qasm"
    path.write_text("one\n")
    assert read_line(Place(str(path), line)) == ""


def test_neither_pipes_nor_folders_nor_bombs_are_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "bomb").write_bytes(gzip.compress(b"a" * (1 << 25)))
    (tmp_path / "cut").write_bytes(gzip.compress(b"a\n" * 1000)[:30])
    for name in ("pipe", "bomb", "cut", ".", "nothing"):
        assert read_line(Place(str(tmp_path / name), 2000)) == ""
