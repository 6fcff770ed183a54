"""export and import: a set arrives elsewhere as it was, or not at all, and without a secret."""

import json
import os
import re
import shutil
import stat
import struct
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.hints import good, hint_of, the
from support.schemas import validate

from qjobs.lock import FileLock
from qjobs.store.archive import manifest

Qjobs = Callable[..., Any]
CANARY = "canary-7f3a19c2d4e8"


@pytest.fixture
def done(qjobs: Qjobs, bell: str) -> str:
    """A set of two jobs that are done; their results are with the provider."""
    ended = good(qjobs, "submit", bell, bell, "-b", "fake", "--per-job", "1", "--name", "ghz")
    good(qjobs, "wait", set_id := str(ended.out.strip()))
    return set_id


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Path]:
    """Go to another machine, as far as its state folder is concerned."""

    def go(name: str = "there") -> Path:
        monkeypatch.setenv("QJOBS_HOME", str(tmp_path / name))
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / f"{name}-settings"))
        return tmp_path / name

    return go


def contents(folder: Path) -> dict[str, bytes]:
    """What is in the folder of a set, but for locks."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


def remade(archive: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """The archive with other files, and a manifest that tells of them as they are."""
    with zipfile.ZipFile(archive) as before:
        files = {name: before.read(name) for name in before.namelist()}
    document = json.loads(files.pop("manifest.json"))
    change(files)
    from hashlib import sha256

    document["files"] = [
        {"path": name, "bytes": len(data), "sha256": sha256(data).hexdigest()}
        for name, data in files.items()
    ]
    other = archive.with_name("other.zip")
    with zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED) as after:
        for name, data in files.items():
            after.writestr(name, data)
        after.writestr("manifest.json", json.dumps(document))
    return other


def test_a_set_arrives_as_it_was_with_what_its_provider_had_of_it(
    qjobs: Qjobs, home: Path, done: str, there: Callable[..., Path]
) -> None:
    shutil.rmtree(home / "sets" / done / "results")
    told = good(qjobs, "export", done, "-o", "ghz.zip", "--json").document("export")
    assert [(one["id"], one["results"], one["missing"]) for one in told["sets"]] == [(done, 2, [])]
    assert told["bytes"] == Path("ghz.zip").stat().st_size
    counts = json.loads(good(qjobs, "result", done, "--json").out)
    before = contents(home / "sets" / done)
    assert {"state.toml", "circuits.qpy", "results/0-1.jsonl", "results/1-1.jsonl"} < {*before}

    elsewhere = there()
    ended = good(qjobs, "import", "ghz.zip", "--json").document("import")

    assert [(one["id"], one["here"]) for one in ended["sets"]] == [(done, False)]
    assert contents(elsewhere / "sets" / done) == before
    assert json.loads(good(qjobs, "result", done, "--json").out) == counts
    for path in (elsewhere / "sets").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_the_same_set_makes_the_same_bytes_which_only_their_owner_reads(
    qjobs: Qjobs, done: str
) -> None:
    good(qjobs, "export", done, "-o", "one.zip")
    good(qjobs, "export", done, "-o", "two.zip")
    assert Path("one.zip").read_bytes() == Path("two.zip").read_bytes()
    assert stat.S_IMODE(Path("one.zip").stat().st_mode) == 0o600
    with zipfile.ZipFile("one.zip") as archive:  # a second reader
        assert archive.testzip() is None
        document = json.loads(archive.read("manifest.json"))
    validate(document, "manifest")


def test_what_is_here_already_is_said_and_is_no_failure_even_when_more_has_happened(
    qjobs: Qjobs, bell: str, there: Callable[..., Path]
) -> None:
    set_id = good(qjobs, "submit", bell, "-b", "fake:").out.strip()
    good(qjobs, "export", set_id, "-o", "early.zip", "--cached")
    (one,) = good(qjobs, "import", "early.zip", "--json").document("import")["sets"]
    assert one["here"]
    good(qjobs, "wait", set_id)
    good(qjobs, "rename", set_id, "other-name")

    ended = good(qjobs, "import", "early.zip")

    assert "1 set here already" in ended.err
    assert "other-name" in qjobs("list").out


def test_a_set_that_is_here_with_another_content_stays_and_the_hint_shows_the_other(
    qjobs: Qjobs, home: Path, done: str, bell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = good(qjobs, "submit", bell, "-b", "fake:").out.strip()
    good(qjobs, "export", done, other, "-o", "two.zip")
    state = home / "sets" / done / "state.toml"
    state.write_text(
        re.sub(r'circuits_sha256 = "[0-9a-f]{64}"', f'circuits_sha256 = "{"0" * 64}"',
               re.sub("# crc32 .*\n", "", state.read_text()))
    )  # fmt: skip
    shutil.rmtree(home / "sets" / other)
    before = contents(home / "sets")

    ended = qjobs("import", "two.zip")

    assert ended.code == 5
    assert f"the set {done} is here with another content" in ended.err
    assert contents(home / "sets") == before  # not even the set that is not here
    home_, words = the(r": (QJOBS_HOME=\S+) ", hint_of(ended)), hint_of(ended).split()[-3:]
    monkeypatch.setenv(*home_.split("="))
    good(qjobs, *words[1:])
    assert qjobs("list").out.count("\n") == 2


def test_what_somebody_may_have_changed_is_not_taken_for_the_same(qjobs: Qjobs, done: str) -> None:
    good(qjobs, "export", done, "-o", "one.zip")

    def another(files: dict[str, bytes]) -> None:
        name = f"sets/{done}/state.toml"
        text = re.sub("# crc32 .*\n", "", files[name].decode())
        files[name] = text.replace('job_id = "fake-1"', 'job_id = "fake-99"').encode()

    assert (
        "is here with another content" in qjobs("import", str(remade(Path("one.zip"), another))).err
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("/etc/passwd", "is an absolute path"),
        ("C:/windows", "is an absolute path"),
        ("\\\\server\\share", "is an absolute path"),
        ("sets/../../outside", "leads out of the folder"),
        ("sets\\..\\outside", "leads out of the folder"),
        ("sets/{}/../other/state.toml", "leads out of the folder"),
        ("sets/{}/notes.txt", "is nothing that an export has"),
        ("sets/{}/STATE.toml", "is nothing that an export has"),
        ("sets/{}/results/00001.jsonl", "is nothing that an export has"),
        ("sets/{}/results/", "is nothing that an export has"),
        ("sets/./{}/state.toml", "is nothing that an export has"),
        ("sets/{}/state.toml\0.txt", "is nothing that an export has"),
        ("sets/.removed-1/state.toml", "is nothing that an export has"),
        ("local/queue.db", "is nothing that an export has"),
        ("config.toml", "is nothing that an export has"),
        ("sets/other/circuits.qpy", "its files are not those of its manifest.json"),
    ],
)
def test_a_name_that_no_export_has_is_refused(
    qjobs: Qjobs, done: str, there: Callable[..., Path], tmp_path: Path, name: str, said: str
) -> None:
    good(qjobs, "export", done, "-o", "x.zip")
    with zipfile.ZipFile("x.zip", "a") as archive:
        info = zipfile.ZipInfo(name.format(done))
        info.filename = info.orig_filename = name.format(done)
        archive.writestr(info, b"mine")
    refused(qjobs, there(), said)


def refused(qjobs: Qjobs, home: Path, said: str, file: str = "x.zip") -> None:
    """Nothing of it is imported, and nothing is left of the try."""
    outside = {path for path in home.parent.rglob("*") if home not in path.parents}
    ended = qjobs("import", file)
    assert ended.code in (5, 9), ended
    assert said in ended.err, ended.err
    assert "nothing was imported" in ended.err or "cannot read" in ended.err or ended.code == 9
    assert "Traceback" not in ended.err
    assert len(ended.err.splitlines()) <= 3
    assert not list(home.glob("sets/*"))
    assert {path for path in home.parent.rglob("*") if home not in path.parents} - {
        home
    } == outside - {home}


@pytest.mark.parametrize(
    ("kind", "said"),
    [(stat.S_IFLNK, "is a link"), (stat.S_IFCHR, "is no file"), (stat.S_IFIFO, "is no file"),
     (stat.S_IFDIR, "is no file")],
)  # fmt: skip
def test_links_and_devices_are_refused(
    qjobs: Qjobs, done: str, there: Callable[..., Path], kind: int, said: str
) -> None:
    good(qjobs, "export", done, "-o", "x.zip")
    rewritten("x.zip", lambda info: setattr(info, "external_attr", (kind | 0o777) << 16))
    refused(qjobs, there(), said)


def rewritten(path: str, change: Callable[[zipfile.ZipInfo], object]) -> None:
    """The same archive with another directory; the first file's is changed."""
    with zipfile.ZipFile(path, "a") as archive:
        change(archive.infolist()[0])
        archive._didModify = True  # type: ignore[attr-defined]  # or it would not be written


