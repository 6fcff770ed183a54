"""A program that ends stays until all that it asked for is submitted; Ctrl-C stops that."""

import os
import shlex
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from support import TESTS
from support.backends_of_objects import ScriptedBackend
from support.deeds import chance_of, times

from qjobs import JobManager
from qjobs.engine.report import State, report_jobs
from qjobs.engine.submit import unsent_jobs
from qjobs.store.sets import Store

PRELUDE = f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
from support.backends_of_objects import ScriptedBackend, numbered
from qjobs import JobManager, ManagedJob
"""

# The first call is in flight until the file `release` is there.
RUN = """
job_set = JobManager().run(numbered(20), "fake:hold=1", max_experiments_per_job=1)
print(job_set.job_set_id(), flush=True)
"""

SUBMIT_ONE_BY_ONE = """
import threading
from concurrent.futures import ThreadPoolExecutor
executor, lock = ThreadPoolExecutor(2), threading.Lock()
for index, circuit in enumerate(numbered(20)):
    job = ManagedJob(index, 1)
    job.submit(circuit, "one", "fake:hold=1", executor, lock)
print(job._set.folder.job_set.set_id, flush=True)
"""


# Ctrl-C within `run`: the first job's call is in flight, and the fourth comes to the gate.
INTERRUPTED = """
import os, pathlib, signal, threading
sets = pathlib.Path(os.environ["QJOBS_HOME"], "sets")
calls = 0
def interrupt(frame, event, _):
    global calls
    if event != "call" or frame.f_code.co_name != "put":
        return
    calls += 1
    if calls == 4:
        sys.setprofile(None)
        while not any("attempted" in path.read_text() for path in sets.glob("*/state.toml")):
            pass
        threading.setprofile(None)
        os.kill(os.getpid(), signal.SIGINT)
threading.setprofile(interrupt)
sys.setprofile(interrupt)
"""

TWO_MANAGERS = """
for manager in (JobManager(), JobManager()):
    job_set = manager.run(numbered(20), "fake:hold=1", max_experiments_per_job=1)
    print(job_set.job_set_id(), flush=True)
