"""What every provider promises, as tests of pytest: see `qjobs.contract`.

A provider joins by a class `TestIts(Contract)` with a `subject`. What it does not promise, or
cannot in a test, is taken out by name: `test_... = None`.
"""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from qjobs.circuits.slices import CircuitSlice
from qjobs.contract import (
    CancelOutcome,
    Forgets,
    Provider,
    ProviderContext,
    ProviderFactory,
    Submission,
    SubmitsTogether,
    Tallies,
    TellsFailed,
    TellsProgress,
    TellsTimes,
)
from qjobs.errors import ProviderError, UnknownBackend
from qjobs.model import JobStatus, RunOptions, Slice

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

PATIENCE_S = 120.0
OPTIONS = RunOptions(shots=100, seed=7)
FIRST = Slice(0, 1)
Circuits: TypeAlias = dict[str, Path]


def steady(index: int, *, qubits: int = 4) -> "QuantumCircuit":
    """Measures the bits of its own index: its result shows its place."""
    from qiskit import QuantumCircuit

    circuit = QuantumCircuit(qubits, qubits, name=f"steady-{index}")
    for bit in range(qubits):
        if index >> bit & 1:
            circuit.x(bit)
    circuit.measure(range(qubits), range(qubits))
    return circuit


# For each circuit which qubit is measured into which clbit, in this order. The clbits are a[0],
# a[1], a loose one, b[0], b[1], b[2], and another loose one.
MEASURED = (
    [(0, 3)],
    [(3, 1), (0, 5), (2, 0)],
    [(1, 6), (3, 2), (0, 4)],
    [(0, 4), (1, 4), (3, 5)],
    [(3, 0), (2, 1), (1, 2), (0, 3), (3, 4), (2, 5), (1, 6)],
)


def scattered(index: int, *, qubits: int = 4) -> "QuantumCircuit":
    """Flips the qubits of a number, and measures as `MEASURED` says: some bits not at all."""
    from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
    from qiskit.circuit import Clbit

    circuit = QuantumCircuit(
        QuantumRegister(qubits, "q"), ClassicalRegister(2, "a"), [Clbit()],
        ClassicalRegister(3, "b"), [Clbit()], name=f"scattered-{index}",
    )  # fmt: skip
    for qubit in range(4):
        if _flipped(index, qubit):
            circuit.x(qubit)
    for qubit, clbit in MEASURED[index]:
        circuit.measure(qubit, clbit)
    return circuit


def scattered_outcome(index: int) -> str:
    """What `scattered` gives in each shot: the loose bits, b, and a; what is measured last counts.

    A bit that nothing is measured into is 0.
    """
    value = {clbit: str(int(_flipped(index, qubit))) for qubit, clbit in MEASURED[index]}
    places = [[6, 2], [5, 4, 3], [1, 0]]
    return " ".join("".join(value.get(clbit, "0") for clbit in group) for group in places)


def _flipped(index: int, qubit: int) -> bool:
    return bool((9 - index) >> qubit & 1)


def written_circuits(folder: Path) -> Circuits:
    """QPY containers by name: `steady` holds six circuits, `scattered` several."""
    from qiskit import QuantumCircuit, qpy

    def endless(index: int) -> QuantumCircuit:
        """Runs for many minutes on any simulator, but fits into its memory."""
        circuit = QuantumCircuit(22, 22, name=f"endless-{index}")
        for layer in range(2000):
            for qubit in range(22):
                circuit.rx(0.1 + layer + index, qubit)
                circuit.cx(qubit, (qubit + 1) % 22)
        circuit.measure(range(22), range(22))
        return circuit

    def broken(index: int) -> QuantumCircuit:
        """Needs more memory than any machine has."""
        circuit = QuantumCircuit(60, 60, name=f"broken-{index}")
        for qubit in range(60):
            circuit.rx(0.1 + index, qubit)
            circuit.t(qubit)
            circuit.cx(qubit, (qubit + 7) % 60)
        circuit.measure(range(60), range(60))
        return circuit

    files = {}
    counts = {steady: 6, scattered: len(MEASURED), endless: 1, broken: 1}
    for make, count in counts.items():
        files[make.__name__] = folder / f"{make.__name__}.qpy"
        with files[make.__name__].open("wb") as file:
            qpy.dump([make(index) for index in range(count)], file)
    return files


