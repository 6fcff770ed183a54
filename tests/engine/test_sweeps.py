"""Sweeps and expectation values, from the files of a submit to the rows of a result."""

import io
import json
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from qiskit import QuantumCircuit, qpy
from qiskit.circuit import Parameter
from support.scripted import ScriptedProvider, whole

from qjobs.circuits.inputs import expand
from qjobs.circuits.slices import CircuitSlice
from qjobs.contract import Capabilities, Limits
from qjobs.engine.result import fetch, rows
from qjobs.engine.set.making import plan_set, preview
from qjobs.engine.set.parcel import circuit_slice, observables_of
from qjobs.engine.set.plan import MOST_BINDINGS_A_JOB
from qjobs.engine.set.request import SubmitRequest
from qjobs.engine.set.values import SweepValues
from qjobs.engine.status import status
from qjobs.engine.submit import submit_unsent
from qjobs.errors import InputError, UsageError
from qjobs.model import Destination, RunOptions, Slice
from qjobs.results import CircuitResult, JobResult

THETA, PHI = Parameter("theta"), Parameter("phi")
DEVICE = Destination("scripted", "device")


@dataclass
class Estimating(ScriptedProvider):
    """It binds what it is given, and says in each result what it was."""

    bounds: Limits = field(default_factory=lambda: Limits(connections=1))

    def capabilities(self, backend):
        return super().capabilities(backend)._replace(estimates=True)

    def limits(self, backend):
        return self.bounds

    def submit(self, circuits, *, backend, options, tag):
        job_id = super().submit(circuits, backend=backend, options=options, tag=tag)
        self.jobs[job_id].slice = circuits
        return job_id

    def result(self, job_id, *, backend=""):
        part: CircuitSlice = self.jobs[job_id].slice
        return JobResult.of(
            CircuitResult(
                shots=100,
                counts=None,
                clbits=0,
                evs=(float(circuit.data[0].operation.params[0]), float("nan")),
                stds=(0.1, 0.2),
            )
            for circuit in part.circuits()
        )


@pytest.fixture
def provider():
    return Estimating()


def circuit(name: str, *parameters: Parameter) -> QuantumCircuit:
    made = QuantumCircuit(2, name=name)
    for parameter in parameters:
        made.rx(parameter, 0)
    if not parameters:
        made.rx(7.0, 0)
    return made


@pytest.fixture
def request_(tmp_path) -> Callable[..., SubmitRequest]:
    """Two files: one circuit with both parameters and one without, then one with theta."""
    for name, circuits in (("a", [circuit("both", THETA, PHI), circuit("none")]),
                           ("b", [circuit("one", THETA)])):  # fmt: skip
        buffer = io.BytesIO()
        qpy.dump(circuits, buffer)
        (tmp_path / f"{name}.qpy").write_bytes(buffer.getvalue())
    (tmp_path / "angles.csv").write_text("phi,theta\n0,10\n1,11\n2,12\n3,13\n")
    (tmp_path / "observables.json").write_text('["ZZ", {"XI": 0.5}]')

    def make(**more: object) -> SubmitRequest:
        values: dict[str, object] = {
            "parameters": str(tmp_path / "angles.csv"),
            "observables": str(tmp_path / "observables.json"),
        }
        files = [str(tmp_path / "a.qpy"), str(tmp_path / "b.qpy")]
        return SubmitRequest(expand(files), DEVICE, RunOptions(shots=100), **(values | more))

    return make


def sets(workspace) -> list[str]:
    return [header.set_id for header in workspace.store.listing().headers]


def leftovers(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "home" / "sets").glob("*/*"))


