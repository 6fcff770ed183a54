"""Make the pictures of the walk anew: `python docs/walk/make.py [FOLDER]`.

Nothing in them is drawn by hand. Each command runs in a terminal of tmux, on a set of 300 jobs, and
what that shows becomes an SVG; the pages of `qjobs report` are looked at with Chromium. It takes a
few minutes, and needs tmux, a browser and `pip install -e '.[test]'`. A verb that is not there is
left out.
"""

import html
import io
import math
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from support.browser import Tab, browsing, executable  # noqa: E402 - found just above

JOBS = 300
WITHIN_S = 600.0
LOOKED_AT_S = 0.2
SERVER = f"qjobs-pictures-{os.getpid()}"

THEME = TerminalTheme(
    (13, 17, 23),
    (230, 237, 243),
    [
        (72, 79, 88), (255, 123, 114), (63, 185, 80), (210, 153, 34),
        (88, 166, 255), (188, 140, 255), (57, 197, 207), (177, 186, 196),
    ],
    [
        (110, 118, 129), (255, 161, 152), (86, 211, 100), (227, 179, 65),
        (121, 192, 255), (210, 168, 255), (86, 212, 221), (255, 255, 255),
    ],
)  # fmt: skip
# Rich's own, but for a font that a reader would have to load from elsewhere.
FRAME = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: system-ui, sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""  # noqa: E501


class Terminal:
    """A terminal in a pane of tmux, with a shell in it that has nobody's settings."""

    def __init__(
        self, folder: Path, environment: dict[str, str], *, width: int, height: int
    ) -> None:
        self._width = width
        self._name = f"t{time.monotonic_ns()}"
        shell = folder / "shell.rc"
        # Where the prompt comes back, the command has ended.
        shell.write_text(f"PS1='$ '\nPROMPT_COMMAND='tmux -L {SERVER} wait-for -S {self._name}'\n")
        tmux(
            "new-session", "-d", "-s", self._name, "-x", str(width), "-y", str(height),
            "-c", str(folder / "work"), "env", "-i", *(f"{k}={v}" for k, v in environment.items()),
            "TERM=tmux-256color", "bash", "--noprofile", "--rcfile", str(shell),
        )  # fmt: skip
        self._wait()
        # The prompt is printed a moment later.
        self.wait_for(lambda screen: screen.strip() == "$")

    def type(self, command: str) -> None:
        """Type a command, and start it."""
        tmux("send-keys", "-t", self._name, "-l", command)
        tmux("send-keys", "-t", self._name, "Enter")

    def run(self, command: str) -> None:
        """Type a command, and wait until it has ended."""
        self.type(command)
        self._wait()

    def wait_for(self, seen: Callable[[str], bool]) -> bool:
        """Wait until something is to be seen; False if the command ends before that."""
        end = time.monotonic() + WITHIN_S
        while time.monotonic() < end:
            screen = self.screen()
            if seen(screen):
                return True
            if screen.rstrip().endswith("\n$"):
                return False
            time.sleep(LOOKED_AT_S)
        return False

    def screen(self, *, colours: bool = False, history: bool = False) -> str:
        """What is to be seen, and with `history` what has gone at the top."""
        more = [*(["-e"] if colours else []), *(["-S", "-"] if history else [])]
        return tmux("capture-pane", "-p", "-t", self._name, *more)

    def picture(self, path: Path, title: str = "qjobs") -> None:
        """Write what is to be seen as an SVG."""
        lines = self.screen(colours=True, history=True).rstrip().split("\n")
        # A prompt that waits for the next command says nothing.
        if Text.from_ansi(lines[-1]).plain.strip() == "$":
            lines.pop()
        console = Console(
            record=True, width=self._width, file=io.StringIO(), force_terminal=True,
            color_system="truecolor", legacy_windows=False,
        )  # fmt: skip
        for line in lines:
            console.print(Text.from_ansi(line), no_wrap=True, crop=True, overflow="crop")
        svg = console.export_svg(
            title=title, theme=THEME, code_format=FRAME, unique_id=f"q-{path.stem}"
        )
        path.write_text(_BLOCKS.sub(_solid, svg))

    def key(self, name: str) -> None:
        """Press a key."""
        tmux("send-keys", "-t", self._name, name)

    def close(self) -> None:
        """End it, and what runs in it."""
        tmux("kill-session", "-t", self._name)

    def _wait(self) -> None:
        tmux("wait-for", self._name)


