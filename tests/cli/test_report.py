"""`qjobs report`: one page with all there is to know of sets, whatever names they have."""

import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest
from qiskit import QuantumCircuit, qasm2, qasm3
from support.hints import good, hint_of
from support.html_pages import commands, elements

from qjobs.circuits import codec

HOSTILE = (
    "</script><script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7*7 }}\x1b[31m\u202e"
)


def circuit(name: str = "one", bits: int = 1) -> QuantumCircuit:
    made = QuantumCircuit(bits, bits, name=name)
    made.x(0)
    made.measure(range(bits), range(bits))
    return made


def dump(path: str, *circuits: QuantumCircuit) -> str:
    Path(path).write_bytes(codec.encode(list(circuits)))
    return path


@pytest.fixture
def page(qjobs):
    """Make a page of sets, and read it."""

    def make(*words: str, code: int = 0) -> str:
        ended = qjobs("report", *words, "-o", "page.html")
        assert ended.code == code, ended.err
        return Path("page.html").read_text()

    return make


def submitted(qjobs, *words: str) -> str:
    ended = qjobs("submit", *words, "-q")
    assert ended.code in (0, 6, 7), ended.err
    return ended.out.strip()


def words_of(page: str) -> str:
    return " ".join(elements(page, "html")[0].words.split())


def rows(page: str) -> list[str]:
    """The rows of the tables of circuits, in the order of the page."""
    return [
        " ".join(element.words.split())
        for element in elements(page, "tr")
        if "data-k" in element.attributes
    ]


def test_it_tells_what_was_run_how_it_went_and_what_came_of_it(qjobs, home, page) -> None:
    dump("several.qpy", *(circuit(f"c{number}", 2) for number in range(6)))
    set_id = submitted(
        qjobs, "several.qpy", "-b", "fake:fail=1,connections=1", "--per-job", "2",
        "--name", "trial", "--tag", "lab", "--shots", "70", "--seed", "5",
    )  # fmt: skip
    text = page()

    words = words_of(text)
    for expected in (
        "trial", set_id, "fake:fail=1,connections=1", "error", "70", "lab", "qiskit-qjobs 0.1.0",
        "job 0 failed", "the job failed as its script says (fail)",
        "several.qpy", f"qj-{set_id}",
    ):  # fmt: skip
        assert expected in words, expected
    shown = rows(text)
    assert len(shown) == 6
    assert shown[0] == "0 c0 several.qpy #0 0 error the job failed as its script says (fail)"
    result = qjobs("result", set_id, "--json", "--partial").document("result")
    for row, entry in zip(shown[2:], result["circuits"][2:], strict=True):
        for outcome, number in entry["counts"].items():
            assert f"{outcome} {number / 70:.1%}" in row
    # The fingerprint is whole.
    assert qjobs("show", set_id, "--json").document("set")["fingerprint"] in words


def test_it_is_written_where_output_goes_if_no_file_is_named(qjobs, bell, page) -> None:
    submitted(qjobs, bell, "-b", "fake")
    text = good(qjobs, "report").out

    assert text.startswith("<!doctype html>")
    assert text.rstrip().endswith("</html>")