def test_every_circuit_runs_with_every_row(workspace, request_, provider, stop, tmp_path):
    folder = plan_set(workspace, request_(per_job=5)).folder
    plan = folder.job_set
    assert (plan.circuits, plan.bindings, plan.parameters) == (12, 4, ("phi", "theta"))
    assert [str(part) for part in plan.slices] == ["0-4", "5-9", "10-11"]
    assert plan.observables == 2
    assert workspace.store.open(plan.set_id).job_set == plan

    submit_unsent(workspace, folder, stop=stop)
    provider.finish()
    report = status(workspace, whole(folder))
    assert fetch(workspace, folder, report.jobs, stop=stop) == ()
    found = list(rows(whole(folder), report))

    assert [row.index for row in found] == list(range(12))
    assert [row.name for row in found] == ["both"] * 4 + ["none"] * 4 + ["one"] * 4
    assert [row.binding for row in found] == [0, 1, 2, 3] * 3
    assert [row.parameters for row in found] == [
        {"phi": float(at), "theta": 10.0 + at} for at in range(4)
    ] * 3
    assert [row.evs[0] for row in found] == [10, 11, 12, 13, 7, 7, 7, 7, 10, 11, 12, 13]
    assert [(Path(row.source).name, row.position) for row in found[3:9:4]] == [
        ("a.qpy", 0), ("a.qpy", 1),
    ]  # fmt: skip
    assert (Path(found[-1].source).name, found[-1].position) == ("b.qpy", 0)
    assert not any(row.blank for row in found)


def test_the_values_of_many_rows_are_read_in_pieces(workspace, request_, tmp_path):
    rows_ = 30_000
    table = np.arange(2.0 * rows_).reshape(rows_, 2)
    np.savez(tmp_path / "many.npz", phi=table[:, 0], theta=table[:, 1])
    folder = plan_set(workspace, request_(parameters=str(tmp_path / "many.npz"))).folder

    values = SweepValues(folder)

    for circuit in (0, 29_999, 8192, 8191, 30_000, 89_999, 16_384):
        phi, theta = table[circuit % rows_]
        assert values.of(circuit) == {"phi": phi, "theta": theta}
    assert values.ranges() == {"phi": (0, 59_998), "theta": (1, 59_999)}


def test_rows_of_values_are_told_in_constant_memory(workspace, request_, tmp_path):
    rows_ = 20_000
    np.savez(tmp_path / "many.npz", phi=np.arange(rows_), theta=np.arange(rows_) / 2)
    folder = plan_set(workspace, request_(parameters=str(tmp_path / "many.npz"))).folder
    report = status(workspace, whole(folder), cached=True)

    tracemalloc.start()
    try:
        told = sum(
            row.parameters["theta"]
            for row in rows(whole(folder), report, results_of=lambda _: False)
        )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert told == 3 * rows_ * (rows_ - 1) / 4
    assert peak < 4e6  # a tenth of what they all take


def test_the_files_of_a_set_are_enough_to_go_on(workspace, request_, tmp_path):
    folder = plan_set(workspace, request_()).folder
    for name in ("a.qpy", "b.qpy", "angles.csv", "observables.json"):
        (tmp_path / name).unlink()

    part = circuit_slice(workspace.store.open(folder.job_set.set_id), Slice(0, 12))

    assert len(part.circuits()) == 12
    assert json.loads(part.observables.read_text()) == [{"ZZ": 1.0}, {"XI": 0.5}]
    assert observables_of(folder) == ({"ZZ": 1.0}, {"XI": 0.5})
    for path in (part.sweep.path, part.observables):
        assert path.parent == folder.circuits_path.parent
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_set_that_was_carried_without_its_files_says_so(workspace, request_, provider, stop):
    folder = plan_set(workspace, request_()).folder
    folder.parameters_path.unlink()
    with pytest.raises(InputError, match="values of the parameters of this set are not here"):
        submit_unsent(workspace, folder, stop=stop)
    folder.observables_path.unlink()
    assert observables_of(folder) == ()
    assert not provider.jobs


def test_a_million_rows_are_cut_into_jobs_whose_results_can_be_held(
    workspace, request_, tmp_path, provider
):
    values = np.arange(500_000.0)
    np.savez(tmp_path / "many.npz", theta=values, phi=values)
    plan, _ = preview(workspace, request_(parameters=str(tmp_path / "many.npz")))
    assert plan.circuits == 1_500_000
    assert {part.experiments_count for part in plan.slices} == {MOST_BINDINGS_A_JOB}
    asked, _ = preview(
        workspace, request_(parameters=str(tmp_path / "many.npz"), per_job=1_000_000)
    )
    assert len(asked.slices) == 2
    assert leftovers(tmp_path) == []


