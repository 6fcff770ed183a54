"""Each key of a fake backend does what qjobs/providers/fake/script.py says."""

import re
import signal
import sqlite3
import stat
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qjobs.circuits.slices import CircuitSlice
from qjobs.contract import CancelOutcome, ProviderContext, Submission
from qjobs.errors import (
    AuthError,
    JobRefused,
    PendingLimit,
    ProviderError,
    RateLimited,
    ResultGone,
    TooLarge,
    UnknownBackend,
)
from qjobs.model import JobStatus, RunOptions, Slice
from qjobs.providers.fake import script as script_module
from qjobs.providers.fake.provider import FakeProvider
from qjobs.providers.fake.script import KEYS, Script, parse_script
from qjobs.results import CircuitResult

OPTIONS = RunOptions(shots=10)


class World:
    """A fake provider whose clock stands still unless somebody sleeps."""

    def __init__(self, folder: Path, circuits: Path) -> None:
        self.now_s = 1000.0
        self.folder = folder
        self.circuits = circuits
        self.provider = FakeProvider(
            ProviderContext(folder), clock=lambda: self.now_s, sleep=self.sleep
        )

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def submit(self, backend: str, job: int = 0, part: Slice | None = None, **more: str) -> str:
        return self.provider.submit(
            CircuitSlice(self.circuits, part or Slice(0, 2)),
            backend=backend,
            options=OPTIONS,
            tag=more.get("tag", f"qj-set-{job}-1"),
        )

    def submit_together(self, backend: str, *jobs: int) -> list[str | type[Exception]]:
        """The answers: ids, and what the others raised."""
        answers = self.provider.submit_together(
            [
                Submission(CircuitSlice(self.circuits, Slice(0, 2)), f"qj-set-{job}-1")
                for job in jobs
            ],
            backend=backend,
            options=OPTIONS,
        )
        return [answer if isinstance(answer, str) else type(answer) for answer in answers]

    def status(self, job_id: str) -> JobStatus:
        return self.provider.statuses([job_id])[job_id]


@pytest.fixture
def world(tmp_path: Path, circuit_files: dict[str, Path]) -> World:
    return World(tmp_path / "fake", circuit_files["steady"])


def failures(count: int, call: Callable[[], object]) -> list[type[Exception] | None]:
    """The errors of `count` calls; None where there was none."""
    errors: list[type[Exception] | None] = []
    for _ in range(count):
        try:
            call()
        except ProviderError as error:
            errors.append(type(error))
        else:
            errors.append(None)
    return errors


# The script


def test_an_empty_script_is_calm() -> None:
    assert parse_script("") == Script()


def test_a_script_is_read_with_blanks_and_every_kind_of_value() -> None:
    actual = parse_script("delay=0.5, fail = 2,find=no,refuse_circuits=2;5")

    assert actual == Script(delay_s=0.5, fail=2, find=False, refuse_circuits=(2, 5))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dealy=1", "no key 'dealy'; near ones: delay"),
        ("delay=1,,fail=1", "no key ''"),
        ("aer", "no key 'aer'"),
        ("delay=soon", "'delay' takes a number of seconds up to 86400, not 'soon'"),
        ("delay=-1", "not '-1'"),
        ("delay=nan", "not 'nan'"),
        ("delay=1e9", "not '1e9'"),
        ("fail=1.5", "'fail' takes a whole number"),
        ("fail", "not ''"),
        ("fail=" + "9" * 5000, "whole number"),
        ("find=false", "'find' takes yes or no, not 'false'"),
        ("refuse_circuits=1;x", "whole numbers with ';' between"),
        ("fail=1,fail=2", "'fail' is there twice"),
        ("connections=0", "'connections' must be at least 1"),
    ],
)
def test_what_is_no_script_is_an_unknown_backend(text: str, message: str) -> None:
    with pytest.raises(UnknownBackend, match=re.escape(message)):
        parse_script(text)


@given(st.text() | st.from_regex(r"(fail|delay|find|burst)=.*"))
def test_no_text_makes_the_script_fail_otherwise(text: str) -> None:
    with suppress(UnknownBackend):
        assert isinstance(parse_script(text), Script)


def test_every_key_is_documented_and_nothing_else_is() -> None:
    documented = re.findall(r"^  (\w+)=", script_module.__doc__ or "", re.MULTILINE)

    assert documented == list(KEYS)


# Time


def test_a_job_waits_then_runs_then_ends(world: World) -> None:
    job_id = world.submit("queue=5,delay=3")

    seen = []
    for wait_s in (0, 4.5, 1, 3):
        world.sleep(wait_s)
        seen.append(world.status(job_id))

    assert seen == [JobStatus.QUEUED, JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.DONE]


