"""Jobs through real supervisors and workers: to their end, and what happens when one dies."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit_aer import AerSimulator
from support import TESTS
from support.local_jobs import (
    cut,
    endless,
    in_aer,
    processes,
    rotations,
    wait,
    wait_until,
    write,
    write_sweep,
)

from qjobs.circuits.slices import CircuitSlice
from qjobs.contract import CancelOutcome
from qjobs.errors import InputError, JobRefused, ProviderError, UsageError
from qjobs.model import JobStatus, RunOptions, Slice
from qjobs.providers.local import supervision
from qjobs.providers.local.folder import Folder
from qjobs.providers.local.provider import LocalProvider
from qjobs.providers.local.queue import queued_job

OPTIONS = RunOptions(shots=100, seed=5)

Open = Callable[..., LocalProvider]


@pytest.fixture
def six(tmp_path: Path) -> Path:
    return write(tmp_path / "six.qpy", rotations(6))


@pytest.fixture
def long(tmp_path: Path) -> Path:
    return write(tmp_path / "long.qpy", [endless()])


def submit(provider: LocalProvider, path: Path, start: int, count: int, tag: str) -> str:
    return provider.submit(cut(path, start, count), backend="", options=OPTIONS, tag=tag)


def running(provider: LocalProvider, job_id: str) -> bool:
    return provider.statuses([job_id])[job_id] is JobStatus.RUNNING


def test_the_jobs_of_a_set_give_what_one_run_gives(provider: LocalProvider, six: Path) -> None:
    run = AerSimulator().run(rotations(6), seed_simulator=5, shots=100).result()

    job_ids = [submit(provider, six, start, 2, f"t{start}") for start in (0, 2, 4)]

    assert set(wait(provider, job_ids).values()) == {JobStatus.DONE}
    results = [c for job_id in job_ids for c in provider.result(job_id).circuits()]
    assert [result.readable_counts() for result in results] == run.get_counts()


def test_the_same_tag_is_the_same_job(open_provider: Open, six: Path) -> None:
    job_id = submit(open_provider(), six, 0, 6, "t")

    assert submit(open_provider(), six, 0, 6, "t") == job_id
    assert open_provider().find("t") == [job_id]
    assert open_provider().find("u") == []


def test_a_job_whose_circuits_all_fail_ends_in_error_and_a_mixed_one_is_done(
    provider: LocalProvider, tmp_path: Path
) -> None:
    good, unmeasured = rotations(2)
    unmeasured.remove_final_measurements()
    path = write(tmp_path / "mixed.qpy", [good, unmeasured, unmeasured])

    mixed = submit(provider, path, 0, 2, "mixed")
    failed = submit(provider, path, 1, 2, "failed")

    assert list(wait(provider, [mixed, failed]).values()) == [JobStatus.DONE, JobStatus.ERROR]
    assert [c.counts is None for c in provider.result(mixed).circuits()] == [False, True]
    assert provider.error_message(failed) == (
        "circuit 1: the circuit measures nothing; circuit 2: the circuit measures nothing"
    )
    with pytest.raises(ProviderError, match="is ERROR: it has no results"):
        provider.result(failed)


def test_circuits_that_are_gone_or_changed_are_an_error_that_names_the_file(
    open_provider: Open, long: Path, six: Path, tmp_path: Path
) -> None:
    provider = open_provider(workers="1")
    first = submit(provider, long, 0, 1, "long")
    wait_until(lambda: running(provider, first))
    other = write(tmp_path / "other.qpy", rotations(2))
    gone = submit(provider, six, 0, 1, "gone")
    changed = submit(provider, other, 0, 1, "changed")
    six.unlink()
    write(other, rotations(3))

    provider.cancel([first])

    assert set(wait(provider, [gone, changed]).values()) == {JobStatus.ERROR}
    assert "six.qpy: No such file" in provider.error_message(gone)
    assert "other.qpy was changed after" in provider.error_message(changed)


@pytest.mark.parametrize("what", ["path", "sweep", "observables"])
def test_each_file_of_a_job_must_be_as_it_was_when_it_was_submitted(
    tmp_path: Path, what: str
) -> None:
    observables = tmp_path / "observables.json"
    observables.write_text('[{"ZZZ": 1.0}]')
    part = CircuitSlice(
        write(tmp_path / "one.qpy", rotations(1)),
        Slice(0, 2),
        write_sweep(tmp_path / "values.npy", ("a",), np.zeros((2, 1))),
        observables,
    )
    job = queued_job(part, backend="", options=OPTIONS, tag="t")
    assert job.circuits() == part
    file = {"path": part.path, "sweep": tmp_path / "values.npy", "observables": observables}[what]

    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(InputError, match=f"{file.name} was changed after the job was submitted"):
        job.circuits()
    file.unlink()
    with pytest.raises(InputError, match=f"{file.name}: No such file"):
        job.circuits()
    with pytest.raises(JobRefused, match=f"{file.name}: No such file"):
        queued_job(part, backend="", options=OPTIONS, tag="t")


def test_a_slice_of_no_container_is_refused_and_leaves_no_job(
    provider: LocalProvider, six: Path, tmp_path: Path
) -> None:
    for path, start in ((tmp_path / "none.qpy", 0), (Path(__file__), 0), (six, 6)):
        with pytest.raises(JobRefused):
            submit(provider, path, start, 1, "t")
    assert provider.find("t") == []


def test_final_jobs_start_no_supervisor(open_provider: Open, folder: Folder, six: Path) -> None:
    job_id = submit(open_provider(), six, 0, 1, "t")
    wait(open_provider(), [job_id])
    supervision.stop(folder)

    provider = open_provider()
    provider.statuses([job_id, "unknown"])
    provider.result(job_id)
    provider.cancel([job_id])

    assert processes(folder, "supervisor") == []


def test_how_far_a_running_job_is_can_be_asked(
    open_provider: Open, folder: Folder, tmp_path: Path
) -> None:
    provider = open_provider(workers="1")
    path = write(tmp_path / "mixed.qpy", [*rotations(5), endless(), *rotations(1)])
    short, long = submit(provider, path, 0, 5, "short"), submit(provider, path, 0, 7, "long")

    told = wait_until(lambda: provider.circuits_run([short, long, "unknown"]).get(long, 0))

    assert 1 <= told <= 5
    assert provider.circuits_run([short, "unknown", "../lock"]) == {}
    assert provider.statuses([short]) == {short: JobStatus.DONE}
    assert [path.name for path in (folder.path / "running").iterdir()] == [long]


def test_how_far_a_job_was_when_its_worker_died_is_not_told_of_the_next_one(
    open_provider: Open, folder: Folder, long: Path
) -> None:
    job_id = submit(open_provider(), long, 0, 1, "t")
    supervision.stop(folder)
    left = folder.path / "running" / job_id
    left.parent.mkdir(exist_ok=True)
    provider = open_provider()

    for text in ("7", "seven"):
        left.write_text(text)
        provider.statuses([job_id])
        wait_until(lambda: provider.circuits_run([job_id]) == {job_id: 0})
        supervision.stop(folder)


def test_a_running_job_is_cancelled_and_the_next_one_runs(
    open_provider: Open, folder: Folder, long: Path, six: Path
) -> None:
    provider = open_provider(workers="1")
    first, second = submit(provider, long, 0, 1, "long"), submit(provider, long, 0, 1, "queued")
    last = submit(provider, six, 0, 1, "last")
    wait_until(lambda: in_aer(folder))

    assert provider.cancel([second, first]) == {
        second: CancelOutcome.CANCELLED,
        first: CancelOutcome.CANCELLED,
    }
    assert provider.cancel([first]) == {first: CancelOutcome.ALREADY_FINAL}
    assert wait(provider, [last]) == {last: JobStatus.DONE}
    assert provider.error_message(first) == "cancelled while it ran"


def test_a_running_job_without_a_supervisor_is_cancelled_at_once(
    open_provider: Open, folder: Folder, long: Path
) -> None:
    provider = open_provider()
    job_id = submit(provider, long, 0, 1, "long")
    wait_until(lambda: running(provider, job_id))
    supervision.stop(folder)

    assert provider.cancel([job_id]) == {job_id: CancelOutcome.CANCELLED}
    assert processes(folder, "supervisor") == []


def test_a_job_that_kills_its_workers_ends_in_error_with_the_signal(
    open_provider: Open, folder: Folder, long: Path
) -> None:
    provider = open_provider(deaths="2")
    job_id = submit(provider, long, 0, 1, "long")
    killed: list[int] = []
    while len(killed) < 2:
        (worker,) = wait_until(
            lambda: [pid for pid in processes(folder, "worker") if pid not in killed],
            lambda alive: len(alive) == 1 and running(provider, job_id),
        )
        os.kill(worker, signal.SIGKILL)
        killed.append(worker)

    assert wait(provider, [job_id]) == {job_id: JobStatus.ERROR}
    assert provider.error_message(job_id) == (
        "given up: 2 workers died of it, the last one was killed by signal 9 (SIGKILL):"
        " out of memory?"
    )


def test_workers_do_not_outlive_their_supervisor_and_the_next_one_goes_on(
    open_provider: Open, folder: Folder, long: Path, six: Path
) -> None:
    provider = open_provider(workers="1")
    job_id = submit(provider, long, 0, 1, "long")
    wait_until(lambda: in_aer(folder))
    (supervisor,) = processes(folder, "supervisor")

    os.kill(supervisor, signal.SIGKILL)

    wait_until(lambda: not processes(folder, "worker"))
    after = submit(provider, six, 0, 6, "after")
    wait_until(lambda: running(provider, job_id))
    assert provider.cancel([job_id]) == {job_id: CancelOutcome.CANCELLED}
    assert wait(provider, [after]) == {after: JobStatus.DONE}


def test_jobs_end_though_the_process_that_submitted_them_was_killed(
    provider: LocalProvider, folder: Folder, six: Path
) -> None:
    program = """