def test_the_same_name_twice_is_refused(
    qjobs: Qjobs, done: str, there: Callable[..., Path]
) -> None:
    good(qjobs, "export", done, "-o", "x.zip")
    with zipfile.ZipFile("x.zip", "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(f"sets/{done}/state.toml", b"other")
    refused(qjobs, there(), "is in it twice")


def test_a_bomb_is_refused_before_it_is_unpacked(
    qjobs: Qjobs, done: str, there: Callable[..., Path]
) -> None:
    good(qjobs, "export", done, "-o", "x.zip")

    def grow(files: dict[str, bytes]) -> None:
        files[f"sets/{done}/circuits.qpy"] = bytes(8 << 20)

    other = remade(Path("x.zip"), grow)
    assert other.stat().st_size < 1 << 16
    refused(qjobs, there(), "times as large as it is", str(other))


def test_a_size_that_is_a_lie_gives_no_byte_more(
    qjobs: Qjobs, done: str, there: Callable[..., Path], tmp_path: Path
) -> None:
    good(qjobs, "export", done, "-o", "x.zip")

    def grow(files: dict[str, bytes]) -> None:
        files[f"sets/{done}/circuits.qpy"] = bytes(8 << 20)

    other = remade(Path("x.zip"), grow)
    data = other.read_bytes()
    true, lie = struct.pack("<L", 8 << 20), struct.pack("<L", 1000)
    assert data.count(true) == 2  # in the file's head and in the directory
    document = data.replace(true, lie)
    other.write_bytes(document)
    refused(qjobs, there(), "its files are not as long as", str(other))


def test_files_that_share_their_bytes_are_refused(
    qjobs: Qjobs, done: str, there: Callable[..., Path]
) -> None:
    good(qjobs, "export", done, "-o", "x.zip")
    with zipfile.ZipFile("x.zip") as archive:
        offset = archive.infolist()[1].header_offset
    rewritten("x.zip", lambda info: setattr(info, "header_offset", offset))
    refused(qjobs, there(), "shares its bytes")


@pytest.mark.parametrize("place", [0.02, 0.3, 0.6, 0.9])
def test_a_changed_byte_is_noticed(
    qjobs: Qjobs, done: str, there: Callable[..., Path], place: float
) -> None:
    good(qjobs, "export", done, "-o", "x.zip")
    data = bytearray(Path("x.zip").read_bytes())
    data[int(len(data) * place)] ^= 0x55
    Path("x.zip").write_bytes(data)
    refused(qjobs, there(), "")


def test_a_content_that_its_manifest_does_not_tell_of_is_noticed(
    qjobs: Qjobs, done: str, there: Callable[..., Path]
) -> None:
    good(qjobs, "export", done, "-o", "x.zip")
    with zipfile.ZipFile("x.zip") as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    name = f"sets/{done}/results/0-1.jsonl"
    files[name] = files[name][:-9] + b"9" * 9
    with zipfile.ZipFile("x.zip", "w") as archive:
        for member, data in files.items():
            archive.writestr(member, data)
    refused(qjobs, there(), "does not have the checksum")


def test_the_hint_of_a_damaged_one_leads_to_a_good_one(
    qjobs: Qjobs, home: Path, done: str, there: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    good(qjobs, "export", done, "-o", "x.zip")
    Path("x.zip").write_bytes(Path("x.zip").read_bytes()[:-30])
    there()
    assert hint_of(qjobs("import", "x.zip")) == "have it exported and sent again"
    with monkeypatch.context() as here:
        here.setenv("QJOBS_HOME", str(home))
        good(qjobs, "export", done, "-o", "x.zip")
    good(qjobs, "import", "x.zip")


def test_circuits_that_the_set_was_not_planned_with_are_refused(
    qjobs: Qjobs, done: str, there: Callable[..., Path]
) -> None:
    good(qjobs, "export", done, "-o", "x.zip")

    def other(files: dict[str, bytes]) -> None:
        files[f"sets/{done}/circuits.qpy"] += b"more"

    refused(
        qjobs, there(), "is not what its set was planned with", str(remade(Path("x.zip"), other))
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace('id = "', 'id = "f', 1), "in a folder of another name"),
        (lambda text: "nothing", "sets/"),
        (lambda text: text.replace("format = 2", "format = 99"), ""),
    ],
)  # fmt: skip
def test_a_state_that_is_none_is_refused(
    qjobs: Qjobs, done: str, there: Callable[..., Path], change: Callable[[str], str], said: str
) -> None:
    good(qjobs, "export", done, "-o", "x.zip")

    def other(files: dict[str, bytes]) -> None:
        name = f"sets/{done}/state.toml"
        files[name] = change(re.sub("# crc32 .*\n", "", files[name].decode())).encode()

    other_zip = remade(Path("x.zip"), other)
    if "99" in change("format = 2"):  # reading goes on with what a newer qjobs wrote
        there()
        good(qjobs, "import", str(other_zip))
        return
    refused(qjobs, there(), said, str(other_zip))