def test_latency_and_slowness_take_time(world: World) -> None:
    job_id = world.submit("latency=2,slow=7")
    assert world.now_s == 1002

    world.status(job_id)

    assert world.now_s == 1009


def test_an_odd_word_is_unknown_for_a_while(world: World) -> None:
    job_id = world.submit("odd_status=3")
    assert world.status(job_id) is JobStatus.UNKNOWN

    world.sleep(3)

    assert world.status(job_id) is JobStatus.DONE


def test_a_clock_that_is_set_back_does_not_undo_a_job(world: World) -> None:
    job_id = world.submit("")
    world.sleep(-500)

    assert world.status(job_id) is JobStatus.DONE


# Limits


def test_limits_are_stated_and_held(world: World) -> None:
    backend = "circuits=3,executions=20,pending=5,rate=60,connections=9,jobs=7"
    limits = world.provider.limits(backend)

    assert (limits.circuits, limits.executions, limits.pending_jobs) == (3, 20, 5)
    assert (limits.submits_per_minute, limits.connections, limits.jobs_wanted) == (60, 9, 7)
    with pytest.raises(TooLarge, match="3 circuits, not 4"):
        world.submit(backend, part=Slice(0, 4))
    with pytest.raises(TooLarge, match="20 executions, not 30"):
        world.submit(backend, part=Slice(0, 3))
    assert world.submit(backend, part=Slice(0, 2))


def test_unstated_limits_are_held_all_the_same(world: World) -> None:
    backend = "circuits=3,rate=60,stated=no"

    assert world.provider.limits(backend).circuits is None
    assert world.provider.limits(backend).submits_per_minute is None
    with pytest.raises(TooLarge):
        world.submit(backend, part=Slice(0, 4))


def test_unfinished_jobs_are_limited_until_one_ends(world: World) -> None:
    backend = "pending=2,delay=10"
    first = world.submit(backend, 0)
    world.submit(backend, 1)
    with pytest.raises(PendingLimit):
        world.submit(backend, 2)

    world.provider.cancel([first])

    assert world.submit(backend, 2)
    with pytest.raises(PendingLimit):
        world.submit(backend, 3)
    world.sleep(10)
    assert world.submit(backend, 3)


def test_the_rate_is_held_and_says_when_to_come_back(world: World) -> None:
    backend = "rate=30,burst=3"
    for job in range(3):
        world.submit(backend, job)

    for job in range(3, 6):
        with pytest.raises(RateLimited) as caught:
            world.submit(backend, job)
        assert caught.value.retry_after_s == pytest.approx(2)
        world.sleep(2)
        world.submit(backend, job)


# Submitting


@pytest.mark.parametrize(
    ("key", "error", "accepted"),
    [("refuse", JobRefused, 2), ("drop", ProviderError, 2), ("lose", ProviderError, 4)],
)
def test_the_first_submits_of_each_set_go_wrong(
    world: World, key: str, error: type[Exception], accepted: int
) -> None:
    first = failures(4, lambda: world.submit(f"{key}=2", tag="qj-first-0-1"))
    second = failures(4, lambda: world.submit(f"{key}=2", tag="qj-second-0-1"))

    assert first == second == [error, error, None, None]
    assert len(world.provider.submissions()) == 2 * accepted


def test_faults_follow_one_another(world: World) -> None:
    errors = failures(3, lambda: world.submit("refuse=1,lose=1"))

    assert errors == [JobRefused, ProviderError, None]


def test_calls_are_held_from_the_nth_on_until_they_are_released(world: World) -> None:
    world.submit("hold=2", 0)
    assert world.now_s == 1000

    def look(seconds: float) -> None:
        world.sleep(seconds)
        assert len(world.provider.submissions()) == 1
        if world.now_s > 1001:
            (world.folder / "release").touch()

    world.provider = FakeProvider(
        ProviderContext(world.folder), clock=lambda: world.now_s, sleep=look
    )
    world.submit("hold=2", 1)

    assert world.now_s > 1001
    assert len(world.provider.submissions()) == 2


def test_a_job_with_a_circuit_that_is_not_wanted_is_always_refused(world: World) -> None:
    backend = "refuse_circuits=1;4"

    for part in (Slice(0, 2), Slice(4, 1), Slice(0, 6)):
        with pytest.raises(JobRefused):
            world.submit(backend, part=part)
    assert world.submit(backend, part=Slice(2, 2))


