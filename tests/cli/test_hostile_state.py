"""Whatever lies in the folder of one set: it is named, nothing hangs, and the others are shown."""

import json
import os
import socket
from pathlib import Path

import pytest

from qjobs import files
from qjobs.store.state import checks

VERBS = (
    "status",
    "result",
    "show",
    "error",
    "wait",
    "cancel",
    "resume",
    "retry",
    "du",
    "tag",
    "rm",
)
BIG = "9" * 5000


def fifo(path: Path) -> None:
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.mkdir()


def unix_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the name of a socket has to be short
    try:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(path.name)
    finally:
        os.chdir(here)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def loop(path: Path) -> None:
    path.symlink_to(path.name)


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(3 << 30)


STRANGE = (fifo, folder, unix_socket, device, loop, huge)
FILES = (
    "state.toml", "circuits.qpy", "sources.json", "results/0-1.jsonl", "results", "state.lock",
    "submitting.lock",
)  # fmt: skip


@pytest.fixture
def sets(qjobs, bell, home):
    """Two sets, the second of which is done and has its results here."""
    for name in ("good", "odd"):
        assert qjobs("submit", bell, "-b", "fake:", "-n", name, "--wait").code == 0
    found = {
        path.parent: json.loads(qjobs("show", path.parent.name, "--json").out)["name"]
        for path in home.glob("sets/*/state.toml")
    }
    return {name: path for path, name in found.items()}


def look(qjobs, odd, verbs=VERBS):
    """Each verb ends with an exit code of the table and no traceback; what they said."""
    said = []
    for verb in verbs:
        ended = qjobs(verb, odd.name)
        assert ended.code in (0, 3, 5, 6, 7, 9), (verb, ended)
        assert "fault of qjobs" not in ended.err, (verb, ended)
        errors = ended.err.split("error: ")[1:]
        assert all(len(error.splitlines()) <= 3 for error in errors), (verb, ended)
        said.append(ended)
    listed = qjobs("list")
    assert listed.code == 0, listed
    assert "good" in listed.out
    return said


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("put", STRANGE)
def test_what_is_no_file_neither_hangs_nor_hides_the_others(qjobs, sets, tmp_path, put, name):
    path = sets["odd"] / name
    path.rename(tmp_path / "before") if path.exists() else None
    put(path)
    said = look(qjobs, sets["odd"])
    if name == "state.toml" and put is not loop:
        assert all(str(path) in ended.err for ended in said)
        assert all(ended.code == 9 for ended in said)


TEXTS = {
    "no UTF-8 in an id": (b'job_id = "', b'job_id = "\xff'),
    "no UTF-8 in the name": (b'name = "', b'name = "\xc3'),
    "a surrogate": (b'job_id = "', b'job_id = "\xed\xa0\x80'),
    "no UTF-8 as a whole": (b"", b"\xff\xfe"),
    "a byte order mark": (b"", b"\xef\xbb\xbf"),
    "a lone CR": (b"[set]\n", b"[set]\r"),
    "NUL": (b"[set]\n", b"[set]\n\0"),
    "shots without an end": (b"shots = ", f"shots = {BIG}".encode()),
    "circuits without an end": (b"circuits = 1\n", f"circuits = {BIG}\n".encode()),
    "a job without an end": (b"\nindex = 0", f"\nindex = {BIG}".encode()),
    "more than 64 bits": (b"shots = ", b"shots = 99999999999999999999"),
    "a seed of more": (b"shots = ", b"seed = 99999999999999999999\nshots = "),
    "the last year": (b"created = 2", b"created = 9999-12-31T23:59:59-11:00 # 2"),
    "the first year": (b"created = 2", b"created = 0001-01-01T00:00:00+11:00 # 2"),
    "the first year of a job": (b"submitted = 2", b"submitted = 0001-01-01T00:00:00+11:00 # 2"),
    "the last year in UTC": (b"submitted = 2", b"submitted = 9999-12-31T23:59:59Z # 2"),
    "a year that is none": (b"submitted = 2", b"submitted = 0000-01-01T00:00:00Z # 2"),
    "nested without an end": (b"tags = []", b"tags = " + b"[" * 5000 + b"]" * 5000),
    "a float without an end": (b"shots = ", b"precision = 1e999\nshots = "),
    "bytes of zero in the middle": (b"\n[[job]]", bytes(5000) + b"\n[[job]]"),
}


