"""Whatever happens in whatever order: no two live jobs for one circuit, and no id lost."""

import shutil
import tempfile
import threading
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from support.scripted import Answer, Killed, ScriptedProvider, TellingProvider, whole

from qjobs.engine.cancel import cancel
from qjobs.engine.failed import look_into
from qjobs.engine.report import FAILED
from qjobs.engine.result import fetch
from qjobs.engine.retry import open_attempts
from qjobs.engine.sending.submission import submit_jobs
from qjobs.engine.status import status
from qjobs.engine.submit import unsent_jobs
from qjobs.engine.workspace import Workspace
from qjobs.errors import ProviderError
from qjobs.model import Accepted, Attempted, Finished, JobSet, JobStatus, Slice
from qjobs.store.sets import Store

ANSWERS = st.lists(st.sampled_from(Answer), max_size=6)
JOBS = 4
CIRCUITS = 4 * JOBS


class Promises(RuleBasedStateMachine):
    """One job set in the hands of a user, an unreliable provider, and sudden death."""

    kind: type[ScriptedProvider] = ScriptedProvider

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp(prefix="qjobs-promises-"))
        self.provider = self.kind()
        ids = count(1)
        self.workspace = Workspace(
            store=Store(self.home, clock=lambda: datetime.now(UTC)),
            load_provider=lambda _name: self.provider,
            clock=lambda: datetime.now(UTC),
            new_id=lambda: f"{next(ids):012x}",
        )

    @initialize()
    def plan(self) -> None:
        draft = self.workspace.store.draft(self.workspace.new_id())
        draft.circuits_path.write_bytes(b"not read")
        self.set_id = draft.set_id
        draft.commit(
            JobSet(
                set_id=draft.set_id, name="", created=self.workspace.clock(),
                provider="scripted", backend="device", circuits=CIRCUITS,
                slices=tuple(Slice(4 * index, 4) for index in range(JOBS)),
            ),
            (),
        )  # fmt: skip

    def folder(self):
        """The set as a new process would open it."""
        return self.workspace.store.open(self.set_id)

    @rule(answers=ANSWERS)
    def submit_or_resume(self, answers) -> None:
        self.provider.script.extend(answers)
        folder = self.folder()
        try:
            submit_jobs(
                folder, self.provider, jobs=unsent_jobs(folder),
                clock=self.workspace.clock, stop=threading.Event(),
            )  # fmt: skip
        except Killed:
            pass
        finally:
            self.provider.script.clear()

    @rule()
    def look(self) -> None:
        folder = self.folder()
        report = status(self.workspace, whole(folder))
        assert sum(report.counts.values()) == len(folder.slices)
        fetch(self.workspace, folder, report.jobs, stop=threading.Event())

    @rule(answers=ANSWERS, circuits=st.none() | st.sets(st.integers(0, CIRCUITS - 1), min_size=1))
    def retry(self, answers, circuits) -> None:
        """All that failed, or what of it is among these circuits or in jobs that have some."""
        target = whole(self.folder())
        if circuits:
            target = target._replace(circuits=tuple(sorted(circuits)))
        report = status(self.workspace, target)
        report = look_into(self.workspace, target, report, stop=threading.Event())
        try:
            open_attempts(self.workspace, target, report, FAILED)
        except ProviderError:
            assert not self.provider.reachable
        self.submit_or_resume(answers)

    @rule()
    def cancel(self) -> None:
        try:
            cancel(self.workspace, whole(self.folder()))
        except ProviderError:
            assert not self.provider.reachable

    @rule(answers=ANSWERS, dies=st.booleans())
    def cancel_while_a_call_is_in_flight(self, answers, dies) -> None:
        """From another process, which may die; then the submitter may, by its answers."""

        def meanwhile() -> None:
            with suppress(ProviderError):
                cancel(self.workspace, whole(self.folder()))
            if dies:
                raise Killed

        self.provider.meanwhile.append(meanwhile)
        self.submit_or_resume(answers)
        self.provider.meanwhile.clear()

    @invariant()
    def what_was_withdrawn_does_not_run_once_somebody_goes_on(self) -> None:
        if not hasattr(self, "set_id") or not self.provider.reachable:
            return
        waiting = [job for job in self.folder().jobs() if job.attempt.withdrawn]
        if not waiting:
            return
        submit_jobs(
            self.folder(), self.provider, jobs=[job.index for job in waiting],
            clock=self.workspace.clock, stop=threading.Event(),
        )  # fmt: skip
        tags = {f"qj-{self.set_id}-{job.index}-{job.attempt.number}" for job in waiting}
        assert not [j for j in self.provider.jobs.values() if j.tag in tags and not j.status.final]

    @rule(
        outcome=st.sampled_from([JobStatus.DONE, JobStatus.ERROR]),
        which=st.integers(0, JOBS),
        blank=st.sets(st.integers(0, 3), max_size=4),
    )
    def a_job_ends(self, outcome, which, blank) -> None:
        live = [job for job in self.provider.jobs.values() if not job.status.final]
        if live:
            job = live[which % len(live)]
            job.status, job.message = outcome, "it broke"
            job.blank = frozenset(job.start_index + at for at in blank if at < job.circuits)

    @rule(reachable=st.booleans())
    def the_network_changes(self, reachable) -> None:
        self.provider.reachable = reachable

    @rule(most=st.sampled_from([None, 1, 2, 3]))
    def the_limit_changes(self, most) -> None:
        self.provider.most_circuits = most

    @invariant()
    def every_circuit_is_in_exactly_one_job(self) -> None:
        if hasattr(self, "set_id"):
            parts = [part for own in self.folder().parts for part in own]
            found = [i for part in parts for i in range(part.start_index, part.end_index + 1)]
            assert sorted(found) == list(range(CIRCUITS))

    @invariant()
    def no_circuit_has_two_live_jobs_that_we_asked_for(self) -> None:
        if not hasattr(self, "set_id"):
            return
        unasked = {
            job_id
            for job in self.folder().jobs()
            for attempt in job.attempts
            for job_id in attempt.duplicates
        }
        tags = self.tags_in_doubt()
        live = Counter(
            index
            for job in self.provider.jobs.values()
            for index in range(job.start_index, job.start_index + job.circuits)
            if job.status is not JobStatus.ERROR
            and job.status is not JobStatus.CANCELLED
            and not (job.status is JobStatus.DONE and index in job.blank)
            and job.job_id not in unasked
            and job.tag not in tags
        )
        assert all(number == 1 for number in live.values()), live

    @invariant()
    def every_id_is_in_the_state_or_found_by_a_tag_in_the_state(self) -> None:
        if not hasattr(self, "set_id"):
            return
        known = {
            job_id
            for job in self.folder().jobs()
            for attempt in job.attempts
            for job_id in (*ids(attempt.state), *attempt.duplicates)
        }
        tags = self.tags_in_doubt()
        for job in self.provider.jobs.values():
            assert job.job_id in known or job.tag in tags, job

    def tags_in_doubt(self) -> set[str]:
        return {
            attempt.state.tag
            for job in self.folder().jobs()
            for attempt in job.attempts
            if isinstance(attempt.state, Attempted)
        }

    def teardown(self) -> None:
        """At the end everything can be brought home by one more resume."""
        if hasattr(self, "set_id"):
            self.provider.reachable = True
            self.submit_or_resume([])
            assert not self.tags_in_doubt()
            assert not unsent_jobs(self.folder())
            self.every_id_is_in_the_state_or_found_by_a_tag_in_the_state()
            self.every_circuit_is_in_exactly_one_job()
            self.no_circuit_has_two_live_jobs_that_we_asked_for()
        shutil.rmtree(self.home)


def ids(state) -> tuple[str, ...]:
    match state:
        case Accepted(job_id) | Finished(job_id):
            return (job_id,)
        case _:
            return ()


class PromisesOfOneThatTells(Promises):
    """The same with a provider that tells which circuits failed without its results."""

    kind = TellingProvider


Promises.TestCase.settings = settings(max_examples=60, stateful_step_count=15, deadline=None)
TestPromises = Promises.TestCase
PromisesOfOneThatTells.TestCase.settings = Promises.TestCase.settings
TestPromisesOfOneThatTells = PromisesOfOneThatTells.TestCase
