"""`--parameters` and `--observables` from the words of a command line to data on stdout."""

import json
import re

import pytest

from qjobs.circuits import codec

ANSATZ = """\
OPENQASM 3.0;
include "stdgates.inc";
input float theta;
qubit[2] q;
ry(theta) q[0];
cx q[0], q[1];
"""


@pytest.fixture
def ansatz(home, tmp_path):
    (tmp_path / "ansatz.qasm").write_text(ANSATZ)
    (tmp_path / "angles.csv").write_text("theta\n0\n3.141592653589793\n1.5\n")
    (tmp_path / "observables.json").write_text('["ZZ", "IZ", {"XX": 0.5, "YY": -0.5}]')
    return "ansatz.qasm"


@pytest.fixture
def measured(ansatz, tmp_path):
    """A file that is read without Qiskit."""
    from qiskit import QuantumCircuit
    from qiskit.circuit import Parameter

    circuit = QuantumCircuit(2, 2, name="measured")
    circuit.ry(Parameter("theta"), 0)
    circuit.cx(0, 1)
    circuit.measure([0, 1], [0, 1])
    (tmp_path / "measured.qpy").write_bytes(codec.encode([circuit]))
    return "measured.qpy"


SWEEP = ("--parameters", "angles.csv")
VALUES = (*SWEEP, "--observables", "observables.json")


def test_a_sweep_is_planned_shown_and_its_results_name_the_rows(qjobs, measured):
    planned = qjobs("submit", measured, "-b", "fake:", *SWEEP, "--dry-run", "--json")
    plan = planned.document("plan")
    assert (plan["parameters"], plan["bindings"], plan["circuits"]) == (["theta"], 3, 3)

    submitted = qjobs("submit", measured, "-b", "fake:", *SWEEP, "--wait", "--json")
    assert submitted.document("set")["bindings"] == 3
    result = qjobs("result", "--json").document("result")
    assert [entry["binding"] for entry in result["circuits"]] == [0, 1, 2]
    assert all(sum(entry["counts"].values()) == 1024 for entry in result["circuits"])
    lines = qjobs("result", "--top", "1", "--header").out.splitlines()
    assert lines[0] == "index\tname\toutcome\tcount\tshots\tbinding\tsource\tposition"
    assert [line.split("\t")[5:] for line in lines[1:]] == [
        [binding, "measured.qpy", "0"] for binding in ("0", "1", "2")
    ]
    assert "parameters\ttheta\nbindings\t3\n" in qjobs("show").out


def test_circuits_with_parameters_and_no_values_are_refused_with_a_hint(qjobs, ansatz, home):
    ended = qjobs("submit", ansatz, "-b", "fake:")
    assert (ended.code, ended.out) == (5, "")
    assert "circuit 0 (ansatz, ansatz.qasm) has parameters without values: theta" in ended.err
    assert "hint: --parameters FILE" in ended.err
    assert not list((home / "sets").iterdir())


def test_expectation_values_are_refused_where_there_are_none(qjobs, ansatz, home):
    ended = qjobs("submit", ansatz, "-b", "fake:", *VALUES)
    assert ended.code == 2
    assert "no expectation values" in ended.err
    assert not home.exists()


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "x"])
def test_a_precision_is_a_number_from_0_on(qjobs, ansatz, text):
    ended = qjobs("submit", ansatz, "-b", "fake:", *VALUES, f"--precision={text}")
    assert ended.code == 2
    assert "not a number from 0 on" in ended.err


@pytest.mark.slow
@pytest.mark.parametrize("words", [(), ("--dry-run",)])
def test_with_the_noise_of_a_device_it_is_said_that_its_readout_errors_are_left_out(
    qjobs, ansatz, monkeypatch, words
):
    monkeypatch.setenv("QJOBS_LOCAL_IDLE_S", "0.1")
    said = "without its readout errors"

    on_device = qjobs("submit", ansatz, *VALUES, "-b", "local:generic_5", *words)
    assert on_device.code == 0
    assert on_device.err.count(said) == 1
    assert said not in qjobs("submit", ansatz, *VALUES, *words).err
    assert said not in qjobs("submit", "measured.qasm", *SWEEP, "-b", "local:generic_5", *words).err


@pytest.mark.slow
def test_expectation_values_run_on_this_machine(qjobs, ansatz, monkeypatch):
    monkeypatch.setenv("QJOBS_LOCAL_IDLE_S", "0.1")
    ended = qjobs("run", ansatz, *VALUES, "--precision", "0", "--json")
    document = ended.document("result")
    assert ended.code == 0
    assert document["observables"] == [{"ZZ": 1.0}, {"IZ": 1.0}, {"XX": 0.5, "YY": -0.5}]
    first, second, _ = (entry["evs"] for entry in document["circuits"])
    assert first == pytest.approx([1, 1, 0], abs=1e-9)
    assert second == pytest.approx([1, -1, 0], abs=1e-9)
    rows = [line.split("\t") for line in qjobs("result", "@last:1").out.splitlines()]
    assert [row[2:4] for row in rows] == [["0", "ZZ"], ["1", "IZ"], ["2", "0.5 XX - 0.5 YY"]]
    table = qjobs("result", "@last:1", "--format", "table").out
    assert re.search(r"^  IZ +-1\.000000 ± 0\.0", table, re.MULTILINE)


@pytest.mark.slow
def test_counts_and_values_do_not_go_into_one_table(qjobs, ansatz, bell, monkeypatch):
    monkeypatch.setenv("QJOBS_LOCAL_IDLE_S", "0.1")
    assert qjobs("run", ansatz, *VALUES).code == 0
    assert qjobs("run", bell).code == 0
    ended = qjobs("result", "@1", "@2")
    assert (ended.code, ended.out) == (2, "")
    lines = qjobs("result", "@1", "@2", "--format", "jsonl").out.splitlines()
    assert [json.loads(line)["evs"] is None for line in lines] == [True, False, False, False]
