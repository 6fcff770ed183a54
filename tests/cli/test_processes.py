"""What only a process of its own can show: signals, pipes, streams apart, terminals, imports."""

import ctypes
import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pexpect
import pytest

pytestmark = pytest.mark.slow

ESCAPE = "\x1b"


def accepted_jobs(qjobs):
    (only,) = qjobs("status", "--cached", "--json").document("status")["sets"]
    return [job for job in only["jobs"] if job["job_id"]], only["jobs"]


def facts(home, word):
    """How often a word is in the state of the only set; it may be at work on it."""
    (state,) = home.glob("sets/*/state.toml")
    return state.read_text().count(f"\n{word} = ")


def send_to_all(process, number):
    """As `kill` does: the kernel picks a thread, mostly the main one."""
    process.send_signal(number)


def send_to_another_thread(process, number):
    """What the kernel does where the main thread is being woken up for something else."""
    threads = [int(path.name) for path in Path(f"/proc/{process.pid}/task").iterdir()]
    assert ctypes.CDLL(None).tgkill(process.pid, max(threads), number) == 0
    assert max(threads) != process.pid


@pytest.mark.parametrize(
    ("send", "number", "code"),
    [
        (send_to_all, signal.SIGINT, 130),
        (send_to_all, signal.SIGTERM, 143),
        pytest.param(
            send_to_another_thread, signal.SIGTERM, 143,
            marks=pytest.mark.skipif(sys.platform != "linux", reason="it is done as Linux does it"),
        ),
    ],
)  # fmt: skip
def test_a_signal_in_submit_finishes_what_is_in_flight_and_keeps_the_rest(
    start, qjobs, bell, home, send, number, code
):
    script = "fake:hold=4,connections=2"
    process = start("submit", *[bell] * 20, "-b", script, "--per-job", "1")
    set_id = process.stdout.readline().strip()
    while facts(home, "attempted") < 5:
        assert process.poll() is None, process.stderr.read()
    send(process, number)
    assert "stopping" in process.stderr.readline()
    (home / "fake" / "release").touch()
    out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert out == ""
    assert f"qjobs resume {set_id}" in err
    assert "Traceback" not in err
    accepted, jobs = accepted_jobs(qjobs)
    assert len(accepted) == 5
    assert {job["state"] for job in jobs if not job["job_id"]} == {"planned"}
    # Nothing was lost and nothing is paid for twice.
    assert qjobs("resume", "--wait").code == 0
    accepted, jobs = accepted_jobs(qjobs)
    assert len({job["job_id"] for job in accepted}) == len(jobs) == 20
    assert max(int(job["job_id"].removeprefix("fake-")) for job in accepted) == 20


def test_a_second_signal_leaves_at_once_and_resume_still_works(start, qjobs, bell, home):
    process = start("submit", *[bell] * 8, "-b", "fake:hold=1,connections=8", "--per-job", "1")
    process.stdout.readline()
    while facts(home, "attempted") < 8:
        assert process.poll() is None, process.stderr.read()
    process.send_signal(signal.SIGINT)
    assert "stopping" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert accepted_jobs(qjobs)[0] == []
    (home / "fake" / "release").touch()
    assert qjobs("resume", "--wait").code == 0


def test_ctrl_c_in_wait_cancels_nothing(start, qjobs, bell, home):
    qjobs("submit", bell, "-b", "fake:delay=3600")
    process = start("wait")
    assert "running" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert "the jobs go on" in err
    assert "qjobs wait" in err
    assert qjobs("status").out.split("\t")[5] == "running"


def test_ctrl_c_while_files_are_read_leaves_no_set(start, qjobs, home, tmp_path):
    os.mkfifo(tmp_path / "never.qasm")
    process = start("submit", "never.qasm", "-b", "fake:")
    # The writing end can be opened once the other process is reading.
    with (tmp_path / "never.qasm").open("w"):
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err
    assert qjobs("list", "-q").out == ""


def test_a_reader_that_leaves_makes_no_noise(start, qjobs, bell):
    qjobs("submit", *[bell] * 300, "-b", "fake:", "--per-job", "1", "--wait")
    # As users have it: what is written last waits in a buffer until the end.
    environment = {name: os.environ[name] for name in os.environ if name != "PYTHONUNBUFFERED"}
    for arguments in (["status"], ["result", "--json"], ["list"], ["status", "--json"]):
        process = start(*arguments, env=environment)
        process.stdout.close()
        assert process.stderr.read() == ""
        process.wait(timeout=60)


def test_no_escape_ever_goes_into_a_pipe(start, qjobs, bell):
    qjobs("submit", bell, "-b", "fake:", "--wait")
    environment = {**os.environ, "GITHUB_ACTIONS": "true", "TERM": "xterm-256color"}
    for arguments in (
        ["--help"], ["submit", "--help"], ["status"], ["status", "--format", "table"],
        ["result", "--format", "table"], ["run", bell, "-b", "fake:"],
        ["nonsense"], ["status", "x"],
    ):  # fmt: skip
        process = start(*arguments, env=environment)
        out, err = process.communicate(timeout=60)
        assert ESCAPE not in out + err, arguments


def test_json_errors_are_one_line_on_stderr(start, home):
    process = start("status", "nothing", "--json")
    out, err = process.communicate(timeout=60)
    assert out == ""
    assert json.loads(err)["exit"] == process.returncode == 3


