"""Hints about files, options and addresses: whoever does what they say gets on.

Each case goes wrong in a way of its own, does what the very words on stderr name, and goes on. The
commands, options and examples are taken from there, never from here.
"""

import re
import zipfile
from pathlib import Path

import pytest
from support.hints import BELL, FAKE, SWEPT, Qjobs, good, hint_of, the


@pytest.fixture
def files(home: Path, bell: str, bell_qasm: str, tmp_path: Path) -> Path:
    """A folder, the present one, with good circuits."""
    (tmp_path / "swept.qasm").write_text(SWEPT)
    return tmp_path


# Files


def test_no_files(qjobs: Qjobs, files: Path) -> None:
    words = the("^qjobs (.*)", hint_of(qjobs("submit", *FAKE)))
    good(qjobs, *words.replace("FILES...", "bell.qpy").split(), *FAKE)


def test_a_retry_with_other_options(qjobs: Qjobs, files: Path) -> None:
    qjobs("submit", "bell.qpy", "-b", "fake:fail=1", "--wait")
    ended = qjobs("retry", "--option", "time=2:00:00")
    assert ended.code == 2
    command = the("qjobs (submit .*)", hint_of(ended))
    words = command.replace("FILES", "bell.qpy").replace("KEY=VALUE", "time=2:00:00").split()
    good(qjobs, *words, *FAKE)


def test_a_file_that_is_not_there(qjobs: Qjobs, files: Path) -> None:
    pattern = the("patterns such as '(.*)' work", hint_of(qjobs("submit", "bel.qpy", *FAKE)))
    (files / pattern).parent.mkdir()
    (files / pattern.replace("*", "bell")).write_text(BELL)
    good(qjobs, "submit", pattern, *FAKE)


def test_a_folder_without_circuits(qjobs: Qjobs, files: Path) -> None:
    (files / "folder").mkdir()
    (files / "folder" / "bell.txt").write_text(BELL)
    endings = the("by their ending: (.*), or", hint_of(qjobs("submit", "folder", *FAKE))).split()
    for ending in endings:
        (files / "folder" / f"bell{ending}").write_text(BELL)
    found = good(qjobs, "submit", "folder", "--dry-run", "--json", *FAKE).document("plan")
    assert found["circuits"] == len(endings) == 4


def test_an_archive(qjobs: Qjobs, files: Path) -> None:
    with zipfile.ZipFile(files / "a.zip", "w") as archive:
        archive.write(files / "bell.qasm", "bell.qasm")
    command, folder = hint_of(qjobs("submit", "a.zip", *FAKE)).split(" makes ")[0], "circuits"
    assert command.split() == ["unzip", "-d", folder, "a.zip"]
    with zipfile.ZipFile(files / "a.zip") as archive:
        archive.extractall(folder)  # as the command does, which may not be installed
    good(qjobs, "submit", folder, *FAKE)


def test_one_unreadable_file_among_good_ones(qjobs: Qjobs, files: Path) -> None:
    (files / "bad.qasm").write_text(BELL.replace("cx", "cxx"))
    words = ["submit", "bad.qasm", "bell.qasm", *FAKE]
    good(qjobs, *words, the("(--[a-z-]+)", hint_of(qjobs(*words))))


def test_a_file_that_is_no_openqasm_at_all(qjobs: Qjobs, files: Path) -> None:
    (files / "odd.txt").write_text("{}\n")
    line = the("begins with the line (OPENQASM 2.0;)", hint_of(qjobs("submit", "odd.txt", *FAKE)))
    (files / "odd.txt").write_text(f"{line}\n{BELL.partition(chr(10))[2]}")
    good(qjobs, "submit", "odd.txt", *FAKE)


def test_circuits_that_measure_nothing(qjobs: Qjobs, files: Path) -> None:
    (files / "bare.qasm").write_text(BELL.replace("measure q -> c;", ""))
    words = ["submit", "bare.qasm", "--strict", *FAKE]
    words.remove(the("leave out (--[a-z]+)", hint_of(qjobs(*words))))
    good(qjobs, *words)


# Values and observables


def test_parameters_without_values(qjobs: Qjobs, files: Path) -> None:
    hint = hint_of(qjobs("submit", "swept.qasm", *FAKE))
    (files / "values.csv").write_text("turn\n0.5\n")
    good(qjobs, "submit", "swept.qasm", the("(--[a-z]+) FILE", hint), "values.csv", *FAKE)


def test_values_in_a_file_of_another_name(qjobs: Qjobs, files: Path) -> None:
    (files / "values.txt").write_text("turn\n0.5\n")
    ended = qjobs("submit", "swept.qasm", "--parameters", "values.txt", *FAKE)
    ending = the(r"or (\.\w+)$", hint_of(ended))
    (files / "values.txt").rename(files / f"values{ending}")
    good(qjobs, "submit", "swept.qasm", "--parameters", f"values{ending}", *FAKE)


