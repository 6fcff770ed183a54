"""Child processes of ours: what is an answer, in what time, and what they ended of."""

import io
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qjobs.children import frames
from qjobs.children.child import Child, Died, Expired, exit_reason

LOUD = """
import atexit, ctypes, os, subprocess, sys
from qjobs.children.parent import Parent

print("before", flush=True)
atexit.register(print, "at the end")
parent = Parent(int(sys.argv[1]))
for fields, body in parent.requests():
    print("from Python", flush=True)
    os.write(1, b"through the descriptor")
    ctypes.CDLL(None).puts(b"from C")
    ctypes.CDLL(None).fflush(None)
    heard = sys.stdin.read() + subprocess.run(["cat"], capture_output=True, text=True).stdout
    shell = f"echo a grandchild; echo more >&{sys.argv[1]}"
    subprocess.run(["sh", "-c", shell], close_fds=False)
    parent.answer({"word": fields["word"].upper() + heard}, body[::-1])
"""
CALM = """
import sys
from qjobs.children.parent import begin

_, parent = begin(sys.argv[1:])
for fields, body in parent.requests():
    {}
    parent.answer(fields, body)
"""


@contextmanager
def started(
    program: str, *arguments: object, printed: int = subprocess.DEVNULL, **options: object
) -> Iterator[Child]:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    child = Child(command, printed=printed, **options)
    try:
        yield child
    finally:
        child.end()


def ending(child: Child) -> str:
    with pytest.raises(Died) as caught:
        child.answer(limit_s=60)
    return str(caught.value)


def test_only_answers_come_as_answers(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log, started(LOUD, printed=log.fileno()) as child:
        answers = [child.ask({"word": word}, b"abc", limit_s=60) for word in ("one", "two")]
        child.leave()

        assert ending(child) == "ended with exit code 0"
    assert answers == [({"word": "ONE"}, b"cba"), ({"word": "TWO"}, b"cba")]
    printed = (tmp_path / "log").read_text()
    for words in ("before", "from Python", "from C", "a grandchild", "at the end"):
        assert words in printed


def test_what_a_process_prints_before_it_is_ours_is_no_answer(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('loud', flush=True)\n")
    with started(LOUD, env={**os.environ, "PYTHONPATH": str(tmp_path)}) as child:
        assert child.ask({"word": "one"}, limit_s=60) == ({"word": "ONE"}, b"")


def test_it_works_where_our_own_standard_streams_are_closed() -> None:
    program = f"""
import subprocess, sys
from qjobs.children.child import Child
child = Child([sys.executable, "-c", {LOUD!r}], printed=subprocess.DEVNULL)
sys.exit(0 if child.ask({{"word": "one"}}, limit_s=60).fields == {{"word": "ONE"}} else 7)
"""
    for closed in (">&-", "<&- >&-", "<&- >&- 2>&-"):
        command = f'exec "$0" -c "$1" {closed}'
        done = subprocess.run(["sh", "-c", command, sys.executable, program], check=False)
        assert done.returncode == 0


def test_a_command_that_cannot_be_started_leaves_no_descriptor() -> None:
    before = len([*Path("/dev/fd").iterdir()])
    with pytest.raises(FileNotFoundError):
        Child(["/nowhere/at/all"], printed=subprocess.DEVNULL)

    assert len([*Path("/dev/fd").iterdir()]) == before


def test_an_ended_child_leaves_no_descriptor_and_no_process() -> None:
    before = len([*Path("/dev/fd").iterdir()])
    with started(CALM.format("pass"), os.getpid()) as child:
        child.ask({}, limit_s=60)

    assert len([*Path("/dev/fd").iterdir()]) == before
    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)


@pytest.mark.parametrize("size", [0, 1, 10_000_000])
def test_requests_and_answers_carry_as_much_as_they_like(size: int) -> None:
    body = os.urandom(size)
    with started(CALM.format("pass"), os.getpid()) as child:
        for number in range(3):
            assert child.ask({"number": number}, body, limit_s=60) == ({"number": number}, body)


def test_an_answer_that_does_not_come_in_time_is_not_waited_for() -> None:
    with started(CALM.format("__import__('signal').pause()"), os.getpid()) as child:
        with pytest.raises(Expired, match="took longer than 0 s"):
            child.ask({}, limit_s=0.01)
        with pytest.raises(Expired):  # nor is a request waited with that it does not take
            child.send({}, bytes(10_000_000), limit_s=0.01)


@pytest.mark.parametrize(
    ("deed", "reason"),
    [
        ("raise SystemExit(3)", "ended with exit code 3"),
        ("__import__('os').kill(__import__('os').getpid(), 11)", "signal 11 (Segmentation fault)"),
        ("__import__('os').kill(__import__('os').getpid(), 9)", "(SIGKILL): out of memory?"),
        # The answers end first, as when the kernel writes a core dump.
        ("o = __import__('os'); o.closerange(3, 99); __import__('time').sleep(.2); o._exit(5)",
         "ended with exit code 5"),
        ("__import__('os').write(int(sys.argv[2]), b'[1]\\n')", "an answer that cannot be read"),
        ("__import__('os').write(int(sys.argv[2]), b'what?\\n')", "an answer that cannot be read"),
    ],
)  # fmt: skip
def test_a_child_that_ends_says_of_what(deed: str, reason: str) -> None:
    with started(CALM.format(deed), os.getpid()) as child:
        child.send({})

        assert ending(child).endswith(reason)
        child.send({}, bytes(10_000_000))  # that it is dead is heard, and nowhere else


def test_the_words_for_an_end_may_be_those_of_the_child() -> None:
    def reason(code: int) -> str:
        return "is full" if code == 75 else exit_reason(code)

    with started("raise SystemExit(75)", reason=reason) as child:
        assert ending(child) == "is full"


def test_a_child_that_is_apart_is_killed_with_what_it_started(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "alive")
    deed = f"__import__('subprocess').Popen(['sh', '-c', 'exec sleep 600 > {tmp_path}/alive'])"
    with started(CALM.format(deed), os.getpid(), apart=True) as child:
        child.ask({}, limit_s=60)
        with (tmp_path / "alive").open("rb") as alive:
            assert os.getsid(child.pid) != os.getsid(0)
            child.kill()

            assert alive.read() == b""  # once nobody can write there any more
            assert ending(child).startswith("was killed by signal 9")


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels end no process with its parent")
@pytest.mark.slow
def test_a_child_ends_with_its_parent(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "alive")
    deed = f"alive = open('{tmp_path}/alive', 'w')"
    program = f"""
import os, subprocess, sys
from qjobs.children.child import Child
command = [sys.executable, "-c", {CALM.format(deed)!r}, str(os.getpid())]
child = Child(command, printed=subprocess.DEVNULL, apart=True)
child.send({{}})
os.read(0, 1)
"""
    with (
        subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE) as parent,
        (tmp_path / "alive").open("rb") as alive,
    ):
        parent.send_signal(signal.SIGKILL)

        assert alive.read() == b""


