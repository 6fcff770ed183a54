"""How the fake provider takes the jobs of one call, or does not, as the script says."""

import os
import signal

from qjobs.contract import Submission
from qjobs.errors import ProviderError
from qjobs.model import RunOptions
from qjobs.providers.fake.books import Entry, Page
from qjobs.providers.fake.faults import Faults, check_pending, keep_pace, turn_away
from qjobs.providers.fake.script import Script
from qjobs.tags import set_tag_of


class Call:
    """One call of a client at `now_s`, in seconds since the epoch, while a page is open."""

    def __init__(
        self, page: Page, script: Script, *, backend: str, options: RunOptions, now_s: float
    ) -> None:
        self._page = page
        self._script = script
        self._backend = backend
        self._options = options
        self._now_s = now_s
        self._has_turn = False

    def take(self, job: Submission) -> str:
        """Write one of its jobs down and return the id; the circuits are not looked at.

        Raises ProviderError as the script has it.
        """
        page, script, options, now_s = self._page, self._script, self._options, self._now_s
        circuits, tag = job
        page.set_backend(set_tag_of(tag), self._backend)
        faults = Faults(page, tag, script)
        if faults.reached("die_before"):
            _die(page)
        turn_away(faults, script, circuits.slice, options)
        check_pending(page, script, self._backend, now_s)
        if not self._has_turn:
            keep_pace(page, script, self._backend, now_s)
            self._has_turn = True
        if faults.strikes("drop"):
            raise ProviderError("the connection broke (drop)")
        entry = Entry(
            tag=tag,
            backend=self._backend,
            accepted_s=now_s,
            ends_s=now_s + script.queue_s + script.delay_s,
            start_index=circuits.slice.start_index,
            circuits=circuits.slice.experiments_count,
            shots=options.shots,
            seed=options.seed or 0,
            memory=options.memory,
            fails=False,
        )
        job_ids = [
            page.add(entry._replace(fails=faults.job_fails()))
            for _ in range(2 if faults.strikes("double") else 1)
        ]
        if circuits.note:
            page.set_note(tag, circuits.note)
        if faults.reached("die_after"):
            _die(page)
        if faults.strikes("lose"):
            raise ProviderError("the connection broke while waiting for the answer (lose)")
        return job_ids[-1]


def _die(page: Page) -> None:
    page.commit()
    os.kill(os.getpid(), signal.SIGKILL)
