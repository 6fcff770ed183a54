"""Slices cover the circuits once, in order, within every limit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qjobs.contract import Limits
from qjobs.engine.set.plan import plan_slices
from qjobs.errors import UsageError
from qjobs.model import Slice

some = st.one_of(st.none(), st.integers(1, 40))


def no_size(_part: Slice) -> int:
    return 0


@given(
    sizes=st.lists(st.integers(1, 100), min_size=1, max_size=60),
    shots=st.integers(1, 5),
    most=some,
    executions=st.one_of(st.none(), st.integers(5, 100)),
    size_bytes=st.one_of(st.none(), st.integers(100, 500)),
    jobs_wanted=st.integers(1, 20),
)
def test_slices_cover_every_circuit_once_in_order_within_the_limits(
    sizes, shots, most, executions, size_bytes, jobs_wanted
):
    limits = Limits(
        circuits=most, executions=executions, size_bytes=size_bytes, jobs_wanted=jobs_wanted
    )

    slices = plan_slices(
        len(sizes),
        shots=shots,
        limits=limits,
        per_job=None,
        size_bytes=lambda part: sum(sizes[part.start_index : part.end_index + 1]),
    )

    covered = [i for part in slices for i in range(part.start_index, part.end_index + 1)]
    assert covered == list(range(len(sizes)))
    for part in slices:
        assert most is None or part.experiments_count <= most
        assert executions is None or part.experiments_count * shots <= executions
        in_slice = sum(sizes[part.start_index : part.end_index + 1])
        assert size_bytes is None or in_slice <= size_bytes


@given(circuits=st.integers(1, 200), per_job=st.integers(1, 250))
def test_a_wish_within_the_limits_is_followed_to_the_letter(circuits, per_job):
    slices = plan_slices(
        circuits, shots=1, limits=Limits(jobs_wanted=7), per_job=per_job, size_bytes=no_size
    )

    assert {part.experiments_count for part in slices[:-1]} <= {per_job}
    assert len(slices) == -(-circuits // per_job)


def test_a_set_is_cut_into_as_many_jobs_as_the_backend_likes():
    slices = plan_slices(
        100, shots=1, limits=Limits(jobs_wanted=8), per_job=None, size_bytes=no_size
    )

    assert [part.experiments_count for part in slices] == [13] * 7 + [9]


@pytest.mark.parametrize(
    ("limits", "per_job", "says"),
    [
        (Limits(circuits=5), 6, "--per-job 6 is more than the backend takes"),
        (Limits(executions=1000), 11, "10 circuits of 100 shots"),
        (Limits(), 0, "at least 1"),
        (Limits(), -3, "at least 1"),
        (Limits(executions=99), None, "100 shots of one circuit are more"),
        (Limits(size_bytes=9), None, "circuit 0 alone is too large .*: it has more than 9 bytes"),
    ],
)
def test_what_the_backend_does_not_take_is_an_error_and_never_lowered(limits, per_job, says):
    with pytest.raises(UsageError, match=says):
        plan_slices(
            20,
            shots=100,
            limits=limits,
            per_job=per_job,
            size_bytes=lambda part: 10 * part.experiments_count,
        )


def test_bytes_cut_greedily_from_the_front():
    sizes = [4, 4, 4, 9, 1, 1, 1, 1, 1, 1]

    slices = plan_slices(
        10,
        shots=1,
        limits=Limits(size_bytes=10),
        per_job=None,
        size_bytes=lambda part: sum(sizes[part.start_index : part.end_index + 1]),
    )

    assert slices == (Slice(0, 2), Slice(2, 1), Slice(3, 2), Slice(5, 5))
