"""A byte that somebody else has changed is noticed before anything is written, and named."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import pytest
from support import older_format
from support.sample_set import (
    accepted,
    attempted,
    finished,
    plan,
    recorded_after,
    recorded_in,
    whole_file,
)

from qjobs.errors import StateDamaged, StateError
from qjobs.facts import Fact
from qjobs.model import Accepted, Scalar
from qjobs.store.folder import SetFolder
from qjobs.store.state import checks, reading
from qjobs.store.state import format as layout
from qjobs.store.state.fold import assembled

NewSet = Callable[..., SetFolder]
OLD = older_format.header(plan()).decode()
FACTS = [attempted(0), accepted(0), finished(0, message="größer"), attempted(1)]


def written(*facts: Fact) -> bytes:
    """The file that a writer leaves that dies after these facts."""
    data = whole_file()
    for fact in facts or FACTS:
        data += layout.table(fact)
        data += checks.line(crc32(data))
    return data


def folded_in_part() -> bytes:
    data = whole_file(*FACTS[:2])
    for fact in FACTS[2:]:
        data = checks.closed(data + layout.table(fact))
    return data


def columns() -> bytes:
    head = checks.closed(older_format.header(plan()))
    return checks.closed(head + older_format.columns(FACTS))


FORMS = {"tables and facts": folded_in_part, "format 1": columns}


def changes(data: bytes) -> Iterator[bytes]:
    """Every byte changed in some ways, taken out, and doubled."""
    for at in range(len(data)):
        before, byte, after = data[:at], data[at], data[at + 1 :]
        for other in (byte ^ 1, byte ^ 0x20, 0, 0xFF, ord("#"), ord("\n")):
            if other != byte:
                yield before + bytes([other]) + after
        yield before + after
        yield data[: at + 1] + data[at:]


def complaint(path: Path) -> StateError | None:
    """What keeps a writer from the file."""
    try:
        reading.read_state(path).check_writable(path)
    except StateError as error:
        return error
    return None


@pytest.mark.parametrize("form", FORMS)
def test_no_byte_is_changed_without_being_noticed(tmp_path: Path, form: str) -> None:
    data = FORMS[form]()
    path = tmp_path / "changed.toml"
    path.write_bytes(data)
    whole = reading.read_state(path).contents
    assert recorded_in(path) == recorded_after(*FACTS)
    assert whole.exact
    last = data.rindex(b"# crc32")
    harmless = 0
    for changed in changes(data):
        path.write_bytes(changed)
        problem = complaint(path)
        if problem is not None:
            assert re.search(rf"{re.escape(str(path))}:[1-9]|newer", problem.message), problem
            assert problem.hint
            continue
        # Only where the last check line itself is what is no longer there.
        harmless += 1
        contents = reading.read_state(path).contents
        assert contents[:4] == whole[:4]
        assert changed.startswith(data[: last - 1])
    assert harmless < len(checks.line(0)) * 8


def test_a_fact_that_was_taken_out_or_exchanged_is_noticed(
    new_set: NewSet, state_path: Path
) -> None:
    new_set()
    text = written().decode()
    head, *facts = re.split(r"(?=\n\[\[fact\]\]\n)", text)
    assert len(facts) == len(FACTS)
    for odd in (
        [facts[0], *facts[2:]],
        [facts[1], facts[0], *facts[2:]],
        [facts[0], facts[0], *facts[1:]],
    ):
        state_path.write_text(head + "".join(odd))
        with pytest.raises(StateDamaged, match=rf"{re.escape(str(state_path))}:\d+: "):
            reading.read_state(state_path).check_writable(state_path)


def test_the_lines_that_are_named_hold_the_change(new_set: NewSet, state_path: Path) -> None:
    new_set()
    lines = written().decode().splitlines(keepends=True)
    for number, line in enumerate(lines, start=1):
        if not line.startswith("accepted = "):
            continue
        changed = [*lines]
        changed[number - 1] = line.replace("id-0-1", "id-0-2")
        state_path.write_text("".join(changed))
        damage = reading.read_state(state_path).damage
        assert damage is not None
        found = re.search(r":(\d+): something in lines (\d+)-(\d+) ", damage.message)
        assert found
        first, also_first, last = map(int, found.groups())
        assert first == also_first <= number <= last <= first + 7


def test_what_was_changed_can_be_read_and_is_left_alone_by_writers(
    new_set: NewSet, state_path: Path
) -> None:
    new_set()
    data = written().replace(b"id-0-1", b"id-0-2")
    state_path.write_bytes(data)
    folder = SetFolder(state_path.parent)
    assert folder.jobs()[0].state.job_id == "id-0-2"
    assert any("not as qjobs wrote it" in warning for warning in folder.warnings)
    with pytest.raises(StateDamaged, match="not as qjobs wrote it"):
        folder.journal()
    assert state_path.read_bytes() == data


def test_a_writer_that_is_at_it_notices_what_changed_under_its_hands(
    new_set: NewSet, state_path: Path
) -> None:
    with new_set().journal() as journal:
        journal.append(attempted(0))
        other = state_path.with_name("other")
        other.write_bytes(state_path.read_bytes().replace(b"job = 0", b"job = 1"))
        other.replace(state_path)
        with pytest.raises(StateDamaged, match="not as qjobs wrote it"):
            journal.append(accepted(0))


def test_what_the_hint_says_makes_the_file_good_again(new_set: NewSet, state_path: Path) -> None:
    new_set()
    text = written().decode().replace("id-0-1", "id-0-2")
    state_path.write_text(text)
    damage = reading.read_state(state_path).damage
    assert damage is not None
    assert "remove its lines that begin with `# crc32`" in damage.hint
    lines = text.splitlines(keepends=True)
    state_path.write_text("".join(line for line in lines if not line.startswith("# crc32")))
    with SetFolder(state_path.parent).journal() as journal:
        assert journal.append(accepted(1))
    # From then on all of it is guarded again.
    assert reading.read_state(state_path).damage is None
    state_path.write_bytes(state_path.read_bytes().replace(b"id-0-2", b"id-0-3"))
    assert reading.read_state(state_path).damage is not None


def test_a_file_from_before_there_were_check_lines_is_gone_on_with(
    new_set: NewSet, state_path: Path
) -> None:
    folder = new_set()
    tables = b"".join(map(layout.table, [attempted(0), accepted(0)]))
    state_path.write_bytes(older_format.header(plan()) + tables)
    folder.refresh()
    assert folder.warnings == ()
    with folder.journal() as journal:
        assert journal.job(0).state == Accepted("id-0-1")
        assert journal.append(finished(0))
    assert reading.read_state(state_path).contents.format == layout.FORMAT
    # What an older qjobs appends without one is believed, and guarded by the next.
    with state_path.open("ab") as file:
        file.write(layout.table(attempted(1)))
    folder.refresh()
    assert folder.warnings == ()
    with folder.journal() as journal:
        assert journal.append(accepted(1))
    state_path.write_bytes(state_path.read_bytes().replace(b"id-1-1", b"id-1-2"))
    assert reading.read_state(state_path).damage is not None


def test_another_name_does_not_look_like_a_change(new_set: NewSet, state_path: Path) -> None:
    new_set()
    state_path.write_bytes(written())
    with SetFolder(state_path.parent).journal() as journal:
        journal.label(name="other", tags=("x",))
        assert journal.append(accepted(1))
    state = reading.read_state(state_path)
    assert state.damage is None
    assert state.contents.exact
    assert state.contents.job_set.name == "other"
    assert recorded_in(state_path) == recorded_after(*FACTS, accepted(1))


@pytest.mark.parametrize("extra", [{}, {"time": "1:00:00", "two words": "x"}])
@pytest.mark.parametrize("versions", [{}, {"qiskit": "2.6.2"}])
def test_options_get_other_values_and_the_first_one_a_table(
    new_set: NewSet, state_path: Path, extra: dict[str, Scalar], versions: dict[str, str]
) -> None:
    new_set()
    options = replace(plan().options, extra=extra)
    job_set = replace(plan(), options=options, versions=versions)
    state_path.write_bytes(assembled(layout.header(job_set), recorded_after(*FACTS)))
    changes: list[dict[str, Scalar]] = [
        {"cpus-per-task": 4, "time": "2:00:00"},
        {"time": "4:00:00", "a.b c": 1.5},
        {"exclusive": True, "a.b c": False},
    ]
    for change in changes:
        with SetFolder(state_path.parent).journal() as journal:
            journal.label(extra=change)
        extra = {**extra, **change}
        state = reading.read_state(state_path)
        assert state.damage is None
        assert state.contents.job_set == replace(job_set, options=replace(options, extra=extra))
        assert recorded_in(state_path) == recorded_after(*FACTS)


def test_a_changed_file_cannot_be_given_another_name(new_set: NewSet, state_path: Path) -> None:
    new_set()
    state_path.write_bytes(written())
    data = written().replace(b"id-0-1", b"id-0-2")
    with SetFolder(state_path.parent).journal() as journal:
        state_path.write_bytes(data)
        with pytest.raises(StateDamaged, match="not as qjobs wrote it"):
            journal.label(name="other")
    assert state_path.read_bytes() == data


@pytest.mark.parametrize("head", [checks.without(whole_file().decode()), OLD])
@pytest.mark.parametrize("table", ["[[fabt]]", "[odd]", '["[fact]"]', "[[jobs]]"])
def test_a_table_that_is_none_of_ours_is_named_and_nothing_is_written(
    new_set: NewSet, state_path: Path, table: str, head: str
) -> None:
    """It may be a fact that somebody has spoilt."""
    new_set()
    body = layout.table(attempted(0)).decode().replace("[[fact]]", table)
    text = head + body
    state_path.write_text(text)
    folder = SetFolder(state_path.parent)
    line = text.splitlines().index(table) + 1
    assert any(f"{state_path}:{line}: " in warning for warning in folder.warnings)
    with pytest.raises(StateDamaged, match=rf"{re.escape(str(state_path))}:{line}: "):
        folder.journal()