def test_a_manifest_of_a_newer_qjobs_says_so(
    qjobs: Qjobs, done: str, there: Callable[..., Path]
) -> None:
    good(qjobs, "export", done, "-o", "x.zip")
    with zipfile.ZipFile("x.zip") as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files["manifest.json"] = files["manifest.json"].replace(b"manifest/1", b"manifest/2")
    with zipfile.ZipFile("x.zip", "w") as archive:
        for member, data in files.items():
            archive.writestr(member, data)
    ended = qjobs("import", "x.zip")
    assert (ended.code, hint_of(ended)) == (9, "update qiskit-qjobs")


@pytest.mark.parametrize("name", ["nothing.zip", "folder", "fifo", "text"])
def test_what_is_no_archive_is_said_and_waits_for_nobody(
    qjobs: Qjobs, home: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "text").write_text("PK" * 50)
    ended = qjobs("import", name)
    assert ended.code == 5
    assert name in ended.err
    assert len(ended.err.splitlines()) <= 2


def test_a_disk_without_room_is_said_before_anything_is_unpacked(
    qjobs: Qjobs, done: str, monkeypatch: pytest.MonkeyPatch, there: Callable[..., Path]
) -> None:
    good(qjobs, "export", done, "-o", "x.zip")
    elsewhere = there()
    free = shutil.disk_usage(elsewhere.parent)
    with monkeypatch.context() as full:
        full.setattr(shutil, "disk_usage", lambda _: free._replace(free=1000))
        ended = qjobs("import", "x.zip")
    assert ended.code == 9
    assert "there is no room" in ended.err
    assert "QJOBS_HOME" in hint_of(ended)
    there("larger-disk")
    good(qjobs, "import", "x.zip")


