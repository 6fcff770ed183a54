"""Results survive being encoded, and outcomes read as Qiskit writes them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qjobs.results import CircuitResult, JobResult

outcomes = st.integers(0, 2**70).map(hex)
circuits = st.builds(
    CircuitResult,
    shots=st.integers(1, 10**9),
    counts=st.none() | st.dictionaries(outcomes, st.integers(0, 10**9), max_size=4),
    clbits=st.integers(0, 80),
    registers=st.lists(st.tuples(st.text(), st.integers(1, 9)), max_size=3).map(tuple),
    memory=st.none() | st.lists(outcomes, max_size=4).map(tuple),
    message=st.text(),
    metadata=st.dictionaries(st.text(), st.text() | st.integers(), max_size=2),
)


@given(st.lists(circuits, max_size=4))
def test_results_survive_being_encoded(results: list[CircuitResult]) -> None:
    encoded = JobResult.of(results)
    assert len(encoded) == len(results)
    assert list(encoded.circuits()) == results


@pytest.mark.parametrize(
    "line",
    [
        b"{}",
        b"[]",
        b"7",
        b"{",
        b"\xff",
        b'{"shots":1,"counts":{},"clbits":1,"registers":[7]}',
        b'{"shots":1,"counts":[],"clbits":1,"registers":[]}',
        b'{"shots":Infinity,"counts":{},"clbits":1,"registers":[]}',
        b"[" * 100_000,
    ],
)
def test_a_line_that_is_no_result_is_said(line: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json and unicode have words of their own
        list(JobResult(line + b"\n").circuits())


@pytest.mark.parametrize(
    ("clbits", "registers", "outcome", "expected"),
    [
        (2, (("c", 2),), "0x1", "01"),
        (3, (("a", 1), ("b", 2)), "0x1", "00 1"),
        (3, (("a", 1), ("b", 2)), "0x6", "11 0"),
        (3, (), "0x1", "001"),
        (4, (("a", 1), ("b", 2)), "0x8", "1 00 0"),
        (0, (), "0x0", "0"),
    ],
)
def test_an_outcome_reads_as_qiskit_writes_it(
    clbits: int, registers: tuple[tuple[str, int], ...], outcome: str, expected: str
) -> None:
    result = CircuitResult(5, {outcome: 5}, clbits, registers, memory=(outcome,) * 5)
    assert result.outcome(outcome) == expected
    assert result.readable_counts() == {expected: 5}
    assert result.readable_memory() == [expected] * 5


def test_a_circuit_that_failed_has_no_counts() -> None:
    failed = CircuitResult(5, None, 1, message="why")
    assert failed.readable_counts() is None
    assert failed.readable_memory() is None


@pytest.mark.slow
@settings(deadline=None)  # the first example imports Qiskit
@given(st.lists(st.integers(1, 3), min_size=1, max_size=3), st.data())
def test_outcomes_agree_with_qiskit_itself(sizes: list[int], data: st.DataObject) -> None:
    from qiskit.result.postprocess import format_counts_memory

    outcome = hex(data.draw(st.integers(0, 2 ** sum(sizes) - 1)))
    registers = tuple((f"r{number}", size) for number, size in enumerate(sizes))
    header = {"memory_slots": sum(sizes), "creg_sizes": [list(register) for register in registers]}
    ours = CircuitResult(1, {}, sum(sizes), registers).outcome(outcome)
    assert ours == format_counts_memory(outcome, header)
