"""The page of `qjobs report` in a real browser: it works, is legible, and runs nothing foreign."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from support.browser import Tab
from support.looks import ILLEGIBLE, STICKS_OUT

from qjobs.circuits import codec
from qjobs.providers.local.folder import Folder
from qjobs.providers.local.supervision import stop

pytestmark = pytest.mark.slow

HOSTILE = (
    "</script><script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"
)
LONG = "a_name_" + "without_end_" * 12


def prepared(name: str, qubits: int, angle: float = 0.0) -> QuantumCircuit:
    made = QuantumCircuit(qubits, qubits, name=name)
    made.h(0)
    for qubit in range(qubits - 1):
        made.cx(qubit, qubit + 1)
    made.ry(angle, 0)
    made.measure(range(qubits), range(qubits))
    return made


class Place:
    """A folder with a state of its own, in which commands run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith("QJOBS_")
        } | {"QJOBS_HOME": str(folder / "state")}

    def start(self, *words: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "qjobs", *words], cwd=self.folder, env=self.environment,
            text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *words: str, codes: tuple[int, ...] = (0,)) -> str:
        process = self.start(*words)
        out, err = process.communicate(timeout=240)
        assert process.returncode in codes, err
        return out.strip()

    def dump(self, name: str, *circuits: QuantumCircuit) -> str:
        (self.folder / name).write_bytes(codec.encode(list(circuits)))
        return name


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("report"))
    yield place
    stop(Folder(place.folder / "state" / "local"))


def mixed(place: Place) -> str:
    """What failed, what was refused, what is done, names of all kinds."""
    circuits = [prepared(f"ghz_{number % 6 + 2}", number % 6 + 2) for number in range(118)]
    circuits += [prepared(HOSTILE, 2), prepared(LONG, 40)]
    name = place.dump("mixed circuits.qpy", *circuits)
    place.run(
        "submit", name, "-b", "fake:jobs=60,fail_every=11,refuse=2,blank_circuits=7;9", "--wait",
        "-q", "--tag", HOSTILE, codes=(6, 7),
    )  # fmt: skip
    return "@last"


def few(place: Place) -> str:
    place.run(
        "submit",
        place.dump("few.qpy", *(prepared(f"c{n}", 3) for n in range(4))),
        "-b",
        "fake",
        "--wait",
        "-q",
    )
    return "@last"


def going(place: Place) -> str:
    name = place.dump("going.qpy", *(prepared(f"g{number}", 2) for number in range(20)))
    place.run("submit", name, "-b", "fake:jobs=10,delay=3600", "-q")
    return "@last"


def lost(place: Place) -> str:
    name = place.dump("lost.qpy", *(prepared(f"l{number}", 2) for number in range(20)))
    place.run("submit", name, "-b", "fake:jobs=10,drop=3,find=no", "-q", codes=(7,))
    return "@last"


def swept(place: Place, *more: str) -> str:
    circuit = QuantumCircuit(2, 0 if more else 2, name="ansatz")
    circuit.ry(Parameter("theta"), 0)
    circuit.rz(Parameter("a_second_angle"), 1)
    circuit.cx(0, 1)
    if not more:
        circuit.measure([0, 1], [0, 1])
    place.dump("ansatz.qpy", circuit)
    rows = "".join(f"{angle / 4},{angle / 8}\n" for angle in range(24))
    (place.folder / "angles.csv").write_text(f"theta,a_second_angle\n{rows}")
    place.run(
        "submit", "ansatz.qpy", "--parameters", "angles.csv", "--wait", "-q", "--seed", "1", *more
    )
    return "@last"


def estimated(place: Place) -> str:
    (place.folder / "observables.json").write_text('["ZZ", {"XX": 0.5, "YY": -0.25, "ZI": 1.0}]')
    return swept(place, "--observables", "observables.json")


def several(place: Place) -> str:
    few(place)
    return "@1 @2"


KINDS: tuple[Callable[[Place], str], ...] = (mixed, few, going, lost, swept, estimated, several)


@pytest.fixture(scope="module")
def pages(place: Place) -> dict[str, Path]:
    """A page of each kind."""
    made = {}
    for kind in KINDS:
        sets = kind(place).split()
        place.run("report", *sets, "-o", f"{kind.__name__}.html")
        made[kind.__name__] = place.folder / f"{kind.__name__}.html"
    return made


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("kind", [kind.__name__ for kind in KINDS])
def test_all_of_it_is_legible_and_nothing_sticks_out(
    tab: Tab, pages: dict[str, Path], kind: str, width: int, dark: bool
) -> None:
    tab.open(pages[kind], width=width, dark=dark)
    tab.evaluate("for (const details of document.querySelectorAll('details')) details.open = true")

    assert tab.evaluate(ILLEGIBLE) == []
    assert tab.evaluate(STICKS_OUT) == []


