"""A set is removed when nothing of it can run any more, whoever works on it meanwhile."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.scripted import Answer, ScriptedProvider, whole
from support.tallying import Tallying

from qjobs.engine import address, gc
from qjobs.engine.cancel import cancel_duplicates
from qjobs.engine.remove import remove
from qjobs.engine.report import State
from qjobs.engine.retry import open_attempts
from qjobs.engine.status import status
from qjobs.engine.submit import submit_unsent
from qjobs.engine.workspace import Workspace
from qjobs.errors import NotFound, QjobsError, StateUnwritable, Unfinished
from qjobs.facts import Fact, FactKind
from qjobs.model import Accepted, JobStatus, RunOptions
from qjobs.results import CircuitResult, JobResult
from qjobs.store import removal
from qjobs.store.folder import SetFolder
from qjobs.store.sets import Store


@pytest.fixture
def sent(workspace: Workspace, new_set: Callable[..., SetFolder]) -> SetFolder:
    """A set whose three jobs are with the provider."""
    folder = new_set()
    submit_unsent(workspace, folder, stop=threading.Event())
    return folder


def place(folder: SetFolder) -> Path:
    return folder.state_path.parent


def test_jobs_that_have_ended_since_are_asked_about_and_their_set_goes(
    workspace: Workspace, sent: SetFolder, provider: ScriptedProvider
) -> None:
    assert isinstance(remove(workspace, whole(sent)).keeps, Unfinished)
    provider.finish()

    removed = remove(workspace, whole(sent))

    assert removed.keeps is None
    assert not place(sent).exists()
    assert [*place(sent).parent.iterdir()] == []
    assert "cancel" not in " ".join(provider.calls)


def test_by_force_jobs_are_cancelled_before_their_set_goes(
    workspace: Workspace, sent: SetFolder, provider: ScriptedProvider
) -> None:
    removed = remove(workspace, whole(sent), force=True)

    assert removed.keeps is None
    assert not place(sent).exists()
    assert {job.status for job in provider.jobs.values()} == {JobStatus.CANCELLED}


@pytest.mark.parametrize("force", [False, True])
def test_a_provider_that_does_not_answer_keeps_the_set(
    workspace: Workspace, sent: SetFolder, provider: ScriptedProvider, force: bool
) -> None:
    provider.reachable = False

    kept = remove(workspace, whole(sent), force=force).keeps

    assert kept is not None
    assert "no route to host" in kept.message
    assert [*sent.jobs()] == [*SetFolder(place(sent)).jobs()]


@pytest.mark.parametrize("force", [False, True])
def test_jobs_that_cannot_be_cancelled_keep_the_set(
    workspace: Workspace, sent: SetFolder, provider: ScriptedProvider, force: bool
) -> None:
    provider.cancels = False

    assert isinstance(remove(workspace, whole(sent), force=force).keeps, Unfinished)
    assert place(sent).exists()


def test_duplicates_that_may_run_keep_the_set_until_they_are_stopped(
    workspace: Workspace, new_set: Callable[..., SetFolder], provider: ScriptedProvider
) -> None:
    provider.script = deque([Answer.ACCEPT_TWICE])
    folder = new_set(jobs=1)
    submit_unsent(workspace, folder, stop=threading.Event())
    submit_unsent(workspace, folder, stop=threading.Event())
    (job,) = folder.jobs()
    (duplicate,) = job.duplicates
    provider.jobs["remote-0"].status = JobStatus.DONE

    kept = remove(workspace, whole(folder)).keeps

    assert isinstance(kept, Unfinished)
    assert duplicate in kept.message
    assert kept.hint == f"qjobs cancel --duplicates {folder.job_set.set_id}"
    cancel_duplicates(workspace, whole(folder))
    assert remove(workspace, whole(folder)).keeps is None


def test_by_force_duplicates_are_stopped_too(
    workspace: Workspace, new_set: Callable[..., SetFolder], provider: ScriptedProvider
) -> None:
    provider.script = deque([Answer.ACCEPT_TWICE])
    folder = new_set(jobs=1)
    submit_unsent(workspace, folder, stop=threading.Event())
    submit_unsent(workspace, folder, stop=threading.Event())

    assert remove(workspace, whole(folder), force=True).keeps is None
    assert {job.status for job in provider.jobs.values()} == {JobStatus.CANCELLED}


class TestOlderCopies:
    @pytest.fixture
    def provider(self) -> Tallying:
        return Tallying()

    @pytest.mark.parametrize("force", [False, True])
    def test_jobs_that_an_older_copy_of_the_state_does_not_know_of_keep_their_set(
        self, workspace: Workspace, sent: SetFolder, provider: Tallying, force: bool
    ) -> None:
        provider.finish(JobStatus.ERROR, "it broke")
        report = status(workspace, whole(sent))
        older = sent.state_path.read_bytes()
        open_attempts(workspace, whole(sent), report, (State.ERROR,))
        submit_unsent(workspace, sent, stop=threading.Event())
        sent.state_path.write_bytes(older)
        folder = SetFolder(place(sent))
        assert not any(isinstance(job.state, Accepted) for job in folder.jobs())

        kept = remove(workspace, whole(folder), force=force).keeps

        running = [job for job in provider.jobs.values() if not job.status.final]
        assert len(running) == (0 if force else 3)
        assert place(sent).exists() is not force
        assert isinstance(kept, Unfinished) is not force


@dataclass
class InterferingProvider(ScriptedProvider):
    """While it is asked whether results can be had again, somebody else does something."""

    meanwhile_asked: list[Callable[[], object]] = field(default_factory=list)

    def gives_once(self, *, backend: str, options: RunOptions) -> bool:
        while self.meanwhile_asked:
            self.meanwhile_asked.pop()()
        return False


class TestMeanwhile:
    @pytest.fixture
    def provider(self) -> InterferingProvider:
        return InterferingProvider()

    @pytest.fixture
    def ended(self, sent: SetFolder, provider: InterferingProvider) -> SetFolder:
        provider.finish(JobStatus.ERROR, "it broke")
        return sent

    def test_an_attempt_that_another_process_opens_keeps_the_set(
        self, workspace: Workspace, ended: SetFolder, provider: InterferingProvider
    ) -> None:
        def retry() -> None:
            with SetFolder(place(ended)).journal() as journal:
                fact = Fact(1, 2, workspace.clock(), FactKind.PLANNED, "once more")
                assert journal.append(fact)

        provider.meanwhile_asked = [retry]

        kept = remove(workspace, whole(ended)).keeps

        assert isinstance(kept, Unfinished)
        assert kept.message.startswith(f"{ended.job_set.set_id}/1 ")
        assert place(ended).exists()

    def test_another_process_that_removes_it_is_named(
        self, workspace: Workspace, ended: SetFolder, provider: InterferingProvider
    ) -> None:
        others = []

        def rival() -> None:
            others.append(remove(workspace, whole(SetFolder(place(ended)))))

        provider.meanwhile_asked = [rival]

        mine = remove(workspace, whole(ended))

        assert isinstance(mine.keeps, NotFound)
        assert [other.keeps for other in others] == [None]


def test_many_at_once_remove_a_set_once(
    workspace: Workspace, sent: SetFolder, provider: ScriptedProvider
) -> None:
    provider.finish()
    opened = [SetFolder(place(sent)) for _ in range(8)]

    with ThreadPoolExecutor(8) as pool:
        found = [*pool.map(lambda folder: remove(workspace, whole(folder)), opened)]

    assert [one.keeps for one in found].count(None) == 1
    assert [*place(sent).parent.iterdir()] == []


def test_whoever_has_a_removed_set_open_cannot_write_it_anew(
    workspace: Workspace, sent: SetFolder, provider: ScriptedProvider
) -> None:
    provider.finish()
    other = SetFolder(place(sent))
    result = JobResult.of([CircuitResult(1, {"0x0": 1}, 1)])
    with other.journal() as journal:
        assert remove(workspace, whole(sent)).keeps is None

        with pytest.raises(StateUnwritable):
            journal.append(Fact(0, 2, workspace.clock(), FactKind.PLANNED, "once more"))
    with pytest.raises(StateUnwritable):
        other.results.write(0, 1, job_id="remote-0", result=result)
    with pytest.raises(QjobsError), other.claim_submission():
        pass
    assert [*place(sent).parent.iterdir()] == []


def test_a_removal_that_was_cut_off_is_seen_by_gc_alone(
    workspace: Workspace, sent: SetFolder, provider: ScriptedProvider
) -> None:
    provider.finish()
    set_id = sent.job_set.set_id
    with removal.taken_away(sent, lambda: None) as removed:
        # Another process that collects lets the living finish.
        assert [*gc.collect(workspace, [])] == []
        assert removed.folder.exists()

    assert workspace.store.listing() == ((), ())
    with pytest.raises(NotFound):
        address.resolve(workspace.store, set_id)
    problems: list[str] = []
    (left,) = gc.collect(workspace, problems)
    assert (left.kind, problems) == ("removed set", [])
    assert [*workspace.store.sets.iterdir()] == []


def test_what_keeps_a_set_leaves_it_as_it_was(workspace: Workspace, sent: SetFolder) -> None:
    before = sent.state_path.read_bytes()

    def refuse() -> None:
        raise Unfinished("not yet")

    with pytest.raises(Unfinished), removal.taken_away(sent, refuse):
        pass

    assert sent.state_path.read_bytes() == before
    assert isinstance(workspace.store, Store)
    assert workspace.store.has(sent.job_set.set_id)
    with sent.claim_submission():
        pass