# What goes in.


def test_a_file_is_asked_for_and_the_hint_works(qjobs: Qjobs, done: str) -> None:
    ended = qjobs("export", "@last")
    assert ended.code == 2
    good(qjobs, *hint_of(ended).split()[1:])
    assert Path("jobs.zip").exists()


def test_what_cannot_be_written_leaves_what_was_there(
    qjobs: Qjobs, home: Path, done: str, tmp_path: Path
) -> None:
    Path("x.zip").write_text("before")
    circuits = home / "sets" / done / "circuits.qpy"
    circuits.write_bytes(circuits.read_bytes() + b"more")

    ended = qjobs("export", done, "-o", "x.zip")

    assert ended.code == 9
    assert "is not what was planned" in ended.err
    assert Path("x.zip").read_text() == "before"
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".part"]
    assert "move it away" in hint_of(ended)
    circuits.unlink()
    good(qjobs, "export", done, "-o", "x.zip")


def test_a_damaged_result_is_left_out_and_said(qjobs: Qjobs, home: Path, done: str) -> None:
    good(qjobs, "result", done)
    (home / "sets" / done / "results" / "0-1.jsonl").write_text("{}\n")
    ended = good(qjobs, "export", done, "-o", "x.zip", "--json")
    assert "left out" in ended.err
    (told,) = ended.document("export")["sets"]
    assert (told["results"], told["missing"]) == (1, [0])


def test_what_is_under_way_on_this_machine_is_said_to_stay_there(
    qjobs: Qjobs, bell: str, there: Callable[..., Path]
) -> None:
    set_id = good(qjobs, "submit", bell, bell, "-b", "fake:delay=600", "--per-job", "1").out.strip()
    ended = good(qjobs, "export", set_id, "-o", "x.zip")
    assert f"{set_id}/0-1: 2 jobs of fake can be followed only where" in " ".join(ended.err.split())
    there()
    ended = good(qjobs, "import", "x.zip")
    assert "can be followed only where" in ended.err
    assert qjobs("status", set_id).code == 0


