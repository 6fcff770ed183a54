"""Hints about an account, its instances, backends and jobs: whoever follows them gets on."""

import os
import re
import sys
from collections.abc import Callable
from importlib.metadata import requires
from pathlib import Path
from typing import NamedTuple, TypeAlias

import pytest
from qiskit import QuantumCircuit, qpy, transpile
from support.ibm_client import BACKEND, connect
from support.ibm_shell import write_circuits
from support.standin.account import INSTANCES
from support.standin.process import StandIn

from qjobs.cli.main import run
from qjobs.errors import ExitCode

Qjobs: TypeAlias = Callable[..., "Ended"]

FIRST, SECOND = INSTANCES


class Ended(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def hint(self) -> str:
        assert self.code != 0, self
        (line,) = [line for line in self.err.splitlines() if line.startswith("hint: ")]
        return line.removeprefix("hint: ")


def the(pattern: str, hint: str) -> str:
    """What the hint names."""
    found = re.search(pattern, hint)
    assert found, hint
    return found[1]


@pytest.fixture
def circuits(tmp_path: Path) -> str:
    return str(write_circuits(tmp_path / "circuits.qpy", 2))


@pytest.fixture
def qjobs(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    standin: StandIn,
) -> Qjobs:
    """The command line in this process, with an account that names no instance."""
    monkeypatch.delenv("QISKIT_IBM_INSTANCE")
    monkeypatch.setenv("QJOBS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("QJOBS_IBM_SUBMITS_PER_MINUTE", "100000")
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> Ended:
        capsys.readouterr()
        code = run(words)
        return Ended(code, *capsys.readouterr())

    return call


def good(qjobs: Qjobs, *words: str) -> Ended:
    ended = qjobs(*words)
    assert ended.code == 0, ended.err
    return ended


def submission(circuits: str, *more: str) -> list[str]:
    return ["submit", circuits, "-b", f"ibm:{BACKEND}", *more]


# Where to


@pytest.mark.parametrize("way", ["backends", "least-busy"])
def test_a_backend_that_is_not_there(qjobs: Qjobs, circuits: str, way: str) -> None:
    hint = qjobs("submit", circuits, "-b", "ibm:ibm_nowhere").hint
    names = the("backends: (.*);", hint).split(", ")
    assert BACKEND in names
    to = ["-b", f"ibm:{names[0]}"] if way == "backends" else ["-b", "ibm", the("or (.*)$", hint)]
    good(qjobs, "submit", circuits, *to, "--dry-run")


@pytest.mark.parametrize("way", ["copy it", "name the instance"])
def test_an_instance_that_is_no_crn(qjobs: Qjobs, circuits: str, way: str) -> None:
    words = submission(circuits, "--dry-run", "--instance")
    assert way in qjobs(*words, "crn:v1:first").hint
    good(qjobs, *words, INSTANCES[FIRST] if way == "copy it" else FIRST)


def test_an_instance_that_the_account_does_not_have(qjobs: Qjobs, circuits: str) -> None:
    words = submission(circuits, "--dry-run", "--instance")
    names = the("instances: (.*)$", qjobs(*words, "fist").hint).split(", ")
    assert names == [FIRST, SECOND]
    for name in names:
        good(qjobs, *words, name)


def test_jobs_of_a_set_that_knows_no_instance_where_all_are_billed(
    standin: StandIn, qjobs: Qjobs, circuits: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    standin.faults("quota")
    set_id = qjobs(*submission(circuits)).out.split()[0]
    (state,) = tmp_path.glob("home/sets/*/state.toml")
    lines = state.read_text().splitlines(keepends=True)
    ours = ("instance", "plan ", "# crc32")
    state.write_text("".join(line for line in lines if not line.startswith(ours)))
    standin.set(second_only=BACKEND)

    export, _, command = qjobs("resume", set_id).hint.partition("; then: qjobs ")

    variable, name = the("^export (.*)$", export).split("=")
    monkeypatch.setenv(variable, name)
    good(qjobs, *command.split())
    assert [job["instance"] for job in standin.stats()["jobs"]] == [INSTANCES[SECOND]]


def test_an_account_whose_time_is_used_up(standin: StandIn, qjobs: Qjobs, circuits: str) -> None:
    standin.faults("quota")
    wait, _, command = qjobs(*submission(circuits)).hint.partition("; then: qjobs ")
    assert "wait until it gets some" in wait
    good(qjobs, *command.split())  # by now it has


@pytest.mark.parametrize("way", ["nobody", "wrong"])
def test_an_account_that_nobody_named(
    qjobs: Qjobs, circuits: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    token = os.environ["QISKIT_IBM_TOKEN"]
    monkeypatch.setenv("HOME", str(tmp_path))
    if way == "wrong":
        monkeypatch.setenv("QISKIT_IBM_TOKEN", "wrong")
    else:
        monkeypatch.delenv("QISKIT_IBM_TOKEN")
    ended = qjobs(*submission(circuits))
    assert ended.code == ExitCode.CREDENTIALS
    variables = the("or set (.*)$", ended.hint).split(" and ")
    for variable, value in zip(variables, (token, INSTANCES[FIRST]), strict=True):
        monkeypatch.setenv(variable, value)
    good(qjobs, *submission(circuits))


# Options


def test_an_option_that_there_is_not(qjobs: Qjobs, circuits: str) -> None:
    hint = qjobs(*submission(circuits, "--option", "bogus=1")).hint
    dotted = the(r"such as (\S+)$", hint)
    good(qjobs, *submission(circuits, "--option", f"{dotted}=true", "--dry-run"))
    values = {"log_level": "INFO", "mode": "batch", "max_execution_time": "300"}
    numbers = {"seed_transpiler": "1", "session": "s", "image": "a:b", "calibration": "c"}
    for name in the("options: (.*), and those", hint).split(", "):
        named = f"{name}={({**values, **numbers}).get(name, 'true')}"
        ended = qjobs(*submission(circuits, "--option", named, "--dry-run"))
        assert ended.code == 0 or ended.hint.startswith("use --"), ended  # which leads on


@pytest.mark.parametrize("way", ["mode", "pace"])
def test_a_session_at_too_slow_a_pace(
    qjobs: Qjobs, circuits: str, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    words = submission(circuits, "--dry-run", "--mode", "session")
    hint = qjobs(*words, "--option", "submits_per_minute=0.5").hint
    if way == "mode":
        option, mode = the("use (--[a-z]+ [a-z]+),", hint).split()
        words[words.index(option) + 1] = mode
        good(qjobs, *words, "--option", "submits_per_minute=0.5")
    else:
        good(qjobs, *words, "--option", f"{the('a higher (.*)$', hint)}=5")


@pytest.mark.parametrize("way", ["transpile", "leave out"])
def test_circuits_that_do_not_fit_as_they_are(qjobs: Qjobs, tmp_path: Path, way: str) -> None:
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure([0, 1], [0, 1])
    with (tmp_path / "h.qpy").open("wb") as file:
        qpy.dump(circuit, file)
    words = submission("h.qpy", "--no-transpile")
    hint = qjobs(*words).hint
    if way == "transpile":
        with (tmp_path / "h.qpy").open("wb") as file:
            qpy.dump(transpile(circuit, connect().backend(BACKEND)), file)
    else:
        words.remove(the("or leave out (--.*)$", hint))
    good(qjobs, *words)


# The client, and what is kept of its jobs


def test_a_client_that_is_not_installed(
    qjobs: Qjobs, circuits: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["submit", circuits, "-b", "local:fake_manila", "--dry-run"]
    hidden = [name for name in sys.modules if name.partition(".")[0] == "qiskit_ibm_runtime"]
    with monkeypatch.context() as patch:
        for name in hidden:
            patch.delitem(sys.modules, name)
        patch.setitem(sys.modules, "qiskit_ibm_runtime", None)
        hint = qjobs(*words).hint
    package, extra = the(r"pip install '(.*)\]'$", hint).split("[")
    wanted = [
        one for one in requires(package) or () if f"extra == '{extra}'" in one.replace('"', "'")
    ]
    assert any(one.startswith("qiskit-ibm-runtime") for one in wanted)
    good(qjobs, *words)


@pytest.mark.parametrize("way", ["put it back", "move"])
def test_a_book_of_calls_that_is_damaged(
    qjobs: Qjobs, circuits: str, tmp_path: Path, way: str
) -> None:
    good(qjobs, *submission(circuits))
    book = tmp_path / "home" / "ibm" / "calls.sqlite"
    backup = book.read_bytes()
    book.write_bytes(b"damaged" * 4096)
    hint = qjobs(*submission(circuits)).hint
    assert way in hint
    if way == "move":
        pattern = Path(the(r"move (\S+) away", hint))
        for path in pattern.parent.glob(pattern.name):
            path.rename(tmp_path / path.name)
    else:
        book.write_bytes(backup)
    good(qjobs, *submission(circuits))
    assert "\tqueued\t" in qjobs("status", "--jobs", "@2").out  # what was submitted before
