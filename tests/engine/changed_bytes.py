"""A campaign: one byte of a state file is changed, taken out or doubled, and the user goes on.

    python tests/engine/changed_bytes.py [--trials N] [--seed N] [--form FORM]

Without `--trials` every byte has its turn. The provider is `fake`, whose bill can be read: whatever
the state file says by then, no circuit may have two live jobs, no id may be lost, and no error
may be anything but one that names the file.
"""

import argparse
import random
import re
import shutil
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from qjobs.circuits.slices import CircuitSlice
from qjobs.contract import ProviderContext
from qjobs.engine.address import Target
from qjobs.engine.report import FAILED
from qjobs.engine.retry import open_attempts
from qjobs.engine.status import status
from qjobs.engine.submit import submit_unsent
from qjobs.engine.workspace import Workspace
from qjobs.errors import ExitCode, NotFound, QjobsError, StateError
from qjobs.facts import Fact, FactKind
from qjobs.model import Accepted, Finished, JobSet, RunOptions, Slice
from qjobs.providers.fake.provider import FakeProvider
from qjobs.store.folder import SetFolder
from qjobs.store.sets import Store
from qjobs.store.state import checks

SET_ID = "9f3c1a7e2b40"
BACKEND = "delay=5000,connections=1"
START = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
LATER = START + timedelta(minutes=10)
FORMS = ("tables", "facts", "unchecked", "facts unchecked")
JOBS = 9


class Trial(NamedTuple):
    """What was done to the file, and with which bytes that left it."""

    what: str
    at: int
    data: bytes