def test_limits_hold_for_bound_circuits(workspace, request_, provider):
    provider.bounds = Limits(executions=700)
    plan, _ = preview(workspace, request_())
    assert [part.experiments_count for part in plan.slices] == [7, 5]

    provider.bounds = Limits(size_bytes=1 << 20)
    plan, _ = preview(workspace, request_())
    assert len(plan.slices) == 1
    provider.bounds = Limits(size_bytes=820)
    plan, _ = preview(workspace, request_())
    assert 1 < len(plan.slices) < 12
    assert sum(part.experiments_count for part in plan.slices) == 12


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("theta\n1\n", "circuit 0 .* has parameters that .* has no column for: phi"),
        ("theta,phi,thet\n1,2,3\n", "no parameter of any circuit: thet; near ones: theta"),
        ("theta,phi\n1,x\n", ":2:3: 'x' for phi"),
    ],
)
def test_values_that_do_not_suit_stop_everything_before_there_is_a_set(
    workspace, request_, tmp_path, values, message
):
    (tmp_path / "angles.csv").write_text(values)
    with pytest.raises(InputError, match=message):
        plan_set(workspace, request_())
    assert sets(workspace) == []
    assert leftovers(tmp_path) == []


def test_circuits_without_values_stop_everything_before_there_is_a_set(
    workspace, request_, tmp_path
):
    with pytest.raises(InputError, match="has parameters without values"):
        plan_set(workspace, request_(parameters=None))
    assert leftovers(tmp_path) == []


def test_observables_of_another_width_stop_everything_before_there_is_a_set(
    workspace, request_, tmp_path
):
    (tmp_path / "observables.json").write_text('["ZZ", "XXX"]')
    with pytest.raises(InputError, match="observable 1: 'XXX' is of 3 qubits, circuit 0 has 2"):
        plan_set(workspace, request_())
    assert leftovers(tmp_path) == []


def test_a_provider_that_gives_no_expectation_values_is_not_asked_for_them(
    workspace, request_, tmp_path
):
    counting = workspace._replace(load_provider=lambda _name: ScriptedProvider())
    assert ScriptedProvider().capabilities("device") == Capabilities(
        finds=True, polls_s=(0.001, 0.01)
    )
    with pytest.raises(UsageError, match="no expectation values"):
        plan_set(counting, request_())
    assert not (tmp_path / "home").exists()


def test_a_precision_without_observables_is_a_mistake(workspace, request_):
    inputs = request_(observables=None).inputs
    request = SubmitRequest(inputs, DEVICE, RunOptions(precision=0.01))
    with pytest.raises(UsageError, match="precision"):
        plan_set(workspace, request)


def test_expectation_values_need_no_measurements(workspace, request_):
    _, gathered = preview(workspace, request_(strict=True))
    assert not gathered.unmeasured.count
    _, gathered = preview(workspace, request_(observables=None))
    assert gathered.unmeasured.count == 3


def test_once_tells_other_values_and_observables_from_these(workspace, request_, tmp_path):
    def submitted(**more: object) -> str:
        return plan_set(workspace, request_(once=True, **more)).folder.job_set.set_id

    first = submitted()
    assert submitted() == first
    assert submitted(observables=None) != first
    (tmp_path / "observables.json").write_text('["ZZ", {"XI": 0.25}]')
    assert submitted() != first
    (tmp_path / "observables.json").write_text('[{"ZZ": 1}, {"XI": 0.5}]')
    assert submitted() == first
    (tmp_path / "angles.csv").write_text("phi,theta\n0,10\n1,11\n2,12\n3,13.5\n")
    assert submitted() != first


def test_the_pace_of_submissions_makes_no_other_set(workspace, request_):
    def submitted(**extra: float) -> str:
        request = replace(request_(once=True), options=RunOptions(shots=100, extra=extra))
        return plan_set(workspace, request).folder.job_set.set_id

    assert submitted(submits_per_minute=7) == submitted()
    assert submitted(other=7) != submitted()
