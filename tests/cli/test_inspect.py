"""`qjobs inspect` tells what is in files of circuits, and how backends would take them."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest
from qiskit import QuantumCircuit, qasm2, qasm3, transpile
from qiskit.circuit import Parameter
from qiskit.converters import circuit_to_dag
from qiskit.providers.fake_provider import GenericBackendV2
from support.sample_circuits import dump, edge_circuits, ghz, load


def by_hand() -> QuantumCircuit:
    """Three layers before the measurement: h and x, cx, ccx; one parameter; a barrier is none."""
    circuit = QuantumCircuit(3, 1, name="by-hand")
    circuit.h(0)
    circuit.x(1)
    circuit.barrier()
    circuit.cx(0, 1)
    circuit.ccx(0, 1, 2)
    circuit.rz(Parameter("θ"), 2)
    circuit.measure(2, 0)
    return circuit


BY_HAND = {
    "name": "by-hand", "qubits": 3, "clbits": 1, "depth": 5, "size": 6, "two_qubit_gates": 2,
    "parameters": ["θ"], "why": "",
    "registers": [{"kind": "q", "name": "q", "size": 3}, {"kind": "c", "name": "c", "size": 1}],
}  # fmt: skip


def inspected(qjobs, *words):
    ended = qjobs("inspect", *words, "--circuits", "--json")
    assert ended.code == 0, ended.err
    return ended.document("circuits")["circuits"]


def test_a_circuit_is_told_in_numbers_that_were_counted_by_hand(qjobs):
    Path("a.qpy").write_bytes(dump([by_hand()]))

    (found,) = inspected(qjobs, "a.qpy")

    assert found == {"source": "a.qpy", "position": 0, **BY_HAND, "backends": []}


@pytest.mark.parametrize("version", [13, 15, 17, 18])
def test_every_kind_of_circuit_is_told_as_qiskit_counts_it(qjobs, version):
    circuits = [*edge_circuits(), by_hand()] if version > 13 else [ghz(4), by_hand()]
    Path("a.qpy").write_bytes(dump(circuits, version))

    found = inspected(qjobs, "a.qpy")

    for told, circuit in zip(found, load(dump(circuits, version)), strict=True):
        dag = circuit_to_dag(circuit)
        assert told["name"] == circuit.name
        assert (told["qubits"], told["clbits"]) == (circuit.num_qubits, circuit.num_clbits)
        assert told["depth"] == circuit.depth()
        assert told["size"] == circuit.size()
        assert told["two_qubit_gates"] == circuit.num_nonlocal_gates()
        assert told["parameters"] == [parameter.name for parameter in circuit.parameters]
        # Another reader, where the two count the same things.
        directives = any(getattr(node.op, "_directive", False) for node in dag.op_nodes())
        if not directives and not circuit.has_control_flow_op():
            assert (told["depth"], told["size"]) == (dag.depth(), dag.size())


def test_files_of_all_formats_are_told_with_the_highest_numbers_of_their_circuits(qjobs):
    Path("a.qpy").write_bytes(dump([ghz(2), ghz(5), by_hand()]))
    Path("old.qpy.gz").write_bytes(gzip.compress(dump([ghz(3), ghz(4)], 13)))
    Path("b.qasm").write_text(qasm2.dumps(ghz(3)))
    Path("c.qasm3").write_text(qasm3.dumps(ghz(2)))
    Path("d.qpy").write_bytes(dump([ghz(6)], 17))

    ended = qjobs("inspect", "a.qpy", "old.qpy.gz", "b.qasm", "c.qasm3", "d.qpy", "--header")

    assert ended.code == 0
    assert [line.split("\t") for line in ended.out.splitlines()] == [
        ["file", "format", "version", "circuits", "qubits", "clbits", "depth", "size",
         "two_qubit_gates", "parameters", "registers"],
        ["a.qpy", "qpy", "18", "3", "5", "5", "6", "10", "4", "1", ""],
        ["old.qpy.gz", "qpy", "13", "2", "4", "4", "5", "8", "3", "0", ""],
        ["b.qasm", "qasm2", "", "1", "3", "3", "4", "6", "2", "0", "q[3] c[3]"],
        ["c.qasm3", "qasm3", "", "1", "2", "2", "3", "4", "1", "0", "q[2] c[2]"],
        ["d.qpy", "qpy", "17", "1", "6", "6", "7", "12", "5", "0", "q[6] c[6]"],
    ]  # fmt: skip


def test_the_document_has_the_lowest_and_the_highest_numbers(qjobs):
    Path("a.qpy").write_bytes(dump([ghz(2), by_hand()]))
    Path("old.qpy.xz").write_bytes(dump([ghz(3)], 13))

    first, second = qjobs("inspect", "a.qpy", "old.qpy.xz", "--json").document("inspect")["files"]

    assert first["qubits"] == [2, 3]
    assert first["depth"] == [3, 5]
    assert first["parameters"] == [0, 1]
    assert (first["version"], first["packed"], first["unreadable"]) == (18, None, 0)
    assert (second["version"], second["registers"]) == (13, ["q[3]", "c[3]"])


@pytest.mark.parametrize("version", [13, 15, 18])
def test_heads_alone_tell_widths_and_registers_and_nothing_else(qjobs, version):
    circuits = edge_circuits() if version > 13 else [ghz(4), by_hand()]
    Path("a.qpy").write_bytes(dump(circuits, version))
    unknown = dict.fromkeys(("depth", "size", "two_qubit_gates", "parameters"))

    whole, fast = (inspected(qjobs, "a.qpy", *more) for more in ([], ["--fast"]))

    assert fast == [one | unknown for one in whole]


def test_heads_are_read_without_qiskit(home, tmp_path):
    (tmp_path / "a.qpy").write_bytes(dump([ghz(2)], 13))
    (tmp_path / "b.qasm").write_text(qasm2.dumps(ghz(3)))
    program = (
        "import sys\nfrom qjobs.cli.main import run\n"
        "code = run(['inspect', 'a.qpy', 'b.qasm', '--fast', '--json'])\n"
        "sys.exit(code or 100 * ('qiskit' in sys.modules))"
    )

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)

    first, second = json.loads(ended.stdout)["files"]
    assert (first["circuits"], first["qubits"]) == (1, [2, 2])
    assert (second["format"], second["circuits"], second["qubits"]) == ("qasm2", 1, None)


@pytest.mark.parametrize("fast", [[], ["--fast"]])
def test_all_that_cannot_be_read_is_named_and_the_rest_is_told(qjobs, fast):
    data = dump([ghz(2), ghz(3)])
    Path("a.qpy").write_bytes(data)
    Path("cut.qpy").write_bytes(data[:-9])
    Path("old.qpy").write_bytes(dump([ghz(2), ghz(3)], 13)[:-9])
    Path("empty.qasm").write_text("")

    ended = qjobs("inspect", "cut.qpy", "a.qpy", "old.qpy", "empty.qasm", "gone.qpy", *fast)

    assert ended.code == 5
    assert ended.out.startswith("a.qpy\tqpy\t18\t2\t3\t3")
    assert len(ended.out.splitlines()) == 1
    *lines, last = ended.err.splitlines()
    assert {line.partition(":")[0] for line in lines} == {
        "cut.qpy", "old.qpy", "empty.qasm", "gone.qpy",
    }  # fmt: skip
    assert last == "error: 4 of 5 files cannot be read"


def test_one_file_that_cannot_be_read_is_the_error(qjobs):
    Path("bad.qasm").write_text("OPENQASM 2.0;\nqreg q[2];\nfoo q[0];\n")

    ended = qjobs("inspect", "bad.qasm")

    assert (ended.code, ended.out) == (5, "")
    assert ended.err.startswith("error: bad.qasm:3:1: 'foo' is not defined")


def damaged(circuits, name):
    """A QPY file in which the gates of one circuit, and nothing else, make no sense."""
    data = bytearray(dump(circuits))
    at = data.index(b"CXGate", data.index(name))
    data[at : at + 6] = b"CXGaXX"
    return bytes(data)


def test_circuits_that_cannot_be_read_are_told_in_their_places(qjobs):
    data = damaged([ghz(2, "good"), ghz(3, "broken"), ghz(4, "fine")], b"broken")
    Path("a.qpy").write_bytes(data)

    ended = qjobs("inspect", "a.qpy", "--circuits", "--json")

    assert ended.code == 5
    good, bad, fine = ended.document("circuits")["circuits"]
    assert (good["depth"], bad["depth"], fine["depth"]) == (3, None, 5)
    assert "CXGaXX" in bad["why"]
    error = json.loads(ended.err.splitlines()[-1])
    assert error["message"] == "1 of 3 circuits cannot be read"
    assert error["unreadable"][0]["message"].startswith("circuit 1 (broken): ")


# Python runs this before our code: circuits of such names are the death of their reader.
ENDINGS = """
import builtins, os, sys
if "qjobs.circuits.worker" in sys.orig_argv:
    from qjobs.circuits import codec
    decode = codec.decode_each
    def deadly(data):
        if b"kills" in data:
            os.kill(os.getpid(), 9)
        return decode(data)
    codec.decode_each = deadly
