"""How much time is left, by what was seen: a clock that the test moves, and the rule of three."""

import pytest

from qjobs.engine.pace import Pace
from qjobs.engine.report import JobReport, SetReport, State
from qjobs.model import Slice


class Looks:
    """Looks at a set of jobs of ten circuits each, at moments that the test chooses."""

    def __init__(self, job_set):
        self.job_set = job_set
        self.now_s = 1000.0
        self.pace = Pace(monotonic=lambda: self.now_s)

    def __call__(self, states, *, after_s=0.0, run=None):
        self.now_s += after_s
        jobs = tuple(
            JobReport(
                index, Slice(10 * index, 10), 1, State(state), f"id-{index}",
                circuits_run=run if state == "running" else None,
            )
            for index, state in enumerate(states)
        )  # fmt: skip
        return self.pace.look([SetReport(self.job_set, jobs)])


@pytest.fixture
def look(new_set):
    return Looks(new_set(jobs=4).job_set)


Q, R, D = "queued", "running", "done"


def test_jobs_and_circuits_are_counted_that_have_ended(look):
    reached = look(["done", "error", "cancelled", "queued"])

    assert reached[:4] == (3, 4, 30, 40)
    assert look([D, R, Q, Q], run=7)[:4] == (1, 4, 17, 40)
    assert look([D, R, Q, Q], run=99)[:4] == (1, 4, 20, 40)


def test_the_time_left_follows_from_what_has_run_since_something_ran(look):
    assert look([Q, Q, Q, Q]).left_s is None
    assert look([Q, Q, Q, Q], after_s=3600).left_s is None
    assert look([R, Q, Q, Q], after_s=60).left_s is None
    assert look([R, Q, Q, Q], after_s=30).left_s is None
    assert look([D, R, Q, Q], after_s=30).left_s == 60 * 30 / 10
    assert look([D, D, Q, Q], after_s=10).left_s == 70 * 20 / 20
    assert look([D, D, D, D], after_s=10).left_s is None


def test_circuits_of_running_jobs_count_where_somebody_tells(look):
    assert look([R, Q, Q, Q], run=0).left_s is None
    assert look([R, Q, Q, Q], run=4, after_s=8).left_s == 8 * 36 / 4


def test_jobs_that_nobody_sees_running_are_measured_from_the_first_end(look):
    assert look([Q, Q, Q, Q]).left_s is None
    assert look([D, Q, Q, Q], after_s=500).left_s is None
    assert look([D, D, Q, Q], after_s=50).left_s == 50 * 20 / 10


def test_what_had_ended_before_the_first_look_says_nothing(look):
    assert look([D, D, Q, Q]).left_s is None
    assert look([D, D, Q, Q], after_s=900).left_s is None
    assert look([D, D, R, Q], after_s=900).left_s is None
    assert look([D, D, D, R], after_s=20).left_s == 20


def test_what_nobody_submits_takes_no_time_and_what_is_cancelled_took_none(look):
    assert look([R, R, "planned", Q]).left_s is None
    assert look([D, R, "planned", "cancelled"], after_s=9).left_s == 9


def test_a_retry_begins_anew(look):
    look([R, R, R, R])
    assert look([D, D, "error", R], after_s=30).left_s == 10
    assert look([D, D, Q, R], after_s=30).left_s is None
    assert look([D, D, R, D], after_s=30).left_s == 30
