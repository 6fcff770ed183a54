"""The completion scripts: equal to the files that ship, and at work in real shells."""

import os
import shutil
import subprocess
import sys

import pexpect
import pytest
from support import TESTS

COMPLETIONS = TESTS.parent / "completions"
FILES = {
    "bash": "qjobs.bash", "zsh": "_qjobs", "fish": "qjobs.fish", "powershell": "qjobs.ps1",
}  # fmt: skip


@pytest.mark.parametrize("shell", FILES)
def test_the_files_are_what_the_program_prints(qjobs, shell):
    assert qjobs("completion", shell).out == (COMPLETIONS / FILES[shell]).read_text()


def test_zsh_finds_the_script_by_its_first_line():
    assert (COMPLETIONS / "_qjobs").read_text().startswith("#compdef qjobs\n")


def test_powershell_is_left_as_the_user_set_it_up():
    script = (COMPLETIONS / "qjobs.ps1").read_text()
    assert "Set-PSReadLineKeyHandler" not in script
    assert "Set-ExecutionPolicy" not in script


@pytest.fixture
def path(home, tmp_path, monkeypatch):
    """A qjobs on the PATH that is this one."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "qjobs"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m qjobs "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def bash(path, tmp_path):
    shell = pexpect.spawn(
        "bash", ["--norc", "--noprofile", "-i"], encoding="utf-8", timeout=60, dimensions=(50, 200),
        env={**os.environ, "PS1": "$ ", "INPUTRC": "/dev/null", "TERM": "dumb"},
    )  # fmt: skip
    shell.sendline("bind 'set bell-style none'; bind 'set enable-bracketed-paste off'")
    shell.sendline(f"source {COMPLETIONS / 'qjobs.bash'}; echo sour''ced")
    shell.expect_exact("sourced")
    yield shell
    shell.close(force=True)


def completed(shell, typed):
    """The line after TAB, as a command would see it."""
    shell.send(f"printf '<%s>\\n' $(true) ; : {typed}")
    shell.send("\x15")
    shell.send(f"{typed}\t")
    shell.send("\x01echo '<\x05>'\n")
    shell.expect(r"\n<([^\r\n]*)>\r?\n")
    return shell.match[1].rstrip()


@pytest.mark.slow
def test_bash_completes_verbs_options_and_addresses(bash, qjobs, bell):
    made = qjobs("submit", *[bell] * 5, "-b", "fake:", "-n", "ghz-sweep", "--per-job", "2")
    set_id = made.out.strip()
    assert completed(bash, "qjobs stat") == "qjobs status"
    assert completed(bash, "qjobs status --exit") == "qjobs status --exit-status"
    assert completed(bash, "qjobs status gh") == "qjobs status ghz-sweep"
    assert completed(bash, f"qjobs status {set_id[:5]}") == f"qjobs status {set_id}"
    assert completed(bash, "qjobs result @l") == "qjobs result @last"
    assert completed(bash, "qjobs status ghz-sweep:2") == "qjobs status ghz-sweep:2-3"
    assert completed(bash, "qjobs status ghz-sweep/1") == "qjobs status ghz-sweep/1"
    assert completed(bash, "qjobs submit -b loc") == "qjobs submit -b local:aer"
    assert completed(bash, "qjobs submit --backend=local:a") == "qjobs submit --backend=local:aer"
    assert completed(bash, "qjobs completion fi") == "qjobs completion fish"
    assert completed(bash, "qjobs submit bel") == "qjobs submit bell.qpy"


@pytest.mark.slow
def test_bash_says_nothing_where_the_state_is_broken(bash, qjobs, bell, home):
    set_id = qjobs("submit", bell, "-b", "fake:", "-n", "ghz").out.strip()
    (home / "sets" / set_id / "state.toml").write_text("format = [")
    assert completed(bash, "qjobs status ghz:") == "qjobs status ghz:"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("zsh") is None, reason="there is no zsh here")
def test_zsh_completes_at_the_first_tab(path, tmp_path, qjobs, bell):
    qjobs("submit", bell, "-b", "fake:", "-n", "ghz-sweep")
    shell = pexpect.spawn(
        "zsh", ["-f", "-i"], encoding="utf-8", timeout=60, env={**os.environ, "TERM": "dumb"}
    )
    shell.sendline(
        f"fpath=({COMPLETIONS} $fpath); autoload -Uz compinit; compinit -u -d {tmp_path}/z"
    )
    shell.sendline("echo rea''dy")
    shell.expect_exact("ready")
    shell.send("qjobs status gh\t")
    shell.expect_exact("ghz-sweep")
    shell.close(force=True)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("fish") is None, reason="there is no fish here")
def test_fish_completes_with_descriptions(path, qjobs, bell):
    qjobs("submit", bell, "-b", "fake:", "-n", "ghz-sweep")
    command = f"source {COMPLETIONS / 'qjobs.fish'}; complete -C 'qjobs status gh'"
    fish = ["fish", "--no-config", "-c", command]
    output = subprocess.run(fish, capture_output=True, text=True, timeout=60, check=True).stdout
    assert "ghz-sweep" in output


def test_suggestions_carry_help_for_shells_that_show_it(path, qjobs, bell):
    set_id = qjobs("submit", bell, "-b", "fake:", "-n", "ghz").out.strip()
    environment = {
        **os.environ,
        "_QJOBS_COMPLETE": "complete_fish",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "_TYPER_COMPLETE_ARGS": "qjobs status ",
    }
    output = pexpect.run("qjobs", env=environment, encoding="utf-8", timeout=60)
    assert f"ghz\t{set_id} of " in output
