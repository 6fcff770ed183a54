"""A program that ends loses no job and waits for none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from qjobs import JobManager
from qjobs.engine.report import State, report_jobs
from qjobs.store.sets import Store

PROGRAM = """
import sys, threading, time
sys.path.insert(0, {folder!r})
from backends_of_objects import ScriptedBackend, numbered
from qjobs import JobManager

inside, leaving = threading.Event(), threading.Event()
def run(circuits):
    inside.set()
    leaving.wait()
    time.sleep(0.3)  # the next thing that the program does is to close its gates

manager = JobManager()
job_set = manager.run(numbered(20), ScriptedBackend(on_run=run), max_experiments_per_job=1)
inside.wait()
# Of those that are called when a program ends, the last one that was named is the first.
threading._register_atexit(leaving.set)
print(job_set.job_set_id(), flush=True)
{ending}
"""


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["", "raise SystemExit(3)", "job_set.results()"])
def test_the_call_in_flight_is_finished_and_recorded_and_the_rest_stays_planned(home, ending):
    program = PROGRAM.format(folder=str(Path(__file__).parent), ending=ending)
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    set_id = process.stdout.readline().strip()
    if "results" in ending:
        os.kill(process.pid, 2)  # Ctrl-C
    _, errors = process.communicate(timeout=60)

    assert ("KeyboardInterrupt" in errors) == ("results" in ending)
    folder = Store(home, clock=lambda: None).open(set_id)
    states = [job.state for job in report_jobs(folder.jobs(), None)]
    assert State.UNKNOWN not in states
    assert 1 <= states.count(State.PLANNED) < 20
    assert not folder.being_submitted()
    assert JobManager().retrieve_job_set(set_id).statuses()[-1].name == "INITIALIZING"


@pytest.mark.slow
def test_the_package_itself_loads_nothing():
    program = "import sys, qjobs; print(*(name for name in sys.modules if 'qjobs' in name))"
    outcome = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )

    assert outcome.stdout.split() == ["qjobs"]
