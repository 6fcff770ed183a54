"""A managed job by itself keeps the range of circuits that it was given, wherever it is seen."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from qiskit import QuantumCircuit
from support.backends_of_objects import ScriptedBackend, numbered, refuse_circuit

from qjobs import (
    JobManager,
    JobManagerInvalidStateError,
    JobManagerJobNotFound,
    JobManagerTimeoutError,
    JobManagerUnknownJobSet,
    ManagedJob,
)
from qjobs.cli.main import run
from qjobs.cli.tab import complete_address


def submitted(ranges, backend, *, circuits=None, name="alone"):
    """Managed jobs of these ranges, handed over; each runs the circuits of its numbers."""
    circuits = circuits or numbered(max(start + count for start, count in ranges))
    jobs = [ManagedJob(start, count) for start, count in ranges]
    lock = threading.Lock()
    with ThreadPoolExecutor() as executor:
        for number, job in enumerate(jobs):
            own = circuits[job.start_index : job.end_index + 1]
            job.submit(own, f"{name}_{number}_", backend, executor, lock, shots=9)
    return jobs


def command(capsys, *words):
    capsys.readouterr()
    code = run(words)
    return code, *capsys.readouterr()


def test_the_range_stays_whatever_is_asked(manager):
    (job,) = submitted([(2, 2)], ScriptedBackend())

    job.status()
    result = job.result(timeout=30)
    job.error_message()

    assert (job.start_index, job.end_index) == (2, 3)
    assert "experiments 2-3" in repr(job)
    assert [result.get_counts(position) for position in (0, 1)] == [
        {"00000010": 9},
        {"00000011": 9},
    ]
    assert [experiment.header["name"] for experiment in result.results] == ["c2", "c3"]
    assert job.qobj()["experiments"][0]["header"]["name"] == "c2"


@pytest.mark.parametrize("backend", [ScriptedBackend, lambda: "local:aer"])
def test_another_process_finds_it_with_its_range(another_process, backend):
    (job,) = submitted([(2, 2)], backend())
    job.result(timeout=60)

    (job_set,) = another_process().job_sets(earlier=True)

    (found,) = job_set.managed_jobs()
    assert (found.start_index, found.end_index) == (2, 3)
    assert found.status().name == "DONE"
    assert (found.start_index, found.end_index) == (2, 3)
    results = job_set.results()
    assert results.get_counts(3) == results.get_counts("c3") == {"00000011": 9}
    assert results.get_counts() == [{"00000010": 9}, {"00000011": 9}]
    assert results.combine_results().get_counts(1) == {"00000011": 9}
    assert job_set.job(3)[1] == job_set.job("c3")[1] == 1
    with pytest.raises(JobManagerJobNotFound) as caught:
        results.get_counts(0)
    assert "from 2 to 3" in caught.value.hint


def test_a_single_circuit_is_the_one_that_is_meant(another_process):
    submitted([(5, 1)], ScriptedBackend())[0].result(timeout=30)
    (job_set,) = another_process().job_sets(earlier=True)
    assert job_set.results().get_counts() == {"00000101": 9}


def test_messages_name_the_circuits_by_their_numbers(another_process, capsys):
    backend = ScriptedBackend(holds=True)
    (job,) = submitted([(4, 3)], backend)
    backend.jobs[0].failed = {1}
    backend.jobs[0].finish()

    assert job.error_message() == "experiment 5: it is broken"
    (job_set,) = another_process().job_sets(earlier=True)
    assert "Experiments 4-6, job index=0" in job_set.error_messages()
    assert "experiments: 4-6" in job_set.report()
    code, out, err = command(capsys, "result", "--partial")
    assert (code, re.findall(r"^\d+\tc\d+", out, re.MULTILINE)) == (6, ["4\tc4", "5\tc5", "6\tc6"])
    assert command(capsys, "status", "@last:5", "--exit-status")[0] == 6
    assert command(capsys, "status", "@last:4", "--exit-status")[0] == 0
    code, _, err = command(capsys, "status", "@last:1")
    assert (code, "numbered 4-6" in err) == (3, True)


def test_a_deadline_and_a_refusal_name_them_too():
    backend = ScriptedBackend(holds=True)
    (job,) = submitted([(7, 2)], backend)
    with pytest.raises(JobManagerTimeoutError, match="experiments 7-8"):
        job.result(timeout=0.01)
    backend.finish()
    with pytest.warns(UserWarning, match="experiments 7-8"):
        submitted([(7, 2)], ScriptedBackend(on_run=refuse_circuit(8)))


def test_workers_name_them_too():
    wide = QuantumCircuit(60, name="wide")
    wide.ry(0.3, range(60))
    wide.measure_all()
    (job,) = submitted([(3, 1)], "local:statevector", circuits=[wide] * 4)
    assert job.error_message().startswith("circuit 3: ")


@pytest.mark.parametrize(
    ("start_index", "experiments_count"),
    [(0, 0), (-1, 2), (2, -1), (1.0, 2), (0, 1.5), ("0", 1), (None, 1), (True, 1), (0, False)],
)
def test_what_is_no_range_is_refused(start_index, experiments_count):
    with pytest.raises(JobManagerInvalidStateError, match="not a range of circuits"):
        ManagedJob(start_index, experiments_count)


def test_numbers_of_numpy_are_numbers():
    job = ManagedJob(np.int64(2), np.int64(3))
    assert (job.start_index, job.end_index) == (2, 4)


# Many of them


def test_a_hundred_of_a_program_are_one_line_and_each_has_its_id(capsys, another_process):
    open_files = len([*Path("/dev/fd").iterdir()])
    jobs = submitted([(index, 1) for index in range(100)], ScriptedBackend(), name="ghz")
    jobs[-1].result(timeout=30)
    assert len([*Path("/dev/fd").iterdir()]) < open_files + 50
    manager = JobManager()
    manager.run(numbered(1), ScriptedBackend(), name="other").results(timeout=30)

    code, out, _ = command(capsys, "list")
    assert code == 0
    other, program = (line.split("\t") for line in out.splitlines())
    assert other[1] == "other"
    assert program[1:5] == ["ghz", "python:scripted", "100", "100"]

    # A shell proposes it, and none of the hundred.
    words = [word for word, _ in complete_address("")]
    assert program[0] in words
    assert len(words) == 5  # and the other set by its name and its id, @last and @all

    # By that id all of them are meant, in the order in which they were made.
    code, out, _ = command(capsys, "result", program[0])
    assert code == 0
    assert [line.split("\t")[:2] for line in out.splitlines()] == [
        [str(index), f"c{index}"] for index in range(100)
    ]
    assert command(capsys, "wait", "@2")[0] == 0
    _, rows, _ = command(capsys, "status", program[0][:6])
    ids = [row.split("\t")[0] for row in rows.splitlines()]
    assert len(set(ids)) == 100
    # And each by its own.
    assert command(capsys, "result", ids[7])[1].startswith("7\tc7\t")
    assert command(capsys, "result", "ghz_7_")[1].startswith("7\tc7\t")
    assert another_process().retrieve_job_set(ids[7]).managed_jobs()[0].start_index == 7
    with pytest.raises(JobManagerUnknownJobSet, match="100 job sets of one program"):
        another_process().retrieve_job_set(program[0])


def test_one_set_of_many_has_to_be_named_where_only_one_can_be_meant(capsys):
    submitted([(0, 1), (1, 1)], ScriptedBackend())
    for words in (["show"], ["status", "@last/0"]):
        code, out, err = command(capsys, *words)
        assert (code, out) == (3, "")
        assert "2 job sets of one program" in err
    # The hint of the last one shows which set has what, and each is one for its id.
    words = re.findall("hint: qjobs (.*) shows which", err)[0].split()
    for row in command(capsys, *words)[1].splitlines():
        assert command(capsys, "show", row.split("\t")[0])[0] == 0


def test_circuits_of_a_program_are_found_by_their_numbers(capsys):
    submitted([(4, 2), (0, 2), (6, 1)], ScriptedBackend())

    def circuits(address):
        code, out, err = command(capsys, "result", address)
        return code, [line.split("\t")[0] for line in out.splitlines()], err

    command(capsys, "wait")
    assert circuits("@last:5-6")[:2] == (0, ["5", "6"])
    assert circuits("@last:1,4")[:2] == (0, ["4", "1"])
    assert circuits("@last:-1")[:2] == (0, ["0", "1"])
    code, _, err = circuits("@last:1-3")
    assert (code, "there is no circuit 2: they are 0-1,4-6" in err) == (3, True)
    assert "numbered 0-6" in circuits("@last:7")[2]


def test_another_backend_is_another_line(capsys):
    submitted([(0, 1), (1, 1)], ScriptedBackend(name="one"))
    submitted([(2, 1), (3, 1)], ScriptedBackend(name="two"))
    lines = [line.split("\t")[1:5] for line in command(capsys, "list")[1].splitlines()]
    assert lines == [["alone", "python:two", "2", "2"], ["alone", "python:one", "2", "2"]]


def test_the_numbers_are_in_the_state(home):
    submitted([(6, 2)], ScriptedBackend())
    (state,) = home.glob("sets/*/state.toml")
    text = state.read_text()
    assert "\nstart_index = 6\n" in text
    assert "\nindex = 0\nstart_index = 6\nexperiments_count = 2\n" in text
    assert re.search(r'\nprogram = "[0-9a-f]{12}"\n', text)
