"""What a person sees on a terminal of any width, and in the pager."""

import os
import re
import shutil
import sys

import pexpect
import pytest

pytestmark = pytest.mark.slow

COLOUR = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


@pytest.fixture
def on_terminal(home, tmp_path):
    """Run a command on a terminal of a width; its lines, without colours and progress bars."""

    def call(width, *arguments, code=0, **variables):
        ended = pexpect.spawn(
            sys.executable, ["-m", "qjobs", *arguments], cwd=str(tmp_path), encoding="utf-8",
            timeout=120, dimensions=(24, width), env=environment(**variables),
        )  # fmt: skip
        printed = str(ended.read())
        ended.close()
        assert ended.exitstatus == code, printed
        lines = COLOUR.sub("", printed).replace("\r\n", "\n").split("\n")
        return [line.rpartition("\r")[2].rstrip() for line in lines]

    return call


def environment(**variables):
    inherited = {name: value for name, value in os.environ.items() if name not in ("CI", "PAGER")}
    return {**inherited, "TERM": "xterm", **variables}


@pytest.mark.parametrize("width", [120, 80, 60, 50])
def test_every_verb_keeps_ids_whole_and_within_the_terminal(on_terminal, qjobs, bell, width):
    name = "calibration-of-the-third-qubit-tonight"
    backend = "fake:fail=1,refuse=1,delay=600"
    set_id = qjobs("submit", *[bell] * 6, "-b", backend, "-n", name, "--per-job", "1").out.strip()
    jobs = qjobs("status", "--json").document("status")["sets"][0]["jobs"]
    ids = [job["job_id"] for job in jobs if job["job_id"]]
    for whole, *verb in (
        (ids, "status", "--jobs"),
        ([set_id, name, backend], "list"),
        ([set_id, name, backend, *ids], "show"),
        ([set_id, name], "status"),
        ([set_id], "error"),
        ([set_id], "recover", "-b", "fake", "--dry-run"),
        (["bell.qpy"], "submit", bell, "-b", "fake:", "--dry-run"),
        (ids, "cancel", "-y"),
        ([set_id, name], "wait"),
    ):
        code = 6 if verb == ["wait"] else 0
        lines = on_terminal(width, *verb, code=code)
        # What is said besides is for the terminal to break, so that it can be copied.
        table = [line for line in lines if not re.match(r"\w+: ", line)]
        assert max(map(len, table)) <= width, verb
        for word in whole:
            assert any(word in line for line in table), (verb, word)


@pytest.mark.parametrize("width", [80, 50])
def test_the_end_of_a_submission_names_the_set_once(on_terminal, bell, width):
    how = ("-b", "fake:", "-n", "ghz", "--per-job", "1", "--max-workers", "1")
    lines = on_terminal(width, "submit", bell, bell, *how)
    (title,) = [line for line in lines if re.match(r"ghz  [0-9a-f]{12}  fake:", line)]
    set_id = title.split()[1]
    assert sum(set_id in line for line in lines) == 2  # and in the next command
    assert "job  slice  state   job_id" in lines
    assert "  1  1      queued  fake-2" in lines


def test_show_has_no_empty_rows_no_microseconds_and_the_versions(on_terminal, qjobs, bell):
    qjobs("submit", bell, "-b", "local:aer")
    lines = on_terminal(80, "show")
    shown = dict(line.split(None, 1) for line in lines if line and line[0].islower())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", shown["created"])
    assert "qiskit-qjobs=" in shown["versions"]
    assert "qiskit-aer=" in shown["versions"]
    assert shown["provider_name"] == "Qiskit Aer"
    assert not {"account", "instance", "seed", "options", "tags"} & set(shown)


def test_backends_are_grouped_and_those_that_pretend_come_last(on_terminal, qjobs):
    assert qjobs("backends", "-q").out.splitlines()[-1].startswith("fake:")
    lines = on_terminal(50, "backends", NO_PAGER="1")
    assert lines.index("local") < lines.index("fake  to try things out: results are made up")
    assert "local:fake_johannesburg" in lines


@pytest.fixture
def pager(tmp_path):
    """A pager that keeps what it is given in a file, and prints where that is."""
    program = tmp_path / "my pager"
    program.write_text("#!/bin/sh\ncat > paged\necho seen\n")
    program.chmod(0o755)
    return f"'{program}'"


def test_long_tables_are_read_in_the_users_pager_with_their_colours(on_terminal, pager, tmp_path):
    lines = on_terminal(80, "backends", "-p", "local", PAGER=pager)
    assert lines[0] == "seen"
    paged = (tmp_path / "paged").read_text()
    assert "local:fake_yorktown" in paged
    assert "\x1b[1mlocal" in paged


@pytest.mark.parametrize(
    "variables", [{"PAGER": ""}, {"NO_PAGER": "1"}, {"CI": "true"}, {"PAGER": "no-such-program"},
                  {"PAGER": "'"}, {"TERM": "dumb"}],
)  # fmt: skip
def test_without_a_pager_all_is_printed(on_terminal, pager, variables, tmp_path):
    lines = on_terminal(80, "backends", "-p", "local", **{"PAGER": pager, **variables})
    assert "local:fake_torino" in "\n".join(lines)
    assert not (tmp_path / "paged").exists()


def test_what_fits_on_the_screen_or_goes_into_a_pipe_is_not_paged(
    on_terminal, start, pager, tmp_path
):
    assert "fake:fail=2" in "\n".join(on_terminal(80, "backends", "-p", "fake", PAGER=pager))
    piped = start("backends", "-p", "local", "--format", "table", env=environment(PAGER=pager))
    assert "local:fake_torino" in piped.communicate(timeout=60)[0]
    assert not (tmp_path / "paged").exists()


@pytest.mark.skipif(shutil.which("less") is None, reason="there is no less here")
def test_less_may_be_left_before_the_end(home, tmp_path):
    terminal = pexpect.spawn(
        sys.executable, ["-m", "qjobs", "backends", "-p", "local"], cwd=str(tmp_path),
        encoding="utf-8", timeout=60, dimensions=(10, 80), env=environment(),
    )  # fmt: skip
    terminal.expect_exact("local:statevector")
    terminal.expect_exact(":")
    terminal.send("q")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
