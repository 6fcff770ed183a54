"""Jobs are submitted in the order they came, as many at a time as their lock allows."""

import threading
import time
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait

import pytest

from qjobs.engine.sending.steps import Wait
from qjobs.managed.submit_queue import SubmitQueue, queue_of


def note(log, name):
    log.append(name)
    return
    yield


def add(queue, steps, lock, executor):
    future = Future()
    queue.enqueue(steps, future, lock, executor)
    return future


@pytest.fixture
def executor():
    with ThreadPoolExecutor(6) as executor:
        yield executor


def test_a_plain_lock_keeps_the_order(executor):
    queue, lock, log = SubmitQueue(), threading.Lock(), []

    futures = [add(queue, note(log, name), lock, executor) for name in range(300)]
    wait(futures, timeout=30)

    assert log == list(range(300))


def test_a_semaphore_lets_as_many_through_as_it_says(executor):
    queue, lock = SubmitQueue(), threading.Semaphore(3)
    together = threading.Barrier(3)
    inside, most, guard = [0], [0], threading.Lock()

    def meet():
        with guard:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        together.wait(30)
        with guard:
            inside[0] -= 1
        return
        yield

    wait([add(queue, meet(), lock, executor) for _ in range(12)], timeout=30)

    assert most == [3]


def test_whoever_has_to_wait_is_not_overtaken_and_holds_no_lock(executor):
    queue, lock, log = SubmitQueue(), threading.Lock(), []
    waiting = threading.Event()

    def wait_once():
        log.append("tries")
        waiting.set()
        yield Wait("not now", 60)
        log.append("passes")

    first = add(queue, wait_once(), lock, executor)
    second = add(queue, note(log, "second"), lock, executor)
    waiting.wait(30)
    with lock:
        time.sleep(0.01)
    queue.wake()
    wait([first, second], timeout=30)

    assert log == ["tries", "passes", "second"]


def test_news_between_the_step_and_the_wait_are_not_missed(executor):
    queue, lock, log = SubmitQueue(), threading.Lock(), []

    def wait_once():
        queue.wake()
        yield Wait("not now", 60)
        log.append("passes")

    add(queue, wait_once(), lock, executor).result(timeout=30)

    assert log == ["passes"]


def test_an_error_is_for_the_future_and_stops_nobody_else(executor):
    queue, lock, log = SubmitQueue(), threading.Lock(), []

    def fail():
        raise KeyError("x")
        yield

    first = add(queue, fail(), lock, executor)
    second = add(queue, note(log, "second"), lock, executor)

    assert isinstance(first.exception(timeout=30), KeyError)
    second.result(timeout=30)


def test_a_future_that_was_cancelled_is_passed_over(executor):
    queue, lock, log = SubmitQueue(), threading.Lock(), []
    with lock:
        first = add(queue, note(log, "first"), lock, executor)
        second = add(queue, note(log, "second"), lock, executor)
        assert first.cancel()
    second.result(timeout=30)

    assert log == ["second"]


def test_closing_finishes_what_passes_and_cancels_the_rest(executor):
    queue, lock, log = SubmitQueue(), threading.Lock(), []
    inside, go_on = threading.Event(), threading.Event()

    def pass_slowly():
        inside.set()
        go_on.wait(30)
        log.append("first")
        return
        yield

    first = add(queue, pass_slowly(), lock, executor)
    second = add(queue, note(log, "second"), lock, executor)
    inside.wait(30)
    closing = threading.Thread(target=queue.close)
    closing.start()
    with pytest.raises(CancelledError):
        second.result(timeout=30)
    assert closing.is_alive()
    go_on.set()
    closing.join(30)

    assert first.result(timeout=30) is None
    assert log == ["first"]
    assert add(queue, note(log, "third"), lock, executor).cancelled()


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_an_executor_that_is_shut_down_does_what_it_took_before(threads):
    queue, lock, log = SubmitQueue(), threading.Lock(), []
    with ThreadPoolExecutor(threads) as executor:
        futures = [add(queue, note(log, name), lock, executor) for name in range(50)]

    assert all(future.done() for future in futures)
    assert log == list(range(50))


def test_an_executor_that_takes_nothing_says_so(executor):
    queue, lock, log = SubmitQueue(), threading.Lock(), []
    closed = ThreadPoolExecutor()
    closed.shutdown()

    with pytest.raises(RuntimeError):
        add(queue, note(log, "lost"), lock, closed)
    add(queue, note(log, "next"), lock, executor).result(timeout=30)

    assert log == ["next"]


def test_what_an_executor_let_go_of_is_dropped_and_others_go_on(executor):
    queue, lock, log = SubmitQueue(), threading.Lock(), []
    busy, go_on = ThreadPoolExecutor(1), threading.Event()
    busy.submit(go_on.wait, 60)
    lost = add(queue, note(log, "lost"), lock, busy)
    kept = add(queue, note(log, "kept"), lock, executor)
    busy.shutdown(wait=False, cancel_futures=True)
    go_on.set()

    assert kept.result(timeout=60) is None
    assert lost.cancelled()
    assert log == ["kept"]


@pytest.mark.parametrize("kind", [threading.Lock, threading.RLock, threading.Semaphore])
def test_all_who_share_a_lock_share_its_queue(kind):
    lock = kind()

    assert queue_of(lock) is queue_of(lock)
    assert queue_of(lock) is not queue_of(kind())


def test_closing_ends_a_wait(executor):
    queue, lock, waiting = SubmitQueue(), threading.Lock(), threading.Event()

    def wait_long():
        waiting.set()
        yield Wait("not now", 3600)

    future = add(queue, wait_long(), lock, executor)
    waiting.wait(30)
    queue.close()

    assert future.result(timeout=30) is None