def test_bad_credentials_are_said(world: World) -> None:
    with pytest.raises(AuthError):
        world.submit("auth=no")
    assert world.provider.submissions() == []


def test_a_doubled_submit_makes_two_jobs_and_names_the_later(world: World) -> None:
    job_id = world.submit("double=1")

    assert list(world.provider.find("qj-set-0-1")) == ["fake-1", job_id]
    assert len(world.provider.submissions()) == 2


def test_jobs_of_one_call_have_faults_of_their_own(world: World) -> None:
    backend = "together=4,refuse=1,lose=1,circuits=2"

    assert world.submit_together(backend, 0, 1, 2, 3) == [
        JobRefused, ProviderError, "fake-2", "fake-3",
    ]  # fmt: skip
    assert list(world.provider.find("qj-set-1-1")) == ["fake-1"]
    assert list(world.provider.find("qj-set-0-1")) == []


def test_a_call_is_one_submit_of_the_rate_and_each_job_is_pending(world: World) -> None:
    backend = "together=4,rate=60,pending=3,delay=9"

    assert world.submit_together(backend, 0, 1) == ["fake-1", "fake-2"]
    assert world.submit_together(backend, 2, 3) == [RateLimited] * 2
    world.sleep(1)
    assert world.submit_together(backend, 2, 3) == ["fake-3", PendingLimit]


def test_no_call_has_more_jobs_than_the_script_takes(world: World) -> None:
    assert world.provider.limits("together=3,stated=no").together == 3
    assert world.provider.limits("").together == 1
    with pytest.raises(TooLarge, match="3 jobs, not 4"):
        world.submit_together("together=3", 0, 1, 2, 3)
    assert world.provider.submissions() == []


@pytest.mark.slow
@pytest.mark.parametrize(("key", "accepted"), [("die_before", [0]), ("die_after", [0, 1])])
def test_a_process_is_killed_in_the_midst_of_a_call(
    world: World, key: str, accepted: list[int]
) -> None:
    program = f"""
from pathlib import Path
from qjobs.circuits.slices import CircuitSlice
from qjobs.model import RunOptions, Slice
from qjobs.providers.fake.provider import FakeProvider
from qjobs.contract import ProviderContext, Submission

circuits = CircuitSlice(Path({str(world.circuits)!r}), Slice(0, 1))
FakeProvider(ProviderContext(Path({str(world.folder)!r}))).submit_together(
    [Submission(circuits, f"qj-set-{{job}}-1") for job in range(3)],
    backend={key + "=2,together=3"!r},
    options=RunOptions(),
)
"""
    outcome = subprocess.run([sys.executable, "-c", program], check=False, timeout=60)

    assert outcome.returncode == -signal.SIGKILL
    assert [int(line.tag.split("-")[2]) for line in world.provider.submissions()] == accepted


@pytest.mark.slow
@pytest.mark.parametrize(("key", "accepted"), [("die_before", [0, 2]), ("die_after", [0, 1, 2])])
def test_a_process_is_killed_at_its_second_submit(
    world: World, key: str, accepted: list[int]
) -> None:
    program = f"""
from pathlib import Path
from qjobs.circuits.slices import CircuitSlice
from qjobs.model import RunOptions, Slice
from qjobs.providers.fake.provider import FakeProvider
from qjobs.contract import ProviderContext

provider = FakeProvider(ProviderContext(Path({str(world.folder)!r})))
for job in range(3):
    provider.submit(
        CircuitSlice(Path({str(world.circuits)!r}), Slice(0, 1)),
        backend={key + "=2"!r},
        options=RunOptions(),
        tag=f"qj-set-{{job}}-1",
    )
"""
    outcome = subprocess.run([sys.executable, "-c", program], check=False, timeout=60)

    assert outcome.returncode == -signal.SIGKILL
    world.submit(f"{key}=2", 2)
    jobs = [int(line.tag.split("-")[2]) for line in world.provider.submissions()]
    assert jobs == accepted


# Finding


def test_a_job_is_found_when_the_listing_has_settled(world: World) -> None:
    backend = "settle=5"
    assert world.provider.capabilities(backend).settle_s > 5  # with the call itself
    job_id = world.submit(backend)

    assert list(world.provider.find("qj-set-0-1")) == []
    world.sleep(5)
    assert list(world.provider.find("qj-set-0-1")) == [job_id]


def test_a_provider_that_cannot_find_says_so(world: World) -> None:
    world.submit("find=no")

    assert not world.provider.capabilities("find=no").finds
    assert list(world.provider.find("qj-set-0-1")) == []


