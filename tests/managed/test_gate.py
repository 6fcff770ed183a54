"""Jobs pass a gate in the order they came, as many at a time as its lock lets through."""

import threading
import time
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait

import pytest

from qjobs.engine.sending.steps import Wait
from qjobs.managed.submit_queue import Gate, gate_of


def note(log, name):
    log.append(name)
    return
    yield


def put(gate, way, lock, executor):
    future = Future()
    gate.put(way, future, lock, executor)
    return future


@pytest.fixture
def executor():
    with ThreadPoolExecutor(6) as executor:
        yield executor


def test_a_plain_lock_keeps_the_order(executor):
    gate, lock, log = Gate(), threading.Lock(), []

    futures = [put(gate, note(log, name), lock, executor) for name in range(300)]
    wait(futures, timeout=30)

    assert log == list(range(300))


def test_a_semaphore_lets_as_many_through_as_it_says(executor):
    gate, lock = Gate(), threading.Semaphore(3)
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

    wait([put(gate, meet(), lock, executor) for _ in range(12)], timeout=30)

    assert most == [3]


def test_whoever_has_to_wait_is_not_overtaken_and_holds_no_lock(executor):
    gate, lock, log = Gate(), threading.Lock(), []
    waiting = threading.Event()

    def wait_once():
        log.append("tries")
        waiting.set()
        yield Wait("not now", 60)
        log.append("passes")

    first = put(gate, wait_once(), lock, executor)
    second = put(gate, note(log, "second"), lock, executor)
    waiting.wait(30)
    with lock:
        time.sleep(0.01)
    gate.wake()
    wait([first, second], timeout=30)

    assert log == ["tries", "passes", "second"]


def test_news_between_the_step_and_the_wait_are_not_missed(executor):
    gate, lock, log = Gate(), threading.Lock(), []

    def wait_once():
        gate.wake()
        yield Wait("not now", 60)
        log.append("passes")

    put(gate, wait_once(), lock, executor).result(timeout=30)

    assert log == ["passes"]


def test_an_error_is_for_the_future_and_stops_nobody_else(executor):
    gate, lock, log = Gate(), threading.Lock(), []

    def fail():
        raise KeyError("x")
        yield

    first = put(gate, fail(), lock, executor)
    second = put(gate, note(log, "second"), lock, executor)

    assert isinstance(first.exception(timeout=30), KeyError)
    second.result(timeout=30)


def test_a_future_that_was_cancelled_is_passed_over(executor):
    gate, lock, log = Gate(), threading.Lock(), []
    with lock:
        first = put(gate, note(log, "first"), lock, executor)
        second = put(gate, note(log, "second"), lock, executor)
        assert first.cancel()
    second.result(timeout=30)

    assert log == ["second"]


def test_closing_finishes_what_passes_and_cancels_the_rest(executor):
    gate, lock, log = Gate(), threading.Lock(), []
    inside, go_on = threading.Event(), threading.Event()

    def pass_slowly():
        inside.set()
        go_on.wait(30)
        log.append("first")
        return
        yield

    first = put(gate, pass_slowly(), lock, executor)
    second = put(gate, note(log, "second"), lock, executor)
    inside.wait(30)
    closing = threading.Thread(target=gate.close)
    closing.start()
    with pytest.raises(CancelledError):
        second.result(timeout=30)
    assert closing.is_alive()
    go_on.set()
    closing.join(30)

    assert first.result(timeout=30) is None
    assert log == ["first"]
    assert put(gate, note(log, "third"), lock, executor).cancelled()


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_an_executor_that_is_shut_down_does_what_it_took_before(threads):
    gate, lock, log = Gate(), threading.Lock(), []
    with ThreadPoolExecutor(threads) as executor:
        futures = [put(gate, note(log, name), lock, executor) for name in range(50)]

    assert all(future.done() for future in futures)
    assert log == list(range(50))


def test_an_executor_that_takes_nothing_says_so(executor):
    gate, lock, log = Gate(), threading.Lock(), []
    closed = ThreadPoolExecutor()
    closed.shutdown()

    with pytest.raises(RuntimeError):
        put(gate, note(log, "lost"), lock, closed)
    put(gate, note(log, "next"), lock, executor).result(timeout=30)

    assert log == ["next"]


def test_what_an_executor_let_go_of_is_dropped_and_others_go_on(executor):
    gate, lock, log = Gate(), threading.Lock(), []
    busy, go_on = ThreadPoolExecutor(1), threading.Event()
    busy.submit(go_on.wait, 60)
    lost = put(gate, note(log, "lost"), lock, busy)
    kept = put(gate, note(log, "kept"), lock, executor)
    busy.shutdown(wait=False, cancel_futures=True)
    go_on.set()

    assert kept.result(timeout=60) is None
    assert lost.cancelled()
    assert log == ["kept"]


@pytest.mark.parametrize("kind", [threading.Lock, threading.RLock, threading.Semaphore])
def test_all_who_share_a_lock_share_its_gate(kind):
    lock = kind()

    assert gate_of(lock) is gate_of(lock)
    assert gate_of(lock) is not gate_of(kind())


def test_closing_ends_a_wait(executor):
    gate, lock, waiting = Gate(), threading.Lock(), threading.Event()

    def wait_long():
        waiting.set()
        yield Wait("not now", 3600)

    future = put(gate, wait_long(), lock, executor)
    waiting.wait(30)
    gate.close()

    assert future.result(timeout=30) is None