# A run of full blocks in what Rich writes, and what follows them in the same element.
_BLOCKS = re.compile(
    r'<text class="(?P<kind>[^"]*)" x="(?P<x>[^"]*)" y="(?P<y>[^"]*)" '
    r'textLength="(?P<length>[^"]*)" clip-path="(?P<clip>[^"]*)">'
    r"(?P<blocks>█+)(?P<rest>[^<]*)</text>"
)


def _solid(match: re.Match[str]) -> str:
    """A bar of blocks as one rectangle: a browser leaves hairlines between the blocks of a font."""
    x, y, length = (float(match[name]) for name in ("x", "y", "length"))
    blocks, rest = len(match["blocks"]), match["rest"]
    # What is escaped counts as one character.
    wide = length / (blocks + len(html.unescape(rest)))
    place = f'x="{x:g}" y="{y - 17:g}" width="{blocks * wide:g}" height="22"'
    bar = f'<rect class="{match["kind"]}" {place}/>'
    if not rest:
        return bar
    return (
        f'{bar}<text class="{match["kind"]}" x="{x + blocks * wide:g}" y="{y:g}" '
        f'textLength="{length - blocks * wide:g}" clip-path="{match["clip"]}">{rest}</text>'
    )


def tmux(*words: str) -> str:
    """One command of a tmux of our own, and what it prints."""
    return subprocess.run(
        ["tmux", "-u", "-L", SERVER, "-f", "/dev/null", *words],
        check=True, capture_output=True, text=True, timeout=WITHIN_S,
    ).stdout  # fmt: skip


def circuits() -> list[object]:
    """What a set is made of: of many sizes, and a few that no memory can hold."""
    from qiskit import QuantumCircuit

    chance = random.Random(7)
    made = []
    for number in range(JOBS):
        kind = "wide" if number % 50 == 37 else ("ghz", "pair", "mixed")[number % 3]
        qubits = 40 if kind == "wide" else 21 if number % 10 == 9 else 2 + number % 5
        circuit = QuantumCircuit(qubits, name=f"{kind}_{qubits:02d}_{number:03d}")
        circuit.h(0) if kind != "pair" else circuit.ry(chance.uniform(0.4, 2.6), 0)
        for qubit in range(qubits - 1):
            circuit.cx(qubit, qubit + 1)
        for qubit in range(qubits if kind == "mixed" else 1):
            circuit.ry(chance.uniform(0.2, 0.9), qubit)
        # Some take a while, so that there is something to be seen meanwhile.
        for _ in range(8 if qubits == 21 else 0):
            angle = chance.uniform(0, math.pi)
            for turn in (angle, -angle):
                circuit.barrier()
                circuit.rx(turn, range(qubits))
        circuit.measure_all()
        made.append(circuit)
    return made


def prepare(work: Path) -> None:
    """The files of the walk."""
    from qiskit import qpy

    shutil.copytree(ROOT / "examples", work / "examples")
    with (work / "experiments.qpy").open("wb") as file:
        qpy.dump(circuits(), file)
    steps = "".join(f"{2 * math.pi * step / 48:.4f}\n" for step in range(49))
    (work / "angles.csv").write_text(f"theta\n{steps}")