def test_looking_imports_nothing_heavy(qjobs, bell, home):
    qjobs("submit", bell, "-b", "fake:", "-n", "ghz", "--wait")
    heavy = {"qiskit", "numpy", "pydantic", "rich", "concurrent.futures", "asyncio"}
    tab = {
        "_QJOBS_COMPLETE": "complete_fish",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "_TYPER_COMPLETE_ARGS": "qjobs status ",
    }
    for arguments, more in (
        (["status"], {}), (["list"], {}), (["cancel"], {}), (["--help"], {}), ([], tab),
        (["error"], {}), (["show"], {}), (["result"], {}),
    ):  # fmt: skip
        traced = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "qjobs", *arguments],
            env={**os.environ, **more}, check=True, capture_output=True, text=True,
        )  # fmt: skip
        modules = {line.rsplit("|", 1)[-1].strip() for line in traced.stderr.splitlines()}
        assert not heavy & modules, (arguments, heavy & modules)
        assert "qjobs.cli.main" in modules


@pytest.fixture
def terminal(home):
    def call(command):
        environment = {**os.environ, "TERM": "xterm-256color"}
        arguments = ["-m", "qjobs", *command]
        return pexpect.spawn(
            sys.executable, arguments, env=environment, encoding="utf-8", dimensions=(50, 100),
            timeout=60,
        )  # fmt: skip

    return call


def test_a_terminal_gets_tables_bars_and_histograms(terminal, qjobs, bell):
    qjobs("submit", bell, bell, "-b", "fake:", "-n", "ghz", "--per-job", "1", "--wait")
    for command, expected in (
        (["status"], "2 done"),
        (["result"], "█"),
        (["list"], "ghz"),
        (["--help"], "First steps:"),
        (["submit", bell, "-b", "fake:"], "job_id"),
    ):
        child = terminal(command)
        child.expect_exact(expected)
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == 0, command


def test_a_terminal_shows_that_jobs_run(terminal, bell):
    child = terminal(["run", bell, "-b", "fake:delay=3600"])
    child.expect_exact("running")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130


def test_user_text_is_no_markup_on_a_terminal(terminal, qjobs, bell):
    qjobs("submit", bell, "-b", "fake:", "--tag", "[/x]", "--tag", "[bold]")
    child = terminal(["show"])
    child.expect_exact("[/x] [bold]")
    child.expect(pexpect.EOF)


def test_cancel_asks_on_a_terminal_and_takes_no_for_an_answer(terminal, qjobs, bell):
    qjobs("submit", bell, "-b", "fake:delay=3600", "-n", "ghz")
    child = terminal(["cancel"])
    child.expect("cancel 1 job of ghz .*\\?")
    child.sendline("n")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 1
    assert qjobs("status").out.split("\t")[5] == "running"


def test_cancel_asks_nothing_where_nothing_is_left_to_cancel(terminal, qjobs, bell):
    qjobs("submit", bell, bell, "-b", "fake:", "--per-job", "1")  # nobody has heard that it is done
    child = terminal(["cancel"])
    child.expect_exact("already final")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_rate_limits_are_shown(start, bell):
    script = "fake:rate=1,stated=no"
    process = start("submit", *[bell] * 2, "-b", script, "--per-job", "1")
    assert "waiting" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130


@pytest.mark.parametrize("verb", ["submit", "run"])
def test_a_set_that_is_cancelled_while_it_is_submitted_does_not_run(start, qjobs, bell, home, verb):
    process = start(
        verb, *[bell] * 12, "-b", "fake:hold=4,connections=2,delay=3600", "--per-job", "1"
    )
    while not list(home.glob("sets/*/state.toml")) or facts(home, "attempted") < 5:
        assert process.poll() is None, process.stderr.read()

    cancelled = qjobs("cancel", "--json")

    assert cancelled.code == 0
    asked = [job["outcome"] for job in cancelled.document("cancel")["jobs"]]
    assert (asked.count("requested"), asked.count("cancelled")) == (2, 10)
    (home / "fake" / "release").touch()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 6
    assert "cancelled" in err
    assert "Traceback" not in err
    (only,) = qjobs("status", "--json").document("status")["sets"]
    assert only["counts"]["cancelled"] == 12
    with closing(sqlite3.connect(home / "fake" / "books.sqlite")) as books:
        assert books.execute("SELECT count(*), sum(cancelled) FROM job").fetchall() == [(5, 5)]


@pytest.mark.parametrize("killed", ["canceller", "submitter"])
def test_whoever_is_killed_meanwhile_what_was_cancelled_is_stopped(
    start, qjobs, bell, home, killed
):
    process = start(
        "submit", *[bell] * 4, "-b", "fake:hold=2,delay=3600,connections=1", "--per-job", "1"
    )
    while not list(home.glob("sets/*/state.toml")) or facts(home, "attempted") < 2:
        assert process.poll() is None, process.stderr.read()
    canceller = start("cancel")
    if killed == "canceller":
        while not facts(home, "withdrawn"):
            assert canceller.poll() is None
        canceller.kill()
        canceller.communicate()
        (home / "fake" / "release").touch()
        process.communicate(timeout=60)
        assert process.returncode == 6
    else:
        canceller.communicate(timeout=60)
        process.kill()
        process.communicate()
        (home / "fake" / "release").touch()
    assert qjobs("cancel").code == 0
    with closing(sqlite3.connect(home / "fake" / "books.sqlite")) as books:
        accepted, stopped = books.execute("SELECT count(*), sum(cancelled) FROM job").fetchone()
    assert accepted == stopped
    (only,) = qjobs("status", "--json").document("status")["sets"]
    assert only["counts"]["cancelled"] == 4
