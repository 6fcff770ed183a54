"""No minute ever has more turns than the provider allows, whoever takes them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qjobs.errors import StateUnwritable
from qjobs.store.pace import Pace


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "provider" / "pace"


def turns_within(path: Path, per_minute: float, duration_s: float) -> list[float]:
    """When somebody who asks again whenever told to gets turns."""
    pace = Pace(path, per_minute)
    now_s, taken = 1e9, []
    while now_s < 1e9 + duration_s:
        wait_s = pace.take(now_s)
        if wait_s:
            now_s += wait_s
        else:
            taken.append(now_s - 1e9)
    return taken


def test_so_many_go_at_once_and_the_next_when_the_first_is_a_minute_old(path: Path) -> None:
    taken = turns_within(path, 5, 119)

    assert taken == pytest.approx([0] * 5 + [61.2] * 5)


@pytest.mark.parametrize("per_minute", [0.5, 1, 5, 60, 600])
def test_the_limit_holds_in_any_minute_and_hardly_less_is_given(
    path: Path, per_minute: float
) -> None:
    minutes = 10 if per_minute < 60 else 2
    taken = turns_within(path, per_minute, 60 * minutes)

    for start_s in taken:
        within = [turn for turn in taken if start_s <= turn < start_s + 60]
        assert len(within) <= max(1, per_minute)
    assert len(taken) >= 0.95 * per_minute * minutes


@given(
    pauses=st.lists(st.floats(0, 90), min_size=1, max_size=60),
    per_minute=st.integers(1, 8),
)
def test_no_rhythm_of_asking_gets_more(
    tmp_path_factory: pytest.TempPathFactory, pauses: list[float], per_minute: int
) -> None:
    path = tmp_path_factory.mktemp("pace") / "pace"
    now_s, taken = 1e9, []
    for pause_s in pauses:
        now_s += pause_s
        if not Pace(path, per_minute).take(now_s):
            taken.append(now_s)
    for start_s in taken:
        assert sum(start_s <= turn < start_s + 60 for turn in taken) <= per_minute


def test_another_one_on_the_same_file_counts_too(path: Path) -> None:
    assert [Pace(path, 2).take(1000.0), Pace(path, 2).take(1001.0)] == [0, 0]
    assert Pace(path, 2).take(1002.0) == pytest.approx(59.2)


def test_a_clock_that_was_set_back_delays_by_no_more_than_a_window(path: Path) -> None:
    pace = Pace(path, 1)
    pace.take(1e9)
    back_s = 1e9 - 86_400

    assert pace.take(back_s) == pytest.approx(pace.window_s)
    assert pace.take(back_s + 50) == pytest.approx(pace.window_s - 50)
    assert pace.take(back_s + pace.window_s) == 0


@pytest.mark.parametrize("content", [b"", b"12\nsoon\n", b"\xff\x00", b"nan\n", b"1" * 100_000])
def test_what_cannot_be_read_is_taken_for_a_minute_that_is_full(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    pace = Pace(path, 3)

    assert pace.take(1000.0) == pytest.approx(pace.window_s)
    assert pace.take(1000.0 + pace.window_s) == 0


def test_a_folder_that_cannot_be_written_is_an_error_of_the_state(tmp_path: Path) -> None:
    (tmp_path / "provider").write_text("")

    with pytest.raises(StateUnwritable):
        Pace(tmp_path / "provider" / "pace", 3).take(1000.0)


def test_processes_share_the_turns(path: Path) -> None:
    program = (
        "import sys, pathlib; from qjobs.store.pace import Pace\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "paces = [Pace(pathlib.Path(sys.argv[1]) / str(n), 20) for n in range(20)]\n"
        "print([sum(pace.take(1e9) == 0 for _ in range(15)) for pace in paces])\n"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    running = [subprocess.Popen([sys.executable, "-c", program, path], **pipes) for _ in range(4)]
    for process in running:
        assert process.stdout.readline() == "ready\n"
    for process in running:
        process.stdin.write("go\n")
        process.stdin.flush()

    taken = [json.loads(process.communicate(timeout=60)[0]) for process in running]
    assert [sum(turns) for turns in zip(*taken, strict=True)] == [20] * 20
