"""What gets onto a page, however much there is."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from support.html_pages import elements
from support.sample_set import NOON, plan

from qjobs.engine.error import Failure, Origin
from qjobs.engine.report import JobReport, SetReport, State
from qjobs.engine.result import CircuitRow
from qjobs.model import Job, Slice, Source
from qjobs.render.page.circuits import MOST_ROWS, table
from qjobs.render.page.content import MOST_GROUPS, Page, set_part
from qjobs.render.page.html import listed, render

MOST_BYTES = 5_000_000
PATH = "circuits/of a middling length.qpy"


def rows(circuits: int, *, bits: int, outcomes: int, message: str = "") -> Iterator[CircuitRow]:
    counts = {f"{number:0{bits}b}": outcomes - number for number in range(outcomes)}
    for index in range(circuits):
        yield CircuitRow(
            index=index, name=f"random_circuit_{index:06d}", source=PATH, position=index,
            job=index // 3, job_id="j", state=State.ERROR if message else State.DONE, shots=1000,
            counts=None if message else counts, message=message,
        )  # fmt: skip


def page(circuits: int, **of: object) -> str:
    """A page of that many circuits in jobs of three."""
    jobs = -(-circuits // 3)
    failures: list[Failure] = of.pop("failures", [])  # type: ignore[assignment]
    report = SetReport(
        plan(jobs=jobs),
        tuple(
            JobReport(index, Slice(3 * index, 3), 1, State.DONE, f"id-{index}")
            for index in range(jobs)
        ),
    )
    source = Source(PATH, "f" * 64, "qpy", 0, circuits)
    part = set_part(
        report,
        [Job(index, Slice(3 * index, 3)) for index in range(jobs)],
        NOON + timedelta(seconds=9),
        sources=[source],
        labels=(),
        failures=failures,
        next_step="",
        table=table(rows(circuits, **of), circuits, sources=[source]),  # type: ignore[arg-type]
    )
    return render(Page((part,), NOON, "1.0"))


@pytest.mark.parametrize(
    "of",
    [
        {"bits": 5, "outcomes": 32},
        {"bits": 127, "outcomes": 8},
        {"bits": 5, "outcomes": 1, "message": "no memory is large enough " * 40},
    ],
    ids=["narrow", "wide", "failed"],
)
def test_ten_thousand_circuits_are_less_than_five_megabytes(of: dict[str, object]) -> None:
    text = page(10_000, **of)

    assert text.count("<tr data-k=") == 10_000
    assert len(text.encode()) < MOST_BYTES


def test_of_very_many_circuits_it_says_how_to_get_at_the_others() -> None:
    text = page(MOST_ROWS + 3, bits=1, outcomes=1)

    assert text.count("<tr data-k=") == MOST_ROWS
    assert "3 more circuits that are not on this page" in text


def test_a_few_circuits_show_their_four_most_frequent_outcomes_and_how_many_more() -> None:
    text = page(3, bits=3, outcomes=6)

    row = next(element for element in elements(text, "tr") if "data-k" in element.attributes)
    assert row.words.split()[-9:] == [
        "000", "28.6%", "001", "23.8%", "010", "19.0%", "011", "14.3%", "+2",
    ]  # fmt: skip


def test_very_many_reasons_are_counted() -> None:
    failures = [Failure(0, 1, Slice(0, 3), Origin.RUN, "no" + "!" * number) for number in range(60)]
    text = page(3, bits=1, outcomes=1, failures=failures)

    assert text.count("<pre>no!") + text.count("<pre>no</pre>") == MOST_GROUPS
    assert "and 10 other reasons" in text


def test_states_that_nobody_asked_about_are_told_with_their_age() -> None:
    job = JobReport(0, Slice(0, 3), 1, State.QUEUED, "id", submitted=NOON)
    later = NOON + timedelta(hours=3)

    def problems(report: SetReport) -> tuple[str, ...]:
        return set_part(
            report, [Job(0, Slice(0, 3))], later, sources=(), labels=(), failures=(),
            next_step="", table=table((), 0),
        ).problems  # fmt: skip

    cached = SetReport(plan(jobs=1), (job,))
    (said,) = problems(cached)
    assert said.startswith("jobs that have not ended are shown as they were 3 h ago")
    assert problems(cached._replace(asked=later)) == ()


def test_long_lists_of_numbers_have_room_to_wrap_and_an_end() -> None:
    assert listed("1-3,7") == "1-3, 7"
    long = listed(",".join(str(2 * number) for number in range(100)))
    assert long.endswith(", 46, …, 198")
