"""Hints of the library: to give what they name goes on, and does not end in the same words."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from qiskit import qpy
from support.backends_of_objects import ScriptedBackend, numbered, refuse_circuit, run_and_send

from qjobs import (
    JobManager,
    JobManagerInvalidStateError,
    JobManagerJobNotFound,
    JobManagerUnknownJobSet,
    ManagedJob,
    ManagedResultDataNotAvailable,
)
from qjobs.cli.main import run
from qjobs.errors import QjobsError


def the_hint(kind: type[QjobsError], call) -> str:
    """The hint of an error."""
    with pytest.raises(kind) as caught:
        call()
    return caught.value.hint


def test_an_executor_and_a_lock():
    known = {"ThreadPoolExecutor": ThreadPoolExecutor, "threading.Lock()": threading.Lock}

    def submit(executor, lock):
        return ManagedJob(0, 1).submit(*numbered(1), "a", ScriptedBackend(), executor, lock)

    hint = the_hint(JobManagerInvalidStateError, lambda: submit(5, threading.Lock()))
    with known[hint.removeprefix("give a ")](1) as executor:
        hint = the_hint(JobManagerInvalidStateError, lambda: submit(executor, 5))
        one, other = hint.removeprefix("give a ").split(" or a ")
        for lock in (known[one](), getattr(threading, other)()):
            submit(executor, lock)


def test_a_time(manager):
    manager.run(numbered(1), ScriptedBackend())
    hint = the_hint(
        JobManagerInvalidStateError,
        lambda: manager.job_sets(since=datetime.now(UTC).replace(tzinfo=None)),
    )
    (written,) = re.findall(r"such as (datetime\(.*\))", hint)
    assert manager.job_sets(until=eval(written)) != manager.job_sets(since=eval(written))


def test_a_backend(manager):
    hint = the_hint(JobManagerInvalidStateError, lambda: manager.run(numbered(1), object()))
    text = re.findall("'(.*)'", hint)[0]
    assert hint.startswith("give a backend")
    manager.run(numbered(1), ScriptedBackend()).results()
    assert manager.run(numbered(1), text).results().get_counts(0) == {"00000000": 1024}


def test_objects_for_a_backend_that_is_named(manager):
    def go(backend):
        return manager.run(numbered(1), backend, noise_model=object())

    hint = the_hint(JobManagerInvalidStateError, lambda: go("fake:"))
    assert "give the backend as an object" in hint
    backend = ScriptedBackend()
    go(backend).results()
    assert "noise_model" in backend.keywords[0]


def test_the_number_of_a_circuit(manager):
    results = manager.run(numbered(3), ScriptedBackend(), name="x").results()
    hint = the_hint(JobManagerJobNotFound, lambda: results.get_counts(3))
    first, last = map(int, re.findall("[0-9]+", hint))
    assert [results.get_counts(at) for at in (first, last)] == [
        {"00000000": 1024},
        {"00000010": 1024},
    ]


def test_a_range_of_circuits():
    hint = the_hint(JobManagerInvalidStateError, lambda: ManagedJob(-1, 0))
    start, number = map(int, re.findall("from ([0-9]+) and from ([0-9]+) on", hint)[0])
    ManagedJob(start, number)


def test_sets_of_a_program_that_came_before(manager, another_process):
    job_set = run_and_send(manager, numbered(1), ScriptedBackend())
    hint = the_hint(JobManagerUnknownJobSet, lambda: another_process().retrieve_job_set("nothing"))
    method, argument = re.findall(r"JobManager\.(\w+)\((\w+)=True\)", hint)[0]
    (found,) = getattr(another_process(), method)(**{argument: True})
    assert found.job_set_id() == job_set.job_set_id()


def test_results_that_cannot_be_combined(manager):
    backend = ScriptedBackend(max_circuits=1, on_run=refuse_circuit(1))
    job_set = manager.run(numbered(2), backend)
    results = job_set.results()
    hint = the_hint(ManagedResultDataNotAvailable, results.combine_results)
    messages = getattr(job_set, re.findall(r"ManagedJobSet\.(\w+)\(\)", hint)[0])()
    assert "c1 is not to my taste" in messages


def test_a_provider_without_backends(manager, another_process):
    backend = ScriptedBackend()
    set_id = run_and_send(manager, numbered(1), backend).job_set_id()

    def again(provider):
        return another_process().retrieve_job_set(set_id, provider=provider)

    assert (
        the_hint(JobManagerInvalidStateError, lambda: again(object())) == "give the backend itself"
    )
    again(backend)


def test_objects_from_the_command_line(manager, capsys, tmp_path: Path):
    with (tmp_path / "x.qpy").open("wb") as file:
        qpy.dump(numbered(1), file)
    assert run(["submit", str(tmp_path / "x.qpy"), "-b", "python:x"]) != 0
    err = capsys.readouterr().err
    code = re.findall(r"with an object x: (.*); see docs/library\.md", err)[0]
    names = {"JobManager": JobManager, "circuits": numbered(1), "x": ScriptedBackend()}
    exec(code, names)
