"""The job manager: splits circuits into jobs, has them run, and keeps their sets."""

import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qjobs import paths
from qjobs.engine.filters import SetFilter
from qjobs.errors import NotFound, StateError
from qjobs.managed.arguments import check_lock, check_text, checked_tags, checked_time
from qjobs.managed.home import Surroundings
from qjobs.managed.job_set import ManagedJobSet
from qjobs.managed.report import detail_lines, summary_lines

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from qiskit import QuantumCircuit

    from qjobs.managed.submit_queue import Lock


class JobManager:
    """Runs circuits in as many jobs as it takes, on the state of the command line.

    `state` is the state folder, by default `$QJOBS_HOME`. Jobs of a set go out one after the
    other, in the order of their circuits; a semaphore as `submit_lock` lets several through at
    a time, of all sets of the manager together.
    """

    def __init__(
        self,
        state: str | os.PathLike[str] | Surroundings | None = None,
        *,
        submit_lock: "Lock | None" = None,
    ) -> None:
        if submit_lock is not None:
            check_lock(submit_lock)
        if isinstance(state, Surroundings):
            self._surroundings = state
        else:
            check_text("state folder", None if isinstance(state, os.PathLike) else state)
            home = paths.state_home() if state is None else Path(state).expanduser().absolute()
            self._surroundings = Surroundings.at(home)
        self._submit_lock = submit_lock
        self._job_sets: list[ManagedJobSet] = []

    @cached_property
    def _executor(self) -> "Executor":
        from concurrent.futures import ThreadPoolExecutor

        return ThreadPoolExecutor(thread_name_prefix="qjobs")

    def run(
        self,
        experiments: "QuantumCircuit | Sequence[QuantumCircuit]",
        backend: object,
        name: str | None = None,
        max_experiments_per_job: int | None = None,
        job_share_level: str | None = None,
        job_tags: Sequence[str] | None = None,
        **run_config: Any,
    ) -> ManagedJobSet:
        """Write a set of one circuit or several, and submit it in the background.

        `backend` is an object with `run`, a V2 sampler, or a text such as `local:aer`. A job has
        at most `max_experiments_per_job` circuits, and no more than the backend takes. Of
        `run_config`, `shots`, `seed_simulator`, `memory` and `optimization_level` mean the same
        for every backend, the rest goes to its `run`. Raises JobManagerInvalidStateError for
        what is wrong with the arguments, and InputError and StateError.
        """
        job_set = self._new_set(name=name)
        job_set.submit(
            experiments,
            backend,
            self._executor,
            per_job=max_experiments_per_job,
            job_share_level=job_share_level,
            job_tags=job_tags,
            run_config=run_config,
        )
        self._job_sets.append(job_set)
        return job_set

    def report(self, detailed: bool = True) -> str:  # noqa: FBT001, FBT002 - the predecessor's
        """How the jobs of all sets of this manager are, in words for people."""
        looked = [(job_set, job_set.job_reports()) for job_set in self._job_sets]
        lines = summary_lines(job for _, reports in looked for job in reports)
        if detailed:
            lines += ["", "Detail report:"]
            for job_set, reports in looked:
                lines.append(f"  Job set name: {job_set.name()}, ID: {job_set.job_set_id()}")
                lines += detail_lines(reports, job_set.managed_jobs(), job_set.name())
        return "\n".join(lines)

    def job_sets(
        self,
        name: str | None = None,
        *,
        earlier: bool = False,
        backend: str | None = None,
        tags: Sequence[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[ManagedJobSet]:
        """The sets of this manager, of that name if one is given.

        The `backend` is a pattern, such as `ibm:*` or `ibm_fez`; a set has all of the `tags`, and
        was made from `since` on and before `until`. With `earlier`, those of other processes and of
        the command line too, from then on; a set that cannot be read is left out. Raises
        JobManagerInvalidStateError for what is wrong with the arguments.
        """
        check_text("name of a job set", name)
        check_text("backend", backend)
        meant = SetFilter(
            backend=backend or "",
            tags=checked_tags(tags),
            since=checked_time("since", since),
            until=checked_time("until", until),
        )
        if earlier:
            known = {job_set.job_set_id() for job_set in self._job_sets}
            for header in reversed(self._surroundings.workspace.store.listing().headers):
                if (
                    header.set_id not in known
                    and name in (None, header.name)
                    and meant.takes_header(header)
                ):
                    with suppress(StateError, NotFound):
                        self.retrieve_job_set(header.set_id)
        return [
            job_set
            for job_set in self._job_sets
            if name in (None, job_set.name()) and job_set.is_like(meant)
        ]

    def retrieve_job_set(
        self,
        job_set_id: str,
        provider: object | None = None,
        refresh: bool = False,  # noqa: FBT001, FBT002 - the predecessor's
    ) -> ManagedJobSet:
        """Open a set by its id: the same object again, read anew if `refresh`.

        `provider` is needed for sets that ran with an object, to ask about jobs that it may
        retrieve: it is a vendor's provider that has the backend, or that backend. For all
        others, the state knows. Raises JobManagerUnknownJobSet, JobManagerInvalidStateError if
        the provider is another one's, and StateError.
        """
        check_text("id of a job set", job_set_id)
        for job_set in self._job_sets:
            if job_set.job_set_id() == job_set_id:
                if refresh:
                    job_set.retrieve_jobs(provider, refresh=True)
                return job_set
        job_set = self._new_set(short_id=job_set_id)
        job_set.retrieve_jobs(provider)
        self._job_sets.append(job_set)
        return job_set

    def _new_set(self, *, name: str | None = None, short_id: str | None = None) -> ManagedJobSet:
        return ManagedJobSet(
            name,
            short_id,
            surroundings=self._surroundings,
            submit_lock=self._submit_lock,
        )
