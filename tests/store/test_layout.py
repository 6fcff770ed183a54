"""What is written is TOML for everybody, and the fast reader takes it as `tomllib` does."""

import tomllib
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support import older_format
from support.sample_set import NOON, accepted, attempted, finished, plan, recorded_after, whole_file

from qjobs.facts import Fact, FactKind
from qjobs.ledger import Ledger
from qjobs.model import JobSet, RunOptions, Slice
from qjobs.store.state import checks, document, fast, format1, reading
from qjobs.store.state import format as layout
from qjobs.store.state.any_toml import Wrong
from qjobs.store.state.fold import assembled

# Any text at all: control characters, quotes, escapes, lone surrogates.
texts = st.text(st.characters(codec=None, exclude_categories=()))
times = st.datetimes(
    timezones=st.sampled_from((UTC, timezone(timedelta(hours=5, minutes=30)))),
    min_value=datetime(1000, 1, 2),  # noqa: DTZ001 - the strategy adds the zone
    max_value=datetime(9998, 1, 1),  # noqa: DTZ001 - the same
)
facts = st.builds(
    Fact, st.integers(0, 10**12), st.integers(0, 99), times, st.sampled_from(FactKind), texts, texts
).map(lambda fact: fact._replace(value="DONE") if fact.kind is FactKind.FINISHED else fact)
integers = st.integers(-(2**63), 2**63 - 1)  # all that TOML asks of a reader
scalars = st.booleans() | integers | st.floats(allow_nan=False, allow_infinity=False) | texts


@st.composite
def job_sets(draw: st.DrawFn) -> JobSet:
    counts = draw(st.lists(st.integers(1, 1000), max_size=5))
    starts = [sum(counts[:index]) for index in range(len(counts))]
    return JobSet(
        set_id=draw(texts),
        name=draw(texts),
        created=draw(times),
        provider=draw(texts),
        backend=draw(texts),
        circuits=sum(counts),
        slices=tuple(map(Slice, starts, counts)),
        options=RunOptions(
            shots=draw(st.integers(1, 10**9)),
            seed=draw(st.none() | integers),
            memory=draw(st.booleans()),
            optimization_level=draw(st.integers(0, 3)),
            extra={layout.writable(k): v for k, v in draw(st.dictionaries(texts, scalars)).items()},
        ),
        account=draw(texts),
        tags=tuple(draw(st.lists(texts, max_size=3))),
        fingerprint=draw(texts),
        provider_name=draw(texts),
        backend_name=draw(texts),
        versions={
            layout.writable(k): layout.writable(v)
            for k, v in draw(st.dictionaries(texts, texts, max_size=2)).items()
        },
    )


def stored(fact: Fact) -> Fact:
    return fact._replace(value=layout.writable(fact.value), message=layout.writable(fact.message))


@given(job_sets())
def test_a_header_is_the_same_toml_for_both_readers(job_set: JobSet) -> None:
    recorded = Ledger(job_set.slices).recorded()
    text = assembled(layout.header(job_set), recorded).decode()
    toml = tomllib.loads(text)
    assert document.recorded(toml) == (recorded, None)
    found = document.job_set(toml, document.planned(recorded))
    assert assembled(layout.header(found), recorded).decode() == text
    parts = fast.read(text)
    assert parts.recorded == recorded
    assert parts.document == {key: toml[key] for key in ("format", "set")}


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), 10**30])
def test_a_number_that_json_does_not_have_is_read_the_slow_way(value: float) -> None:
    job_set = replace(plan(), options=RunOptions(extra={"limit": value}))
    text = assembled(layout.header(job_set), recorded_after()).decode()
    assert reading.understand(text).job_set == job_set


@given(st.lists(facts), st.lists(facts))
@example([finished(0, message='"]\n[[fact]]\njob = "\n\x7f\x00\\')], [attempted(0), accepted(0)])
def test_facts_are_the_same_for_both_readers(columns: list[Fact], tables: list[Fact]) -> None:
    end = b"".join(map(layout.table, tables))
    text = (whole_file() + end).decode()
    assert fast.read(text).facts == [stored(fact) for fact in tables]
    assert document.facts(tomllib.loads(text)) == (fast.read(text).facts, 0)
    middle = older_format.columns(columns) if columns else b""
    text = (older_format.header(plan()) + middle + end).decode()
    parts = format1.read(text)
    assert parts.facts == [stored(fact) for fact in columns + tables]
    assert parts.recorded == recorded_after()
    assert document.facts(tomllib.loads(text)) == (parts.facts, 0)


def test_a_time_keeps_its_instant_whatever_its_zone() -> None:
    india = timezone(timedelta(hours=5, minutes=30))
    fact = attempted(0)._replace(at=datetime(2026, 1, 1, 0, 0, 0, 5, tzinfo=india))
    text = (whole_file() + layout.table(fact)).decode()
    assert "at = 2025-12-31T18:30:00.000005Z" in text
    assert fast.read(text).facts[0].at == fact.at