def test_nothing_in_it_is_from_elsewhere(qjobs, bell, page) -> None:
    submitted(qjobs, bell, "-b", "fake:fail=1")
    text = page()

    for element in elements(text):
        for name, value in element.attributes.items():
            assert not name.startswith("on")
            if name in ("src", "href", "action", "data", "srcset"):
                assert value.startswith(("#", "data:image/svg+xml,")), value
    (policy,) = [
        element.attributes["content"]
        for element in elements(text, "meta")
        if element.attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert len(elements(text, "script")) == len(elements(text, "style")) == 1


@pytest.mark.parametrize("kind", ["circuit", "file", "tag", "message"])
def test_names_from_outside_are_text(qjobs, home, page, kind: str) -> None:
    name = HOSTILE if kind == "circuit" else "one"
    path = "x" if kind != "file" else HOSTILE.replace("/", "_")[:200]
    dump(f"{path}.qpy", circuit(name))
    backend = "fake"
    if kind == "message":
        backend = "fake:fail=1"
    words = [f"./{path}.qpy", "-b", backend]
    if kind == "tag":
        words += ["--tag", HOSTILE]
    submitted(qjobs, *words)
    text = page()

    assert len(elements(text, "script")) == 1
    assert elements(text, "img") == []
    assert "\x1b" not in text
    assert "\u202e" not in text
    if kind != "message":
        assert "{{ 7*7 }}" in words_of(text)


MAKES = [
    ("--shots", "5"),
    ("--seed", "3", "--memory", "--optimization-level", "2"),
    ("--name", "trial", "--tag", "it's $HOME", "--tag", "--c"),
    ("--per-job", "5", "--option", "submits_per_minute=600"),
]


@pytest.mark.parametrize("options", MAKES, ids=" ".join)
def test_its_first_command_makes_the_same_set(qjobs, home, page, options) -> None:
    Path("a folder").mkdir()
    for number in range(3):
        dump(f"a folder/{number} it's.qpy", circuit(f"c{number}"), circuit("d"))
    set_id = submitted(qjobs, "a folder", "-b", "fake", *options)
    first = commands(page())[0]

    program, *words = shlex.split(first)
    assert program == "qjobs"
    # The fingerprint of what it makes is that of the set.
    assert qjobs(*words, "--once", "-q").out.strip() == set_id
    again = good(qjobs, *words, "-q").out.strip()
    assert again != set_id
    one, other = (qjobs("show", name, "--json").document("set") for name in (set_id, again))
    for key in ("name", "tags", "shots", "options", "sources", "backend", "fingerprint"):
        assert one[key] == other[key], key
    slices = [
        [(job["start_index"], job["experiments_count"]) for job in s["jobs"]] for s in (one, other)
    ]
    assert slices[0] == slices[1]


@pytest.mark.slow
def test_the_command_with_very_many_files_can_be_pasted_into_a_shell(
    qjobs, home, page, tmp_path: Path
) -> None:
    Path("many").mkdir()
    for number in range(40):
        dump(f"many/{number} $x `y` it's.qpy", circuit(f"c{number}"))
    set_id = submitted(qjobs, "many", "-b", "fake")
    first = commands(page())[0]

    assert first.splitlines()[0].endswith("--files-from - <<'FILES'")
    shell = first.replace("qjobs submit", f"{sys.executable} -m qjobs submit --once -q", 1)
    ended = subprocess.run(
        ["/bin/sh", "-c", shell], capture_output=True, text=True, timeout=120, check=False
    )
    assert (ended.returncode, ended.stdout.strip()) == (0, set_id), ended.stderr


def test_the_other_commands_do_what_they_are_for(qjobs, bell, page) -> None:
    set_id = submitted(qjobs, bell, "-b", "fake")
    _, result, again = (shlex.split(command)[1:] for command in commands(page()))

    good(qjobs, *result)
    assert Path(f"{set_id}.jsonl").read_text().count("\n") == 1
    good(qjobs, *again)
    assert set_id in Path("report.html").read_text()


def test_values_of_a_sweep_are_said_and_its_files_are_named_by_their_sums(
    qjobs, home, page
) -> None:
    text = qasm3.dumps(_swept())
    Path("sweep.qasm3").write_text(text)
    Path("angles.csv").write_text("theta\n0.125\n0.25\n0.375\n")
    submitted(qjobs, "sweep.qasm3", "--parameters", "angles.csv", "-b", "fake")
    shown = page()

    assert ["0.125" in row for row in rows(shown)] == [True, False, False]
    assert "0.375" in rows(shown)[2]
    assert "--parameters PARAMETERS" in commands(shown)[0]
    assert "PARAMETERS is the file of parameters" in words_of(shown)


def _swept() -> QuantumCircuit:
    from qiskit.circuit import Parameter

    made = QuantumCircuit(1, 1, name="swept")
    made.ry(Parameter("theta"), 0)
    made.measure(0, 0)
    return made


def test_several_sets_stand_in_one_page(qjobs, bell, page) -> None:
    first = submitted(qjobs, bell, "-b", "fake", "--name", "first")
    second = submitted(qjobs, bell, "-b", "fake:fail=1", "--name", "second")
    text = page("first", "second")

    words = words_of(text)
    assert "2 job sets" in words
    assert [a.attributes["id"] for a in elements(text, "article")] == [f"s-{first}", f"s-{second}"]
    ids = [element.attributes["id"] for element in elements(text) if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    links = [a.attributes["href"][1:] for a in elements(text, "a")]
    assert set(links) <= set(ids)


def test_a_part_of_a_set_is_a_page_of_that_part(qjobs, home, page) -> None:
    dump("several.qpy", *(circuit(f"c{number}") for number in range(6)))
    submitted(qjobs, "several.qpy", "-b", "fake", "--per-job", "2", "--name", "trial")

    assert [row.split()[0] for row in rows(page("trial:3-4"))] == ["3", "4"]


def test_failures_name_the_command_that_comes_next(qjobs, bell, page) -> None:
    set_id = submitted(qjobs, bell, "-b", "fake:fail=1")
    text = page()

    assert f"Next: qjobs retry {set_id}" in words_of(text)
    good(qjobs, "retry", set_id, "--wait")
    assert "Next:" not in words_of(page())


def test_a_set_without_its_circuits_and_sources_has_a_page(qjobs, bell, home, page) -> None:
    set_id = submitted(qjobs, bell, "-b", "fake")
    folder = home / "sets" / set_id
    for name in ("circuits.qpy", "sources.json"):
        (folder / name).unlink()
    text = page()

    assert rows(text)[0].startswith("0 circuit-0")
    assert [command.split()[1] for command in commands(text)] == ["result", "report"]


def test_a_set_that_was_recovered_says_so(qjobs, bell, home, page) -> None:
    set_id = submitted(qjobs, bell, "-b", "fake")
    for path in sorted((home / "sets" / set_id).rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    (home / "sets" / set_id).rmdir()
    good(qjobs, "recover", "-b", "fake", set_id)
    text = page()

    assert "from its jobs at the provider" in words_of(text)
    assert [command.split()[1] for command in commands(text)] == ["result", "report"]


def test_jobs_that_were_never_sent_and_those_of_unknown_fate_are_there(qjobs, home, page) -> None:
    dump("several.qpy", *(circuit(f"c{number}") for number in range(4)))
    ended = qjobs(
        "submit", "several.qpy", "-b", "fake:drop=1,find=no,jobs=4", "--max-workers", "1", "-q"
    )
    assert ended.code == 7
    text = page()

    assert "1 unknown" in words_of(text)
    assert rows(text)[0].split()[-1] == "unknown" or "may or may not" in rows(text)[0]


def test_cached_asks_nobody(qjobs, bell, page) -> None:
    submitted(qjobs, bell, "-b", "fake:delay=3600")
    assert "1 running" in words_of(page())
    assert "1 queued" in words_of(page("--cached"))


def test_the_exit_code_is_that_of_the_jobs_if_it_is_wanted(qjobs, bell, page) -> None:
    submitted(qjobs, bell, "-b", "fake:fail=1")
    page()
    page("--exit-status", code=6)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--every", "2s"], "the page needs a file"),
        (["--every", "0", "-o", "x.html"], "--every is at least 1s"),
        (["--every", "2s", "--cached", "-o", "x.html"], "leave out"),
        (["-o", "folder"], "cannot write folder: Is a directory"),
        (["-o", "file/x.html"], "cannot write file/x.html"),
    ],
)
def test_what_cannot_be_is_said_before_anybody_is_asked(qjobs, bell, words, what) -> None:
    submitted(qjobs, bell, "-b", "fake")
    Path("folder").mkdir()
    Path("file").touch()
    ended = qjobs("report", *words)

    assert ended.code == 2
    assert what in ended.err
    assert len(ended.err.splitlines()) <= 3
    assert list(Path("folder").iterdir()) == []


def test_the_hints_lead_to_a_page(qjobs, bell) -> None:
    submitted(qjobs, bell, "-b", "fake")
    for words in (("--every", "5s"), ("--every", "0", "-o", "x.html")):
        hint = hint_of(qjobs("report", *words))
        good(qjobs, *shlex.split(hint)[1:])
        assert "</html>" in Path("report.html").read_text()


def test_an_older_page_stays_if_no_newer_one_can_be_made(qjobs, bell, home, page) -> None:
    set_id = submitted(qjobs, bell, "-b", "fake")
    before = page()
    (kept,) = (home / "sets" / set_id / "results").iterdir()
    kept.write_bytes(kept.read_bytes()[:-2])
    ended = qjobs("report", "-o", "page.html")

    assert ended.code == 9
    assert Path("page.html").read_text() == before


def test_what_a_set_cannot_know_is_not_there(qjobs, bell, page) -> None:
    submitted(qjobs, bell, "-b", "fake")
    facts = {element.words for element in elements(page(), "dt")}

    assert {"Set", "Backend", "Shots", "Fingerprint", "Versions"} <= facts
    assert not {"Seed", "Calibration", "Owner", "Account", "Precision"} & facts


@pytest.mark.slow
def test_while_jobs_run_the_page_is_written_anew_and_reloads_itself(
    qjobs, bell, home, start
) -> None:
    set_id = submitted(qjobs, bell, "-b", "fake:delay=4")
    process = start("report", "-o", "page.html", "--every", "1s")
    path = Path("page.html")
    seen = []
    while process.poll() is None:
        if path.exists():
            text = path.read_text()
            # Whoever reads it reads all of one page.
            assert text.startswith("<!doctype html>")
            assert text.rstrip().endswith("</html>")
            if not seen or seen[-1] != text:
                seen.append(text)
        time.sleep(0.01)
    seen.append(path.read_text())  # the last one may have come since

    assert process.returncode == 0, process.stderr.read()
    assert len(seen) >= 3
    *going, last = dict.fromkeys(seen)
    for text in going:
        assert 'data-every="1.0"' in text
        assert '<meta http-equiv="refresh" content="1">' in text
    assert "data-every" not in last
    assert "refresh" not in {e.attributes.get("http-equiv") for e in elements(last, "meta")}
    assert "1 done" in words_of(last)
    assert set_id in last


@pytest.mark.slow
def test_ctrl_c_leaves_the_jobs_alone_and_a_page_that_waits_for_nobody(
    qjobs, bell, home, start
) -> None:
    import signal

    set_id = submitted(qjobs, bell, "-b", "fake:delay=3600")
    process = start("report", "-o", "page.html", "--every", "1s")
    while not Path("page.html").exists():
        assert process.poll() is None
        time.sleep(0.05)
    assert "data-every" in Path("page.html").read_text()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "the jobs go on" in err
    assert "data-every" not in Path("page.html").read_text()
    assert qjobs("status", set_id, "--json").document("status")["sets"][0]["state"] == "running"


@pytest.mark.slow
def test_with_a_time_limit_it_ends_and_says_so(qjobs, bell, home) -> None:
    submitted(qjobs, bell, "-b", "fake:delay=3600")
    ended = qjobs("report", "-o", "page.html", "--every", "1s", "--timeout", "2s")

    assert ended.code == 124
    assert "data-every" not in Path("page.html").read_text()


def test_no_credential_gets_into_it(qjobs, bell, home, page, monkeypatch) -> None:
    monkeypatch.setenv("QISKIT_IBM_TOKEN", "canary-of-the-token")
    Path("config.toml").write_text('[providers.ibm]\ntoken = "canary-of-the-file"\n')
    monkeypatch.setenv("QJOBS_CONFIG", "config.toml")
    submitted(qjobs, bell, "-b", "fake:fail=1")

    assert "canary" not in page()


def test_circuits_of_other_kinds_have_their_rows(qjobs, home, page) -> None:
    Path("bell.qasm").write_text(qasm2.dumps(circuit(bits=2)))
    dump("empty_name.qpy", circuit(" "))
    submitted(qjobs, "bell.qasm", "empty_name.qpy", "-b", "fake:blank_circuits=1")
    shown = rows(page())

    assert "bell.qasm" in shown[0]
    assert "#" not in shown[0]  # a file of one circuit
    assert "error" in shown[1]
    assert "the circuit failed as its script says" in shown[1]