"""


def test_circuits_that_kill_their_reader_are_told_and_the_others_are_looked_at(
    qjobs, tmp_path, monkeypatch
):
    (tmp_path / "hooks").mkdir()
    (tmp_path / "hooks/sitecustomize.py").write_text(ENDINGS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "hooks"))
    Path("a.qpy").write_bytes(dump([ghz(2), ghz(3, "kills"), ghz(4), ghz(5, "kills, too")]))

    ended = qjobs("inspect", "a.qpy", "--circuits", "--json")

    assert ended.code == 5
    found = ended.document("circuits")["circuits"]
    assert [one["depth"] for one in found] == [3, None, 5, None]
    killed = "the process that read it was killed by signal 9 (SIGKILL): out of memory?"
    assert [one["why"] for one in found] == ["", killed, "", killed]


def test_more_circuits_than_are_looked_at_together_come_in_order(qjobs):
    circuits = [ghz(1 + index % 3, f"c{index}") for index in range(650)]
    Path("a.qpy").write_bytes(dump(circuits))
    Path("b.qasm").write_text(qasm2.dumps(ghz(4)))
    Path("old.qpy").write_bytes(dump(circuits[:350], 13))

    found = inspected(qjobs, "a.qpy", "b.qasm", "old.qpy", "a.qpy")

    names = [f"c{index}" for index in range(650)]
    assert [one["name"] for one in found] == [*names, "b", *names[:350], *names]
    assert [one["position"] for one in found] == [*range(650), 0, *range(350), *range(650)]
    assert [one["depth"] for one in found[:3]] == [2, 3, 4]


def test_each_backend_says_whether_circuits_fit(qjobs):
    ready = transpile(ghz(3, "ready"), GenericBackendV2(4, seed=0), seed_transpiler=1)
    Path("a.qpy").write_bytes(dump([ready, ghz(3), ghz(5)]))

    words = ("inspect", "a.qpy", "-b", "local:generic_4", "-b", "local:aer", "-b", "fake")
    circuits = qjobs(*words, "--circuits", "--json").document("circuits")["circuits"]
    (file,) = qjobs(*words, "--json").document("inspect")["files"]

    told = [[backend["verdict"] for backend in one["backends"]] for one in circuits]
    assert told == [
        ["fits", "fits", "unknown"], ["transpile", "fits", "unknown"],
        ["too_large", "fits", "unknown"],
    ]  # fmt: skip
    whys = [one["backends"][0]["why"] for one in circuits]
    assert whys == ["", "the backend has no h", "it has 5 qubits, the backend 4"]
    assert file["backends"] == [
        {"backend": "local:generic_4", "fits": 1, "transpile": 1, "too_large": 1, "unknown": 0},
        {"backend": "local:aer", "fits": 3, "transpile": 0, "too_large": 0, "unknown": 0},
        {"backend": "fake", "fits": 0, "transpile": 0, "too_large": 0, "unknown": 3},
    ]


def test_a_backend_that_is_none_is_an_error_before_anything_is_read(qjobs):
    Path("a.qpy").write_bytes(dump([ghz(2)]))

    ended = qjobs("inspect", "a.qpy", "-b", "local:generc_4")

    assert (ended.code, ended.out) == (2, "")
    assert "there is no backend local:generc_4" in ended.err


def test_the_hints_lead_to_an_answer(qjobs):
    Path("a.qpy").write_bytes(dump([ghz(2)]))
    ended = qjobs("inspect")
    assert (ended.code, "hint: qjobs inspect FILES..." in ended.err) == (2, True)
    assert qjobs("inspect", "a.qpy").code == 0

    ended = qjobs("inspect", "a.qpy", "--fast", "-b", "local:aer")
    assert (ended.code, "hint: leave out --fast, or --backend" in ended.err) == (2, True)
    assert qjobs("inspect", "a.qpy", "--fast").code == 0
    assert qjobs("inspect", "a.qpy", "-b", "local:aer").code == 0

    ended = qjobs("inspect", "a.qpy", "--account", "mine")
    assert (ended.code, "hint: name a backend: -b PROVIDER:BACKEND" in ended.err) == (2, True)
    # A provider without accounts says nothing of a name it has no use for.

    Path("old.qpy").write_bytes(dump([ghz(2)], 13).replace(b"QISKIT\x0d", b"QISKIT\x04"))
    ended = qjobs("inspect", "old.qpy", "--fast")
    assert (ended.code, "hint: leave out --fast" in ended.err) == (5, True)

    ended = qjobs("inspect", "old.qpy:0")
    assert (ended.code, "or write it again with qiskit.qpy.dump" in ended.err) == (5, True)
    Path("old.qpy").write_bytes(dump([ghz(2)]))
    assert qjobs("inspect", "old.qpy:0").code == 0


def test_circuits_of_a_file_are_looked_at_where_they_are(qjobs):
    circuits = [ghz(1 + index, f"c{index}") for index in range(6)]
    Path("a.qpy").write_bytes(dump(circuits))
    Path("old.qpy").write_bytes(dump(circuits, 13))
    words = ("a.qpy:4-", "old.qpy:1", "a.qpy:c2")

    for more in ([], ["--fast"]):
        found = inspected(qjobs, *words, *more)
        assert [(one["source"], one["position"], one["name"], one["qubits"]) for one in found] == [
            ("a.qpy", 4, "c4", 5), ("a.qpy", 5, "c5", 6), ("old.qpy", 1, "c1", 2),
            ("a.qpy", 2, "c2", 3),
        ]  # fmt: skip
    lines = qjobs("inspect", *words, "--fast").out.splitlines()
    assert [line.split("\t")[:5] for line in lines] == [
        ["a.qpy:4-", "qpy", "18", "2", "6"], ["old.qpy:1", "qpy", "13", "1", "2"],
        ["a.qpy:c2", "qpy", "18", "1", "3"],
    ]  # fmt: skip


def test_results_of_some_circuits_of_a_file_tell_their_places_in_it(qjobs):
    circuits = [ghz(1 + index % 3, f"c{index}") for index in range(8)]
    Path("a.qpy").write_bytes(dump(circuits))
    Path("list").write_text("a.qpy:6\na.qpy:0-5:5\n")

    ended = qjobs("run", "a.qpy:2-3", "--files-from", "list", "-b", "fake", "--json")

    found = ended.document("result")["circuits"]
    assert [(one["name"], one["source"], one["position"]) for one in found] == [
        (f"c{place}", "a.qpy", place) for place in (2, 3, 6, 0, 5)
    ]
    sources = qjobs("show", "--json").document("set")["sources"]
    assert [(one["start_index"], one["first"], one["step"]) for one in sources] == [
        (0, 2, 1), (2, 6, 1), (3, 0, 1), (4, 5, 1),
    ]  # fmt: skip


def test_once_knows_circuits_by_their_choice(qjobs):
    Path("a.qpy").write_bytes(dump([ghz(2, f"c{index}") for index in range(4)]))

    def submitted(word):
        ended = qjobs("submit", word, "-b", "fake", "--once", "-q")
        assert ended.code == 0, ended.err
        return ended.out

    ids = [submitted(word) for word in ("a.qpy", "a.qpy:0-1", "a.qpy:2-3", "a.qpy:c2")]
    assert len({*ids}) == 4
    assert submitted("a.qpy:2,3") == ids[2]
    assert submitted("a.qpy:0-") == ids[0]


def test_a_range_that_does_not_exist_is_told_before_anything_is_submitted(qjobs, home):
    Path("a.qpy").write_bytes(dump([ghz(2)]))

    ended = qjobs("submit", "a.qpy:1-3", "-b", "fake")

    assert (ended.code, ended.out) == (5, "")
    assert ended.err == "error: a.qpy:1-3: there is no circuit 1: they are numbered 0-0\n"
    assert qjobs("list", "-q").out == ""


def test_a_dry_run_has_the_highest_numbers_of_each_job(qjobs):
    Path("a.qpy").write_bytes(dump([ghz(2), ghz(5), ghz(3)]))
    Path("b.qasm").write_text(qasm2.dumps(by_hand().assign_parameters([0.5])))
    words = ("submit", "a.qpy", "b.qasm", "-b", "fake", "--per-job", "2", "--dry-run")

    plan = qjobs(*words, "--json").document("plan")
    lines = qjobs(*words, "--format", "tsv").out.splitlines()

    names = ("qubits", "depth", "two_qubit_gates")
    # As QASM `by_hand` is one barrier deeper for nobody: they count as nothing.
    assert [[job[name] for name in names] for job in plan["jobs"]] == [[5, 6, 4], [3, 5, 2]]
    assert [line.split("\t") for line in lines] == [
        ["0", "0", "1", "2", "a.qpy", "5", "6", "4"],
        ["1", "2", "3", "2", "a.qpy ... b.qasm", "3", "5", "2"],
    ]


def test_a_dry_run_of_a_sweep_has_the_numbers_of_the_circuit_that_runs_so_often(qjobs):
    Path("a.qpy").write_bytes(dump([by_hand(), ghz(5)]))
    Path("rows.csv").write_text("θ\n0.1\n0.2\n0.3\n")

    plan = qjobs(
        "submit", "a.qpy", "-b", "fake", "--parameters", "rows.csv", "--per-job", "2",
        "--dry-run", "--json",
    ).document("plan")  # fmt: skip

    assert [job["qubits"] for job in plan["jobs"]] == [3, 5, 5]