import os, signal, sys
from pathlib import Path
from qjobs.circuits.slices import CircuitSlice
from qjobs.model import RunOptions, Slice
from qjobs.contract import ProviderContext
from qjobs.providers.local.provider import LocalProvider

provider = LocalProvider(ProviderContext(Path(sys.argv[1]), {"idle_s": "5"}))
for start in range(6):
    circuits = CircuitSlice(Path(sys.argv[2]), Slice(start, 1))
    provider.submit(circuits, backend="", options=RunOptions(), tag=f"t{start}")
assert "qiskit" not in sys.modules
os.killpg(0, signal.SIGKILL)
"""
    client = subprocess.run(
        [sys.executable, "-c", program, folder.path, six], start_new_session=True, check=False
    )
    assert client.returncode == -signal.SIGKILL

    job_ids = [provider.find(f"t{start}")[0] for start in range(6)]
    queue = provider._queue  # asking the provider would start a supervisor
    wait_until(
        lambda: queue.statuses(job_ids),
        lambda statuses: set(statuses.values()) == {JobStatus.DONE},
    )


def test_what_is_printed_in_a_worker_is_no_reply(
    open_provider: Open, folder: Folder, six: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(
        "import atexit, sys\n"
        "class Loud:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'qiskit_aer': print('loud' * 5000, flush=True)\n"
        "sys.meta_path.insert(0, Loud())\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    provider = open_provider()

    job_id = submit(provider, six, 0, 6, "t")

    assert wait(provider, [job_id]) == {job_id: JobStatus.DONE}
    assert "loudloud" in folder.log.read_text()


def break_package(name: str, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a package that cannot be imported before the one that is there, for other processes."""
    (site / name).mkdir(parents=True)
    (site / name / "__init__.py").write_text("raise ImportError('libgomp is not there')")
    monkeypatch.setenv("PYTHONPATH", str(site))


