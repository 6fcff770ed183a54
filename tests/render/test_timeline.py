"""The times of jobs become the right shares of a picture."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qjobs.engine.report import report_jobs
from qjobs.model import (
    Accepted,
    Attempt,
    Attempted,
    Dropped,
    Finished,
    Job,
    JobStatus,
    Planned,
    Refused,
    Slice,
)
from qjobs.render.page.scale import Scale
from qjobs.render.page.timeline import MOST_LANES, Bar, Layer, timeline

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def job(index: int, *attempts: Attempt) -> Job:
    return Job(index, Slice(index, 1), attempts)


def ended(number: int, status: JobStatus, submitted: float, finished: float) -> Attempt:
    state = Finished(f"id-{number}", status)
    return Attempt(number, state, submitted=at(submitted), finished=at(finished))


def drawn(*jobs: Job, now: float, live: dict[str, JobStatus] | None = None):
    return timeline(NOON, jobs, report_jobs(jobs, live or {}), at(now))


def heights(layer: Layer) -> list[tuple[int, int]]:
    """The corners of a layer, from its upper left one on."""
    points = layer.path.removeprefix("M").removesuffix("Z").split()
    return [(int(x), int(y)) for x, y in (point.split(",") for point in points)]


def test_a_job_lies_where_its_times_are() -> None:
    shown = drawn(
        job(0, ended(1, JobStatus.DONE, 2, 6)), job(1, ended(1, JobStatus.ERROR, 4, 8)), now=99
    )

    assert [lane.bars for lane in shown.lanes] == [
        (Bar(0.25, 0.75, "sent", "done"),), (Bar(0.5, 1.0, "sent", "failed"),),
    ]  # fmt: skip
    assert [lane.words for lane in shown.lanes] == [
        "attempt 1: done, waited and ran for 4.0 s", "attempt 1: error, waited and ran for 4.0 s",
    ]  # fmt: skip
    assert shown.kinds == ("done", "failed", "sent")


def test_waiting_and_running_are_two_bars_where_somebody_knows() -> None:
    state = Finished("a", JobStatus.DONE)
    known = Attempt(1, state, submitted=at(0), started=at(6), finished=at(8))
    shown = drawn(job(0, known), now=99)

    (lane,) = shown.lanes
    assert lane.bars == (
        Bar(0.0, 0.75, "waiting", "waiting"), Bar(0.75, 1.0, "running", "done"),
    )  # fmt: skip
    assert lane.words == "attempt 1: done, waited for 6.0 s, ran for 2.0 s"


def test_what_goes_on_lasts_until_now() -> None:
    running = Attempt(1, Accepted("a"), submitted=at(0))
    queued = Attempt(1, Accepted("b"), submitted=at(5))
    shown = drawn(
        job(0, running), job(1, queued), now=10,
        live={"a": JobStatus.RUNNING, "b": JobStatus.QUEUED},
    )  # fmt: skip

    assert [lane.bars for lane in shown.lanes] == [
        (Bar(0.0, 1.0, "running", "running"),), (Bar(0.5, 1.0, "waiting", "waiting"),),
    ]  # fmt: skip


def test_every_attempt_has_its_bar_and_what_was_refused_a_mark() -> None:
    refused = Attempt(1, Refused("no"), finished=at(1))
    shown = drawn(
        job(0, refused, ended(2, JobStatus.ERROR, 2, 3), ended(3, JobStatus.DONE, 3, 4)), now=4
    )

    (lane,) = shown.lanes
    assert [(bar.start, bar.end, bar.then) for bar in lane.bars] == [
        (0.25, 0.25, "failed"), (0.5, 0.75, "failed"), (0.75, 1.0, "done"),
    ]  # fmt: skip
    assert lane.words.startswith("attempt 1: refused; attempt 2: error")


@pytest.mark.parametrize(
    ("attempt", "kind"),
    [
        (Attempt(1, Attempted("tag", at(0))), "unknown"),
        (Attempt(1, Dropped(), finished=at(0)), "cancelled"),
        (ended(1, JobStatus.CANCELLED, 0, 1), "cancelled"),
    ],
)
def test_the_other_fates_of_an_attempt(attempt: Attempt, kind: str) -> None:
    (lane,) = drawn(job(0, attempt), now=1).lanes

    assert lane.bars[-1].then == kind


def test_nothing_that_began_is_no_picture() -> None:
    assert drawn(job(0, Attempt(1, Planned())), now=1) is None


def test_a_long_time_without_anything_is_cut_out_and_said() -> None:
    shown = drawn(
        job(0, ended(1, JobStatus.ERROR, 0, 10), ended(2, JobStatus.DONE, 3610, 3620)), now=3620
    )

    (first, second) = shown.lanes[0].bars
    (cut,) = shown.breaks
    assert first.end - first.start == pytest.approx(second.end - second.start)
    assert first.end < cut.at < second.start
    assert cut.name == "1 h"
    names = [tick.name for tick in shown.ticks]
    assert names[0] == "0 s"
    assert "1 h 0 min" not in names
    assert [name for name in names if name.startswith(("1 h", "+"))]


def test_layers_count_the_jobs_from_the_bottom_up() -> None:
    shown = drawn(
        *(job(index, ended(1, JobStatus.DONE, 0, 10)) for index in range(3)),
        job(3, ended(1, JobStatus.ERROR, 0, 5)),
        now=10,
    )

    layers = {layer.kind: heights(layer) for layer in shown.layers}
    # At the end three of four are done, from the bottom, and above them is the failed one.
    assert (1000, 250) in layers["done"]
    assert (1000, 0) in layers["failed"]
    # Until one failed, all four were with the provider.
    assert min(y for x, y in layers["sent"] if x < 500) == 0


def test_many_jobs_are_counted_but_not_drawn_one_by_one() -> None:
    few = [job(index, ended(1, JobStatus.DONE, 0, 1)) for index in range(MOST_LANES)]
    more = job(MOST_LANES, ended(1, JobStatus.DONE, 0, 1))

    assert len(drawn(*few, now=1).lanes) == MOST_LANES
    shown = drawn(*few, more, now=1)
    assert (shown.jobs, shown.lanes) == (MOST_LANES + 1, ())
    assert shown.layers


SPANS = st.lists(
    st.tuples(st.floats(0, 1e7), st.floats(0, 1e7)).map(sorted).map(tuple), min_size=1, max_size=30
)


@given(SPANS)
def test_a_scale_keeps_the_order_of_time_and_the_width(spans) -> None:
    scale = Scale(spans)
    moments = sorted({0.0, *(moment for span in spans for moment in span)})
    shares = [scale.share(moment) for moment in moments]

    assert all(0 <= share <= 1 + 1e-9 for share in shares)
    assert all(one <= other + 1e-9 for one, other in pairwise(shares))
    ticks = list(scale.ticks())
    assert all(other.at - one.at > 0.1 for one, other in pairwise(ticks))
    assert 1 <= len(ticks) <= 9
