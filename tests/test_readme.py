"""What the documents say is what the program does.

`python tests/test_readme.py` writes the outputs in README.md anew.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pexpect
import pytest

from qjobs.cli.app import VERBS, command
from qjobs.errors import ExitCode
from qjobs.providers.fake import script

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCUMENTS = [
    README,
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *ROOT.glob("docs/*.md"),
    *ROOT.glob("docs/walk/*.md"),
]

CONSOLE = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.DOTALL | re.MULTILINE)
# What is in a block, or in a span within a line.
CODE = re.compile(r"^```\w*\n(.*?)^```$|`([^`\n]+)`", re.DOTALL | re.MULTILINE)
# Where a terminal could show a bar, these come and go; they depend on how fast the machine is.
PROGRESS = re.compile(r"^(?:reading|submitting|running|fetching): .*\n", re.MULTILINE)
# What differs from one run to the next: as long each time but for ages and durations, which
# columns are set by.
VARYING = re.compile(
    r"\b(?:[0-9a-f]{12}|local-[0-9a-f]{16}|\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d)?Z)\b"
    r"| *(?:\bjust now\b|(?:< )?\b\d+(?:\.\d)? (?:s|min)\b(?: ago)?"
    r"|(?<=  )(?:created|waited|ran)\b) *"
)

PROGRAM = command()
OPTIONS = {
    verb.name: {
        spelled
        for option in PROGRAM.resolve_command(None, [verb.name])[1].params
        for spelled in option.opts
    }
    for verb in VERBS
}


def with_outputs(text: str, folder: Path) -> str:
    """The README with what its commands print now, on a terminal, one after the other."""
    shutil.copytree(ROOT / "examples", folder / "examples")
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "NO_COLOR": "1",
        "QJOBS_HOME": str(folder / "state"),
        "QJOBS_LOCAL_IDLE_S": "2",
    }

    def run(command: str) -> str:
        # The first one sets up a virtual environment; this one is set up.
        command = command.rpartition(" && ")[2].removeprefix(".venv/bin/")
        terminal = pexpect.spawn(
            "/bin/sh", ["-c", command], cwd=folder, env=environment, encoding="utf-8",
            dimensions=(24, 80), timeout=120,
        )  # fmt: skip
        printed = str(terminal.read()).replace("\r\n", "\n")
        terminal.close()
        assert terminal.exitstatus == 0, printed
        return re.sub(r" +$", "", PROGRESS.sub("", printed), flags=re.MULTILINE)

    def block(match: re.Match[str]) -> str:
        commands = re.findall(r"^\$ (.+)\n", match[0], re.MULTILINE)
        return "".join(f"$ {command}\n{run(command)}" for command in commands)

    return CONSOLE.sub(block, text)


@pytest.mark.slow
def test_the_commands_of_the_readme_print_what_it_shows(tmp_path: Path) -> None:
    text = README.read_text()
    assert VARYING.sub("_", with_outputs(text, tmp_path)) == VARYING.sub("_", text)


def test_the_test_command_of_the_readme_is_what_the_integration_runs() -> None:
    shown = re.search(r"<!-- test command -->\n```sh\n\$ (.+)\n```\n", README.read_text())
    assert shown is not None
    extract = re.search(r"^test_command=.*$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert extract is not None
    extracted = subprocess.run(
        ["bash", "-c", f'{extract[0]}; printf %s "$test_command"'],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert extracted.stdout == shown[1]
    assert "python -m pytest" in shown[1]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_each_link_inside_the_repository_leads_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\((?!https?://)([^)]+)\)", document.read_text()):
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.is_relative_to(ROOT), link
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def anchors(document: Path) -> set[str]:
    """The headings as GitHub names them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_table_of_exit_codes_is_the_programs() -> None:
    table = README.read_text().partition("| exit code |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", table.replace("`", ""), re.MULTILINE)
    assert rows == [(str(int(code)), code.meaning) for code in ExitCode]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_each_command_that_a_document_names_has_its_verb_and_options(document: Path) -> None:
    code = "\n".join(map("".join, CODE.findall(document.read_text())))
    for words in re.findall(r"(?<!from )\bqjobs +([a-z][^|&;#)\n]*)", code):
        verb, *arguments = words.split()
        assert verb in OPTIONS, words
        given = {word.partition("=")[0] for word in arguments if word.startswith("-")}
        assert given - {"-"} <= OPTIONS[verb], words


def test_the_list_of_the_fakes_keys_is_the_modules_own() -> None:
    listed = (ROOT / "docs" / "providers.md").read_text().partition("```text\n")[2]
    assert script.__doc__ is not None
    assert listed.partition("```")[0] == script.__doc__[script.__doc__.index("Time\n") :]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        README.write_text(with_outputs(README.read_text(), Path(scratch)))