def test_a_child_whose_parent_is_gone_before_it_begins_does_nothing() -> None:
    with started(CALM.format("pass"), 1) as child:
        assert ending(child) == "ended with exit code 0"


def test_libraries_of_a_child_start_no_threads_for_all_cores() -> None:
    deed = "body = __import__('subprocess').run(['env'], stdout=-1).stdout"
    with started(CALM.format(deed), os.getpid()) as child:
        found = child.ask({}, limit_s=60).body.decode().splitlines()

    threads = {line for line in found if "_NUM_THREADS" in line}
    assert threads == {f"{name}_NUM_THREADS=1" for name in ("RAYON", "OMP", "OPENBLAS", "MKL")}


def test_requests_of_many_threads_do_not_mix() -> None:
    with started(CALM.format("pass"), os.getpid()) as child:
        threads = [
            threading.Thread(target=child.send, args=({"number": number}, bytes(100_000)))
            for number in range(20)
        ]
        for thread in threads:
            thread.start()
        found: list[frames.Frame] = []
        while len(found) < len(threads):
            found += child.hear()

    assert sorted(frame.fields["number"] for frame in found) == [*range(20)]


def test_a_selector_tells_when_a_child_has_something_to_say() -> None:
    with started(CALM.format("pass"), os.getpid()) as child, selectors.DefaultSelector() as chosen:
        chosen.register(child, selectors.EVENT_READ)
        assert not chosen.select(0)
        child.send({"a": 1})

        assert chosen.select(60)
        assert child.hear() == [({"a": 1}, b"")]


MESSAGES = st.lists(
    st.tuples(st.dictionaries(st.text().filter("bytes".__ne__), st.integers()), st.binary())
)


@given(messages=MESSAGES, cuts=st.lists(st.integers(0, 200)))
def test_messages_are_the_same_however_they_are_cut(
    messages: list[tuple[dict[str, int], bytes]], cuts: list[int]
) -> None:
    data = b"".join(frames.encode(fields, body) for fields, body in messages)
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    decoder = frames.Decoder()
    pieces = [data[start:end] for start, end in pairwise(places)]

    assert [frame for piece in pieces for frame in decoder.feed(piece)] == messages


@pytest.mark.parametrize("head", [b"", b"[]", b"7", b"{}", b'{"bytes": -1}', b'{"bytes": "x"}'])
def test_what_is_no_message_is_refused(head: bytes) -> None:
    readers: tuple[Callable[[bytes], object], ...] = (
        lambda data: frames.read(io.BytesIO(data)),
        lambda data: [*frames.Decoder().feed(data)],
    )
    for read in readers:
        with pytest.raises(ValueError, match=r"message|Expecting|literal"):
            read(head + b"\n")


def test_a_message_that_promises_more_than_memory_is_refused() -> None:
    head = json.dumps({"bytes": frames.LARGEST_BODY_BYTES + 1}).encode()
    with pytest.raises(ValueError, match="a message of 4294967297 bytes"):
        [*frames.Decoder().feed(head + b"\n")]
