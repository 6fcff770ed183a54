"""`--parameters` and `--observables` from the words of a command line to data on stdout."""

import csv
import io
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


ANGLES = ["0.0", "3.141592653589793", "1.5"]
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
    assert lines[0] == "index\tname\toutcome\tcount\tshots\tbinding\tsource\tposition\ttheta"
    assert [line.split("\t")[5:] for line in lines[1:]] == [
        [str(binding), "measured.qpy", "0", theta] for binding, theta in enumerate(ANGLES)
    ]
    assert "parameters\ttheta\nbindings\t3\nvalues\ttheta 0 to 3.14159\n" in qjobs("show").out
    assert qjobs("show", "--json").document("set")["parameter_ranges"] == {
        "theta": [0, 3.141592653589793]
    }


def test_every_output_of_a_sweep_has_the_values_of_its_row(qjobs, measured, tmp_path):
    assert qjobs("submit", measured, "-b", "fake:", *SWEEP, "--wait").code == 0
    expected = [float(angle) for angle in ANGLES]

    result = qjobs("result", "--json").document("result")
    assert [entry["parameters"]["theta"] for entry in result["circuits"]] == expected
    lines = qjobs("result", "@last:2,0", "--format", "jsonl").out.splitlines()
    assert [json.loads(line)["parameters"] for line in lines] == [{"theta": 0.0}, {"theta": 1.5}]
    rows = csv.DictReader(io.StringIO(qjobs("result", "--top", "1", "--format", "csv").out))
    assert [float(row["theta"]) for row in rows] == expected
    table = qjobs("result", "--format", "table").out
    assert "#1 measured  row 1  theta=3.14159  1024 shots\n" in table
    assert qjobs("result", "--out", "folder/").code == 0
    for place, path in enumerate(sorted((tmp_path / "folder").glob("*.json"))):
        assert json.loads(path.read_text())["parameters"] == {"theta": expected[place]}
    assert qjobs("result", "--out", "tables/", "--format", "csv").code == 0
    (first, *_) = sorted((tmp_path / "tables").glob("*.csv"))
    assert first.read_text().splitlines()[0].endswith(",theta")


def test_the_library_tells_the_values_of_a_circuit(qjobs, measured, bell):
    from qjobs import JobManager
    from qjobs.managed.errors import ManagedResultDataNotAvailable

    set_id = qjobs("submit", measured, "-b", "fake:", *SWEEP, "--wait", "-q").out.strip()
    plain_id = qjobs("submit", bell, "-b", "fake:", "--wait", "-q").out.strip()

    results = JobManager().retrieve_job_set(set_id).results(timeout=60)
    assert [results.parameters(index) for index in range(3)] == [
        {"theta": float(angle)} for angle in ANGLES
    ]
    with pytest.raises(ManagedResultDataNotAvailable):
        results.parameters()
    assert JobManager().retrieve_job_set(plain_id).results(timeout=60).parameters() == {}


def test_the_values_alone_are_told_before_anything_ran(qjobs, measured, tmp_path):
    assert qjobs("submit", measured, "-b", "fake:delay=60", *SWEEP).code == 0

    shown = qjobs("result", "--parameters-only", "--header")
    assert shown.code == 0
    assert shown.out.splitlines() == [
        "index\tname\tbinding\tsource\tposition\ttheta",
        *(f"{row}\tmeasured\t{row}\tmeasured.qpy\t0\t{angle}" for row, angle in enumerate(ANGLES)),
    ]
    document = qjobs("result", "@last:1", "--parameters-only", "--json").document("parameters")
    assert document["names"] == ["theta"]
    assert [entry["parameters"] for entry in document["circuits"]] == [{"theta": 3.141592653589793}]
    table = qjobs("result", "--parameters-only", "--format", "table").out
    assert re.search("binding.*theta", table)
    assert qjobs("result", "--parameters-only", "--out", "values.csv").code == 0
    with (tmp_path / "values.csv").open() as stream:
        assert [row["theta"] for row in csv.DictReader(stream)] == ANGLES
    assert qjobs("result", "--parameters-only", "--out", "each/").code == 0
    (first, *_) = sorted((tmp_path / "each").glob("*.json"))
    assert json.loads(first.read_text())["parameters"] == {"theta": 0.0}


def test_a_set_without_parameters_says_where_its_results_are(qjobs, bell):
    assert qjobs("submit", bell, "-b", "fake:", "--wait").code == 0
    ended = qjobs("result", "--parameters-only")
    assert (ended.code, ended.out) == (2, "")
    assert "have no parameters" in ended.err
    assert qjobs(*ended.err.rpartition("hint: qjobs ")[2].split()).code == 0


def test_lost_values_leave_the_results_and_wrong_ones_are_never_shown(qjobs, measured, home):
    assert qjobs("submit", measured, "-b", "fake:", *SWEEP, "--wait").code == 0
    (path,) = (home / "sets").glob("*/parameters.npy")
    values = path.read_bytes()

    path.write_bytes(values[:-8] + values[-16:-8])  # of the right size and shape
    ended = qjobs("result")
    assert ended.code == 9
    assert "does not hold the values that were submitted" in ended.err
    assert "or remove it" in ended.err
    path.unlink()
    rows = [line.split("\t") for line in qjobs("result", "--top", "1").out.splitlines()]
    assert [row[5:] for row in rows] == [[str(at), "measured.qpy", "0", ""] for at in range(3)]
    result = qjobs("result", "--json").document("result")
    assert [entry["parameters"] for entry in result["circuits"]] == [None] * 3
    assert qjobs("show", "--json").document("set")["parameter_ranges"] is None
    assert "#1 measured  row 1  1024 shots\n" in qjobs("result", "--format", "table").out


def test_a_parameter_that_is_called_like_a_column_has_a_column_of_its_own(qjobs, home, tmp_path):
    from qiskit import QuantumCircuit
    from qiskit.circuit import Parameter

    circuit = QuantumCircuit(1, 1, name="odd")
    for name in ("shots", "=x", "a\tb"):
        circuit.rx(Parameter(name), 0)
    circuit.measure(0, 0)
    (tmp_path / "odd.qpy").write_bytes(codec.encode([circuit]))
    (tmp_path / "odd.json").write_text(json.dumps({"shots": [0.5], "=x": [0.25], "a\tb": [2]}))
    assert qjobs("submit", "odd.qpy", "-b", "fake:", "--parameters", "odd.json", "--wait").code == 0

    (row,) = csv.DictReader(io.StringIO(qjobs("result", "--top", "1", "--format", "csv").out))
    assert (row["shots"], row["parameter shots"]) == ("1024", "0.5")
    assert (row["'=x"], row["a\\tb"]) == ("0.25", "2.0")
    header, line = qjobs("result", "--top", "1", "--header").out.splitlines()
    assert len(header.split("\t")) == len(line.split("\t"))


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