def test_values_that_are_neither_columns_nor_rows(qjobs: Qjobs, files: Path) -> None:
    words = ["submit", "swept.qasm", "--parameters", "values.json", *FAKE]
    (files / "values.json").write_text("3")
    columns, rows = the("such a file is (.*)", hint_of(qjobs(*words))).split(" or ")
    for example in (columns, rows):
        (files / "values.json").write_text(example.replace("theta", "turn"))
        good(qjobs, *words)


def test_a_table_without_names(qjobs: Qjobs, files: Path) -> None:
    words = ["submit", "swept.qasm", "--parameters", "values.csv", *FAKE]
    (files / "values.csv").write_text("0.5\n0.7\n")
    assert "the first line of a .csv file holds the names" in hint_of(qjobs(*words))
    (files / "values.csv").write_text("turn\n0.5\n0.7\n")
    good(qjobs, *words)


def test_values_that_no_circuit_has_a_place_for(qjobs: Qjobs, files: Path) -> None:
    (files / "values.csv").write_text("turn\n0.5\n")
    words = ["submit", "bell.qpy", *FAKE, "--parameters", "values.csv"]
    option = the("leave out (--[a-z]+)", hint_of(qjobs(*words)))
    good(qjobs, *words[: words.index(option)])


def test_what_is_no_list_of_observables(qjobs: Qjobs, files: Path) -> None:
    words = ["submit", "bell.qpy", "--observables", "o.json", "-b", "local", "--dry-run"]
    (files / "o.json").write_text("3")
    (files / "o.json").write_text(the("such a file is (.*)", hint_of(qjobs(*words))))
    good(qjobs, *words)


def test_observables_where_there_are_only_counts(qjobs: Qjobs, files: Path) -> None:
    (files / "o.json").write_text('["ZZ"]')
    words = ["submit", "bell.qpy", *FAKE, "--observables", "o.json"]
    option = the("leave out (--[a-z]+)", hint_of(qjobs(*words)))
    good(qjobs, *words[: words.index(option)])


# Options


def test_more_than_the_backend_takes(qjobs: Qjobs, files: Path) -> None:
    for script, words in (("executions=100", []), ("circuits=1", ["--per-job", "2"])):
        asked = ["submit", "bell.qpy", "bell.qpy", "-b", f"fake:{script}"]
        option, most = the("use (--[a-z-]+ [0-9]+)", hint_of(qjobs(*asked, *words))).split()
        good(qjobs, *asked, option, most)


@pytest.mark.parametrize(
    "words",
    [
        ["--account", "a", *FAKE],
        ["--mode", "batch", *FAKE],
        ["--instance", "i", *FAKE],
    ],
)
def test_an_option_that_the_provider_does_not_know(
    qjobs: Qjobs, files: Path, words: list[str]
) -> None:
    hint = hint_of(qjobs("submit", "bell.qpy", *words))
    assert words[0] in the("leave out (.*)", hint)
    good(qjobs, "submit", "bell.qpy", *words[2:])


def test_an_option_under_another_name(qjobs: Qjobs, files: Path) -> None:
    ended = qjobs("submit", "bell.qpy", "--option", "shots=5", "-b", "local")
    option = the("use (--[a-z]+)", hint_of(ended))
    good(qjobs, "submit", "bell.qpy", option, "5", *FAKE)


def test_a_precision_without_observables(qjobs: Qjobs, files: Path) -> None:
    words = ["submit", "bell.qpy", "-b", "local", "--dry-run"]
    hint = hint_of(qjobs(*words, "--precision", "0.1"))
    (files / "o.json").write_text('["ZZ"]')
    good(qjobs, *words, "--precision", "0.1", the("add (--[a-z]+) FILE", hint), "o.json")
    good(qjobs, *words, the("how many (--[a-z]+)", hint), "5")


@pytest.mark.parametrize("words", [["submit", "--bogus"], ["status", "--format", "bogus"]])
def test_an_option_that_does_not_exist(qjobs: Qjobs, files: Path, words: list[str]) -> None:
    asked = the("^qjobs (.*)", hint_of(qjobs(*words))).split()
    assert f"Usage: qjobs {words[0]}" in re.sub(r"\s+", " ", good(qjobs, *asked).out)


def test_a_name_that_no_set_may_have(qjobs: Qjobs, files: Path) -> None:
    hint = hint_of(qjobs("submit", "bell.qpy", "--name", "@x", *FAKE))
    most = int(the("up to ([0-9]+) letters", hint))
    good(qjobs, "submit", "bell.qpy", "--name", ("a9._-" * most)[:most], *FAKE)