def test_searches_fail_even_for_jobs_that_never_came(world: World) -> None:
    with pytest.raises(ProviderError):
        world.submit("drop=1,find_error=2")

    errors = failures(3, lambda: world.provider.find("qj-set-0-1"))

    assert errors == [ProviderError, ProviderError, None]


# Running


@pytest.mark.parametrize(
    ("backend", "expected"), [("fail=2", "EEDDDD"), ("fail_every=3", "DDEDDE")]
)
def test_jobs_fail_by_their_order(world: World, backend: str, expected: str) -> None:
    statuses = world.provider.statuses([world.submit(backend, job) for job in range(6)])

    assert "".join(status[0] for status in statuses.values()) == expected
    assert "script" in world.provider.error_message(
        next(job_id for job_id, status in statuses.items() if status is JobStatus.ERROR)
    )


def test_a_blank_circuit_has_no_counts(world: World) -> None:
    result = world.provider.result(world.submit("blank_circuits=3", part=Slice(2, 3)))

    first, blank, last = result.circuits()
    assert blank.counts is None
    assert blank.message
    assert first.counts
    assert last.counts


def test_questions_for_statuses_fail(world: World) -> None:
    job_id = world.submit("status_error=2")

    assert failures(3, lambda: world.status(job_id)) == [ProviderError, ProviderError, None]


def test_requests_for_results_fail(world: World) -> None:
    job_id = world.submit("result_error=1")

    assert failures(2, lambda: world.provider.result(job_id)) == [ProviderError, None]


def test_a_result_can_be_read_once(world: World) -> None:
    job_id = world.submit("once=yes")

    assert failures(2, lambda: world.provider.result(job_id)) == [None, ResultGone]
    assert world.provider.gives_once(backend="once=yes", options=RunOptions())
    assert not world.provider.gives_once(backend="", options=RunOptions())


def test_results_are_gone(world: World) -> None:
    job_id = world.submit("gone=1")

    assert world.status(job_id) is JobStatus.DONE
    assert failures(2, lambda: world.provider.result(job_id)) == [ResultGone, None]


def test_a_job_that_is_too_large_to_run_says_so(world: World) -> None:
    large = world.submit("runnable=2", part=Slice(0, 3))
    small = world.submit("runnable=2", part=Slice(0, 2))
    failed = world.submit("fail=1", part=Slice(0, 2))

    assert [world.status(job_id) for job_id in (large, small)] == [JobStatus.ERROR, JobStatus.DONE]
    assert world.provider.was_too_large(world.provider.error_message(large))
    assert not world.provider.was_too_large(world.provider.error_message(failed))


def test_jobs_that_cannot_be_cancelled_say_so_and_go_on(world: World) -> None:
    job_id = world.submit("cancel=no,delay=5")

    assert not world.provider.capabilities("cancel=no").cancels
    assert world.provider.cancel([job_id]) == {job_id: CancelOutcome.NOT_SUPPORTED}
    assert world.status(job_id) is JobStatus.RUNNING


def test_the_seed_and_the_memory_are_heeded(world: World) -> None:
    def run(options: RunOptions) -> list[CircuitResult]:
        job_id = world.provider.submit(
            CircuitSlice(world.circuits, Slice(0, 6)), backend="", options=options, tag="t-0-1"
        )
        return list(world.provider.result(job_id).circuits())

    plain = run(RunOptions(shots=500, seed=1))
    assert run(RunOptions(shots=500, seed=1)) == plain
    assert run(RunOptions(shots=500, seed=2)) != plain
    for circuit in run(RunOptions(shots=500, seed=1, memory=True)):
        assert Counter(circuit.memory) == circuit.counts


# The books


def test_the_books_are_for_their_owner_alone(world: World) -> None:
    world.submit("")

    for file in world.folder.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert stat.S_IMODE(world.folder.stat().st_mode) == 0o700


def test_unusable_books_are_named(world: World) -> None:
    world.folder.mkdir()
    file = world.folder / "books.sqlite"
    file.write_bytes(b"not a database at all" * 100)

    with pytest.raises(ProviderError, match=re.escape(str(file))):
        world.status("fake-1")