def test_a_remote_set_is_followed_on_another_machine(
    qjobs: Qjobs, home: Path, bell: str, there: Callable[..., Path]
) -> None:
    """The folder of `fake` stands for the service, which both machines can ask."""
    set_id = good(qjobs, "submit", bell, "-b", "fake:delay=1").out.strip()
    good(qjobs, "export", set_id, "-o", "x.zip", "--cached")
    elsewhere = there()
    good(qjobs, "import", "x.zip")
    shutil.copytree(home / "fake", elsewhere / "fake")
    assert qjobs("wait", set_id).code == 0
    assert json.loads(good(qjobs, "result", set_id, "--json").out)["complete"]


def test_writers_are_waited_for_and_the_snapshot_is_whole(
    qjobs: Qjobs, home: Path, done: str, start: Callable[..., Any]
) -> None:
    lock = FileLock(home / "sets" / done / "state.lock")
    state = home / "sets" / done / "state.toml"
    whole = state.read_bytes()
    try:
        assert lock.acquire(wait_s=5)
        with state.open("ab") as file:  # half a fact, by whoever holds the lock
            file.write(b"\n[[fact]]\njob = 0\natt")
        process = start("export", done, "-o", "x.zip", "--cached")
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=2)
        state.write_bytes(whole)
    finally:
        lock.close()
    assert process.wait(timeout=60) == 0
    with zipfile.ZipFile("x.zip") as archive:
        assert archive.read(f"sets/{done}/state.toml") == whole