def test_an_aer_that_cannot_be_imported_is_what_the_message_says(
    open_provider: Open, six: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_package("qiskit_aer", tmp_path / "site", monkeypatch)
    provider = open_provider()

    job_id = submit(provider, six, 0, 6, "t")

    assert wait(provider, [job_id]) == {job_id: JobStatus.ERROR}
    assert provider.error_message(job_id) == "ImportError: libgomp is not there"


def test_a_supervisor_that_cannot_live_is_said_after_a_few_tries(
    open_provider: Open, folder: Folder, six: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sqlite3.py").write_text("raise ImportError('no sqlite')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    provider = open_provider()
    job_id = submit(provider, six, 0, 1, "t")

    with pytest.raises(ProviderError, match="keeps dying") as caught:
        wait(provider, [job_id])

    assert str(folder.log) in caught.value.hint
    assert "no sqlite" in folder.log.read_text()


def test_a_damaged_result_is_said(provider: LocalProvider, folder: Folder, six: Path) -> None:
    job_id = submit(provider, six, 0, 2, "t")
    wait(provider, [job_id])
    body = folder.result(job_id).read_bytes()
    folder.result(job_id).write_bytes(body[: len(body) // 2])

    with pytest.raises(ProviderError, match=r"jsonl is damaged: 1 results of 2"):
        provider.result(job_id)
    # Nothing of a file that cannot be whole is taken into memory, and no FIFO is waited for.
    os.truncate(folder.result(job_id), 3 << 30)
    with pytest.raises(ProviderError, match=r"jsonl is damaged: 1 results of 2"):
        provider.result(job_id)
    folder.result(job_id).unlink()
    os.mkfifo(folder.result(job_id))
    with pytest.raises(ProviderError, match=r"jsonl: it is a FIFO, not a file"):
        provider.result(job_id)


@pytest.mark.parametrize(
    "settings",
    [
        {"workers": "0"},
        {"workers": "many"},
        {"idle_s": "nan"},
        {"deaths": "-1"},
        {"workers": "9" * 5000},
        {"workers": "1000000000"},
        {"idle_s": "1e999"},
    ],
)
def test_settings_that_make_no_sense_are_refused(
    open_provider: Open, settings: dict[str, str]
) -> None:
    with pytest.raises(UsageError, match="setting"):
        open_provider(**settings)


PAUSING = """
import atexit, os, signal, sys
from pathlib import Path
sys.path.append({tests!r})
from support.deeds import Moments

order = Path({folder!r}, "order")
if "qjobs.providers.local.supervisor" in sys.orig_argv and order.exists():
    last = int(order.read_text())
    order.unlink()
    moments = Moments(last, ends=signal.SIGSTOP)
    moments.watch()
    atexit.register(lambda: order.with_name("count").write_text(str(moments.end())))
"""
"""Has the next supervisor stop at a moment of its work, or count those that it has."""


@pytest.mark.slow
def test_a_job_that_comes_as_the_supervisor_leaves_is_not_stranded(
    open_provider: Open, folder: Folder, six: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    break_package("qiskit", site, monkeypatch)  # jobs end, soon, and in an error
    tests = str(TESTS)
    (site / "sitecustomize.py").write_text(PAUSING.format(tests=tests, folder=str(site)))
    provider = open_provider(idle_s="0", workers="1")

    def has_ended(tag: str) -> bool:
        # Not asked through the provider: that would start a supervisor and hide the fault.
        (job_id,) = provider.find(tag)
        return provider._queue.statuses([job_id])[job_id].final

    def run(last: int) -> None:
        provider._supervision._started.clear()
        order = site / "order"
        order.write_text(str(last))
        submit(provider, six, 0, 1, f"first {last}")
        wait_until(lambda: not order.exists())
        alive = wait_until(
            lambda: processes(folder, "supervisor"),
            lambda alive: not alive or all(map(is_stopped, alive)),
        )
        # Where the queue is locked it waits for the supervisor, which has to go on then.
        late = threading.Thread(target=submit, args=(provider, six, 0, 1, f"late {last}"))
        late.start()
        late.join(0.05)
        for supervisor in alive:
            os.kill(supervisor, signal.SIGCONT)
        late.join(60)
        wait_until(lambda: has_ended(f"first {last}") and has_ended(f"late {last}"))
        wait_until(lambda: not processes(folder, "supervisor"))

    run(0)
    moments = int((site / "count").read_text())
    for last in range(moments - 17, moments, 2):
        run(last)


def is_stopped(process: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    return False


def test_an_idle_supervisor_leaves_and_so_do_its_workers(
    open_provider: Open, folder: Folder, six: Path
) -> None:
    provider = open_provider(idle_s="0.1")
    job_id = submit(provider, six, 0, 1, "t")
    wait(provider, [job_id])

    wait_until(
        lambda: processes(folder, "supervisor") + processes(folder, "worker"),
        lambda alive: not alive,
    )
    # It was the child of this process, and has not stayed as a zombie.
    wait_until(lambda: not supervision_threads())


def supervision_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "supervisor"]


def test_failed_circuits_are_told_without_results_and_counted_where_nobody_did(
    provider: LocalProvider, tmp_path: Path
) -> None:
    circuits = rotations(3)
    circuits[1] = QuantumCircuit(60, 1, name="wide")
    for qubit in range(60):
        circuits[1].ry(0.3, qubit)
        circuits[1].cx(qubit, (qubit + 1) % 60)
    circuits[1].measure(0, 0)
    path = write(tmp_path / "one_fails.qpy", circuits)
    job_id = provider.submit(
        cut(path, 0, 3), backend="statevector", options=OPTIONS, tag="one fails"
    )
    good = submit(provider, write(tmp_path / "good.qpy", rotations(2)), 0, 2, "none fails")
    wait(provider, [job_id, good])

    results = provider._folder.result(job_id)
    away = results.rename(tmp_path / "away")
    told = provider.failed_circuits([job_id, good, "strange"])
    away.rename(results)
    assert told.keys() == {job_id}
    assert told[job_id].runs == (Slice(1, 1),)
    assert "memory" in told[job_id].reason

    # As after a supervisor that died between the results and the queue, or of an older qjobs.
    with sqlite3.connect(provider._folder.queue) as queue:
        queue.execute("UPDATE queued_job SET failed = NULL, message = ''")
    assert provider.failed_circuits([job_id])[job_id] == told[job_id]
    assert not provider.failed_circuits([good])[good].runs