# Backends


@pytest.mark.parametrize(
    ("backend", "pattern"),
    [
        ("nosuch:x", r"providers: (\w+)"),
        ("local:", r"write (\w+) alone"),
        ("fake:bogus=1", r"keys: (\w+)"),
        ("local:nosuch", r"backends: (\w+)"),
        ("local:fake", r"backends: .*, (basic_simulator)"),
    ],
)
def test_a_backend_that_does_not_exist(
    qjobs: Qjobs, files: Path, backend: str, pattern: str
) -> None:
    named = the(pattern, hint_of(qjobs("submit", "bell.qpy", "-b", backend)))
    meant = {"nosuch:x": named, "local:": named, "fake:bogus=1": f"fake:{named}=0"}
    place = meant.get(backend, f"local:{named}")
    good(qjobs, "submit", "bell.qpy", "-b", place, "--dry-run")


def test_no_provider_before_the_colon(qjobs: Qjobs, files: Path) -> None:
    words = the("write it as (.*)", hint_of(qjobs("submit", "bell.qpy", "-b", ":aer")))
    good(
        qjobs,
        "submit",
        "bell.qpy",
        "-b",
        words.replace("provider", "fake").replace("backend", "delay=0"),
    )


def test_an_empty_backend(qjobs: Qjobs, files: Path) -> None:
    assert "leave it out" in hint_of(qjobs("submit", "bell.qpy", "-b", ""))
    good(qjobs, "submit", "bell.qpy", "--dry-run")


def test_the_least_busy_of_one(qjobs: Qjobs, files: Path) -> None:
    ended = qjobs("submit", "bell.qpy", "-b", "fake:delay=0", "--least-busy")
    words = the("use (.*)", hint_of(ended)).split()
    ended = qjobs("submit", "bell.qpy", *words)
    if ended.code:  # no backend of it says how busy it is: that leads on
        good(qjobs, *the("^qjobs (.*)", hint_of(ended)).split())


def test_a_module_that_is_not_there(
    qjobs: Qjobs, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["submit", "bell.qpy", "-b", "local:made_here.backends:make", "--dry-run"]
    variable = the("name its folder in ([A-Z]+)", hint_of(qjobs(*words)))
    package = files / "elsewhere" / "made_here"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "backends.py").write_text(
        "from qiskit.providers.basic_provider import BasicSimulator\n\nmake = BasicSimulator\n"
    )
    monkeypatch.syspath_prepend(package.parent)  # as the variable does, for processes that start
    monkeypatch.setenv(variable, str(package.parent))
    good(qjobs, *words)


@pytest.mark.parametrize("words", [["-p", "nosuch"]])
def test_backends_of_a_provider_that_does_not_exist(
    qjobs: Qjobs, files: Path, words: list[str]
) -> None:
    named = the(r"providers: (\w+)", hint_of(qjobs("backends", *words)))
    good(qjobs, "backends", "-p", named)


# Addresses, and where to write


@pytest.fixture
def ten(qjobs: Qjobs, files: Path) -> str:
    return good(qjobs, "submit", *["bell.qpy"] * 10, "--per-job", "1", *FAKE).out.strip()


@pytest.mark.parametrize("separator", ["/", ":"])
def test_a_range_that_is_none(qjobs: Qjobs, ten: str, separator: str) -> None:
    hint = hint_of(qjobs("status", f"{ten}{separator}x"))
    for example in re.findall(r"[0-9-][0-9:-]*", the("such as (.*)", hint)):
        good(qjobs, "status", f"{ten}{separator}{example}")


@pytest.mark.parametrize("word", ["nobody", "@99", f"{'f' * 12}"])
def test_a_set_that_does_not_exist(qjobs: Qjobs, ten: str, word: str) -> None:
    asked = the("^qjobs (.*)", hint_of(qjobs("status", word))).split()
    assert ten in good(qjobs, *asked).out


def test_circuits_of_all_sets(qjobs: Qjobs, ten: str) -> None:
    asked = the("name one of them: qjobs (.*)", hint_of(qjobs("status", "@all:3"))).split()
    (found,) = good(qjobs, *asked, "-q").out.split()
    good(qjobs, "status", f"{found}:3")


def test_no_sets_at_all(qjobs: Qjobs, files: Path) -> None:
    words = the("^qjobs (.*)", hint_of(qjobs("status")))
    good(qjobs, *words.replace("FILES...", "bell.qpy").split(), *FAKE)
    good(qjobs, "status")