def test_no_credential_is_ever_in_an_export(
    qjobs: Qjobs, home: Path, bell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever one may be: variables, the config file, the accounts of IBM's client."""
    for name in ("QISKIT_IBM_TOKEN", "IONQ_API_KEY", "AWS_SECRET_ACCESS_KEY", "MY_TOKEN"):
        monkeypatch.setenv(name, CANARY)
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    accounts = tmp_path / "user" / ".qiskit" / "qiskit-ibm.json"
    accounts.parent.mkdir(parents=True)
    accounts.write_text(json.dumps({"default": {"token": CANARY, "channel": "ibm_quantum"}}))
    config = tmp_path / "config.toml"
    monkeypatch.setenv("QJOBS_CONFIG", str(config))
    config.write_text(
        f'[providers.acme]\nfactory = "acme:Provider"\narguments = {{token = "{CANARY}"}}\n'
    )
    set_id = good(qjobs, "submit", bell, "-b", "fake", "--wait").out.strip()
    (home / "sets" / set_id / "token.txt").write_text(CANARY)
    (home / "fake" / "secret").write_text(CANARY)
    good(qjobs, "export", set_id, "-o", "x.zip")
    with zipfile.ZipFile("x.zip") as archive:
        for name in archive.namelist():
            assert CANARY.encode() not in archive.read(name), name
            assert CANARY not in name


def test_what_is_redacted_is_gone_and_the_set_can_be_read(
    qjobs: Qjobs, home: Path, tmp_path: Path, bell: str, there: Callable[..., Path]
) -> None:
    folder = tmp_path / "of-mallory" / "secret-project"
    folder.mkdir(parents=True)
    shutil.copy(bell, folder / "bell.qpy")
    set_id = good(
        qjobs, "submit", str(folder / "bell.qpy"), "-b", "fake", "--name", "kept"
    ).out.strip()
    good(qjobs, "wait", set_id)
    state = home / "sets" / set_id / "state.toml"
    text = re.sub("# crc32 .*\n", "", state.read_text())
    text = re.sub(
        'account = ""', 'account = "acct-mallory"\ninstance = "crn:v1:bluemix:public:q:us::inst"\n'
        'instance_name = "premium-mallory"\nowner = "mallory-owner"', text,
    )  # fmt: skip
    text = text.replace(
        '\nstate = "done"\n',
        '\nstate = "done"\nmessage = "of acct-mallory in /home/mallory/x.py, '
        'see https://example.org/docs/a of mallory-owner"\n',
    )
    state.write_text(text)
    words = ("mallory", "secret-project", "crn:v1", 'inst"')

    good(qjobs, "export", set_id, "-o", "whole.zip", "--cached")
    good(qjobs, "export", set_id, "-o", "x.zip", "--redact", "--cached")

    def said(path: str) -> bytes:
        with zipfile.ZipFile(path) as archive:
            return b"".join(archive.read(name) for name in archive.namelist())

    assert all(word.encode() in said("whole.zip") for word in words)
    assert not [word for word in words if word.encode() in said("x.zip")]
    assert b"https://example.org/docs/a" in said("x.zip")
    there()
    good(qjobs, "import", "x.zip")
    shown = json.loads(good(qjobs, "show", set_id, "--json").out)
    assert (shown["name"], shown["circuits"]) == ("kept", 1)
    assert shown["jobs"][0]["job_id"]
    assert "bell.qpy" in good(qjobs, "result", set_id).out


def test_what_this_qjobs_does_not_understand_cannot_be_redacted(
    qjobs: Qjobs, home: Path, done: str
) -> None:
    state = home / "sets" / done / "state.toml"
    state.write_text(
        re.sub("# crc32 .*\n", "", state.read_text()).replace("[[job]]\n", '[[job]]\nwho = "me"\n')
    )
    ended = qjobs("export", done, "-o", "x.zip", "--redact", "--cached")
    assert ended.code == 9
    assert "--redact" in hint_of(ended)
    good(qjobs, "export", done, "-o", "x.zip", "--cached")


def test_more_than_one_archive_can_hold_is_said() -> None:
    from qjobs.errors import InputError

    file = manifest.Packed("sets/a/results/0-1.jsonl", 1, "0" * 64)
    with pytest.raises(InputError) as raised:
        manifest.written([], [file] * manifest.MOST_FILES)
    assert raised.value.hint == "export fewer sets into each"
    assert manifest.written([], [file])


def test_gc_removes_what_a_dead_import_left_and_no_living_ones(qjobs: Qjobs, home: Path) -> None:
    from qjobs.store.archive import arriving

    (home / "sets").mkdir(parents=True, mode=0o700)
    with arriving.arriving(home / "sets") as living:
        dead = home / "sets" / ".arriving-0123456789ab"
        (dead / "0123" / "results").mkdir(parents=True)
        (dead / "0123" / "results" / "0-1.jsonl").write_text("{}")
        for path in (dead, living):
            os.utime(path, (1, 1))
        assert qjobs("list").code == 0
        ended = good(qjobs, "gc", "--json")
        assert [one["name"] for one in json.loads(ended.out)["items"]] == [str(dead)]
        assert living.exists()
        assert not dead.exists()


def test_a_later_export_brings_a_set_up_to_date_whose_jobs_cannot_be_followed_here(
    qjobs: Qjobs, home: Path, bell: str, there: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_id = good(qjobs, "submit", bell, bell, "-b", "fake:delay=1", "--per-job", "1").out.strip()
    good(qjobs, "export", set_id, "-o", "early.zip", "--cached")
    good(qjobs, "wait", set_id)
    good(qjobs, "export", set_id, "-o", "late.zip")
    elsewhere = there()
    good(qjobs, "import", "early.zip")
    assert qjobs("result", set_id).code == 8

    (one,) = good(qjobs, "import", "late.zip", "--json").document("import")["sets"]

    assert (one["here"], one["updated"]) == (True, True)
    assert contents(elsewhere / "sets" / set_id) == contents(home / "sets" / set_id)
    assert json.loads(good(qjobs, "result", set_id, "--json").out)["complete"]
    (one,) = good(qjobs, "import", "early.zip", "--json").document("import")["sets"]
    assert (one["here"], one["updated"]) == (True, False)
    assert json.loads(good(qjobs, "result", set_id, "--json").out)["complete"]


def test_what_is_known_here_alone_is_never_lost_to_an_update(
    qjobs: Qjobs, home: Path, bell: str, there: Callable[..., Path]
) -> None:
    set_id = good(qjobs, "submit", bell, bell, "-b", "fake:fail=1", "--per-job", "1").out.strip()
    qjobs("wait", set_id)
    good(qjobs, "export", set_id, "-o", "x.zip")
    elsewhere = there()
    good(qjobs, "import", "x.zip")
    shutil.copytree(home / "fake", elsewhere / "fake")
    qjobs("retry", set_id, "--wait")  # an attempt that only this machine knows
    before = contents(elsewhere / "sets" / set_id)
    (elsewhere / "sets" / set_id / "results" / "1-1.jsonl").unlink()  # which only the file has
    before.pop("results/1-1.jsonl")

    ended = qjobs("import", "x.zip")

    assert ended.code == 5
    assert "is here with another content" in ended.err
    assert contents(elsewhere / "sets" / set_id) == before