class Walk:
    """A folder with a state of its own, and where pictures of what happens in it go."""

    def __init__(self, folder: Path, target: Path) -> None:
        self.folder = folder
        self.work = folder / "work"
        self.target = target
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(folder), "LANG": "C.UTF-8", "QJOBS_HOME": str(folder / "state"),
            "QJOBS_LOCAL_IDLE_S": "5",
        }  # fmt: skip

    def still(self, name: str, command: str, *, width: int = 100, height: int = 40) -> None:
        """A picture of a command and what it prints."""
        shown = Terminal(self.folder, self.environment, width=width, height=height)
        shown.run(command)
        shown.picture(self.target / f"{name}.svg")
        shown.close()
        print(f"{name}.svg")

    def moving(self, name: str, command: str, seen: Callable[[str], bool], leave: str) -> None:
        """A picture of a command that goes on, once something is seen; a key ends it."""
        shown = Terminal(self.folder, self.environment, width=100, height=14)
        shown.type(command)
        shown.wait_for(seen)
        shown.picture(self.target / f"{name}.svg")
        shown.key(leave)
        shown.close()
        print(f"{name}.svg")

    def quietly(self, command: str) -> None:
        """A command of which there is no picture, however it ends."""
        subprocess.run(
            ["/bin/sh", "-c", command], cwd=self.work, env=self.environment, check=False,
            timeout=WITHIN_S, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def start(self, command: str) -> "subprocess.Popen[bytes]":
        """A command that goes on in the background."""
        return subprocess.Popen(
            command.split(), cwd=self.work, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def has(self, verb: str) -> bool:
        """Whether there is that verb."""
        asked = ["qjobs", verb, "--help"]
        known = subprocess.run(asked, env=self.environment, capture_output=True, check=False)
        return known.returncode == 0

    def look(
        self,
        name: str,
        page: str = "report.html",
        *,
        width: int = 1200,
        height: int = 900,
        dark: bool = False,
        do: Callable[[Tab], None] = lambda _: None,
    ) -> None:
        """A picture of the top of a page, or of where `do` leads."""
        if executable() is None:
            print(f"{name}.png: there is no browser")
            return
        with (
            tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
            browsing(Path(profile)) as browser,
        ):
            tab = browser.tab()
            tab.open(self.work / page, width=width, dark=dark)
            tab.look(width=width, dark=dark, height=height)
            do(tab)
            tab.screenshot(self.target / f"{name}.png", whole=False)
        print(f"{name}.png")


def beginning(walk: Walk) -> None:
    """Until the jobs run."""
    walk.still("help", "qjobs --help")
    walk.quietly("qjobs run examples/circuits/*.qasm* --name tutorial --seed 7 -q")
    sweep = "examples/sweep/ansatz.qasm3 --parameters angles.csv"
    observables = "--observables examples/sweep/observables.json"
    walk.quietly(f"qjobs run {sweep} {observables} --name vqe --seed 7 -q")
    walk.quietly("qjobs run examples/circuits/grover.qasm -b fake:fail=1 --name trial -q")
    submit = "qjobs submit experiments.qpy -b local:statevector --per-job 1"
    walk.still("submit", f"{submit} --name walk --seed 7")


def running(walk: Walk) -> None:
    """While they run, and until they have ended."""
    writer = walk.start("qjobs report walk -o report.html --every 2s")
    try:
        if walk.has("watch"):
            walk.moving("watch", "qjobs watch walk", lambda screen: "error" in screen, "q")
        walk.quietly("qjobs cancel walk/280-299 -y")
        page = walk.work / "report.html"
        before = page.stat().st_mtime_ns if page.exists() else 0
        # Just written, it does not reload in the middle of its picture.
        while writer.poll() is None and (not page.exists() or page.stat().st_mtime_ns == before):
            time.sleep(LOOKED_AT_S)
        walk.look("report-running")
        walk.quietly("qjobs wait walk")
        writer.wait(WITHIN_S)
    finally:
        writer.kill()
        writer.wait()


def afterwards(walk: Walk) -> None:
    """What came of it, and what one does about it."""
    walk.still("status", "qjobs status walk")
    walk.still("list", "qjobs list")
    walk.still("error", "qjobs error walk")
    walk.still("retry", "qjobs retry --cancelled walk --wait")
    walk.still("result", "qjobs result walk:0-4 --top 4")
    walk.still("sweep", "qjobs result vqe:0-48:6", height=60)
    walk.quietly("qjobs report walk -o report.html")
    walk.look("report", height=960)
    walk.look("report-dark", dark=True, height=960)
    walk.look("report-narrow", width=400, height=1500)
    walk.look("report-circuits", do=search)
    walk.quietly("qjobs report vqe -o vqe.html")
    walk.look("report-sweep", "vqe.html", height=1200)


def search(tab: Tab) -> None:
    """Search the circuits of a page."""
    tab.click("input[type=search]")
    tab.type("mixed_04")
    tab.evaluate("document.querySelector('.circuits').scrollIntoView({ behavior: 'instant' })")


def main(target: Path) -> None:
    """Walk, and look."""
    if shutil.which("tmux") is None:
        raise SystemExit("there is no tmux, in whose terminals the commands run")
    with tempfile.TemporaryDirectory(prefix="qjobs-walk-", ignore_cleanup_errors=True) as folder:
        walk = Walk(Path(folder), target)
        walk.work.mkdir()
        prepare(walk.work)
        # A server of tmux ends with its last session.
        tmux("new-session", "-d", "-s", "keeper", "sleep", "3600")
        tmux("set-option", "-g", "history-limit", "20000")
        try:
            beginning(walk)
            running(walk)
            afterwards(walk)
        finally:
            tmux("kill-server")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