class World:
    """A state folder with one set, and the provider's books."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.provider = self.new_provider()
        self.path = self.home / "sets" / SET_ID / "state.toml"
        self.unfolded = b""

    def new_provider(self) -> FakeProvider:
        return FakeProvider(ProviderContext(self.home / "fake"), clock=LATER.timestamp)

    def workspace(self) -> Workspace:
        """The world as a new process sees it."""
        provider = self.new_provider()
        return Workspace(
            store=Store(self.home, clock=lambda: LATER),
            load_provider=lambda _name, **_settings: provider,
            clock=lambda: LATER,
            new_id=lambda: SET_ID,
        )

    def make(self) -> None:
        """Jobs in all the states that there are, and what the provider has of them."""
        draft = Store(self.home, clock=lambda: START).draft(SET_ID)
        draft.circuits_path.write_bytes(b"not read")
        folder = draft.commit(
            JobSet(
                set_id=SET_ID, name="set", created=START, provider="fake", backend=BACKEND,
                circuits=2 * JOBS, slices=tuple(Slice(2 * job, 2) for job in range(JOBS)),
                options=RunOptions(shots=100),
            )
        )  # fmt: skip
        with folder.journal() as journal:

            def record(job: int, kind: FactKind, value: str, attempt: int = 1) -> None:
                assert journal.append(Fact(job, attempt, START, kind, value)), (job, kind)

            def attempt(job: int, number: int = 1) -> str:
                tag = folder.job_set.job_tag(job, number)
                record(job, FactKind.ATTEMPTED, tag, number)
                return tag

            def send(tag: str, part: Slice) -> str:
                circuits = CircuitSlice(folder.circuits_path, part)
                options = folder.job_set.options
                return self.provider.submit(circuits, backend=BACKEND, options=options, tag=tag)

            def run(job: int, number: int = 1, part: Slice | None = None) -> str:
                job_id = send(attempt(job, number), part or Slice(2 * job, 2))
                record(job, FactKind.ACCEPTED, job_id, number)
                return job_id

            run(0)
            # 1: cancelled, and runs again
            self.provider.cancel([run(1)])
            record(1, FactKind.FINISHED, "CANCELLED")
            record(1, FactKind.PLANNED, "retry", 2)
            run(1, 2)
            send(attempt(2), Slice(4, 2))  # 2: the answer was lost
            attempt(3)  # 3: the call was lost
            # 4: halved; job 9 has the second half
            attempt(4)
            record(4, FactKind.REFUSED, "too large")
            record(4, FactKind.SPLIT, "1")
            run(JOBS, part=Slice(9, 1))
            # 5: planned. 6: cancelled at the provider. 7: dropped. 8: deferred
            self.provider.cancel([run(6)])
            record(6, FactKind.FINISHED, "CANCELLED")
            record(7, FactKind.DROPPED, "cancelled")
            attempt(8)
            record(8, FactKind.DEFERRED, "too many requests")
            self.unfolded = self.path.read_bytes()

    def form(self, name: str) -> bytes:
        """The state file in one of its forms."""
        data = self.unfolded if "facts" in name else self.path.read_bytes()
        return checks.without(data.decode()).encode() if "unchecked" in name else data

    def live(self) -> Counter[int]:
        """How many jobs that may run, or ran to their end, each circuit has at the provider."""
        # Another connection: the files of this one's may have been put back as they were.
        with self.new_provider()._books.open() as page:  # the bill, with its circuits
            entries = page.all()
        return Counter(
            index
            for entry in entries
            if not entry.cancelled
            for index in range(entry.start_index, entry.start_index + entry.circuits)
        )

    def known_ids(self) -> set[str]:
        found: set[str] = set()
        for job in SetFolder(self.path.parent).jobs():
            for attempt in job.attempts:
                found.update(attempt.duplicates)
                if isinstance(attempt.state, Accepted | Finished):
                    found.add(attempt.state.job_id)
        return found


def trials(data: bytes, rng: random.Random) -> Iterator[Trial]:
    """Each byte changed to another, taken out, and doubled."""
    for at in range(len(data)):
        other = rng.choice([byte for byte in (*range(32, 127), 10, 0, 255) if byte != data[at]])
        near = data[at] ^ 1 << rng.randrange(7)
        for byte in {other, near} - {data[at]}:
            yield Trial(f"{at}: {bytes([data[at]])!r} is {bytes([byte])!r}", at,
                        data[:at] + bytes([byte]) + data[at + 1 :])  # fmt: skip
        yield Trial(f"{at}: without {bytes([data[at]])!r}", at, data[:at] + data[at + 1 :])
        yield Trial(f"{at}: {bytes([data[at]])!r} twice", at, data[: at + 1] + data[at:])


def attempt_all(world: World, path: Path) -> list[str]:
    """Resume, then retry, each as a process of its own; how each went: "" is well."""
    return [_end(world, path, verb) for verb in ("resume", "retry")]


def _end(world: World, path: Path, verb: str) -> str:
    workspace = world.workspace()
    stop = threading.Event()
    try:
        folder = workspace.store.open(SET_ID)
        if verb == "retry":
            target = Target(folder, range(folder.job_set.circuits))
            open_attempts(workspace, target, status(workspace, target), FAILED)
            folder.refresh()
        report = submit_unsent(workspace, folder, stop=stop)
    except NotFound as error:
        return f"not found: {error.message}"
    except StateError as error:
        named = re.search(rf"{re.escape(str(path))}(?::[1-9]|:? )", error.message)
        well = named and error.hint and error.exit_code is ExitCode.STATE
        return f"state: {error.message}" if well else f"unclear: {error.message}"
    except QjobsError as error:
        return f"{error.code}: {error.message}"
    return "" if not report.problems else f"problems: {report.problems[0]}"


def play(form: str, *, number: int | None, seed: int, tell: bool = False) -> Counter[str]:
    """Change so many bytes of a form of the file, or each; what came of it, counted.

    Raises AssertionError for the first trial that breaks a promise.
    """
    rng = random.Random(seed)
    outcomes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="qjobs-bytes-") as name:
        world = World(Path(name))
        world.make()
        data = world.form(form)
        chosen = list(trials(data, rng))
        if number is not None:
            chosen = rng.sample(chosen, min(number, len(chosen)))
        chosen.insert(0, Trial("nothing", 0, data))
        books = world.home / "fake"
        shutil.copytree(books, world.home / "before")
        for count, trial in enumerate(chosen, start=1):
            shutil.rmtree(books)
            shutil.copytree(world.home / "before", books)
            world.path.write_bytes(trial.data)
            ends = attempt_all(world, world.path)
            _judge(world, trial, ends)
            assert trial.data != data or not any(ends), ends
            outcomes[" / ".join(end.partition(":")[0] or "well" for end in ends)] += 1
            if tell and count % 500 == 0:
                print(f"{form}: {count} of {len(chosen)}", file=sys.stderr)
    return outcomes


def _judge(world: World, trial: Trial, ends: list[str]) -> None:
    assert not any(end.startswith("unclear") for end in ends), (trial, ends)
    live = world.live()
    assert max(live.values()) == 1, (trial, ends, live)
    if not any(ends):
        billed = {submission.job_id for submission in world.new_provider().submissions()}
        assert billed <= world.known_ids(), (trial, billed)
        assert set(live) == set(range(2 * JOBS)), (trial, live)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--trials", type=int, help="of each form; every byte by default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--form", choices=FORMS, action="append")
    chosen = parser.parse_args()
    for form in chosen.form or FORMS:
        outcomes = play(form, number=chosen.trials, seed=chosen.seed, tell=True)
        print(f"{form}: {outcomes.total()} trials, none broke a promise")
        for outcome, number in outcomes.most_common():
            print(f"  {number:7} {outcome}")


if __name__ == "__main__":
    main()
