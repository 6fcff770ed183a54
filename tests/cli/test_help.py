"""Help: the same text at every width, on a terminal and in a pipe, and true to the code."""

import ast
import os
import re
import sys
import tomllib
from pathlib import Path

import pexpect
import pytest

from qjobs import __file__ as package
from qjobs import config
from qjobs.cli import topics
from qjobs.cli.app import VERBS
from qjobs.cli.help_pages import GROUPS, TOPICS
from qjobs.errors import ExitCode
from qjobs.paths import VARIABLES
from qjobs.providers import loading
from qjobs.providers.ibm.settings import Settings as IbmSettings
from qjobs.providers.local.supervision import Staffing
from qjobs.providers.slurm import settings as slurm
from qjobs.providers.vendor import settings as vendor
from qjobs.render.files import SUFFIXES
from qjobs.render.output import Format, Report

SOURCE = Path(package).parent
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
PAGES = (["--help"], *([verb.name, "--help"] for verb in VERBS), *(["help", t] for t in TOPICS))
WIDTHS = (120, 80, 60, 50)


def words(text: str) -> list[str]:
    """The words of a text, however its lines and commands are broken."""
    return text.replace("\\\n", "").split()


@pytest.mark.parametrize("page", PAGES, ids=" ".join)
def test_a_page_has_the_same_words_at_every_width_and_is_never_wider(qjobs, monkeypatch, page):
    # A path is one word, however long.
    monkeypatch.setenv("QJOBS_HOME", "/state")
    monkeypatch.setenv("QJOBS_CONFIG", "/config.toml")
    texts = []
    for width in WIDTHS:
        monkeypatch.setenv("COLUMNS", str(width))
        ended = qjobs(*page)
        assert (ended.code, ended.err) == (0, "")
        assert max(map(len, ended.out.splitlines())) <= width
        texts.append(words(ended.out))
    assert all(text == texts[0] for text in texts)


def test_no_page_has_a_number_of_nineteen_digits(qjobs):
    for page in PAGES:
        assert not re.search(r"\d{19}", qjobs(*page).out), page


def on_terminal(arguments, *, columns, **environment):
    child = pexpect.spawn(
        sys.executable, ["-m", "qjobs", *arguments], encoding="utf-8", dimensions=(24, columns),
        env={**os.environ, "TERM": "xterm-256color", **environment}, timeout=60,
    )  # fmt: skip
    text = child.read().replace("\r\n", "\n")
    child.close()
    return text


@pytest.mark.parametrize("columns", [80, 50])
@pytest.mark.parametrize("page", [["--help"], ["run", "--help"], ["help", "counts"]], ids=" ".join)
def test_a_terminal_gets_what_a_pipe_gets_with_colours(qjobs, home, monkeypatch, page, columns):
    shown = on_terminal(page, columns=columns)
    monkeypatch.setenv("COLUMNS", str(columns))
    assert ESCAPES.sub("", shown) == qjobs(*page).out
    assert "\x1b[1;32m" in shown