@dataclass(frozen=True)
class Subject:
    """A provider, and the backends on which it shows what the contract is about.

    On `calm` the steady circuits end soon, on `busy` the endless one does not end while a test
    lasts, on `failing` the broken one ends in ERROR. `near` is what an UnknownBackend for
    `misspelt` should propose. `together` is a backend that takes several jobs in one call, if
    `calm` does not and another does; steady circuits end soon there.
    """

    factory: ProviderFactory
    calm: str
    busy: str
    failing: str
    misspelt: str
    near: str
    together: str | None = None


class Contract:
    """The tests. `subject` is the provider under test."""

    subject: Subject

    @pytest.fixture(scope="session")
    @classmethod
    def circuit_files(cls, tmp_path_factory: pytest.TempPathFactory) -> Circuits:
        """The circuits; a provider that needs others, of more qubits say, has its own fixture."""
        return written_circuits(tmp_path_factory.mktemp("circuits"))

    @pytest.fixture
    def make(self, tmp_path: Path) -> Callable[[], Provider]:
        """Build one more provider on the folder of this test, as another process would."""
        context = ProviderContext(tmp_path / "with blanks and ümlauts" / "provider")
        return lambda: type(self).subject.factory(context)

    @pytest.fixture
    def provider(self, make: Callable[[], Provider]) -> Iterable[Provider]:
        """A provider; what is still running when the test ends is stopped."""
        provider = make()
        self.submitted: list[tuple[str, str]] = []
        yield provider
        for job_id, backend in self.submitted:
            provider.cancel([job_id], backend=backend)

    @pytest.fixture
    def submit(self, provider: Provider, circuit_files: Circuits) -> Callable[..., str]:
        """Submit circuits of a file to a backend; gives the job's id."""

        def submit(
            backend: str,
            circuits: str,
            *,
            part: Slice = FIRST,
            tag: str = "t-0-1",
            options: RunOptions = OPTIONS,
        ) -> str:
            job_id = provider.submit(
                CircuitSlice(circuit_files[circuits], part),
                backend=backend,
                options=options,
                tag=tag,
            )
            self.submitted.append((job_id, backend))
            return job_id

        return submit

    @pytest.fixture
    def run_calm(self, submit: Callable[..., str]) -> Callable[..., str]:
        """Submit a job that ends soon."""
        return lambda **more: submit(self.subject.calm, "steady", **more)

    @pytest.fixture
    def run_busy(self, submit: Callable[..., str]) -> Callable[..., str]:
        """Submit a job that does not end while a test lasts."""
        return lambda **more: submit(self.subject.busy, "endless", **more)

    # Backends

    def test_every_backend_that_is_listed_passes_the_check(self, provider: Provider) -> None:
        for backend in [info.name for info in provider.backends()] + [""]:
            provider.check(backend, OPTIONS)
            assert provider.limits(backend).connections >= 1
            assert provider.limits(backend).jobs_wanted >= 1
            assert provider.capabilities(backend).settle_s >= 0

    @pytest.mark.parametrize("method", ["check", "limits", "capabilities", "submit"])
    def test_an_unknown_backend_is_refused_with_near_names(
        self, provider: Provider, circuit_files: Circuits, method: str
    ) -> None:
        calls: dict[str, Callable[[str], Any]] = {
            "check": lambda backend: provider.check(backend, OPTIONS),
            "limits": provider.limits,
            "capabilities": provider.capabilities,
            "submit": lambda backend: provider.submit(
                CircuitSlice(circuit_files["steady"], Slice(0, 1)),
                backend=backend,
                options=OPTIONS,
                tag="t-0-1",
            ),
        }

        with pytest.raises(UnknownBackend) as caught:
            calls[method](self.subject.misspelt)

        assert self.subject.near in caught.value.message
        assert list(provider.find("t-0-1", backend=self.subject.calm)) == []

    # One job

    def test_a_job_runs_to_its_end_and_its_results_are_in_order(
        self, provider: Provider, run_calm: Callable[..., str]
    ) -> None:
        job_id = run_calm(part=Slice(2, 3))
        assert isinstance(job_id, str)
        assert job_id

        assert wait(provider, job_id, self.subject.calm) is JobStatus.DONE
        result = provider.result(job_id, backend=self.subject.calm)
        circuits = list(result.circuits())

        assert len(result) == len(circuits) == 3
        for circuit in circuits:
            assert circuit.shots == OPTIONS.shots
            assert circuit.counts is not None
            assert sum(circuit.counts.values()) == OPTIONS.shots
            assert all(outcome.startswith("0x") for outcome in circuit.counts)
            assert sum(size for _, size in circuit.registers) <= circuit.clbits
        assert provider.error_message(job_id, backend=self.subject.calm) == ""
        if isinstance(provider, TellsFailed):
            told = provider.failed_circuits([job_id], backend=self.subject.calm)
            assert not any(failed.runs for failed in told.values())

    def test_each_bit_of_an_outcome_is_where_the_circuit_has_it(
        self, provider: Provider, submit: Callable[..., str]
    ) -> None:
        whole = Slice(0, len(MEASURED))
        options = replace(OPTIONS, memory=True)
        job_id = submit(self.subject.calm, "scattered", part=whole, options=options)
        assert wait(provider, job_id, self.subject.calm) is JobStatus.DONE

        found = [*provider.result(job_id, backend=self.subject.calm).circuits()]

        expected = [scattered_outcome(index) for index in range(len(MEASURED))]
        shots = options.shots
        assert [circuit.readable_counts() for circuit in found] == [
            {outcome: shots} for outcome in expected
        ]
        assert [circuit.readable_memory() for circuit in found] == [
            [outcome] * shots for outcome in expected
        ]
        for circuit in found:
            assert circuit.registers[:2] == (("a", 2), ("b", 3))

    def test_however_a_set_is_cut_the_results_are_the_same(
        self, provider: Provider, run_calm: Callable[..., str]
    ) -> None:
        whole = run_calm(part=Slice(0, 6), tag="whole-0-1")
        parts = [run_calm(part=Slice(start, 2), tag=f"t-{start}-1") for start in (0, 2, 4)]
        for job_id in (whole, *parts):
            assert wait(provider, job_id, self.subject.calm) is JobStatus.DONE

        def counts(job_id: str) -> list[Any]:
            result = provider.result(job_id, backend=self.subject.calm)
            return [circuit.counts for circuit in result.circuits()]

        expected = counts(whole)
        actual = [circuit for job_id in parts for circuit in counts(job_id)]

        assert expected == actual
        assert len({str(circuit) for circuit in actual}) > 1

    def test_an_unfinished_job_has_no_result(
        self, provider: Provider, run_busy: Callable[..., str]
    ) -> None:
        job_id = run_busy()

        assert not provider.statuses([job_id], backend=self.subject.busy)[job_id].final
        with pytest.raises(ProviderError):
            provider.result(job_id, backend=self.subject.busy)

    def test_of_a_job_that_runs_no_more_circuits_have_been_run_than_there_are(
        self, provider: Provider, run_busy: Callable[..., str]
    ) -> None:
        if not isinstance(provider, TellsProgress):
            pytest.skip("it does not tell how far a job is")
        job_id = run_busy()

        told = provider.circuits_run([job_id, "no-such-job"], backend=self.subject.busy)

        assert set(told) <= {job_id}
        assert all(0 <= circuits <= 1 for circuits in told.values())

    def test_the_times_of_a_job_that_ended_are_in_order(
        self, provider: Provider, run_calm: Callable[..., str]
    ) -> None:
        if not isinstance(provider, TellsTimes):
            pytest.skip("it tells no times")
        job_id = run_calm()
        assert wait(provider, job_id, self.subject.calm) is JobStatus.DONE

        told = provider.times([job_id, "no-such-job"], backend=self.subject.calm)

        assert list(told) == [job_id]
        started, ended, place, estimate = told[job_id]
        assert ended is not None
        assert abs((datetime.now(UTC) - ended).total_seconds()) < 3600
        assert started is None or started <= ended
        assert (place, estimate) == (None, None)

    def test_a_failed_job_has_a_message_and_no_result(
        self, provider: Provider, submit: Callable[..., str]
    ) -> None:
        job_id = submit(self.subject.failing, "broken")

        assert wait(provider, job_id, self.subject.failing) is JobStatus.ERROR
        assert provider.error_message(job_id, backend=self.subject.failing)
        with pytest.raises(ProviderError):
            provider.result(job_id, backend=self.subject.failing)

    def test_an_unknown_job_is_unknown_and_has_no_result(self, provider: Provider) -> None:
        strange = ["no-such-job", "", "1", "../../etc/passwd", "ü\n", "9" * 40]

        assert provider.statuses(strange, backend=self.subject.calm) == dict.fromkeys(
            strange, JobStatus.UNKNOWN
        )
        for job_id in strange:
            with pytest.raises(ProviderError):
                provider.result(job_id, backend=self.subject.calm)

    def test_no_question_is_answered_by_nothing(self, provider: Provider) -> None:
        assert provider.statuses([], backend=self.subject.calm) == {}
        assert provider.cancel([], backend=self.subject.calm) == {}

    # Tags

    def test_a_job_is_found_by_its_tag_and_by_no_other(
        self, provider: Provider, run_calm: Callable[..., str]
    ) -> None:
        first = run_calm(tag="qj-set-1-1")
        second = run_calm(tag="qj-set-11-1")

        assert list(provider.find("qj-set-1-1", backend=self.subject.calm)) == [first]
        assert list(provider.find("qj-set-11-1", backend=self.subject.calm)) == [second]
        for other in ("qj-set-1", "qj-set-1-", "qj-set-%", "", "qj-set-2-1"):
            assert list(provider.find(other, backend=self.subject.calm)) == []

    def test_the_jobs_of_a_set_are_told_in_one_answer_and_no_others(
        self, make: Callable[[], Provider], run_calm: Callable[..., str]
    ) -> None:
        tags = ("qj-0abc-0-1", "qj-0abc-11-2")
        ids = {tag: run_calm(tag=tag) for tag in (*tags, "qj-0abcd-0-1", "qj-0ab-0-1")}
        another = make()
        assert isinstance(another, Tallies)

        told = another.jobs_of("qj-0abc", backend=self.subject.calm)

        assert {job.job_id for job in told} == {ids[tag] for tag in tags}
        for job in told:
            (tag,) = (label for label in job.labels if label in tags)
            assert ids[tag] == job.job_id
            assert "qj-0abc" in job.labels
            assert job.created.tzinfo is not None
        assert another.jobs_of("qj-0abe", backend=self.subject.calm) == []

    # Several in one call

    def test_several_jobs_in_one_call_are_told_apart_and_give_their_own_results(
        self, provider: Provider, circuit_files: Circuits, run_calm: Callable[..., str]
    ) -> None:
        backend = self.subject.calm if self.subject.together is None else self.subject.together
        if not isinstance(provider, SubmitsTogether) or provider.limits(backend).together < 2:
            pytest.skip("it takes one job in a call")
        parts = [Slice(0, 2), Slice(2, 1), Slice(3, 3)][: provider.limits(backend).together]
        tags = [f"qj-0abc-{job}-1" for job in range(len(parts))]

        answers = provider.submit_together(
            [
                Submission(CircuitSlice(circuit_files["steady"], part), tag)
                for part, tag in zip(parts, tags, strict=True)
            ],
            backend=backend,
            options=OPTIONS,
        )

        job_ids = [answer for answer in answers if isinstance(answer, str)]
        self.submitted += [(job_id, backend) for job_id in job_ids]
        assert len(set(job_ids)) == len(answers) == len(parts), answers
        assert [list(provider.find(tag, backend=backend)) for tag in tags] == [
            [job_id] for job_id in job_ids
        ]
        alone = run_calm(part=Slice(0, parts[-1].end_index + 1), tag="alone-0-1")
        assert wait(provider, alone, self.subject.calm) is JobStatus.DONE
        expected = [*provider.result(alone, backend=self.subject.calm).circuits()]
        for job_id, part in zip(job_ids, parts, strict=True):
            assert wait(provider, job_id, backend) is JobStatus.DONE
            found = [*provider.result(job_id, backend=backend).circuits()]
            assert found == expected[part.start_index : part.end_index + 1]

    # Cancelling

    def test_a_cancelled_job_ends_cancelled_and_may_be_cancelled_again(
        self, provider: Provider, run_busy: Callable[..., str]
    ) -> None:
        job_id = run_busy()

        assert provider.cancel([job_id], backend=self.subject.busy)[job_id] in {
            CancelOutcome.CANCELLED,
            CancelOutcome.REQUESTED,
        }
        assert wait(provider, job_id, self.subject.busy) is JobStatus.CANCELLED
        assert provider.cancel([job_id], backend=self.subject.busy) == {
            job_id: CancelOutcome.ALREADY_FINAL
        }
        with pytest.raises(ProviderError):
            provider.result(job_id, backend=self.subject.busy)

    def test_a_finished_job_cannot_be_cancelled_and_keeps_its_result(
        self, provider: Provider, run_calm: Callable[..., str]
    ) -> None:
        job_id = run_calm()
        assert wait(provider, job_id, self.subject.calm) is JobStatus.DONE

        assert provider.cancel([job_id], backend=self.subject.calm) == {
            job_id: CancelOutcome.ALREADY_FINAL
        }
        assert provider.statuses([job_id], backend=self.subject.calm) == {job_id: JobStatus.DONE}
        assert len(provider.result(job_id, backend=self.subject.calm)) == 1

    def test_jobs_are_cancelled_in_bulk_and_unknown_ones_are_said(
        self, provider: Provider, run_busy: Callable[..., str]
    ) -> None:
        running = [run_busy(tag=f"t-{job}-1") for job in range(2)]

        outcomes = provider.cancel([*running, "no-such-job"], backend=self.subject.busy)

        assert set(outcomes) == {*running, "no-such-job"}
        assert outcomes["no-such-job"] is CancelOutcome.REFUSED

    # Forgetting

    def test_what_is_kept_of_a_set_is_forgotten_and_nothing_of_others(
        self, provider: Provider, make: Callable[[], Provider], run_calm: Callable[..., str]
    ) -> None:
        backend = self.subject.calm
        if not isinstance(provider, Forgets):
            pytest.skip("it keeps nothing")
        ours = [run_calm(tag=f"qj-0abc-{job}-1") for job in (0, 11)]
        others = [run_calm(tag=tag) for tag in ("qj-0abcd-0-1", "qj-0ab-0-1")]
        for job_id in (*ours, *others):
            assert wait(provider, job_id, backend) is JobStatus.DONE
        results = [provider.result(job_id, backend=backend) for job_id in (*ours, *others)]
        before = provider.kept()
        assert before["qj-0abc"].size_bytes > 0

        assert provider.forget("qj-0abc", ours) > 0

        another = make()
        assert isinstance(another, Forgets)
        others_kept = {tag: kept for tag, kept in before.items() if tag != "qj-0abc"}
        assert set(others_kept) == {"qj-0abcd", "qj-0ab"}
        assert another.kept() == others_kept
        assert another.forget("qj-0abc", ours) == 0
        for job_id, result in zip(others, results[2:], strict=True):
            assert another.statuses([job_id], backend=backend) == {job_id: JobStatus.DONE}
            assert another.result(job_id, backend=backend) == result
        assert run_calm(tag="qj-0abe-0-1") not in (*ours, *others)

    def test_a_job_that_has_not_ended_keeps_its_set_from_being_spare(
        self, provider: Provider, run_calm: Callable[..., str], run_busy: Callable[..., str]
    ) -> None:
        if not isinstance(provider, Forgets):
            pytest.skip("it keeps nothing")
        done = run_calm(tag="qj-0abc-0-1")
        assert wait(provider, done, self.subject.calm) is JobStatus.DONE
        run_busy(tag="qj-0abc-1-1")

        assert not provider.kept()["qj-0abc"].spare

    # Many at once

    def test_jobs_from_many_threads_are_all_told_apart_and_found(
        self, provider: Provider, run_calm: Callable[..., str]
    ) -> None:
        tags = [f"qj-many-{job}-1" for job in range(32)]

        with ThreadPoolExecutor(provider.limits(self.subject.calm).connections) as pool:
            job_ids = list(pool.map(lambda tag: run_calm(tag=tag), tags))
            found = list(pool.map(lambda tag: provider.find(tag, backend=self.subject.calm), tags))

        assert len(set(job_ids)) == 32
        assert [list(ids) for ids in found] == [[job_id] for job_id in job_ids]
        statuses = provider.statuses([*job_ids, "no-such-job"], backend=self.subject.calm)
        assert list(statuses) == [*job_ids, "no-such-job"]
        assert statuses["no-such-job"] is JobStatus.UNKNOWN
        assert JobStatus.UNKNOWN not in [statuses[job_id] for job_id in job_ids]

    def test_another_process_sees_and_does_the_same(
        self,
        provider: Provider,
        run_calm: Callable[..., str],
        run_busy: Callable[..., str],
        make: Callable[[], Provider],
    ) -> None:
        done, running = run_calm(tag="t-0-1"), run_busy(tag="t-1-1")
        assert wait(provider, done, self.subject.calm) is JobStatus.DONE

        other = make()

        assert list(other.find("t-0-1", backend=self.subject.calm)) == [done]
        assert other.statuses([done], backend=self.subject.calm) == {done: JobStatus.DONE}
        assert other.result(done, backend=self.subject.calm) == provider.result(
            done, backend=self.subject.calm
        )
        other.cancel([running], backend=self.subject.busy)
        assert wait(provider, running, self.subject.busy) is JobStatus.CANCELLED


def wait(provider: Provider, job_id: str, backend: str) -> JobStatus:
    """Poll until the job ends: a provider has no other way to say so."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        status = provider.statuses([job_id], backend=backend)[job_id]
        if status.final:
            return status
        time.sleep(0.02)
    raise AssertionError(f"job {job_id} did not end within {PATIENCE_S} s")
