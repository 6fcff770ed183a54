"""A few at a time, everything in flight is finished, nothing starts after a stop."""

import threading

import pytest

from qjobs import pool


@pytest.mark.parametrize("width", [1, 4])
def test_every_item_is_worked_on_once(width):
    outcomes = pool.each(lambda item: item * item, range(50), width=width, stop=threading.Event())

    assert sorted(outcomes) == [item * item for item in range(50)]


@pytest.mark.parametrize("width", [1, 4])
def test_no_item_is_started_after_the_stop(width):
    stop = threading.Event()
    started = []

    def work(item):
        started.append(item)
        if len(started) == 10:
            stop.set()
        return item

    finished = list(pool.each(work, range(1000), width=width, stop=stop))

    assert sorted(finished) == sorted(started)
    assert len(started) < 10 + width


@pytest.mark.parametrize("width", [1, 4])
def test_the_first_failure_is_raised_after_what_was_in_flight(width):
    def work(item):
        if item == 5:
            raise ValueError(item)
        return item

    finished: list[int] = []
    outcomes = pool.each(work, range(1000), width=width, stop=threading.Event())
    with pytest.raises(ValueError, match="5"):
        finished.extend(outcomes)

    assert set(range(5)) <= set(finished)
    assert len(finished) < 5 + 2 * width


def test_leaving_the_loop_early_starts_nothing_more():
    started: list[int] = []
    before = set(threading.enumerate())

    for _ in pool.each(started.append, range(1000), width=4, stop=threading.Event()):
        break

    assert len(started) < 20
    assert set(threading.enumerate()) == before


def test_as_many_threads_as_asked_for_work_at_once():
    together = threading.Barrier(4)

    list(pool.each(lambda _: together.wait(timeout=60), range(8), width=4, stop=threading.Event()))