@pytest.mark.parametrize("plain", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_who_wants_no_colours_gets_none(home, plain):
    for arguments in (["--help"], ["help", "counts"], ["status"], ["nonsense"]):
        assert "\x1b" not in on_terminal(arguments, columns=80, **plain)


def test_error_hint_and_warning_are_coloured_on_a_terminal_and_nowhere_else(qjobs, home):
    shown = on_terminal(["status", "nothing"], columns=80)
    assert shown.startswith("\x1b[1;31merror:\x1b[0m no job set answers to 'nothing'\n")
    assert "\x1b[1;36mhint:\x1b[0m qjobs list" in shown
    ended = qjobs("status", "nothing")
    assert ended.err == "error: no job set answers to 'nothing'\nhint: qjobs list\n"


def test_a_warning_is_coloured_on_a_terminal(qjobs, bell, home):
    qjobs("submit", bell, "-b", "fake:cancel=no", "-n", "twice")
    qjobs("submit", bell, "-b", "fake:cancel=no", "-n", "twice")
    shown = on_terminal(["status", "twice"], columns=80)
    assert "\x1b[1;33mwarning:\x1b[0m 2 job sets are called 'twice'" in shown


@pytest.mark.parametrize("verb", [verb.name for verb in VERBS])
def test_help_of_a_verb_is_what_its_option_gives(qjobs, verb):
    shown, given = qjobs("help", verb), qjobs(verb, "--help")
    assert (shown.code, shown.err) == (0, "")
    # Of what is a topic, too, that comes behind.
    assert shown.out.startswith(given.out) if verb in TOPICS else shown.out == given.out


def test_help_alone_is_that_of_the_program_and_names_all_there_is_to_read(qjobs):
    shown = qjobs("help")
    assert shown == qjobs("--help") == qjobs()
    assert all(name in shown.out for name in (*TOPICS, *(verb.name for verb in VERBS)))


def test_what_is_neither_a_verb_nor_a_topic_is_named_with_near_ones(qjobs):
    ended = qjobs("help", "exit-code")
    assert ended.code == 2
    assert ended.err == (
        "error: there is no verb and no topic 'exit-code'; near ones: exit-codes\n"
        "hint: qjobs help\n"
    )
    assert qjobs("help").code == 0


def test_the_first_steps_at_the_root_can_be_taken(qjobs, home, bell):
    text = qjobs("--help").out.partition("First steps:\n")[2].partition("\n\n")[0]
    steps = [line.strip().split("  ")[0].split()[1:] for line in text.splitlines()]
    assert [step[0] for step in steps] == ["run", "submit", "status", "result", "error"]
    for verb, *files in steps:
        ended = qjobs(verb, *([bell, "-b", "fake"] if files else []))
        assert ended.code == 0, ended.err


@pytest.mark.parametrize("typed", ["prun", "rmm", "submitt", "rum", "cancle", "retyr", "recove"])
def test_no_suggestion_for_a_verb_spends_money_or_changes_anything(qjobs, typed):
    ended = qjobs(typed)
    assert ended.code == 2
    assert ended.err == f"error: there is no verb {typed!r}\nhint: qjobs help\n"


def test_a_harmless_verb_is_suggested(qjobs):
    assert "there is no verb 'stauts'; near ones: status" in qjobs("stauts").err
    harmless = {verb.name for verb in VERBS if GROUPS[verb.group].harmless}
    spends = {"submit", "run", "resume", "retry"}
    changes = {"cancel", "adopt", "recover", "rename", "tag", "rm", "prune", "gc"}
    changes |= {"import"}
    assert not harmless & (spends | changes)


def test_suggested_options_are_near_and_none_is_at_the_users_own_risk(qjobs):
    assert "qjobs run has no option --shot; near ones: --shots\n" in qjobs("run", "--shot").err
    for typed in (["resume", "--resend-unknow"], ["cancel", "--yess"], ["cancel", "--other"]):
        ended = qjobs(*typed)
        assert (ended.code, "near" in ended.err) == (2, False)
    assert "has no option -z\n" in qjobs("status", "-z").err
    assert "near ones: --version" in qjobs("--versio").err


def test_the_word_after_help_is_completed(start, home):
    tab = {
        "_QJOBS_COMPLETE": "complete_fish", "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "_TYPER_COMPLETE_ARGS": "qjobs help exi",
    }  # fmt: skip
    out, err = start(env={**os.environ, **tab}).communicate(timeout=60)
    assert (out.split("\t")[0].strip(), err) == ("exit-codes", "")


def test_the_topic_of_exit_codes_has_each_with_its_meaning(qjobs):
    shown = qjobs("help", "exit-codes").out
    assert all(re.search(rf"^  {int(c)} +{c.meaning}$", shown, re.MULTILINE) for c in ExitCode)


def test_the_topic_of_the_environment_has_each_variable_that_the_source_reads(qjobs):
    named = {
        found
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for found in re.findall(r"\bQJOBS_[A-Z_]*[A-Z]\b", node.value)
    }
    of_providers = {
        f"QJOBS_{name.upper()}_{key.upper()}"
        for name, settings in topics.SETTINGS.items()
        for key in settings
    }
    assert {"QJOBS_HOME", "QJOBS_DEBUG", "QJOBS_SLURM_SHARED"} <= named
    examples = {"QJOBS_NAME", "QJOBS_SLURM", "QJOBS_IBM", "QJOBS_LOCAL"}
    assert named - of_providers - examples == set(VARIABLES)
    shown = qjobs("help", "environment").out
    assert all(f"  {name} " in shown for name in (*VARIABLES, *of_providers))


def test_the_settings_of_providers_are_those_that_they_read():
    told = {name: set(settings) for name, settings in topics.SETTINGS.items()}
    assert told == {
        "local": set(Staffing.__slots__),
        "ibm": set(IbmSettings._fields),
        "slurm": {*slurm._OURS, slurm.ARRAY_LIMIT},
    }
    assert (*topics.OF_VENDORS,) == vendor.KEYS
    assert topics.OF_VENDORS["limits"].split(", ") == sorted(vendor.LIMITS)


def test_the_topic_of_the_config_shows_a_file_that_is_read(qjobs, tmp_path):
    (tmp_path / "config.toml").write_text(topics.CONFIG)
    read = config.read(tmp_path / "config.toml")
    assert (read.vendors(), [*read.providers], [*read.backends]) == (
        ["ionq"], ["local", "ionq"], ["cats"],
    )  # fmt: skip
    shown = qjobs("help", "config").out
    assert tomllib.loads(shown.partition("Example:\n")[2].partition("[defaults] and")[0])
    assert all(re.search(rf"\[{kind}[.\]]", shown) for kind in config._KINDS)
    assert all(re.search(rf"^  {key} ", shown, re.MULTILINE) for key in config.DEFAULTS)


def test_the_topic_of_backends_has_all_providers(qjobs, monkeypatch, tmp_path):
    (tmp_path / "config.toml").write_text(topics.CONFIG)
    monkeypatch.setenv("QJOBS_CONFIG", str(tmp_path / "config.toml"))
    shown = qjobs("help", "backends").out
    assert all(f"  {name} " in shown for name in [*loading.names(), "ionq", "stabilizer"])
    (tmp_path / "config.toml").write_text("no TOML")
    assert qjobs("help", "backends").code == 0


def test_the_topic_of_formats_has_all_of_them(qjobs):
    assert set(topics.FORMATS) == set(Format)
    assert set(topics.REPORTS) == set(Report)
    shown = qjobs("help", "formats").out
    assert all(name in shown for name in (*SUFFIXES, *Report, *qjobs("schema").out.split()))


def test_the_addresses_of_the_topic_mean_what_it_says(qjobs, home, bell):
    qjobs("submit", *[bell] * 100, "-b", "fake", "-n", "ghz", "--per-job", "10", "--wait")
    shown = qjobs("help", "addresses").out
    circuits = {
        "ghz:3": [3], "ghz:3-7": [3, 4, 5, 6, 7], "ghz:0-99:10": [*range(0, 100, 10)],
        "ghz:8-": [*range(8, 100)], "ghz:-3": [0, 1, 2, 3], "ghz:0,5-7": [0, 5, 6, 7],
        "ghz/2": [*range(20, 30)], "ghz/1-3": [*range(10, 40)], "@last": [*range(100)],
        "ghz": [*range(100)], "last": [*range(100)],
    }  # fmt: skip
    for address, meant in circuits.items():
        assert address in shown
        out = qjobs("result", address, "--format", "jsonl").out
        assert [int(i) for i in re.findall(r'"index": (\d+)', out)] == meant, address


def test_the_circuit_of_the_topic_of_counts_gives_its_outcome_by_qiskits_state_vector(qjobs):
    from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, qasm2
    from qiskit.quantum_info import Pauli, Statevector

    shown = qjobs("help", "counts").out
    written = shown.partition("qubit 0:\n")[2].partition("\n\ngives:\n")
    circuit = qasm2.loads(written[0])
    circuit.remove_final_measurements()
    assert Statevector(circuit).probabilities_dict() == {"01": 1.0}
    assert written[2].split()[:2] == ["01", "1024"]

    registers = QuantumCircuit(
        QuantumRegister(3), ClassicalRegister(1, "a"), ClassicalRegister(2, "b")
    )
    registers.x([0, 2])  # a[0]=1, b[0]=0, b[1]=1
    assert Statevector(registers).probabilities_dict() == {"101": 1.0}
    assert "`10 1` is b[1]=1, b[0]=0, a[0]=1" in " ".join(shown.split())

    assert Statevector(circuit).expectation_value(Pauli("ZI")) == 1
    assert Statevector(circuit).expectation_value(Pauli("IZ")) == -1


def test_qjobs_itself_gives_the_outcome_of_the_topic_of_counts(qjobs, home, tmp_path):
    (tmp_path / "flip.qasm").write_text(topics.CIRCUIT)
    ended = qjobs("run", "flip.qasm", "--json")
    (circuit,) = ended.document("result")["circuits"]
    assert circuit["counts"] == {topics.OUTCOME: 1024}
    (tmp_path / "registers.qasm").write_text(
        'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[3];\ncreg a[1];\ncreg b[2];\n'
        "x q[0];\nx q[2];\nmeasure q[0] -> a[0];\nmeasure q[1] -> b[0];\nmeasure q[2] -> b[1];\n"
    )
    ended = qjobs("run", "registers.qasm", "--json")
    (circuit,) = ended.document("result")["circuits"]
    assert circuit["counts"] == {"10 1": 1024}
