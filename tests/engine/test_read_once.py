"""Results that the provider gives once: read when there is room for them, and never lost."""

import threading
from pathlib import Path

import pytest
from qiskit import ClassicalRegister, QuantumCircuit
from support.scripted import ScriptedProvider, whole

from qjobs.circuits import codec
from qjobs.engine.deadline import Deadline, kept_on, within
from qjobs.engine.once import most_bytes
from qjobs.engine.result import fetch, rows
from qjobs.engine.sending.submission import submit_jobs
from qjobs.engine.status import status
from qjobs.errors import NoRoom, OutOfTime, ResultGone, ResultsUnkept, UsageError
from qjobs.model import JobSet, RunOptions, Slice
from qjobs.results import CircuitResult, JobResult
from qjobs.store import once
from qjobs.store.results import encode

TOO_MUCH = 1 << 62


class OnceProvider(ScriptedProvider):
    """Gives what a job measured once. `before` happens while a result is on its way."""

    def __init__(self):
        super().__init__()
        self.read = []
        self.before = lambda: None

    def gives_once(self, *, backend, options):
        return True

    def result(self, job_id, *, backend=""):
        if job_id in self.read:
            raise ResultGone(f"{job_id} was read before")
        result = super().result(job_id, backend=backend)
        self.read.append(job_id)
        self.before()
        return result


@pytest.fixture
def provider():
    return OnceProvider()


@pytest.fixture
def done(workspace, new_set, provider, stop):
    """Circuits 0-5 in two jobs, both done."""
    folder = new_set(jobs=2, circuits=6)
    submit_jobs(folder, provider, jobs=range(2), clock=workspace.clock, stop=stop)
    provider.finish()
    return workspace.store.open(folder.job_set.set_id)


