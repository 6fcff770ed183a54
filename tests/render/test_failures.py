"""Failures are grouped by what they say; numbers make no difference, all else does."""

from support.sample_set import NOON, plan

from qjobs.engine.error import Failure, Origin
from qjobs.engine.report import JobReport, SetReport, State
from qjobs.model import Slice
from qjobs.render.failures import grouped
from qjobs.render.tables import print_failures, print_summary

PLAN = plan(jobs=9)


def failed(job: int, message: str, origin: Origin = Origin.RUN, files: tuple[str, ...] = ()):
    return PLAN, Failure(job, 1, Slice(3 * job, 3), origin, message, f"id-{job}", files)


def test_what_says_the_same_stands_together_in_the_order_of_the_first() -> None:
    one, other = grouped([failed(4, "no"), failed(1, "never"), failed(5, "no"), failed(6, "no")])

    assert (one.jobs, one.messages) == ("jobs 4-6", ("no",))
    assert (other.jobs, other.messages) == ("job 1", ("never",))


def test_numbers_and_ids_make_no_difference_and_no_message_is_lost() -> None:
    messages = ["circuit 7: wide_07 in 3f9a6c01d2e4", "circuit 12: wide_12 in 77aa90b1cc02"]
    (group,) = grouped([failed(1, messages[0]), failed(2, messages[1]), failed(3, messages[0])])

    assert group.jobs == "jobs 1-3"
    assert group.messages == tuple(messages)


def test_other_words_origins_and_sets_do() -> None:
    elsewhere = plan("000000000001", jobs=9), failed(1, "no")[1]

    assert len(grouped([failed(1, "no"), failed(2, "no one")])) == 2
    assert len(grouped([failed(1, "no"), failed(2, "no", Origin.SUBMIT)])) == 2
    assert len(grouped([failed(1, "no"), elsewhere])) == 2


def test_circuits_without_a_result_are_counted_with_their_files() -> None:
    (group,) = grouped(failed(job, "no", Origin.CIRCUIT, (f"{job % 2}.qasm",)) for job in (1, 2, 3))

    assert (group.circuits, group.files) == ("3,6,9", ("1.qasm", "0.qasm"))
    assert group.times == 0


def test_a_summary_has_a_line_for_jobs_that_say_the_same(capsys) -> None:
    jobs = [
        JobReport(index, Slice(3 * index, 3), 1, state, f"id-{index}", message)
        for index, state, message in (
            (0, State.ERROR, "circuit 1 is too wide\nand more"),
            (1, State.CANCELLED, "cancelled"),
            (2, State.CANCELLED, "cancelled"),
            (3, State.ERROR, "circuit 9 is too wide"),
            (4, State.DONE, ""),
        )
    ]
    print_summary(SetReport(PLAN, tuple(jobs)), jobs, NOON)

    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith("  job")] == [
        "  jobs 0,3  circuits 0-2,9-11  error  circuit 1 is too wide",
        "  jobs 1-2  circuits 3-8  cancelled  cancelled",
    ]


def test_a_terminal_shows_the_first_message_and_how_many_are_like_it(capsys) -> None:
    print_failures([failed(1, "line 1 is wrong"), failed(2, "line 2 is wrong")])

    out = capsys.readouterr().out.splitlines()
    assert out[1:] == [
        "  jobs 1-2 failed",
        "    line 1 is wrong",
        "    and 1 message that differs only in numbers",
    ]