"""

# A Ctrl-C by itself, at one of the moments of `run`.
AT_A_MOMENT = """
sys.path.insert(0, {tests!r})
import signal
from support.deeds import Moments
moments = Moments({last}, ends=signal.SIGINT)
manager, circuits = JobManager(), numbered(5)
moments.watch()
manager.run(circuits, "fake:", max_experiments_per_job=1)
print(moments.end())
"""


def begin(program: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", PRELUDE + program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def line_with(word: str, process: subprocess.Popen) -> str:
    """The next line on stderr that has the word."""
    return next(line for line in process.stderr if word in line)


def release(home: Path) -> None:
    (home / "fake").mkdir(parents=True, exist_ok=True)
    (home / "fake" / "release").touch()


def end(process: subprocess.Popen, home: Path) -> str:
    """Let the call in flight come to its end; what the program says until its own."""
    release(home)
    _, errors = process.communicate(timeout=120)
    return errors


def states(home: Path) -> list[State]:
    """Those of all jobs there are, which nobody is submitting any more."""
    store = Store(home, clock=lambda: None)
    folders = [store.open(header.set_id) for header in store.listing().headers]
    assert not any(folder.being_submitted() for folder in folders)
    return [job.state for folder in folders for job in report_jobs(folder.jobs(), None)]


def wait_for_a_call(home: Path, process: subprocess.Popen) -> None:
    while not any("attempted" in path.read_text() for path in home.glob("sets/*/state.toml")):
        assert process.poll() is None, process.stderr.read()


@pytest.mark.slow
@pytest.mark.parametrize("program", [RUN, SUBMIT_ONE_BY_ONE])
@pytest.mark.parametrize(
    ("ending", "code"), [("", 0), ("raise SystemExit(3)", 3), ("raise KeyError('x')", 1)]
)
def test_a_program_that_ends_has_all_its_jobs_submitted(home, program, ending, code):
    process = begin(program + ending)
    set_id = process.stdout.readline().strip()
    waiting = line_with("waiting for 20 jobs", process)
    errors = end(process, home)

    assert process.returncode == code
    assert set_id in waiting or program == SUBMIT_ONE_BY_ONE
    assert "no job is left to be submitted" in errors
    assert states(home) == [State.QUEUED] * 20


@pytest.mark.slow
def test_a_program_whose_jobs_are_submitted_ends_without_a_word(home):
    release(home)
    process = begin(RUN + "job_set.jobs()")
    _, errors = process.communicate(timeout=120)

    assert (process.returncode, errors) == (0, "")


@pytest.mark.slow
def test_jobs_of_an_object_with_a_thread_pool_of_its_own_are_submitted_and_kept(home):
    process = begin(
        "from qiskit_aer import AerSimulator\n"
        "JobManager().run(numbered(20), AerSimulator(), max_experiments_per_job=1)\n"
    )
    _, errors = process.communicate(timeout=240)

    assert process.returncode == 0, errors
    (job_set,) = JobManager().job_sets(earlier=True)
    assert [job_set.results(timeout=60).get_counts(index) for index in range(20)] == [
        {f"{index:08b}": 1024} for index in range(20)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["", "job_set.results()"])
def test_ctrl_c_finishes_the_call_in_flight_and_names_what_goes_on(home, ending):
    process = begin(RUN + ending)
    set_id = process.stdout.readline().strip()
    if not ending:
        line_with("waiting", process)
    wait_for_a_call(home, process)
    os.kill(process.pid, signal.SIGINT)
    line_with("stopping", process)
    errors = end(process, home)

    assert process.returncode == (-signal.SIGINT if ending else 0)
    assert "19 jobs" in errors
    assert states(home) == [State.QUEUED] + [State.PLANNED] * 19
    command = next(line for line in errors.splitlines() if "qjobs resume" in line)
    assert command.split() == ["qjobs:", "qjobs", "resume", set_id]
    assert JobManager().retrieve_job_set(set_id).statuses()[-1].name == "INITIALIZING"
    subprocess.run(
        [sys.executable, "-m", *shlex.split(command)[1:]], check=True, capture_output=True
    )
    assert not {State.PLANNED, State.UNKNOWN} & {*states(home)}


@pytest.mark.slow
@pytest.mark.parametrize("caught", [False, True])
def test_ctrl_c_within_run_leaves_what_was_not_in_flight_planned(home, caught):
    run = "JobManager().run(numbered(20), 'fake:hold=1', max_experiments_per_job=1)\n"
    if caught:
        run = f"try: {run}except KeyboardInterrupt: pass\n"
    process = begin(INTERRUPTED + run)
    line_with("waiting for 1 job" if caught else "stopping", process)
    errors = end(process, home)

    assert process.returncode == (0 if caught else -signal.SIGINT)
    assert states(home) == [State.QUEUED] + [State.PLANNED] * 19
    (header,) = Store(home, clock=lambda: None).listing().headers
    assert "19 jobs" in errors
    assert f"qjobs resume {header.set_id}" in errors
    assert "Exception ignored" not in errors


@pytest.mark.slow
def test_ctrl_c_at_any_moment_of_run_tears_nothing(home):
    tests = str(TESTS)
    counting = begin(AT_A_MOMENT.format(tests=tests, last=0))
    moments = int(counting.communicate(timeout=120)[0])
    chance = chance_of("Ctrl-C within run")
    known = {header.set_id for header in Store(home, clock=lambda: None).listing().headers}
    for last in chance.sample(range(1, moments + 1), times(4, 100)):
        process = begin(AT_A_MOMENT.format(tests=tests, last=last))
        _, errors = process.communicate(timeout=120)
        assert process.returncode == -signal.SIGINT or "Traceback" not in errors, (last, errors)
        assert "Exception ignored" not in errors, (last, errors)
        assert {*states(home)} <= {State.QUEUED, State.DONE, State.PLANNED}, (last, errors)
        store = Store(home, clock=lambda: None)
        for header in store.listing().headers:
            if header.set_id not in known and unsent_jobs(store.open(header.set_id)):
                assert f"qjobs resume {header.set_id}" in errors, (last, errors)
            known.add(header.set_id)


@pytest.mark.slow
def test_ctrl_c_stops_all_managers_of_a_program(home):
    process = begin(TWO_MANAGERS)
    ids = [process.stdout.readline().strip() for _ in range(2)]
    line_with("waiting for 40 jobs", process)
    while sum("attempted" in path.read_text() for path in home.glob("sets/*/state.toml")) < 2:
        assert process.poll() is None
    os.kill(process.pid, signal.SIGINT)
    line_with("stopping", process)
    errors = end(process, home)

    assert process.returncode == 0
    assert states(home) == ([State.QUEUED] + [State.PLANNED] * 19) * 2
    assert "38 jobs" in errors
    assert all(f"qjobs resume {set_id}" in errors for set_id in ids)


@pytest.mark.slow
def test_a_second_ctrl_c_waits_for_nothing_and_says_what_goes_on(home):
    process = begin("print('what is buffered')\n" + RUN.replace(", flush=True", ""))
    line_with("waiting", process)
    wait_for_a_call(home, process)
    os.kill(process.pid, signal.SIGINT)
    line_with("stopping", process)
    os.kill(process.pid, signal.SIGINT)
    out, errors = process.communicate(timeout=60)

    assert process.returncode == 130
    buffered, set_id = out.splitlines()
    assert buffered == "what is buffered"
    assert "Traceback" not in errors
    assert states(home) == [State.UNKNOWN] + [State.PLANNED] * 19
    assert "20 jobs" in errors
    assert f"qjobs resume {set_id}" in errors


@pytest.mark.slow
def test_a_set_that_needs_an_object_is_gone_on_with_from_python(home, tmp_path):
    elsewhere = tmp_path / "else where"
    process = begin(
        "import pathlib\n"
        f"released = pathlib.Path({str(home / 'fake' / 'release')!r})\n"
        "def run(circuits):\n"
        "    while not released.exists(): pass\n"
        f"manager = JobManager({str(elsewhere)!r})\n"
        "manager.run(numbered(3), ScriptedBackend(on_run=run), max_experiments_per_job=1)\n"
    )
    line_with("waiting", process)
    wait_for_a_call(elsewhere, process)
    os.kill(process.pid, signal.SIGINT)
    line_with("stopping", process)
    errors = end(process, home)
    (line,) = [line for line in errors.splitlines() if "JobManager" in line]
    both = threading.Event()
    backend = ScriptedBackend(on_run=lambda _: len(backend.calls) == 2 and both.set())

    assert eval(line.split(maxsplit=1)[1], {"JobManager": JobManager, "BACKEND": backend}) == 2
    assert both.wait(60)
    assert sorted(backend.calls) == [[1], [2]]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
def test_a_fork_has_nothing_to_wait_for(home):
    process = begin(
        RUN + "import multiprocessing\n"
        "child = multiprocessing.get_context('fork').Process(target=print)\n"
        "child.start()\n"
        "child.join()\n"
        "print(child.exitcode, flush=True)\n"
    )
    process.stdout.readline()
    assert process.stdout.readline().strip() == ""
    assert process.stdout.readline().strip() == "0"
    end(process, home)
    assert process.returncode == 0
