"""Sets of other processes and of the command line, found and gone on with."""

import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from qiskit import QuantumCircuit, qpy
from qiskit.providers import JobStatus
from qiskit_aer import AerSimulator
from support.backends_of_objects import (
    ScriptedBackend,
    numbered,
    refuse_circuit,
    run_and_send,
    sent,
)

from qjobs import (
    JobManagerInvalidStateError,
    JobManagerUnknownJobSet,
    ManagedResultDataNotAvailable,
)


def command(*words: str) -> str:
    outcome = subprocess.run(
        [sys.executable, "-m", "qjobs", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert outcome.returncode == 0, outcome.stderr
    return outcome.stdout


def test_a_set_is_found_again_with_its_results(manager, another_process):
    job_set = manager.run(numbered(5), ScriptedBackend(max_circuits=2), name="x", shots=7)
    before = job_set.results()

    earlier = another_process().retrieve_job_set(job_set.job_set_id())

    assert earlier is not job_set
    assert earlier.name() == "x"
    assert earlier.statuses() == [JobStatus.DONE] * 3
    assert [job.start_index for job in earlier.managed_jobs()] == [0, 2, 4]
    assert earlier.results().get_counts() == before.get_counts()
    assert [job.job_id() for job in earlier.jobs()] == ["job-0", "job-1", "job-2"]
    assert earlier.job(3)[0].status() is JobStatus.DONE
    assert earlier.job(3)[0].result().get_counts(1) == {"00000011": 7}


def test_an_unknown_id_is_an_unknown_job_set(manager):
    with pytest.raises(JobManagerUnknownJobSet, match="no job set 'nothing'"):
        manager.retrieve_job_set("nothing", provider=None)


def test_a_known_set_is_the_same_object_again(manager):
    job_set = run_and_send(manager, numbered(1), ScriptedBackend())

    assert manager.retrieve_job_set(job_set.job_set_id()) is job_set
    before = job_set.results()
    assert job_set.results() is before
    assert manager.retrieve_job_set(job_set.job_set_id(), refresh=True) is job_set
    assert job_set.results() is not before


def test_sets_are_listed_by_name_and_from_earlier_processes(manager, another_process):
    first = manager.run(numbered(1), ScriptedBackend(), name="a")
    second = manager.run(numbered(1), ScriptedBackend(), name="b")
    other = another_process()

    assert manager.job_sets() == [first, second]
    assert manager.job_sets("b") == [second]
    assert other.job_sets() == []
    assert [found.name() for found in other.job_sets(earlier=True)] == ["a", "b"]
    assert [found.name() for found in other.job_sets("b", earlier=True)] == ["b"]
    assert len(other.job_sets()) == 2


def test_sets_are_chosen_by_what_they_are_like(manager, another_process):
    before = datetime.now(UTC)
    first = manager.run(numbered(1), ScriptedBackend(), name="a", job_tags=["x", "y"])
    between = datetime.now(UTC)
    second = manager.run(numbered(1), "fake:delay=0", name="b", job_tags=["x"])

    for words, meant in (
        ({"tags": ["x"]}, [first, second]),
        ({"tags": ["y", "x"]}, [first]),
        ({"backend": "fake:*"}, [second]),
        ({"backend": "fake"}, [second]),
        ({"since": between}, [second]),
        ({"until": between}, [first]),
        ({"until": before}, []),
        ({"since": before, "name": "a"}, [first]),
    ):
        assert manager.job_sets(**words) == meant, words
        found = another_process().job_sets(earlier=True, **words)
        assert [one.name() for one in found] == [one.name() for one in meant], words


def test_a_set_that_cannot_be_read_hides_no_other(manager, another_process, home):
    run_and_send(manager, numbered(1), ScriptedBackend(), name="a")
    broken = home / "sets" / "bad" / "state.toml"
    broken.parent.mkdir()
    broken.write_text("nonsense")

    assert len(another_process().job_sets(earlier=True)) == 1


def test_what_was_refused_stays_refused_for_later_processes(manager, another_process):
    backend = ScriptedBackend(max_circuits=1, on_run=refuse_circuit(0))
    with pytest.warns(UserWarning, match="could not be submitted"):
        job_set = run_and_send(manager, numbered(2), backend)
    job_set.results(partial=True)

    earlier = another_process().retrieve_job_set(job_set.job_set_id())

    assert earlier.statuses() == [None, JobStatus.DONE]
    assert str(earlier.managed_jobs()[0].submit_error) == "Refusal: c0 is not to my taste"
    assert earlier.jobs()[0] is None
    results = earlier.results(partial=True)
    with pytest.raises(ManagedResultDataNotAvailable, match="not to my taste"):
        results.get_counts(0)
    assert results.get_counts(1) == {"00000001": 1024}


def test_the_name_of_the_provider_must_be_right(manager, another_process):
    job_set = run_and_send(manager, numbered(1), ScriptedBackend())

    with pytest.raises(JobManagerInvalidStateError, match="submitted to python, not ibm"):
        another_process().retrieve_job_set(job_set.job_set_id(), "ibm")
    with pytest.raises(JobManagerInvalidStateError, match="submitted to scripted, not other"):
        another_process().retrieve_job_set(job_set.job_set_id(), ScriptedBackend(name="other"))


class Vendor:
    """A provider package whose backends know their jobs by id."""

    def __init__(self, backend) -> None:
        self._backend = backend

    def get_backend(self, name):
        assert name == self._backend.name
        return self._backend

    def get_job(self, job_id):
        return next(job for job in self._backend.jobs if job.job_id() == job_id)


def test_a_vendor_s_provider_is_asked_for_jobs_that_this_process_does_not_hold(
    manager, another_process
):
    backend = ScriptedBackend(holds=True)
    vendor = Vendor(backend)
    backend.retrieve_job = vendor.get_job
    job_set = run_and_send(manager, numbered(2), backend, shots=3)
    del backend.retrieve_job
    backend.finish()

    earlier = another_process().retrieve_job_set(job_set.job_set_id(), vendor)

    assert earlier.results(timeout=30).get_counts(1) == {"00000001": 3}


def stop_after_first(manager, backend_name="scripted", **options):
    """A set of which one job was sent when the process ended, as far as the disk can tell."""
    inside, go_on = threading.Event(), threading.Event()

    def hold(_):
        inside.set()
        go_on.wait(30)

    job_set = manager.run(
        numbered(3), ScriptedBackend(on_run=hold), max_experiments_per_job=1, **options
    )
    inside.wait(30)
    for job in job_set.managed_jobs()[1:]:
        job.future.cancel()
    go_on.set()
    sent(job_set)
    return job_set


def test_the_rest_of_a_set_is_resumed_with_the_object(manager, another_process):
    job_set = stop_after_first(manager, shots=4)
    backend = ScriptedBackend()
    earlier = another_process().retrieve_job_set(job_set.job_set_id(), backend)
    assert earlier.statuses()[1:] == [JobStatus.INITIALIZING] * 2

    assert earlier.resume() == 2
    sent(earlier)

    assert backend.calls == [[1], [2]]
    assert earlier.results(timeout=30).get_counts() == [{f"{index:08b}": 4} for index in range(3)]
    assert job_set.results(refresh=True).success


def test_without_the_object_nothing_is_resumed(manager, another_process):
    job_set = stop_after_first(manager)
    earlier = another_process().retrieve_job_set(job_set.job_set_id())

    with pytest.raises(JobManagerInvalidStateError, match="only a Python program") as refusal:
        earlier.resume()

    assert refusal.value.hint == "give it: resume(backend)"
    assert earlier.resume(ScriptedBackend()) == 2


def test_objects_among_the_run_options_are_asked_for_again(manager, another_process):
    job_set = stop_after_first(manager, noise=object())
    earlier = another_process().retrieve_job_set(job_set.job_set_id())
    backend, noise = ScriptedBackend(), object()

    with pytest.raises(JobManagerInvalidStateError, match="objects that are not kept: noise"):
        earlier.resume(backend)
    with ThreadPoolExecutor() as executor:
        earlier.resume(backend, executor=executor, noise=noise)

    assert [keywords["noise"] for keywords in backend.keywords] == [noise, noise]


def test_sets_of_python_show_on_the_command_line(manager):
    job_set = manager.run(numbered(4), ScriptedBackend(max_circuits=2), name="notebook", shots=6)
    job_set.results()

    (shown,) = json.loads(command("status", "notebook", "--json"))["sets"]
    rows = json.loads(command("result", "notebook", "--json"))["circuits"]

    assert (shown["id"], shown["provider"]) == (job_set.job_set_id(), "python")
    assert [job["state"] for job in shown["jobs"]] == ["done", "done"]
    assert [row["counts"] for row in rows] == [{f"{index:08b}": 6} for index in range(4)]


def test_the_header_of_a_set_names_the_package_of_the_backend(manager):
    job_set = manager.run(numbered(1), AerSimulator())

    header = json.loads(command("show", job_set.job_set_id(), "--json"))

    assert header["provider_name"] == "qiskit-aer"
    assert header["versions"].keys() == {"qiskit-qjobs", "qiskit", "qiskit-aer"}


def test_sets_of_the_command_line_open_in_python(manager, tmp_path):
    file = tmp_path / "circuits.qpy"
    circuit = QuantumCircuit(1, 1, name="one")
    circuit.x(0)
    circuit.measure(0, 0)
    with file.open("wb") as stream:
        qpy.dump([circuit, circuit.copy(name="two")], stream)
    set_id = command("submit", str(file), "--per-job", "1", "--shots", "5").strip()

    job_set = manager.retrieve_job_set(set_id, "local:aer")

    assert job_set.results(timeout=60).get_counts("two") == {"1": 5}
    assert [len(qobj["experiments"]) for qobj in job_set.qobjs()] == [1, 1]
    assert job_set.managed_jobs()[1].job.backend() == "local:aer"
