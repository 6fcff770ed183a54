"""What plug-ins print is never data of ours: not in a call, in a thread, from C, or at the end."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import qjobs

LOUD = """
import atexit, ctypes, os, subprocess, sys, threading
from qjobs.providers.fake.provider import FakeProvider

def shout(where):
    print("LOUD", where, "print")
    sys.stdout.write(f"LOUD {where} write\\n")
    os.write(1, f"LOUD {where} descriptor\\n".encode())
    ctypes.CDLL(None).printf(b"LOUD printf\\n")  # flushed when the process ends
    subprocess.run(["echo", "LOUD", where, "child"])
    thread = threading.Thread(target=print, args=("LOUD", where, "thread"))
    thread.start()
    thread.join()

shout("import")
atexit.register(print, "LOUD end")

class Loud(FakeProvider):
    def __init__(self, context):
        shout("init")
        super().__init__(context)

def loud(name):
    def method(self, *arguments, **keywords):
        shout(name)
        return getattr(FakeProvider, name)(self, *arguments, **keywords)
    return method

for name in ("backends", "capabilities", "limits", "check", "submit", "find", "statuses",
             "result", "error_message", "cancel"):
    setattr(Loud, name, loud(name))
"""
ROOT = Path(qjobs.__file__).parent

Call = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def call(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run a command where a loud provider is installed."""
    site = tmp_path / "site"
    info = site / "loud-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "loud_plug.py").write_text(LOUD)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: loud\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[qjobs.providers]\nloud = loud_plug:Loud\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]))

    def call(*arguments: str, tail: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-c", f'"$@" {tail}', "sh", sys.executable, "-m", "qjobs", *arguments],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    return call


def test_only_data_is_on_stdout(call: Call, bell: str) -> None:
    submitted = call("submit", bell, "-b", "loud")
    assert submitted.returncode == 0, submitted.stderr
    set_id = submitted.stdout.strip()
    assert len(set_id) == 12

    for arguments in (
        ("status", "--json"), ("wait", "--json"), ("result", "--json"), ("show", "--json"),
        ("error", "--json"), ("cancel", "--json"), ("list", "--json"),
        ("submit", bell, "-b", "loud:fail=1", "--json"), ("submit", bell, "-b", "loud", "--dry-run",
        "--json"), ("backends", "-p", "loud", "--json"), ("backends", "--json"),
    ):  # fmt: skip
        ended = call(*arguments)
        assert "LOUD" not in ended.stdout, arguments
        json.loads(ended.stdout)

    quiet = call("status", "-q")
    assert quiet.stdout == f"{call('list', '-q').stdout.split()[0]}/0\n"
    everything = call("backends", "-p", "loud").stderr
    for how in ("import print", "init write", "descriptor", "printf", "child", "thread", "end"):
        assert how in everything


def test_a_closed_stream_or_a_reader_that_leaves_changes_nothing(call: Call, bell: str) -> None:
    assert call("submit", bell, "-b", "loud").returncode == 0

    assert "done" in call("status", tail="2>&-").stdout
    assert call("status", tail=">&-").stdout == ""
    assert "done" in call("status", tail="<&-").stdout
    gone = call("status", tail="| true")
    assert "Traceback" not in gone.stderr
    assert "BrokenPipe" not in gone.stderr


def test_every_verb_writes_its_data_where_it_is_apart() -> None:
    """A write to `sys.stdout` would be lost among what plug-ins print."""
    without_plug_ins = {"completion.py", "schema.py", "app.py", "data.py", "main.py"}
    paths = [*(ROOT / "cli").glob("*.py"), *(ROOT / "render").glob("*.py")]
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if path.name in without_plug_ins:
                continue
            assert ast.unparse(node) != "sys.stdout", path
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "typer.echo":
                assert any(keyword.arg == "file" for keyword in node.keywords), path