@pytest.mark.parametrize("case", TEXTS)
def test_a_text_that_cannot_be_is_named_with_its_line(qjobs, sets, case):
    path = sets["odd"] / "state.toml"
    before, after = TEXTS[case]
    # As before there were check lines: these would notice it anyway.
    data = checks.without(path.read_text()).encode()
    assert before in data
    path.write_bytes(changed := data.replace(before, after, 1))
    for ended in look(qjobs, sets["odd"]):
        assert ended.code == 9, ended
        assert f"{path}:" in ended.err
        assert int(ended.err.split(f"{path}:")[1].split(":")[0]) >= 1
    assert path.read_bytes() == changed
    assert f"{path}:" in qjobs("list").err


def test_a_set_of_more_circuits_than_there_can_be_takes_no_memory(qjobs, sets):
    path = sets["odd"] / "state.toml"
    text = checks.without(path.read_text())
    many = 10**15
    text = text.replace("circuits = 1\n", f"circuits = {many}\n")
    assert "experiments_count = 1\n" in text
    path.write_text(text.replace("experiments_count = 1\n", f"experiments_count = {many}\n"))
    for ended in look(qjobs, sets["odd"]):
        assert (ended.code, f"{path}:" in ended.err) == (9, True)


def test_a_state_file_that_is_too_large_is_refused_before_it_is_read(qjobs, sets):
    path = sets["odd"] / "state.toml"
    with path.open("ab") as file:
        file.truncate(files.LARGEST_BYTES + 1)

    for ended in look(qjobs, sets["odd"]):
        assert (ended.code, "more than qjobs ever writes" in ended.err) == (9, True)


RESULTS = {
    "shots": {"shots": 10**4000},
    "negative shots": {"shots": -1},
    "clbits": {"clbits": 10**9},
    "many wide outcomes": {"clbits": 10**6, "counts": {hex(n): 1 for n in range(5000)}},
    "a long key": {"counts": {"0x" + "f" * 1_000_000: 1}},
    "a key that is no number": {"counts": {"zero": 1}},
    "negative counts": {"counts": {"0x0": -5}},
    "counts without an end": {"counts": {"0x0": 10**4000}},
    "infinite counts": {"counts": {"0x0": float("inf")}},
    "no counts": {"counts": {"0x0": float("nan")}},
    "texts for counts": {"counts": {"0x0": "many"}},
    "memory": {"memory": ["0x0", 7]},
    "registers": {"registers": [["c", 10**12]]},
    "arrays": {"counts": None, "arrays": {"statevector": "%%%"}},
    "nothing": {"registers": None},
}


@pytest.mark.parametrize("case", RESULTS)
@pytest.mark.parametrize("form", ["tsv", "json", "jsonl", "table"])
def test_results_with_absurd_numbers_are_named_and_not_shown(qjobs, sets, case, form):
    from hashlib import sha256

    path = sets["odd"] / "results" / "0-1.jsonl"
    head, line = map(json.loads, path.read_text().splitlines())
    body = json.dumps(line | RESULTS[case]).encode() + b"\n"
    head["sha256"] = sha256(body).hexdigest()
    path.write_bytes(json.dumps(head).encode() + b"\n" + body)
    ended = qjobs("result", sets["odd"].name, "--format", form)
    assert ended.code == 9, ended
    assert f"{path}:2" in ended.err
    assert "remove the file" in ended.err
    path.unlink()
    assert qjobs("result", sets["odd"].name, "--format", form).code == 0