def test_a_file_to_write_to_without_a_format(qjobs: Qjobs, ten: str, files: Path) -> None:
    endings = the("end it in (.*), or", hint_of(qjobs("result", "--out", "x.xyz"))).split(", ")
    for ending in endings:
        good(qjobs, "result", "--out", f"x{ending}")
        assert (files / f"x{ending}").stat().st_size


@pytest.mark.parametrize("way", ["move them away", "name another folder"])
def test_a_folder_with_files_of_others(qjobs: Qjobs, ten: str, files: Path, way: str) -> None:
    good(qjobs, "result", "--out", "first/")
    (files / "out").mkdir()
    for name in (path.name for path in (files / "first").iterdir()):
        if not name.startswith("."):
            (files / "out" / name).touch()
    assert way in hint_of(qjobs("result", "--out", "out/"))
    (files / "out").rename(files / "away")
    good(qjobs, "result", "--out", "out/" if way.startswith("move") else "other/")


@pytest.mark.parametrize("way", ["empty the folder", "name another one"])
def test_a_folder_whose_list_is_damaged(qjobs: Qjobs, ten: str, files: Path, way: str) -> None:
    good(qjobs, "result", "--out", "out/")
    (files / "out" / ".qjobs-files").write_text("{")
    assert way in hint_of(qjobs("result", "--out", "out/"))
    for path in (files / "out").iterdir():
        path.unlink()
    good(qjobs, "result", "--out", "out/" if way.startswith("empty") else "other/")


def test_a_schema_that_does_not_exist(qjobs: Qjobs, files: Path) -> None:
    for name in the("one of (.*)", hint_of(qjobs("schema", "nosuch"))).split(", "):
        good(qjobs, "schema", name)


def test_of_several_jobs_one_is_to_adopt_an_id(qjobs: Qjobs, ten: str) -> None:
    words = the("^qjobs (.*)", hint_of(qjobs("adopt", ten, "fake-1"))).replace("JOB_ID", "fake-99")
    known = qjobs(*words.split())  # its fate is known: that leads on
    assert ten in good(qjobs, *the("^qjobs (.*)", hint_of(known)).split()).out


def test_some_circuits_of_a_job(qjobs: Qjobs, files: Path) -> None:
    good(qjobs, "submit", *["bell.qpy"] * 3, "-b", "fake:fail=1", "--per-job", "3")
    good(qjobs, *the("that is right: qjobs (.*), or", hint_of(qjobs("retry", "@last:0"))).split())


def test_an_id_that_the_provider_does_not_know(qjobs: Qjobs, files: Path) -> None:
    ended = qjobs("submit", "bell.qpy", "-b", "fake:lose=1,find=no")
    address = f"{ended.out.strip()}/0"
    tag = the("the job with the tag (.*)", hint_of(qjobs("adopt", address, "nobody")))
    (shown,) = qjobs("status", "--json").document("status")["sets"]
    assert tag in shown["jobs"][0]["message"]
    good(qjobs, "adopt", address, "fake-1")  # that of the tag, as it is there


def test_an_id_with_a_space(qjobs: Qjobs, files: Path) -> None:
    address = f"{qjobs('submit', 'bell.qpy', '-b', 'fake:lose=1,find=no').out.strip()}/0"
    assert hint_of(qjobs("adopt", address, "fake 1")) == "give it as the provider shows it"
    good(qjobs, "adopt", address, "fake-1")


def test_the_least_busy_backend_of_nobody(qjobs: Qjobs, files: Path) -> None:
    words = the("qjobs (.*)", hint_of(qjobs("backends", "--least-busy")))
    good(qjobs, *words.replace("NAME", "fake").split())


def test_counts_and_expectation_values_in_one_table(
    qjobs: Qjobs, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QJOBS_LOCAL_IDLE_S", "0.1")
    (files / "o.json").write_text('["ZZ"]')
    good(qjobs, "submit", "bell.qpy", *FAKE)
    good(qjobs, "submit", "bell.qpy", "--observables", "o.json", "-b", "local", "--wait")
    format_ = the("use --format ([a-z]+)", hint_of(qjobs("result", "@1", "@2", "--format", "csv")))
    good(qjobs, "result", "@1", "@2", "--format", format_)
    for one in ("@1", "@2"):
        good(qjobs, "result", one, "--format", "csv")


def test_more_circuits_than_are_shown(qjobs: Qjobs, files: Path) -> None:
    good(qjobs, "submit", *["bell.qpy"] * 21, *FAKE)
    shown = " ".join(good(qjobs, "result", "--format", "table").out.split())
    words = the("1 more circuit: qjobs (.*), or", shown).split()
    assert len(good(qjobs, *words).out.splitlines()) >= 21
    option, name = the(r"or (--out \S+)$", shown).split()
    good(qjobs, "result", option, name)
    assert len((files / name).read_text().splitlines()) >= 21
