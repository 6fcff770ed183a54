"""`qjobs result --plot` from the words of a command line to a file, and its hints."""

import re
import sys
from xml.etree import ElementTree as ET

import pytest

from qjobs.circuits import codec

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def demo(qjobs, bell):
    """Two sets of one circuit with the same outcomes."""
    for name in ("demo", "other"):
        assert qjobs("submit", bell, "-b", "fake:", "--wait", "--name", name).code == 0
    return "demo"


@pytest.fixture
def sweep(qjobs, home, tmp_path):
    from qiskit import QuantumCircuit
    from qiskit.circuit import Parameter

    circuit = QuantumCircuit(1, 1, name="turn")
    circuit.ry(Parameter("theta"), 0)
    circuit.rx(Parameter("phi"), 0)
    circuit.measure(0, 0)
    (tmp_path / "turn.qpy").write_bytes(codec.encode([circuit]))
    rows = [f"{a},{b}" for a in range(102) for b in (0, 1)]
    (tmp_path / "angles.csv").write_text("\n".join(["theta,phi", *rows]))
    command = ("turn.qpy", "-b", "fake:", "--parameters", "angles.csv", "--name", "turn", "--wait")
    assert qjobs("submit", *command).code == 0
    return "turn"


def texts(path):
    return [element.text for element in ET.parse(path).iter(f"{SVG}text")]


def bars(path):
    """The tips of the bars: an outcome, its count, its share and the error of that."""
    return [tip.text for rect in ET.parse(path).iter(f"{SVG}rect") for tip in rect]


def test_a_picture_of_counts_has_the_counts(qjobs, demo, tmp_path):
    ended = qjobs("result", demo, "--plot", "bell.svg")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == "1 panel in bell.svg\n"
    counts = qjobs("result", demo, "--json").document("result")["circuits"][0]["counts"]
    shown = dict(re.match(r"(\d+): ([\d,]+), ", tip).groups() for tip in bars("bell.svg"))
    assert {outcome: int(number.replace(",", "")) for outcome, number in shown.items()} == counts
    assert "#0 bell" in texts("bell.svg")


def test_a_picture_is_drawn_and_results_are_written_where_both_are_asked_for(qjobs, demo, tmp_path):
    assert qjobs("result", demo, "--plot", "bell.html", "--out", "bell.csv").code == 0
    assert (tmp_path / "bell.html").read_text().startswith("<!doctype html>")
    assert (tmp_path / "bell.csv").read_text().startswith("index,name,outcome")


@pytest.mark.parametrize(("name", "magic"), [("a.png", b"\x89PNG"), ("a.pdf", b"%PDF")])
def test_a_picture_for_a_paper(qjobs, demo, tmp_path, name, magic):
    pytest.importorskip("matplotlib", reason="the extra `plot` is not installed")
    assert qjobs("result", demo, "--plot", name).code == 0
    assert (tmp_path / name).read_bytes().startswith(magic)


def test_another_set_or_a_distribution_stands_beside(qjobs, demo, tmp_path):
    assert qjobs("result", demo, "--against", "other", "--plot", "a.svg").code == 0
    assert {"demo", "other"} <= set(texts("a.svg"))
    (tmp_path / "ideal.json").write_text('{"00": 0.5, "11": 0.5}')
    assert qjobs("result", demo, "--against", "ideal.json", "--plot", "b.svg").code == 0
    assert {"demo", "ideal"} <= set(texts("b.svg"))
    assert "00: ideal 50.00%" in bars("b.svg")


def test_sets_of_one_name_are_told_apart_by_their_ids(qjobs, demo, bell):
    assert qjobs("submit", bell, "-b", "fake:", "--wait", "--name", demo).code == 0
    assert qjobs("result", "@1", "--against", "@3", "--plot", "a.svg").code == 0
    legend = [text for text in texts("a.svg") if re.fullmatch("[0-9a-f]{12}", text)]
    assert len(set(legend)) == 2


def test_a_sweep_is_drawn_over_its_parameters(qjobs, sweep):
    assert qjobs("result", sweep, "--plot", "a.svg", "--x", "theta").code == 0
    assert {"theta", "P(11), phi = 0", "P(11), phi = 1"} <= set(texts("a.svg"))
    assert qjobs("result", f"{sweep}:0-9", "--plot", "b.svg", "--y", "11").code == 0
    assert {"theta", "phi", "P(11)"} <= set(texts("b.svg"))


def test_what_is_not_finished_is_not_drawn_unless_a_part_is_wished(qjobs, bell, tmp_path):
    assert qjobs("submit", bell, "-b", "fake:delay=60").code == 0
    assert qjobs("result", "--plot", "a.svg").code == 8
    assert not (tmp_path / "a.svg").exists()
    assert qjobs("result", "--plot", "a.svg", "--partial").code == 0
    assert any("no result" in (text or "") for text in texts("a.svg"))


def test_a_file_of_no_known_kind_is_refused_before_anybody_is_asked(qjobs, demo, tmp_path):
    ended = qjobs("result", demo, "--plot", "a.jpeg")
    assert (ended.code, ended.out) == (2, "")
    (end, *_) = re.findall(r"\.\w+", ended.err.rpartition("hint:")[2])
    assert qjobs("result", demo, "--plot", f"a{end}").code == 0


