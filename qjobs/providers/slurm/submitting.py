"""Submits arrays: what is about to be submitted is written down, then sbatch is called, once."""

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from qjobs import files
from qjobs.circuits.slices import CircuitSlice
from qjobs.contract import Submission
from qjobs.errors import JobRefused, NoneAccepted, NotNow, ProviderError, QjobsError
from qjobs.model import RunOptions
from qjobs.providers.slurm import commands
from qjobs.providers.slurm.settings import Settings, parted, split
from qjobs.providers.slurm.shared import VOID, Array, Shared, new_key
from qjobs.providers.slurm.versions import versions
from qjobs.simulators import making
from qjobs.simulators.job import SimulatorJob
from qjobs.tags import set_tag_of

_SCRIPT = """#!/bin/sh
{load}exec {python} -m qjobs.providers.slurm.task {folder}
"""


class Submitter:
    """Submits jobs as tasks of arrays, and knows what Slurm calls these."""

    def __init__(self, shared: Shared, settings: Settings) -> None:
        self._shared = shared
        self._settings = settings
        self._unreached_s: float | None = None

    def submit(
        self, jobs: Sequence[Submission], *, backend: str, options: RunOptions
    ) -> dict[str, str | Exception]:
        """The answer for each tag, as of `submit_together`."""
        answers: dict[str, str | Exception] = {}
        for job in jobs:
            if begun := self._rule_out(job.tag):
                answers[job.tag] = begun
        left = [job for job in jobs if job.tag not in answers]
        if left:
            answers |= self._submit(left, backend=backend, options=options)
        return answers

    def _rule_out(self, tag: str) -> str:
        """The id of the task that has begun with a tag; no other will begin hereafter."""
        for array, task in self._shared.with_tag(tag):
            if not array.take(task, VOID) and not array.is_void(task):
                if not (name := self.name_of(array, {})):
                    raise NotNow(f"a task of {tag} has begun, but not said its id yet")
                return f"{name}_{task}"
        return ""

    def _submit(
        self, jobs: Sequence[Submission], *, backend: str, options: RunOptions
    ) -> dict[str, str | Exception]:
        name, partition = parted(backend)
        chosen, rest = split(options)
        key = new_key(set_tag_of(jobs[0].tag))
        answers: dict[str, str | Exception] = {}
        made: list[SimulatorJob] = []
        tags: list[str] = []
        try:
            for job in jobs:
                task = f"{key}/{len(made)}"
                try:
                    given = self._copied(job.circuits)
                    made.append(making.make_job(task, given, backend=name, options=rest))
                except JobRefused as error:
                    answers[job.tag] = error
                    continue
                tags.append(job.tag)
            if not made:
                return answers
            array = self._shared.begin(
                key, tags, made, backend=backend, versions=versions(),
                created=datetime.now(UTC).isoformat(),
            )  # fmt: skip
            script = array.folder / "script"
            files.create(script, self._script(array).encode())
        except OSError as error:
            raise NoneAccepted(
                f"cannot write in {self._settings.shared}: {error.strerror}",
                hint="make room there, then go on with qjobs resume",
            ) from error
        array_id = self._call(
            "--parsable", "--no-requeue",
            f"--array=0-{len(tags) - 1}{self._settings.limit(chosen)}",
            f"--comment={key}", f"--job-name={set_tag_of(tags[0])}",
            f"--output={array.folder}/%a.log", f"--chdir={array.folder}",
            *self._settings.words({**({"partition": partition} if partition else {}), **chosen}),
            str(script),
        )  # fmt: skip
        try:
            array.tell(array_id)
            name = self._shared.name_of(array)
        except OSError as error:  # Slurm can tell, and so will the first task
            raise ProviderError(f"cannot write in {array.folder}: {error.strerror}") from error
        return answers | {tag: f"{name}_{task}" for task, tag in enumerate(tags)}

    def _call(self, *words: str) -> str:
        """Call sbatch; NoneAccepted once the controller has not been there for a while."""
        began_s = time.monotonic()
        try:
            array_id = commands.submit(words)
        except commands.Unreached as error:
            self._unreached_s = self._unreached_s or began_s
            if time.monotonic() - self._unreached_s < self._settings.patience_s:
                raise
            self._unreached_s = None
            raise NoneAccepted(
                f"{error.message}, and has not for {self._settings.patience_s:.0f} s",
                hint="once `scontrol ping` says that it is up: qjobs resume",
            ) from error
        self._unreached_s = None
        return array_id

    def _copied(self, circuits: CircuitSlice) -> CircuitSlice:
        try:
            sweep, observables = circuits.sweep, circuits.observables
            return replace(
                circuits,
                path=self._shared.copy(circuits.path),
                sweep=sweep and sweep._replace(path=self._shared.copy(sweep.path)),
                observables=observables and self._shared.copy(observables),
            )
        except QjobsError as error:
            raise JobRefused(error.message, hint=error.hint) from error

    def _script(self, array: Array) -> str:
        # Imported here: whoever only looks writes no script.
        from shlex import quote

        settings = self._settings
        load = f". /etc/profile\nmodule load {quote(settings.module)}\n" if settings.module else ""
        python = f"{settings.container} {quote(settings.python)}".strip()
        return _SCRIPT.format(load=load, python=python, folder=quote(str(array.folder)))

    def name_of(self, array: Array, known: dict[str, str]) -> str:
        """What the ids of its tasks begin with; empty if there is no such array.

        What Slurm knows is asked for once, and `known` then.
        """
        if not array.slurm_id:
            if not known:
                known[""] = ""
                known |= {entry.comment: entry.array for entry in commands.queue()}
            if array.key not in known:
                return ""
            try:
                array.tell(known[array.key])
            except OSError as error:
                raise ProviderError(f"cannot write in {array.folder}: {error.strerror}") from error
        return self._shared.name_of(array)
