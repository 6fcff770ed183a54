"""Whatever happens, and whichever older copy of the state is put back: nothing is sent twice."""

import shutil
from collections import defaultdict

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule
from support.tallying import Tallying
from test_promises import ANSWERS, CIRCUITS, Promises

from qjobs.errors import StateDamaged
from qjobs.model import JobStatus


class OlderCopies(Promises):
    """The promises, of which the state knows only what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.provider = Tallying()
        self.copies = 0
        self.stuck = False

    @rule()
    def keep_a_copy(self) -> None:
        shutil.copy2(self.folder().state_path, self.home / f"copy-{self.copies}")
        self.copies += 1

    @rule(which=st.integers(0, 20))
    def put_a_copy_back(self, which) -> None:
        if self.copies:
            shutil.copy2(self.home / f"copy-{which % self.copies}", self.folder().state_path)
            self.stuck = False

    @rule(answers=ANSWERS)
    def submit_or_resume(self, answers) -> None:
        try:
            super().submit_or_resume(answers)
        except StateDamaged as error:
            if "older copy" not in error.message and "may run" not in error.message:
                raise
            self.stuck = True

    @rule(answers=ANSWERS, circuits=st.none() | st.sets(st.integers(0, CIRCUITS - 1), min_size=1))
    def retry(self, answers, circuits) -> None:
        try:
            super().retry(answers, circuits)
        except StateDamaged as error:
            if "older copy" not in error.message and "may run" not in error.message:
                raise
            self.stuck = True

    @invariant()
    def no_tag_was_sent_twice(self) -> None:
        assert all(number <= 1 for number in self.provider.sent.values()), self.provider.sent

    @invariant()
    def no_circuit_has_two_live_jobs_that_we_asked_for(self) -> None:
        tags = defaultdict(set)
        for job in self.provider.jobs.values():
            failed = job.status in (JobStatus.ERROR, JobStatus.CANCELLED)
            if not failed and job.job_id not in self.provider.doubles:
                for index in range(job.start_index, job.start_index + job.circuits):
                    if job.status is not JobStatus.DONE or index not in job.blank:
                        tags[index].add(job.tag)
        assert all(len(found) == 1 for found in tags.values()), tags

    @invariant()
    def every_id_is_in_the_state_or_found_by_a_tag_in_the_state(self) -> None:
        """Not before the set is gone on with."""

    def teardown(self) -> None:
        if hasattr(self, "set_id"):
            self.provider.reachable = True
            self.submit_or_resume([])
            if not self.stuck:
                assert not self.tags_in_doubt()
            self.no_tag_was_sent_twice()
            self.no_circuit_has_two_live_jobs_that_we_asked_for()
        shutil.rmtree(self.home)


OlderCopies.TestCase.settings = settings(max_examples=40, stateful_step_count=15, deadline=None)
TestOlderCopies = OlderCopies.TestCase
