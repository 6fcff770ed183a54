"""A fact that was never finished is left out; nothing else ever is."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from support.sample_set import (
    NOON,
    accepted,
    attempted,
    finished,
    recorded_after,
    recorded_in,
    whole_file,
)

from qjobs.errors import StateDamaged
from qjobs.facts import Fact, FactKind
from qjobs.store.folder import SetFolder
from qjobs.store.state import format as layout
from qjobs.store.state import reading

FACTS = [
    attempted(0),
    accepted(0),
    finished(0, message='a "quote", a \\ and\n[[fact]]\njob = 0\n\x00\x1f\x7f end'),
    attempted(1),
    Fact(1, 1, NOON.replace(microsecond=5), FactKind.REFUSED, "größer \N{GRINNING FACE} \u2028"),
    Fact(1, 1, NOON, FactKind.SPLIT, "2"),
    attempted(2),
    Fact(2, 1, NOON, FactKind.DEFERRED, ""),
]
HEAD = whole_file()
TABLES = [layout.table(fact) for fact in FACTS]


def whole_at(length: int) -> int:
    """How many facts are whole in the first bytes; the last newline says nothing new."""
    ends = [len(HEAD) + sum(map(len, TABLES[: n + 1])) - 1 for n in range(len(TABLES))]
    return sum(end <= length for end in ends)


@pytest.mark.parametrize("zeros", [0, 1, 4096])
def test_a_file_cut_behind_its_tables_reads_as_the_facts_that_are_whole(
    tmp_path: Path, zeros: int
) -> None:
    path = tmp_path / "state.toml"
    data = HEAD + b"".join(TABLES)
    for length in range(len(HEAD), len(data) + 1):
        path.write_bytes(data[:length] + bytes(zeros))
        state = reading.read_state(path)
        count = whole_at(length)
        assert state.contents.facts == FACTS[:count]
        assert bool(state.warnings) == (state.good_bytes < length + zeros)
        assert state.contents.exact
        kept = HEAD + b"".join(TABLES[:count])
        assert data[: state.good_bytes].rstrip() == kept.rstrip()


def test_a_file_cut_before_the_end_of_its_tables_is_damaged(tmp_path: Path) -> None:
    """They are written together with the check line behind them, or not at all."""
    path = tmp_path / "state.toml"
    data = whole_file(*FACTS)
    for length in range(data.rindex(b"\n# crc32") + 1):
        path.write_bytes(data[:length])
        with pytest.raises(StateDamaged) as caught:
            reading.read_state(path).check_writable(path)
        assert re.match(rf"{re.escape(str(path))}:[1-9]", caught.value.message), length


def test_a_writer_goes_on_after_a_cut_at_any_byte(
    new_set: Callable[..., SetFolder], state_path: Path
) -> None:
    folder = new_set()
    data = HEAD + b"".join(TABLES)
    for length in range(len(HEAD), len(data)):
        state_path.write_bytes(data[:length])
        folder.refresh()
        with folder.journal() as journal:
            unattempted = whole_at(length) != len(FACTS) - 1
            assert journal.append(Fact(2, 1, NOON, FactKind.DROPPED, "no")) == unattempted
            assert bool(journal.warnings) == bool(folder.warnings)
        state = reading.read_state(state_path)
        assert not state.warnings
        assert state.contents.exact
        assert state.contents.facts == []
        assert recorded_in(state_path) == recorded_after(
            *FACTS[: whole_at(length)], Fact(2, 1, NOON, FactKind.DROPPED, "no")
        )


@pytest.mark.parametrize(
    ("broken", "line"),
    [
        (TABLES[0].replace(b'"qj-', b"qj-"), 6),  # a value without quotes is nobody's prefix
        (TABLES[0].replace(b"job = 0", b"job = zero"), 3),
        (TABLES[0].replace(b"[[fact]]", b"[[fact]"), 2),
        (TABLES[0][:-2] + b"\n" + TABLES[1], 6),
        (TABLES[0][:40] + TABLES[1], 5),
        (TABLES[0][:40] + bytes(10) + TABLES[1], 5),
        (TABLES[0] + b"\x00" + TABLES[1], 7),
        (b"\xff" + TABLES[1], 1),
        (TABLES[0].replace(b"attempted", b"at"), 6),
    ],
)
def test_damage_is_named_with_its_line_and_nothing_is_changed(
    tmp_path: Path, broken: bytes, line: int
) -> None:
    path = tmp_path / "state.toml"
    path.write_bytes(HEAD + broken)
    with pytest.raises(StateDamaged) as caught:
        reading.read_state(path)
    assert caught.value.message.startswith(f"{path}:{len(HEAD.splitlines()) + line}: ")
    assert path.read_bytes() == HEAD + broken