# What a version without notes wrote, to the letter.
FORMAT_1 = """
CREATE TABLE job (
        number INTEGER PRIMARY KEY, tag TEXT, backend TEXT, accepted_s REAL, ends_s REAL,
        start_index INTEGER, circuits INTEGER, shots INTEGER, seed INTEGER, memory INTEGER,
        fails INTEGER, cancelled INTEGER, reads INTEGER);
CREATE INDEX job_by_tag ON job (tag);
CREATE TABLE counter (
        series TEXT, name TEXT, value INTEGER, PRIMARY KEY (series, name));
CREATE TABLE series (name TEXT PRIMARY KEY, backend TEXT);
CREATE TABLE pace (backend TEXT PRIMARY KEY, due_s REAL);
INSERT INTO job VALUES (1, 'qj-set-7-1', '', 900, 900, 0, 2, 4, 1, 0, 0, 0, 0);
"""
FORMAT_2 = "CREATE TABLE note (tag TEXT PRIMARY KEY, text TEXT);"


@pytest.mark.parametrize(("format_", "tables"), [(1, FORMAT_1), (2, FORMAT_1 + FORMAT_2)])
def test_books_of_earlier_formats_go_on(world: World, format_: int, tables: str) -> None:
    world.folder.mkdir()
    with closing(sqlite3.connect(world.folder / "books.sqlite")) as books:
        books.executescript(f"{tables} PRAGMA user_version = {format_};")

    assert world.provider.find("qj-set-7-1") == ["fake-1"]
    assert world.submit("") == "fake-2"
    assert world.status("fake-1") is JobStatus.DONE
    assert len(world.provider.labelled(backend="")) == 2


@pytest.mark.slow
def test_many_processes_and_threads_share_the_counts(world: World) -> None:
    program = f"""
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from qjobs.circuits.slices import CircuitSlice
from qjobs.errors import JobRefused
from qjobs.model import RunOptions, Slice
from qjobs.providers.fake.provider import FakeProvider
from qjobs.contract import ProviderContext

provider = FakeProvider(ProviderContext(Path({str(world.folder)!r})))

def submit(job):
    try:
        provider.submit(
            CircuitSlice(Path({str(world.circuits)!r}), Slice(0, 1)),
            backend="refuse=10,fail=20",
            options=RunOptions(),
            tag=f"qj-set-{{job}}-1",
        )
    except JobRefused:
        pass

with ThreadPoolExecutor(8) as pool:
    list(pool.map(submit, range(50)))
"""
    command = [sys.executable, "-c", program]
    with ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(subprocess.run, command, check=True, timeout=120) for _ in range(4)]

    assert [run.result().returncode for run in runs] == [0, 0, 0, 0]
    bill = world.provider.submissions()
    assert len({line.job_id for line in bill}) == len(bill) == 4 * 50 - 10
    statuses = world.provider.statuses([line.job_id for line in bill])
    assert list(statuses.values()).count(JobStatus.ERROR) == 20


def test_of_many_clients_that_read_a_result_at_once_one_gets_it(world: World) -> None:
    clients = [FakeProvider(ProviderContext(world.folder)) for _ in range(8)]

    def read(client: FakeProvider) -> str:
        try:
            return str(len(client.result(job_id)))
        except ProviderError as error:
            return error.message

    with ThreadPoolExecutor(len(clients)) as pool:
        for job in range(10):
            job_id = world.submit("once=yes", job)
            answers = sorted(pool.map(read, clients))

            gone = f"the result of job {job_id} was read before and is gone (once)"
            assert answers == ["2", *[gone] * 7]


def test_times_follow_the_script(world: World) -> None:
    backend = "queue=10,delay=5"
    first, second = (world.submit(backend, job) for job in range(2))
    world.sleep(4)
    third = world.submit(backend, 2)
    world.provider.cancel([second])

    def told(job_id: str) -> list[float | int | None]:
        (times,) = world.provider.times([job_id]).values()
        return [value.timestamp() if isinstance(value, datetime) else value for value in times]

    assert told(first) == [None, None, 1, 1010.0]
    assert told(second) == [None, 1004.0, None, None]
    assert told(third) == [None, None, 2, 1014.0]
    world.sleep(7)
    assert told(first) == [1010.0, None, None, None]
    assert told(third) == [None, None, 1, 1014.0]
    world.sleep(4)
    assert told(first) == [1010.0, 1015.0, None, None]
    assert world.provider.times(["fake-99", ""]) == {}


def test_what_was_forgotten_leaves_its_id_unused_and_its_faults_uncounted(world: World) -> None:
    first = world.submit("fail=1")
    assert world.status(first) is JobStatus.ERROR

    world.provider.forget("qj-set", [first])

    assert world.status(first) is JobStatus.UNKNOWN
    second = world.submit("fail=1")
    assert second != first
    assert world.status(second) is JobStatus.ERROR
    world.provider.forget("qj-set", [second])
    assert world.submit("") not in (first, second)
