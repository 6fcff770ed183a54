"""What the screen of `watch` has room for, at each size, and what goes first."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from qjobs.engine.pace import Pace
from qjobs.engine.report import JobReport, SetReport, State
from qjobs.model import JobSet, Slice
from qjobs.render.watched import Watched, screen_lines

NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
STATES = [State.DONE] * 140 + [State.ERROR] * 5 + [State.RUNNING] * 4 + [State.QUEUED] * 151


def watched(name="ghz-sweep", backend="ibm_fez", states=STATES):
    slices = tuple(Slice(3 * index, 3) for index in range(len(states)))
    job_set = JobSet(
        "9f3c1a7e2b40", name, NOW - timedelta(minutes=12), "ibm", backend, 3 * len(states), slices
    )
    jobs = tuple(
        JobReport(
            index, part, 1, state, f"d1q8k2m5v6n0008xyz{index}",
            "" if state is not State.ERROR else f"reason {index}\nmore of it",
            started=NOW - timedelta(seconds=63) if state is State.RUNNING else None,
            finished=NOW - timedelta(seconds=index) if state is State.ERROR else None,
            circuits_run=2 if state is State.RUNNING else None,
            queue_position=index - 148 if state is State.QUEUED else None,
        )
        for index, (state, part) in enumerate(zip(states, slices, strict=True))
    )  # fmt: skip
    report = SetReport(job_set, jobs, asked=NOW)
    return Watched(report, Pace().look([report])._replace(left_s=480.0))


def lines(*sets, width=80, height=24, **more):
    more = {"now": NOW, "looked": NOW - timedelta(seconds=3), "leaving": "q leaves"} | more
    return [line.plain for line in screen_lines(sets, width=width, height=height, **more)]


def test_everything_that_matters_is_there_at_80_by_24():
    shown = "\n".join(lines(watched()))

    for part in (
        "ghz-sweep  9f3c1a7e2b40  RUNNING  ibm:ibm_fez",
        "145/300 jobs  443/900 circuits  12 min, about 8 min left",
        "140 done",
        "job 145  circuits 435-437  2/3 run  1 min 3 s  d1q8k2m5v6n0008xyz145",
        "151 jobs waiting, job 149 is number 1 in the queue",
        "as of 3 s ago  q leaves",
    ):
        assert part in shown


def test_the_newest_failures_come_first_each_with_its_reason():
    failed = [line for line in lines(watched()) if "▓ job" in line]

    assert [line.split()[2] for line in failed] == ["140", "141", "142", "143", "144"]
    assert failed[0].endswith("error  reason 140")


@pytest.mark.parametrize("backend", ["ibm_fez", "a_backend_with_a_name_that_is_long_and_goes_on"])
@pytest.mark.parametrize("sets", [1, 2, 5, 40])
def test_nothing_leaves_the_screen_whatever_its_size(sets, backend):
    shown = [watched(name=f"set-{n}", backend=backend) for n in range(sets)]
    for width in (1, 8, 20, 50, 80, 120, 300):
        for height in (1, 2, 5, 10, 16, 24, 40, 100):
            found = lines(*shown, width=width, height=height, problems=["no route to " + "x" * 200])
            assert len(found) == height
            assert max(map(len, found)) <= width
            assert "q leaves" in found[-1] or width < 50


@pytest.mark.parametrize("width", [50, 60, 80, 120])
def test_no_id_and_no_backend_is_cut(width):
    backend = "a_backend_with_a_long_name_of_its_own"
    shown = "\n".join(lines(watched(backend=backend), width=width, height=40))

    assert f"ibm:{backend}" in shown
    assert "9f3c1a7e2b40" in shown
    for line in shown.splitlines():
        assert "d1q8" not in line or "d1q8k2m5v6n0008xyz14" in line


@pytest.mark.parametrize("height", range(5, 60))
def test_what_is_not_shown_is_counted(height):
    found = lines(watched(), height=height)
    for mark, what, number in (("▒ job", "running", 4), ("▓ job", "failed", 5)):
        rows = sum(mark in line for line in found)
        left = [int(line.split()[1]) for line in found if line.endswith(what) and "..." in line]
        if rows or left:
            assert rows + sum(left) == number


def test_many_sets_have_a_line_each_and_those_without_one_are_counted():
    found = lines(*(watched(name=f"set-{n}") for n in range(40)), height=12)
    assert found[0].strip().endswith("145/300 jobs  about 8 min left")
    assert found[9] == "... 31 more sets"


def test_before_the_first_answer_it_says_so():
    assert lines(looked=None)[-1] == "asking  q leaves"


def test_what_comes_from_outside_is_shown_and_not_obeyed():
    one = watched(states=[State.ERROR])
    jobs = tuple(replace(job, message="\x1b[2J[bold]gone") for job in one.report.jobs)
    report = one.report._replace(jobs=jobs)
    shown = "\n".join(lines(one._replace(report=report), problems=["\x1b[31mred"]))
    assert "\\x1b[2J[bold]gone" in shown
    assert "! \\x1b[31mred" in shown