@pytest.fixture
def elsewhere(tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


def fetched(workspace, folder, stop, *places):
    jobs = status(workspace, whole(folder)).jobs
    return fetch(workspace, folder, jobs, stop=stop, elsewhere=lambda: places)


def counts(workspace, folder):
    return [row.counts for row in rows(whole(folder), status(workspace, whole(folder)))]


EXPECTED = [{format(index, "08b"): 100} for index in range(6)]


def test_a_result_that_is_on_its_way_at_the_deadline_is_kept_when_it_comes(
    workspace, done, provider, stop, elsewhere
):
    go_on = threading.Event()
    late = within(workspace, Deadline(-0.9, monotonic=lambda: 0.0))  # a tenth of a second is left
    provider.before = lambda: go_on.wait(60)

    said = fetched(late, done, stop, elsewhere)

    assert len(said) == 2
    assert all("has not answered; what comes later is kept" in line for line in said)
    assert len(kept_on()) == 2
    go_on.set()
    for thread in kept_on():
        thread.join(60)
    assert provider.read == ["remote-0", "remote-1"]
    assert fetched(workspace, done, stop, elsewhere) == ()
    assert provider.read == ["remote-0", "remote-1"]
    assert counts(workspace, done) == EXPECTED


def test_after_the_deadline_none_is_read(workspace, done, provider, stop, elsewhere):
    jobs = status(workspace, whole(done)).jobs
    late = within(workspace, Deadline(-60))

    with pytest.raises(OutOfTime):
        fetch(late, done, jobs, stop=stop, elsewhere=lambda: [elsewhere])

    assert provider.read == []


def block(folder):
    """The folder of the results is gone from now on, and none can be made."""
    for path in folder.glob("*"):
        path.unlink()
    folder.rmdir()
    folder.write_text("in the way")


def test_a_result_is_read_once_and_kept(workspace, done, provider, stop, elsewhere):
    assert fetched(workspace, done, stop, elsewhere) == ()
    assert fetched(workspace, done, stop, elsewhere) == ()
    assert provider.read == ["remote-0", "remote-1"]
    assert counts(workspace, done) == EXPECTED
    assert [path.name for path in sorted(done.results.folder.iterdir())] == [
        "0-1.jsonl", "1-1.jsonl",
    ]  # fmt: skip
    assert {path.stat().st_mode & 0o777 for path in done.results.folder.iterdir()} == {0o600}


def test_nothing_is_read_where_there_is_no_room(workspace, new_set, provider, stop, elsewhere):
    draft = workspace.store.draft(workspace.new_id())
    draft.circuits_path.write_bytes(b"not read")
    job_set = JobSet(
        set_id=draft.set_id, name="", created=workspace.clock(), provider="scripted",
        backend="device", circuits=3, slices=(Slice(0, 3),),
        options=RunOptions(shots=2**62),  # of circuits that nobody can read
    )  # fmt: skip
    folder = draft.commit(job_set, ())
    submit_jobs(folder, provider, jobs=[0], clock=workspace.clock, stop=stop)
    provider.finish()

    with pytest.raises(NoRoom) as caught:
        fetched(workspace, folder, stop, elsewhere)

    assert "can be read only once" in caught.value.message
    assert f"qjobs result {folder.job_set.set_id}" in caught.value.hint
    assert provider.read == []
    assert folder.results.folder.stat().st_blocks < 100
    assert not folder.results.has(0, 1)
    assert list(elsewhere.iterdir()) == []


def test_a_user_who_knows_better_says_how_large_they_are(
    workspace, done, provider, stop, elsewhere, monkeypatch
):
    monkeypatch.setenv("QJOBS_RESULT_BYTES", str(1 << 59))
    with pytest.raises(NoRoom, match="can be read only once") as caught:
        fetched(workspace, done, stop, elsewhere)
    assert "QJOBS_RESULT_BYTES" in caught.value.hint
    assert provider.read == []

    # Too small is no harm where there is room after all.
    monkeypatch.setenv("QJOBS_RESULT_BYTES", "1")
    assert fetched(workspace, done, stop, elsewhere) == ()
    assert counts(workspace, done) == EXPECTED


@pytest.mark.parametrize("given", ["many", "-1", "1.5", "1" * 30, ""])
def test_a_size_that_is_none_is_named(workspace, done, provider, stop, monkeypatch, given):
    monkeypatch.setenv("QJOBS_RESULT_BYTES", given)
    with pytest.raises(UsageError, match="QJOBS_RESULT_BYTES"):
        fetched(workspace, done, stop)
    assert provider.read == []


def test_what_cannot_be_written_is_kept_elsewhere_and_taken_back(
    workspace, done, provider, stop, elsewhere
):
    provider.before = lambda: block(done.results.folder) if done.results.folder.is_dir() else None
    missing = elsewhere / "missing"
    first, second = fetched(workspace, done, stop, missing, elsewhere)
    assert second == f"job 1 (remote-1): cannot write {done.results.folder}: File exists"
    (kept,) = elsewhere.iterdir()
    assert f"its results are in {kept} until there is room" in first
    assert kept.stat().st_mode & 0o777 == 0o600
    assert provider.read == ["remote-0"]  # of the other there was no file to be made
    assert not done.results.has(0, 1)

    # As long as it is as it was, it stays there, and nobody asks again.
    assert str(kept) in fetched(workspace, done, stop, elsewhere)[0]
    assert list(elsewhere.iterdir()) == [kept]

    done.results.folder.unlink()
    provider.before = lambda: None
    assert fetched(workspace, done, stop, elsewhere) == ()
    assert list(elsewhere.iterdir()) == []
    assert provider.read == ["remote-0", "remote-1"]
    assert counts(workspace, done) == EXPECTED


def test_what_no_place_takes_is_handed_over(workspace, done, provider, stop, elsewhere):
    provider.before = lambda: block(done.results.folder)
    with pytest.raises(ResultsUnkept) as caught:
        fetched(workspace, done, stop, elsewhere / "missing")
    path = done.results.path(0, 1)
    assert list(caught.value.files) == [path]
    assert provider.read == ["remote-0"]  # and no other was read

    # As the hint says.
    done.results.folder.unlink()
    done.results.folder.mkdir()
    path.write_bytes(caught.value.files[path])
    provider.before = lambda: None
    assert fetched(workspace, done, stop, elsewhere) == ()
    assert counts(workspace, done) == EXPECTED


def test_files_of_others_and_damaged_ones_are_not_taken_back(
    workspace, done, provider, stop, elsewhere
):
    name = f"qjobs-{done.job_set.set_id}-0-1"
    wrong = encode("remote-0", JobResult.of([CircuitResult(1, {"0x0": 1}, 1)]))
    right = encode("remote-0", JobResult.of([CircuitResult(1, {"0x0": 1}, 1)] * 3))
    (elsewhere / f"{name}-short.jsonl").write_bytes(wrong)
    (elsewhere / f"{name}-damaged.jsonl").write_bytes(right[:-2] + b"x\n")
    (elsewhere / "target").write_bytes(right)
    (elsewhere / f"{name}-link.jsonl").symlink_to(elsewhere / "target")
    before = sorted(elsewhere.iterdir())
    assert fetched(workspace, done, stop, elsewhere) == ()
    assert counts(workspace, done) == EXPECTED
    assert sorted(elsewhere.iterdir()) == before


def test_two_that_fetch_at_once_read_it_once(workspace, done, provider, stop, elsewhere):
    """The second one waits, and finds what the first has kept: it is not gone."""
    reading, go_on = threading.Event(), threading.Event()

    def hold():
        reading.set()
        assert go_on.wait(60)

    provider.before = hold
    problems = []
    threads = [
        threading.Thread(
            target=lambda: problems.extend(
                fetched(workspace, workspace.store.open(done.job_set.set_id), stop, elsewhere)
            )
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    assert reading.wait(60)
    go_on.set()
    for thread in threads:
        thread.join(60)
    assert problems == []
    assert sorted(provider.read) == ["remote-0", "remote-1"]
    assert not any(job.gone for job in status(workspace, whole(done)).jobs)
    assert counts(workspace, done) == EXPECTED


def test_room_that_is_reserved_is_taken_on_the_disk(tmp_path, done):
    size = 4 << 20
    with once.room(done.results, 0, 1, size) as room:
        assert room is not None
        (part,) = done.results.folder.iterdir()
        assert part.stat().st_blocks * 512 >= size
        room.fill(b"short\n")
    assert done.results.path(0, 1).read_bytes() == b"short\n"
    assert [path.name for path in done.results.folder.iterdir()] == ["0-1.jsonl"]


def test_room_that_was_not_needed_is_given_back(done):
    with once.room(done.results, 0, 1, 4 << 20):
        pass
    assert sum(path.stat().st_size for path in done.results.folder.iterdir()) == 0
    with pytest.raises(NoRoom), once.room(done.results, 0, 1, TOO_MUCH):
        pass
    assert sum(path.stat().st_size for path in done.results.folder.iterdir()) == 0


@pytest.mark.parametrize("memory", [False, True])
@pytest.mark.parametrize("shots", [1, 7, 1000])
@pytest.mark.parametrize("sizes", [(1,), (3, 5), (1,) * 400, (127,), (64, 64, 1)])
def test_no_result_is_larger_than_was_thought(workspace, sizes, shots, memory):
    """The worst: every shot another outcome, with names of registers as Qiskit makes them."""
    circuit = QuantumCircuit(
        *[ClassicalRegister(size, f"measured_{n}") for n, size in enumerate(sizes)]
    )
    draft = workspace.store.draft(workspace.new_id())
    draft.circuits_path.write_bytes(codec.encode([circuit] * 3))
    job_set = JobSet(
        set_id=draft.set_id, name="", created=workspace.clock(), provider="scripted",
        backend="device", circuits=3, slices=(Slice(0, 1), Slice(1, 2)),
        options=RunOptions(shots=shots, memory=memory),
    )  # fmt: skip
    folder = draft.commit(job_set, ())
    bits = sum(sizes)
    outcomes = [hex((2**bits - 1 - number) % 2**bits) for number in range(shots)]
    result = CircuitResult(
        shots=shots,
        counts=dict.fromkeys(outcomes, shots),
        clbits=bits,
        registers=tuple((f"measured_{n}", size) for n, size in enumerate(sizes)),
        memory=tuple(outcomes) if memory else None,
    )
    for part in job_set.slices:
        size = len(encode("x" * 20, JobResult.of([result] * part.experiments_count)))
        assert size <= most_bytes(folder, part) <= 12 * size + 100_000


def test_circuits_that_are_not_here_are_taken_for_wide_ones(workspace, done):
    assert most_bytes(done, Slice(0, 3)) > 3 * 100 * 128


def test_the_places_are_folders_that_exist():
    assert once.places()
    assert all(isinstance(place, Path) for place in once.places())
