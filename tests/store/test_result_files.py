"""A result is written once, checked when read, and a good one is never replaced."""

from pathlib import Path

import pytest

from qjobs.errors import NotFound, StateDamaged, StateTooNew, StateUnwritable
from qjobs.results import CircuitResult, JobResult
from qjobs.store.results import ResultFiles

RESULT = JobResult.of([CircuitResult(10, {"0x0": 4, "0x3": 6}, 2), CircuitResult(10, None, 1)])
OTHER = JobResult.of([CircuitResult(1, {"0x0": 1}, 1)])


@pytest.fixture
def results(tmp_path: Path) -> ResultFiles:
    return ResultFiles(tmp_path / "results")


def test_a_result_comes_back_to_the_byte(results: ResultFiles) -> None:
    assert not results.has(2, 1)
    results.write(2, 1, job_id='id "x"', result=RESULT)
    assert results.has(2, 1)
    assert not results.has(2, 2)
    assert results.read(2, 1) == RESULT
    assert [path.name for path in results.folder.iterdir()] == ["2-1.jsonl"]
    assert results.path(2, 1).stat().st_mode & 0o777 == 0o600


def test_a_good_result_is_never_replaced(results: ResultFiles) -> None:
    results.write(0, 1, job_id="id", result=RESULT)
    results.write(0, 1, job_id="id", result=OTHER)
    assert results.read(0, 1) == RESULT
    assert len(list(results.folder.iterdir())) == 1


def test_a_damaged_result_is_named_and_may_be_fetched_again(results: ResultFiles) -> None:
    results.write(0, 1, job_id="id", result=RESULT)
    good = results.path(0, 1).read_bytes()
    for position in range(len(good)):
        bad = bytearray(good)
        bad[position] ^= 0x20
        results.path(0, 1).write_bytes(bad)
        try:
            found = results.read(0, 1)
        except (StateDamaged, StateTooNew):
            continue
        assert found == RESULT  # only the header's own words are not covered by the checksum
    results.path(0, 1).write_bytes(good[:-1])
    with pytest.raises(StateDamaged, match="checksum"):
        results.read(0, 1)
    results.write(0, 1, job_id="id", result=OTHER)
    assert results.read(0, 1) == OTHER


@pytest.mark.parametrize("content", [b"", b"{}\n", b"[]\n", b"\xff\n", b"[" * 100_000 + b"\n"])
def test_what_is_not_a_result_is_not_read_as_one(results: ResultFiles, content: bytes) -> None:
    results.folder.mkdir()
    results.path(0, 1).write_bytes(content)
    with pytest.raises(StateDamaged):
        results.read(0, 1)


def test_a_result_of_a_newer_format_is_left_alone(results: ResultFiles) -> None:
    results.write(0, 1, job_id="id", result=RESULT)
    newer = results.path(0, 1).read_bytes().replace(b'"format": 1', b'"format": 2')
    results.path(0, 1).write_bytes(newer)
    with pytest.raises(StateTooNew):
        results.read(0, 1)
    with pytest.raises(StateTooNew):
        results.write(0, 1, job_id="id", result=OTHER)
    assert results.path(0, 1).read_bytes() == newer


def test_a_missing_result_is_not_found(results: ResultFiles) -> None:
    with pytest.raises(NotFound):
        results.read(0, 1)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateUnwritable):
        ResultFiles(tmp_path / "file" / "results").write(0, 1, job_id="id", result=RESULT)
