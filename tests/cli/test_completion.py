"""The completion scripts: equal to the files that ship, and at work in real shells."""

import os
import shutil
import subprocess
import sys

import pexpect
import pytest
from support import TESTS

from qjobs.cli.tab import one_of

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
    assert completed(bash, "qjobs submit --backend=local:stat") == (
        "qjobs submit --backend=local:statevector"
    )
    assert completed(bash, "qjobs submit --mode b") == "qjobs submit --mode batch"
    assert completed(bash, "qjobs schema sta") == "qjobs schema status"
    assert completed(bash, "qjobs completion fi") == "qjobs completion fish"
    assert completed(bash, "qjobs submit bel") == "qjobs submit bell.qpy"


@pytest.mark.slow
def test_bash_says_nothing_where_the_state_is_broken(bash, qjobs, bell, home):
    set_id = qjobs("submit", bell, "-b", "fake:", "-n", "ghz").out.strip()
    (home / "sets" / set_id / "state.toml").write_text("format = [")
    assert completed(bash, "qjobs status ghz:") == "qjobs status ghz:"


@pytest.fixture
def zsh(path, tmp_path):
    """Start a zsh with settings of a user's; it tells the line after so many TABs."""
    if shutil.which("zsh") is None:
        pytest.skip("there is no zsh here")
    shells = []

    def start(settings=":"):
        shell = pexpect.spawn(
            "zsh", ["-f", "-i"], encoding="utf-8", timeout=60, dimensions=(50, 200),
            env={**os.environ, "TERM": "dumb"},
        )  # fmt: skip
        shells.append(shell)
        shell.sendline(
            f"fpath=({COMPLETIONS} $fpath); autoload -Uz compinit; compinit -u -d {tmp_path}/z; "
            f"bindkey -e; {settings}"
        )
        shell.sendline('tell() { zle -I; print -r -- "<<$BUFFER>>" }; zle -N tell')
        shell.sendline("bindkey '^Xt' tell; echo rea''dy")
        shell.expect_exact("ready")

        def completed(typed, tabs=1):
            shell.send(typed + "\t" * tabs + "\x18t")
            shell.expect(r"<<([^\r\n]*)>>")
            shell.send("\x15")
            return shell.match[1]

        return completed

    yield start
    for shell in shells:
        shell.close(force=True)


@pytest.fixture
def demo(qjobs, bell):
    """A set of the jobs 0-4, 5-9, 10-14 and 15-16, which have a sign in common: `-`."""
    qjobs("submit", *[bell] * 17, "-b", "fake:", "-n", "demo", "--per-job", "5")


@pytest.mark.slow
def test_zsh_completes_at_the_first_tab(zsh, demo):
    completed = zsh()
    assert completed("qjobs stat") == "qjobs status "
    assert completed("qjobs status --fa") == "qjobs status --failed "
    assert completed("qjobs status de") == "qjobs status demo "
    assert completed("qjobs status demo:5") == "qjobs status demo:5-9 "
    assert completed("qjobs status demo/2") == "qjobs status demo/2 "
    assert completed("qjobs submit -b loc") == "qjobs submit -b local:aer "
    assert completed("qjobs submit -b ib") == "qjobs submit -b ibm:"
    assert completed("qjobs submit -b local:stat") == "qjobs submit -b local:statevector "
    assert completed("qjobs submit --backend=local:su") == "qjobs submit --backend=local:superop "
    assert completed("qjobs submit --mode b") == "qjobs submit --mode batch "
    assert completed("qjobs schema sta") == "qjobs schema status "
    assert completed("qjobs submit bel") == "qjobs submit bell.qpy "


MATCHERS = "zstyle ':completion:*' matcher-list 'm:{a-zA-Z}={A-Za-z}' 'r:|[:._-]=* r:|=*'"


@pytest.mark.slow
@pytest.mark.parametrize("settings", [":", MATCHERS])
def test_zsh_inserts_no_part_of_an_address_but_its_beginning(zsh, demo, settings):
    completed = zsh(settings)
    for typed in ("demo:", "demo:1", "demo/"):
        for tabs in (1, 2):
            assert completed(f"qjobs cancel {typed}", tabs) == f"qjobs cancel {typed}"


@pytest.mark.slow
def test_zsh_still_goes_through_a_menu_that_the_user_has_asked_for(zsh, demo):
    completed = zsh("zstyle ':completion:*' menu select")
    assert completed("qjobs status demo:1", tabs=2) == "qjobs status demo:10-14"


@pytest.fixture
def fish(path):
    """The first words that a fish offers."""
    if shutil.which("fish") is None:
        pytest.skip("there is no fish here")

    def offered(typed):
        command = f"source {COMPLETIONS / 'qjobs.fish'}; complete -C '{typed}'"
        fish = ["fish", "--no-config", "-c", command]
        ended = subprocess.run(fish, capture_output=True, text=True, timeout=60, check=True)
        return [line.partition("\t")[0] for line in ended.stdout.splitlines()]

    return offered


@pytest.mark.slow
def test_fish_completes_names_addresses_and_the_values_of_options(fish, demo):
    assert fish("qjobs status de") == ["demo"]
    assert fish("qjobs status demo:1") == ["demo:10-14", "demo:15-16"]
    assert fish("qjobs submit -b local:stat") == ["local:statevector"]
    assert fish("qjobs submit --backend=local:stat") == ["--backend=local:statevector"]
    assert fish("qjobs submit --mode b") == ["batch"]
    assert fish("qjobs schema sta") == ["status"]


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


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("qjobs submit -b local:", {"local:aer", "local:statevector", "local:fake_torino"}),
        ("qjobs submit -b fake:", {"fake:fail=2"}),
        ("qjobs submit --mode ", {"job", "batch", "session"}),
        ("qjobs submit --optimization-level ", {"0", "1", "2", "3"}),
        ("qjobs schema ", {"set", "status", "result"}),
        ("qjobs backends -p ", {"local", "ibm"}),
        ("qjobs wait --format ", {"table", "json"}),
        ("qjobs submit --format ", {"table", "json", "github", "sarif"}),
    ],
)
def test_every_option_with_a_choice_offers_it(path, typed, offered):
    environment = {
        **os.environ,
        "_QJOBS_COMPLETE": "complete_powershell",
        "_TYPER_COMPLETE_ARGS": typed,
        "_TYPER_COMPLETE_WORD_TO_COMPLETE": typed.rpartition(" ")[2],
    }
    output = pexpect.run("qjobs", env=environment, encoding="utf-8", timeout=60)
    assert offered <= {line.partition(":::")[0] for line in output.splitlines()}


def test_the_backends_of_tab_are_listed_without_qiskit_or_a_question(home):
    program = (
        "import sys; from qjobs.cli.tab import complete_backend; "
        "assert len(complete_backend('local:')) > 70; assert complete_backend('ibm:') == []; "
        "assert not {'qiskit', 'qiskit_ibm_runtime', 'rich'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_whatever_goes_wrong_at_a_tab_nothing_is_said():
    assert one_of(lambda: [("a", "")])() == [("a", "")]
    assert one_of(lambda: 1 / 0)() == []