def test_what_is_left_of_a_failed_picture_is_the_old_one(qjobs, demo, tmp_path):
    (tmp_path / "a.svg").write_text("old")
    (tmp_path / "odd.json").write_text("{}")
    ended = qjobs("result", demo, "--plot", "a.svg", "--against", "odd.json")
    assert ended.code == 5
    assert "odd.json has no distribution in it" in ended.err
    example = re.search(r"such a file is (\{.*?\})", ended.err)[1]
    (tmp_path / "odd.json").write_text(example)
    assert (tmp_path / "a.svg").read_text() == "old"
    assert qjobs("result", demo, "--plot", "a.svg", "--against", "odd.json").code == 0


def test_without_matplotlib_there_is_another_way(qjobs, demo, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    ended = qjobs("result", demo, "--plot", "a.png")
    assert ended.code == 2
    assert "pip install 'qiskit-qjobs[plot]'" in ended.err
    assert ".svg" in ended.err
    assert qjobs("result", demo, "--plot", "a.svg").code == 0


def test_options_of_a_picture_alone_say_that_there_is_none(qjobs, demo):
    ended = qjobs("result", demo, "--against", "other")
    assert ended.code == 2
    added = ended.err.rpartition("hint: add ")[2].split()
    assert qjobs("result", demo, "--against", "other", *added).code == 0


def test_too_large_a_heat_map_is_drawn_as_curves(qjobs, sweep):
    ended = qjobs("result", sweep, "--plot", "a.svg", "--x", "theta", "--x", "phi")
    assert ended.code == 2
    over = ended.err.rpartition(": ")[2].split()
    assert over == ["--x", "theta"]
    assert qjobs("result", sweep, "--plot", "a.svg", *over).code == 0
    fewer = qjobs("result", f"{sweep}:0-9", "--plot", "b.svg", "--x", "theta", "--x", "phi")
    assert fewer.code == 0


def test_a_heat_map_beside_another_set_is_drawn_as_curves(qjobs, sweep):
    few = f"{sweep}:0-9"
    ended = qjobs("result", few, "--plot", "a.svg", "--against", few)
    assert ended.code == 2
    over = ended.err.rpartition(": ")[2].split()
    assert qjobs("result", few, "--plot", "a.svg", "--against", few, *over).code == 0


def test_as_many_circuits_stand_beside_as_there_are(qjobs, demo, sweep):
    ended = qjobs("result", demo, "--plot", "a.svg", "--against", f"{sweep}:0-3")
    assert ended.code == 2
    assert "1 circuits do not stand beside 4 of turn" in ended.err
    assert "--against other:0-3" in ended.err
    assert qjobs("result", f"{sweep}:0-3", "--plot", "a.svg", "--x", "theta", "--against",
                 f"{sweep}:4-7").code == 0  # fmt: skip


def test_outcomes_stand_in_the_order_that_is_wished_wherever_they_are(qjobs, demo):
    by_count = qjobs("result", demo, "--json").document("result")["circuits"][0]["counts"]
    for wish, expected in (
        ("outcome", sorted(by_count)),
        ("count", sorted(by_count, key=lambda outcome: -by_count[outcome])),
    ):
        sorting = ("result", demo, "--sort", wish)
        rows = [line.split("\t")[2] for line in qjobs(*sorting).out.splitlines()]
        assert rows == expected
        shown = re.findall(r"^  ([01]{2}) ", qjobs(*sorting, "--format", "table").out, re.MULTILINE)
        assert shown == expected
        assert qjobs(*sorting, "--plot", "a.svg").code == 0
        assert [tip.partition(":")[0] for tip in bars("a.svg")] == expected
    document = qjobs("result", demo, "--sort", "outcome", "--json").document("result")
    assert list(document["circuits"][0]["counts"]) == sorted(by_count)


def test_a_person_sees_the_curve_of_a_sweep_under_its_numbers(qjobs, sweep):
    shown = qjobs("result", f"{sweep}:0-203:2", "--format", "table", "--top", "1").out
    assert re.search(r"^P\((00|11)\)", shown, re.MULTILINE)
    assert re.search(r"┤[\u2800-\u28ff]+\n", shown)
    assert "theta" in shown.splitlines()[-1]
    few = qjobs("result", f"{sweep}:0-3", "--format", "table").out
    assert not re.search("[\u2801-\u28ff]", few)
    grid = qjobs("result", f"{sweep}:0-19", "--format", "table").out
    assert re.search(r"over theta and phi: qjobs result \w+ --plot FILE.svg\n$", grid)


def test_names_from_outside_are_text_in_a_picture(qjobs, home, tmp_path):
    from qiskit import QuantumCircuit

    circuit = QuantumCircuit(1, 1, name="<script>alert(1)</script>\x1b[31m")
    circuit.measure(0, 0)
    (tmp_path / "evil.qpy").write_bytes(codec.encode([circuit]))
    assert qjobs("submit", "evil.qpy", "-b", "fake:", "--wait").code == 0
    assert qjobs("result", "--plot", "a.svg").code == 0
    assert qjobs("result", "--plot", "a.html").code == 0
    assert any("<script>" in (text or "") for text in texts("a.svg"))
    assert "<script" not in (tmp_path / "a.html").read_text().lower()
    assert "\x1b" not in (tmp_path / "a.svg").read_text()
