"""Backends of `local` that the config file makes of a callable and its arguments."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qjobs.circuits.slices import CircuitSlice
from qjobs.errors import InputError
from qjobs.model import RunOptions, Slice
from qjobs.providers.local.queuing import queued_job

CODE = '''
from pathlib import Path

from qiskit.circuit.library import HGate
from qiskit.providers import BackendV2, Options
from qiskit.quantum_info import Statevector
from qiskit.result import Result
from qiskit.transpiler import Target


class Marked(BackendV2):
    """Counts exactly what the circuits give, and says with which arguments it was made.

    It compiles by itself: of all gates its target has H, and no measurement.
    """

    def __init__(self, mark, scale=1, token=""):
        super().__init__(name="marked")
        self.mark = f"{mark}*{scale}{token}"
        self._target = Target(num_qubits=2)
        self._target.add_instruction(HGate(), {(0,): None})

    target = property(lambda self: self._target)
    max_circuits = None

    @classmethod
    def _default_options(cls):
        return Options(shots=1)

    def run(self, circuits, shots=1, **more):
        with Path(__file__).with_name("made").open("a") as file:
            print(self.mark, more, file=file)
        data = []
        for circuit in circuits:
            bare = circuit.remove_final_measurements(inplace=False)
            shares = Statevector(bare).probabilities_dict()
            counts = {hex(int(key, 2)): round(p * shots) for key, p in shares.items()}
            header = {"name": circuit.name, "memory_slots": 2, "creg_sizes": [["c", 2]]}
            data.append({
                "shots": shots, "success": True, "data": {"counts": counts}, "header": header,
            })
        return Done({
            "backend_name": "marked", "backend_version": "1", "qobj_id": "", "job_id": "1",
            "success": True, "results": data,
        })


class Done:
    def __init__(self, result):
        self._result = result

    def result(self):
        return Result.from_dict(self._result)


class Provider:
    def __init__(self, mark):
        self.mark = mark

    def get_backend(self, name, scale=1):
        assert name == "marked"
        return Marked(self.mark, scale)


class Mark:
    """What TOML cannot hold."""

    def __init__(self, text="plain"):
        self.text = text

    def __str__(self):
        return self.text
'''
CONFIG = """
[backends.mine]
factory = "own_code:Marked"
arguments = {mark = {call = "own_code:Mark", arguments = {text = "first"}}, scale = 3}
"""
HALF = ["0\tbell\t00\t50\t100\tbell.qpy\t0", "0\tbell\t11\t50\t100\tbell.qpy\t0"]

Run = Callable[..., Any]


@pytest.fixture
def code(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the code that the config file names."""
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "own_code.py").write_text(CODE)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "own_code", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    monkeypatch.setenv("QJOBS_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("QJOBS_LOCAL_IDLE_S", "1")
    configure(tmp_path, CONFIG)
    return folder


def configure(folder: Path, text: str) -> None:
    (folder / "config.toml").write_text(text)


def made(code: Path) -> list[str]:
    """With which arguments the backend was made for each run, and what else `run` got."""
    return (code / "made").read_text().splitlines()


@pytest.mark.slow
def test_the_arguments_of_the_config_file_reach_the_callable(
    qjobs: Run, bell: str, code: Path
) -> None:
    ended = qjobs("run", bell, "-b", "local:mine", "--no-transpile", "--shots", "100")

    assert ended.code == 0, ended.err
    assert sorted(ended.out.splitlines()) == HALF
    assert made(code) == ["first*3 {}"]
    assert "own_code:Marked#" in qjobs("show").out


@pytest.mark.slow
def test_a_bare_name_and_what_a_provider_is_asked_for_will_do(
    qjobs: Run, bell: str, code: Path, tmp_path: Path
) -> None:
    configure(
        tmp_path,
        '[backends.named]\nfactory = "own_code:Provider"\narguments.mark = "a"\n'
        'backend = "marked"\n'
        '[backends.asked]\nfactory = "own_code:Provider"\narguments.mark = "b"\n'
        'backend = {name = "marked", scale = 7}\n',
    )

    for name in ("named", "asked"):
        ended = qjobs("run", bell, "-b", name, "--no-transpile", "--shots", "100")
        assert sorted(ended.out.splitlines()) == HALF, ended.err

    assert made(code) == ["a*1 {}", "b*7 {}"]


@pytest.mark.slow
def test_the_library_and_later_processes_have_the_same_backend(
    qjobs: Run, bell: str, code: Path
) -> None:
    program = (
        "from qiskit import QuantumCircuit, qpy\n"
        "from qjobs import JobManager\n"
        "circuits = qpy.load(open('bell.qpy', 'rb'))\n"
        "found = JobManager().run(circuits, 'local:mine', name='py', shots=100, transpile=False)\n"
        "print(found.results().get_counts(0))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(code)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert ended.stdout.strip() in ("{'00': 50, '11': 50}", "{'11': 50, '00': 50}"), ended.stderr
    assert "done" in qjobs("status", "py").out
    assert qjobs("result", "py").out.count("\t50\t100\t") == 2


@pytest.mark.slow
def test_a_set_goes_on_only_as_it_was_made_unless_it_is_asked_to(
    qjobs: Run, bell: str, code: Path, tmp_path: Path
) -> None:
    configure(tmp_path, CONFIG.replace("own_code:Marked", "own_code:Provider"))
    assert qjobs("run", bell, "-b", "local:mine", "--no-transpile").code == 6
    set_id = qjobs("list", "-q").out.split()[0]
    configure(tmp_path, CONFIG)

    refused = qjobs("retry", set_id)
    assert refused.code == 7
    assert "[backends.mine] of the config file is not what it was" in refused.err
    assert f"qjobs resume --recalibrated {set_id}" in refused.err
    assert not (code / "made").exists()

    assert qjobs("resume", "--recalibrated", "--wait", set_id).code == 0
    options = qjobs("show", set_id, "--json").document("set")["options"]["extra"]
    before, now = options["definition"].split()
    assert before.startswith("own_code:Provider#")
    assert now.startswith("own_code:Marked#")
    assert qjobs("retry", set_id).code == 0


@pytest.mark.slow
def test_results_are_there_when_the_config_file_is_gone(
    qjobs: Run, bell: str, code: Path, tmp_path: Path
) -> None:
    arguments = ("-b", "local:mine", "--no-transpile", "--shots", "100")
    assert qjobs("run", bell, *arguments).code == 0
    configure(tmp_path, "")

    assert "done" in qjobs("status").out
    assert sorted(qjobs("result").out.splitlines()) == HALF
    assert "own_code:Marked#" in qjobs("show").out
    assert qjobs("submit", bell, *arguments).code == 2


@pytest.mark.slow
def test_once_tells_a_changed_backend_from_the_one_before(
    qjobs: Run, bell: str, code: Path, tmp_path: Path
) -> None:
    arguments = ("submit", bell, "-b", "local:mine", "--no-transpile", "--once", "-q")
    first = qjobs(*arguments).out

    assert qjobs(*arguments).out == first
    configure(tmp_path, CONFIG.replace("first", "second"))
    assert qjobs(*arguments).out != first


@pytest.mark.slow
def test_no_argument_is_in_the_state(
    qjobs: Run, bell: str, code: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OWN_TOKEN", "a secret of the variable")
    configure(
        tmp_path,
        '[backends.mine]\nfactory = "own_code:Marked"\n'
        'arguments = {mark = "a secret of the file", token = {env = "OWN_TOKEN"}}\n',
    )

    assert qjobs("run", bell, "-b", "local:mine", "--no-transpile").code == 0

    assert made(code) == ["a secret of the file*1a secret of the variable {}"]
    for path in home.rglob("*"):
        assert path.is_dir() or b"a secret" not in path.read_bytes(), path


@pytest.mark.slow
def test_a_changed_row_of_the_queue_has_nothing_made(
    qjobs: Run, bell: str, code: Path, home: Path, tmp_path: Path
) -> None:
    # Imported here: it loads Aer.
    from qjobs.providers.local import running

    circuits = CircuitSlice(Path(bell), Slice(0, 1))
    options = RunOptions(extra={"transpile": False})
    job = queued_job(circuits, backend="mine", options=options, tag="t")
    (result,) = running.run(job, threads=1)
    assert result.counts
    _, digest, folders = json.loads(job.definition)
    theirs = tmp_path / "theirs.toml"
    theirs.write_text(CONFIG)

    for definition in ("", json.dumps([str(theirs), digest, folders])):
        with pytest.raises(InputError, match=r"was not run|no backend"):
            running.run(replace(job, definition=definition), threads=1)
    configure(tmp_path, CONFIG.replace("first", "second"))
    with pytest.raises(InputError, match="is not what it was when the job was submitted"):
        running.run(job, threads=1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[backends.mine]\n", "factory must be 'package.module:callable', not None"),
        ('[backends.mine]\nfactory = "own_code"\n', "factory must be"),
        ('[backends.mine]\nfactory = "own_code:Marked"\nargument = {}\n',
         "'argument' is not known; near ones: arguments"),
        ('[backends.mine]\nfactory = "own_code:Marked"\narguments = 1\n', "must be a table"),
        ('[backends.mine]\nfactory = "own_code:Marked"\nbackend = 1\n', "a name or a table"),
        ('[backends.mine]\nfactory = "own_code:Marked"\narguments.x = {call = "own"}\n',
         "arguments.x.call must be 'package.module:callable', not 'own'"),
        ('[backends.mine]\nfactory = "own_code:Marked"\narguments.x = {call = "a:b", kind = 1}\n',
         "arguments.x: 'kind' is not known; known ones: arguments, call"),
        ('[backends.mine]\nfactory = "own_code:Marked"\narguments.x = 2026-01-01\n',
         "must be text, a number"),
        ('[backends.mine]\nfactory = "no_such_code:Marked"\n', "there is no module no_such_code"),
        ('[backends.mine]\nfactory = "own_code:Marked"\narguments.x = {call = "no_such:b"}\n',
         "there is no module no_such"),
        ('[backends.aer]\nfactory = "own_code:Marked"\n', "local:aer is another backend"),
        ('[backends.fake_x]\nfactory = "own_code:Marked"\n', "local:fake_x is another backend"),
        ('[backends."a b"]\nfactory = "own_code:Marked"\n', "names are of letters"),
        ('[backend.mine]\nfactory = "own_code:Marked"\n', "near ones: backends"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_before_anything_is_written(
    qjobs: Run, bell: str, code: Path, home: Path, tmp_path: Path, text: str, message: str
) -> None:
    configure(tmp_path, text)

    ended = qjobs("submit", bell, "-b", "local:mine")

    assert ended.code == 2
    assert message in ended.err
    assert not list(home.glob("sets/*"))


def hint_of(ended: Any) -> str:
    """The words of the hint that a command ended with."""
    assert ended.code == 2, ended.err
    return str(ended.err.split("hint: ")[1].strip())


def test_the_hints_about_backends_of_the_config_file_are_followed(
    qjobs: Run, bell: str, code: Path, tmp_path: Path
) -> None:
    submit = ("submit", "--dry-run", bell, "-b")
    configure(tmp_path, CONFIG.replace("backends.mine", "backends.aer"))
    assert hint_of(qjobs(*submit, "local:mine")) == "give it a name of its own"

    configure(
        tmp_path, '[backends.mine]\nfactory = "own_code:Marked"\narguments.mark = 2026-01-01\n'
    )
    hint = hint_of(qjobs(*submit, "local:mine"))
    made_by = hint.removesuffix(" is what a callable gives").replace(
        "package.module:callable", "own_code:Mark"
    )
    configure(
        tmp_path, f'[backends.mine]\nfactory = "own_code:Marked"\narguments.mark = {made_by}\n'
    )
    assert qjobs(*submit, "local:mine").code == 0

    assert hint_of(qjobs(*submit, "local:own_code:Marked(3)")).endswith("local:NAME")


def test_a_misspelt_name_is_said_with_those_of_the_config_file(
    qjobs: Run, bell: str, code: Path
) -> None:
    ended = qjobs("submit", bell, "-b", "local:mien")

    assert ended.code == 2
    assert "near ones: mine" in ended.err
    assert "local:mine" in qjobs("backends", "-p", "local", "-q").out.splitlines()


def test_a_variable_that_is_not_set_is_a_matter_of_credentials(
    qjobs: Run, bell: str, code: Path, home: Path, tmp_path: Path
) -> None:
    configure(
        tmp_path,
        '[backends.mine]\nfactory = "own_code:Marked"\narguments.mark = {env = "NOT_SET"}\n',
    )

    ended = qjobs("submit", bell, "-b", "local:mine")

    assert ended.code == 4
    assert "[backends.mine] needs the variable NOT_SET" in ended.err
    assert not list(home.glob("sets/*"))


@pytest.mark.slow
def test_what_an_object_does_not_take_is_said(qjobs: Run, bell: str, code: Path) -> None:
    plain = qjobs("submit", bell, "-b", "local:mine", "--no-transpile")
    asked = qjobs("submit", bell, "-b", "mine", "--no-transpile", "--seed", "1", "--memory")

    assert "warning" not in plain.err
    assert asked.err.count("warning: local:mine takes no ") == 2
    assert "takes no seed: its counts may be others each time" in asked.err
    assert "takes no memory: the outcomes shot by shot may be missing" in asked.err
    seeded = qjobs("submit", bell, "-b", "local:basic_simulator", "--seed", "1", "--memory")
    assert "warning" not in seeded.err


def test_aer_has_its_circuits_as_it_takes_them(qjobs: Run, bell: str) -> None:
    ended = qjobs("submit", bell, "--no-transpile")

    assert ended.code == 2
    assert "local has no transpile to choose" in ended.err