def test_what_looks_at_it_sees_faults(tab: Tab, tmp_path: Path) -> None:
    path = tmp_path / "bad.html"
    path.write_text(
        "<!doctype html><style>body{background:#fff}</style>"
        "<p style='color:#999'>pale</p><p style='font-size:9px'>small</p>"
        "<div style='width:2000px'>wide</div><p style='width:50px'>unbreakablebutmuchtoolong</p>"
    )
    tab.open(path, width=400)

    assert [line.partition(": ")[2] for line in tab.evaluate(ILLEGIBLE)] == ["pale", "small"]
    out = " ".join(tab.evaluate(STICKS_OUT))
    assert "DIV" in out
    assert "unbreakable" in out


def shown(tab: Tab, column: int) -> list[str]:
    """A column of the rows that are shown."""
    cells: list[str] = tab.evaluate(
        "[...document.querySelectorAll('.circuits tbody tr')]"
        f".map(row => row.cells[{column}].innerText)"
    )
    return cells


def test_what_names_hold_is_shown_and_never_runs(tab: Tab, pages: dict[str, Path]) -> None:
    tab.open(pages["mixed"])
    tab.click(".circuits input")
    tab.type("taken")

    (name,) = shown(tab, 1)
    assert name.startswith(HOSTILE)
    assert "taken" not in tab.evaluate("document.title")
    assert tab.evaluate("document.images.length") == 0


def test_a_script_that_got_in_would_not_run(
    tab: Tab, pages: dict[str, Path], tmp_path: Path
) -> None:
    """The policy is a second wall: whatever an error let in, it is not one of our own scripts."""
    page = (
        pages["few"].read_text().replace("<main>", "<main><script>document.title='taken'</script>")
    )
    (tmp_path / "broken.html").write_text(page)
    tab.open(tmp_path / "broken.html")

    assert "taken" not in tab.evaluate("document.title")
    assert "Content Security Policy" in " ".join(tab.complaints)
    tab.complaints.clear()


def test_the_table_is_searched_by_words_in_any_order(tab: Tab, pages: dict[str, Path]) -> None:
    tab.open(pages["mixed"])
    tab.click(".circuits input")
    tab.type("error GHZ_4")

    names = shown(tab, 1)
    assert names
    assert all(name.startswith("ghz_4") for name in names)
    assert set(shown(tab, 3)) <= {"error", "refused"}
    assert tab.evaluate("document.querySelector('output').innerText") == f"{len(names)} of 120"


def test_a_search_for_what_is_not_there_says_so(tab: Tab, pages: dict[str, Path]) -> None:
    tab.open(pages["mixed"])
    tab.click(".circuits input")
    tab.type("nowhere")

    assert shown(tab, 0) == ["No circuit has all of these words."]
    assert tab.evaluate("document.querySelector('output').innerText") == "0 of 120"


def test_the_table_is_sorted_by_each_column_up_down_and_not_at_all(
    tab: Tab, pages: dict[str, Path]
) -> None:
    tab.open(pages["mixed"])
    before = shown(tab, 0)
    for column in range(5):
        head = f".circuits th:nth-child({column + 1})"
        seen = []
        for order in ("ascending", "descending", None):
            tab.click(f"{head} button")
            assert tab.evaluate(f"document.querySelector('{head}').ariaSort") == order
            seen.append(shown(tab, column))
        assert shown(tab, 0) == before
    # Of the last column, by numbers: the share of the most frequent outcome, blank ones last.
    up = [float(cell.split()[1].rstrip("%")) for cell in seen[0] if "%" in cell]
    assert up == sorted(up)
    assert len(up) > 10


def test_numbers_are_sorted_as_numbers(tab: Tab, pages: dict[str, Path]) -> None:
    tab.open(pages["swept"])
    tab.click(".circuits th:nth-child(1) button")
    tab.click(".circuits th:nth-child(1) button")

    assert shown(tab, 0) == [str(number) for number in reversed(range(24))]
    tab.click(".circuits th:nth-child(3) button")
    assert [float(cell) for cell in shown(tab, 2)] == [number / 4 for number in range(24)]


def test_states_are_chosen_by_a_button_each(tab: Tab, pages: dict[str, Path]) -> None:
    tab.open(pages["mixed"])
    tab.click(".filters button[data-state=refused]")

    assert set(shown(tab, 3)) == {"refused"}
    assert len(shown(tab, 3)) == 4
    tab.click(".filters button[data-state='']")
    assert len(shown(tab, 3)) == 50


def test_more_rows_come_when_they_are_wanted(tab: Tab, pages: dict[str, Path]) -> None:
    tab.open(pages["mixed"])
    assert len(shown(tab, 0)) == 50
    tab.click(".more")
    assert [int(cell) for cell in shown(tab, 0)] == list(range(120))
    assert not tab.evaluate("document.querySelector('.more').checkVisibility()")