def test_a_time_without_a_zone_is_not_written() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        layout.table(attempted(0)._replace(at=NOON.replace(tzinfo=None)))


HEAD = checks.without(whole_file().decode())
OLD = older_format.header(plan()).decode()
FACT = layout.table(accepted(0)).decode()
COLUMNS = older_format.columns([attempted(0), accepted(0)]).decode()
JOB = checks.without(whole_file(attempted(0), accepted(0), finished(0, message="why")).decode())


@pytest.mark.parametrize(
    ("ours", "changed"),
    [
        (HEAD, HEAD.replace("\n", "\r\n")),
        (HEAD, HEAD.replace("shots = 100", "shots = 1_00")),
        (HEAD, HEAD.replace("shots = 100", "shots = 100 # a comment")),
        (HEAD, HEAD.replace("shots = 100", "    shots=100")),
        (HEAD, HEAD.replace('"ghz-sweep"', "'ghz-sweep'")),
        (HEAD, HEAD.replace('"ghz-sweep"', '"""\nghz-sweep"""')),
        (HEAD, HEAD.replace('"ghz-sweep"', '"\\U00000067hz-sweep"')),
        (OLD, OLD.replace("[[0, 3], [3, 3], [6, 3]]", "[\n  [0, 3], [3, 3],\n  [6, 3],\n]")),
        (HEAD, HEAD.replace("# 9", "# our 9")),
        (HEAD, HEAD.partition("\n")[2]),
        (JOB, JOB.replace("\n", "\r\n")),
        (JOB, JOB.replace("index = 0", "index = 0 # the first")),
        (JOB, JOB.replace("[[job]]", "# a comment\n\n[[job]]")),
        (JOB, JOB.replace("index = 0\nstart_index = 0\n", "start_index = 0\nindex = 0\n")),
        (JOB, JOB.replace('"why"', '"""why"""')),
        (JOB, JOB.replace("12:00:00Z", "12:00:00.000+00:00")),
        (FACT, FACT.replace("Z", "+00:00")),
        (FACT, FACT.replace('accepted = "id-0-1"', "accepted = 'id-0-1'")),
        (FACT, FACT + "\n\n\n"),
        (FACT, FACT + "# a comment"),
        (FACT, FACT.replace("\n[[fact]]", "# a comment\n[[ fact ]]")),
        (COLUMNS, COLUMNS.replace("job = [0, 0]", "job = [0, 0,]")),
        (COLUMNS, COLUMNS.replace(", ", ",")),
        (COLUMNS, COLUMNS.replace('"id-0-1"', '"\\u0069d-0-1"')),
        (COLUMNS, COLUMNS.replace("kind =", "kind   =")),
    ],
)
def test_what_a_hand_has_reshaped_says_the_same(ours: str, changed: str) -> None:
    assert changed != ours
    before = OLD if ours is COLUMNS else HEAD * (ours is FACT)
    expected = reading.understand(before + ours)
    found = reading.understand(before + changed)
    assert found[:4] == expected[:4]


@pytest.mark.parametrize(
    "changed",
    [
        OLD + COLUMNS.replace('"id-0-1"', '"\\/"'),  # JSON, but not TOML
        OLD + COLUMNS.replace('"id-0-1"', '"\x7f"'),
        OLD + COLUMNS.replace('"id-0-1"', '"\\ud83d\\ude00"'),
        OLD + COLUMNS.replace('"id-0-1"', "null"),
        OLD + COLUMNS.replace("[0, 0]", "[0, 00]"),
        OLD + COLUMNS.replace("12:00:00Z", "25:00:00Z"),
        HEAD + FACT.replace("12:00:00Z", "25:00:00Z"),
        HEAD + FACT.replace('"id-0-1"', '"id\x01"'),
        HEAD + FACT.replace("job = 0", "job = 00"),
        HEAD + FACT.replace("job = 0", "job = \u0660"),
        OLD.replace("[[0, 3]", '[{"a": 0}, [0, 3]'),
        HEAD.replace("shots = 100", "shots = 100\nshots = 100"),
        HEAD.replace("tags = ", "options = 1\ntags = "),
        JOB.replace('"why"', '"w\x01hy"'),
        JOB.replace("12:00:00Z", "25:00:00Z"),
        JOB.replace("index = 0", "index = 00"),
        JOB.replace("index = 1", "index = 1\nindex = 1"),
    ],
)
def test_what_is_not_toml_is_not_taken_for_it(changed: str) -> None:
    with pytest.raises(Wrong, match="not TOML"):
        reading.understand(changed)