def test_on_a_narrow_screen_rows_are_sorted_by_a_list(tab: Tab, pages: dict[str, Path]) -> None:
    tab.open(pages["few"], width=400)
    tab.evaluate(
        "(() => { const list = document.querySelector('.order select');"
        " list.value = '0-'; list.dispatchEvent(new Event('change')); })()"
    )

    assert shown(tab, 0) == ["3", "2", "1", "0"]
    assert tab.evaluate("document.querySelector('.order').checkVisibility()")


def test_every_picture_is_there_to_be_seen(tab: Tab, pages: dict[str, Path]) -> None:
    for kind, path in pages.items():
        tab.open(path)
        boxes = tab.evaluate(
            "[...document.querySelectorAll('figure svg, .bar svg')]"
            ".filter(svg => svg.checkVisibility() && !svg.ownerSVGElement)"
            ".map(svg => [svg.getBBox(), svg.getBoundingClientRect()])"
            ".map(([own, box]) => [own.width, own.height, box.width])"
        )
        assert boxes, kind
        assert all(min(box) > 5 for box in boxes), kind


def test_commands_are_copied(tab: Tab, pages: dict[str, Path]) -> None:
    tab.open(pages["few"])
    tab.click(".copy")

    assert tab.evaluate("document.querySelector('.copy').innerText") in ("Copied", "Copy")
    assert tab.evaluate("document.querySelector('.code pre').innerText").startswith(
        "qjobs submit -b fake"
    )


def test_without_a_script_the_first_rows_are_there(pages: dict[str, Path]) -> None:
    before, _, after = pages["mixed"].read_text().partition("<template>")
    assert "and 70 more circuits, which a script shows" in after

    assert before.count("<tr data-k=") == 50
    assert after.count("<tr data-k=") == 70


def test_search_order_and_place_survive_when_the_page_is_loaded_anew(
    tab: Tab, place: Place
) -> None:
    name = place.dump(
        "moving.qpy", *(prepared(f"c{number}", number % 3 + 1) for number in range(60))
    )
    set_id = place.run("submit", name, "-b", "fake:jobs=30,delay=3600", "-q")
    process = place.start("report", set_id, "-o", "moving.html", "--every", "2s")
    path = place.folder / "moving.html"
    while not path.exists():
        assert process.poll() is None
        time.sleep(0.05)
    tab.open(path)
    tab.click(".circuits th:nth-child(1) button")
    tab.click(".circuits th:nth-child(1) button")
    tab.click(".circuits input")
    tab.type("c1")
    tab.evaluate("scrollTo(0, 300)")
    before = (shown(tab, 0), tab.evaluate("scrollY"))
    written = tab.evaluate("document.documentElement.dataset.made")
    while tab.evaluate("document.documentElement.dataset.made") == written:
        tab.wait_for_load(tab.loads)

    assert (shown(tab, 0), tab.evaluate("scrollY")) == before
    assert before[0][0] == "19"
    tab.type("9")  # the focus is where it was
    assert shown(tab, 0) == ["19"]

    # Once nobody writes it any more, it does not reload.
    place.run("cancel", set_id, "-y")
    process.communicate(timeout=120)
    while tab.evaluate("document.documentElement.dataset.every"):
        tab.wait_for_load(tab.loads)
    assert shown(tab, 3) == ["cancelled"]


def test_a_page_that_nobody_writes_any_more_says_so(
    tab: Tab, pages: dict[str, Path], tmp_path: Path
) -> None:
    import re

    page = pages["going"].read_text()
    stale = re.sub(
        r'(<html lang="en") data-made="[^"]*"',
        r'\1 data-every="3600" data-made="2026-01-01T00:00:00Z"',
        page,
    ).replace("</time></span>", '</time><span class="live" id="live">updates</span></span>', 1)
    (tmp_path / "stale.html").write_text(stale)
    tab.open(tmp_path / "stale.html")

    assert "nobody has written it for" in tab.evaluate("document.getElementById('live').innerText")


def test_ten_thousand_circuits_open_and_are_searched(tab: Tab, place: Place) -> None:
    wide = [prepared(f"circuit_number_{number}", 6, number / 10_000) for number in range(200)] * 50
    place.run("submit", place.dump("wide.qpy", *wide), "-b", "fake", "--wait", "-q")
    place.run("report", "-o", "wide.html")
    path = place.folder / "wide.html"

    assert path.stat().st_size < 5_000_000
    tab.open(path)
    tab.click(".circuits input")
    tab.type("number_199")
    assert tab.evaluate("document.querySelector('output').innerText") == "50 of 10,000"
