"""The `qiskit` provider: any vendor's package whose backends have `run` and whose jobs have ids.

Vendors' code runs in a process of its own, see `bridge`. What this machine knows of their
jobs is in the provider's folder, see `known_jobs`.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from qjobs.circuits import qpy
from qjobs.circuits.slices import CircuitSlice
from qjobs.contract import (
    TRANSPILE,
    UNDATED,
    BackendInfo,
    CancelOutcome,
    Capabilities,
    Kept,
    Limits,
    Names,
    ProviderContext,
    RemoteJob,
    chosen,
    handed_on,
)
from qjobs.defaults import Defaults
from qjobs.errors import InputError, JobRefused, UsageError
from qjobs.model import JobStatus, RunOptions
from qjobs.providers.vendor.bridge import Bridge
from qjobs.providers.vendor.known_jobs import KnownJobs
from qjobs.providers.vendor.settings import Settings
from qjobs.results import JobResult

CONNECTIONS = 4
OLDEST_QPY = 13
"""The oldest version that our Qiskit writes: that of Qiskit 1.3."""

FIND_S = 60.0
_NO_WAY = (
    "once qjobs has ended nothing could be known of a job: ask its maker for a way to fetch jobs"
)


class QiskitProvider(Defaults):
    """One `[providers.NAME]` with a `factory` of the config file; the folder's name is its own.

    A tag is submitted once on this machine, whatever is killed meanwhile. Vendors cannot be
    asked for tags, so elsewhere nothing is found.
    """

    def __init__(self, context: ProviderContext) -> None:
        if "factory" not in context.settings:
            raise UsageError(
                "the provider qiskit is used by names of your own",
                hint='in the config file: [providers.NAME] factory = "package.module:callable"',
            )
        settings = Settings.of(context.folder.name, context.settings)
        self._settings = settings
        self.connections = settings.limited(Limits(connections=CONNECTIONS)).connections
        self._known_jobs = KnownJobs(context.folder)
        self._bridge = Bridge(
            settings.python,
            lambda: _opening(context, settings),
            log=context.folder / "bridge.log",
            timeout_s=settings.timeout_s,
        )
        self._recoder = Bridge(
            sys.executable,
            lambda: {"folder": str(context.folder), "factory": "", "secrets": []},
            log=context.folder / "recoder.log",
            timeout_s=settings.timeout_s,
        )
        self._descriptions: dict[str, Mapping[str, Any]] = {}

    def names_code(self, backend: str) -> bool:
        """The factory's, and it is sent circuits in the user's name."""
        return True

    def capabilities(self, backend: str) -> Capabilities:
        """Jobs are found only by the calls that were made on this machine."""
        self._described(backend)
        return Capabilities(finds=False, named_options=(TRANSPILE,))

    def names(self, backend: str) -> Names:
        """The vendor's package, in its version there, and the backend's own name."""
        fields, _ = self._call("names", backend=backend)
        return Names(**fields)

    def backends(self) -> Sequence[BackendInfo]:
        """Those that the vendor lists."""
        listed, _ = self._call("backends")
        return [BackendInfo(*fields) for fields in listed]

    def limits(self, backend: str) -> Limits:
        """What the backend says, but first what the config file says."""
        stated = Limits(circuits=self._described(backend)["circuits"], connections=CONNECTIONS)
        return self._settings.limited(stated)

    def check(self, backend: str, options: RunOptions) -> None:
        """Raise UsageError, also for a backend whose jobs end with the vendor's process."""
        described = self._described(backend)
        if described["objection"]:
            raise UsageError(described["objection"])
        if not described["fetches"]:
            raise UsageError(
                f"the jobs of {self._settings.name}:{backend} cannot be fetched by their ids "
                "in a later process",
                hint=self._instead(described["local"]) if described["simulates"] else _NO_WAY,
            )

    def dropped(self, *, backend: str, options: RunOptions) -> Sequence[str]:
        """By what the backend's `run` and its default options name."""
        taken = self._described(backend)["takes"]
        return [word for word in chosen(options) if word not in taken]

    def _instead(self, local: str) -> str:
        """How to use a simulator whose jobs end with its process: in a worker of `local`."""
        # Imported here: they take as long as all of a verb that only looks.
        from importlib.metadata import version
        from importlib.util import find_spec

        if not local:
            return (
                "use -b local:package.module:callable, where the callable gives the backend or, "
                "with arguments, [backends.NAME] of the config file and -b local:NAME"
            )
        if find_spec(local.partition(":")[0].partition(".")[0]) is not None:
            return f"use -b local:{local}"
        theirs, ours = self._bridge.greeting()["qiskit"], version("qiskit")
        if theirs.split(".")[:2] != ours.split(".")[:2]:
            return (
                f"its package has Qiskit {theirs} and qjobs {ours}: it can only be used as "
                f"local:{local} by a qjobs in an environment with that one"
            )
        return f"install its package beside qjobs, then use -b local:{local}"

    def submit(self, circuits: CircuitSlice, *, backend: str, options: RunOptions, tag: str) -> str:
        """Have the vendor make a job; the same tag gives the same job."""
        self._described(backend)
        try:
            body = self._readable(circuits.qpy(), circuits.records.start_index)
        except InputError as error:
            raise JobRefused(error.message, hint=error.hint) from error
        sweep = circuits.sweep
        part = circuits.slice
        job_id, _ = self._bridge.call(
            "submit",
            body,
            timeout_s=self._settings.submit_timeout_s,
            backend=backend,
            tag=tag,
            options=asdict(options),
            keywords={**self._settings.run_keywords(tag), **handed_on(options)},
            labels=(circuits.name, circuits.tags),
            slice=(part.start_index, part.experiments_count),
            alone=self.limits(backend).circuits == 1,
            sweep=sweep and (str(sweep.path.absolute()), sweep.names, sweep.rows),
        )
        return str(job_id)

    def find(self, tag: str, *, backend: str = "") -> Sequence[str]:
        """The job that a call on this machine made. Waits for a call in progress."""
        job_id = self._known_jobs.find(tag, wait_s=FIND_S)
        return [job_id] if job_id else []

    def jobs_of(self, set_tag: str, *, backend: str = "") -> Sequence[RemoteJob]:
        """Those of calls on this machine; how they are is another question."""
        return [
            RemoteJob(job_id, backend, UNDATED, JobStatus.UNKNOWN, (tag, set_tag))
            for tag, job_id in self._known_jobs.of_set(set_tag).items()
        ]

    def status(self, job_id: str, *, backend: str) -> JobStatus:
        """One request."""
        return JobStatus(self._ask("status", job_id, backend)[0])

    def result(self, job_id: str, *, backend: str = "") -> JobResult:
        """What was fetched first, by whomever on this machine."""
        kept = self._known_jobs.result(job_id)
        return JobResult(self._ask("result", job_id, backend)[1] if kept is None else kept)

    def error_message(self, job_id: str, *, backend: str = "") -> str:
        """What the vendor says, if it says anything."""
        return str(self._ask("error_message", job_id, backend)[0])

    def cancel_one(self, job_id: str, *, backend: str) -> CancelOutcome:
        """One request."""
        return CancelOutcome(self._ask("cancel", job_id, backend)[0])

    def kept(self) -> Mapping[str, Kept]:
        """The records of calls, and results; never spare: nobody else can tell of the jobs."""
        return {set_tag: Kept(size) for set_tag, size in self._known_jobs.sizes().items()}

    def forget(self, set_tag: str, job_ids: Sequence[str]) -> int:
        """Remove those of a set. The jobs stay at the vendor's."""
        return self._known_jobs.forget(set_tag, job_ids)

    def _described(self, backend: str) -> Mapping[str, Any]:
        """What the service says of a backend, asked once."""
        if backend not in self._descriptions:
            self._descriptions[backend] = self._call("describe", backend=backend)[0]
        return self._descriptions[backend]

    def _call(self, method: str, **fields: Any) -> tuple[Any, bytes]:
        return self._bridge.call(method, timeout_s=self._settings.timeout_s, **fields)

    def _ask(self, method: str, job_id: str, backend: str) -> tuple[Any, bytes]:
        return self._call(method, job_id=job_id, backend=backend)

    def _readable(self, data: bytes, start_index: int) -> bytes:
        """Circuits as the vendor's Qiskit can read them; our own may be newer."""
        dialect, _ = qpy.read_header(data)
        greeting = self._bridge.greeting()
        if dialect.version <= greeting["qpy"]:
            return data
        if greeting["qpy"] < OLDEST_QPY:
            raise JobRefused(
                f"the provider's Qiskit is {greeting['qiskit']}: at least 1.3 is needed",
                hint="name another `python` in the config file",
            )
        timeout_s = self._settings.timeout_s
        fields = {"version": greeting["qpy"], "start_index": start_index}
        return self._recoder.call("recode", data, timeout_s=timeout_s, **fields)[1]


def _opening(context: ProviderContext, settings: Settings) -> Mapping[str, Any]:
    arguments, secrets = settings.resolved_arguments()
    return {
        "folder": str(context.folder.absolute()),
        "name": settings.name,
        "factory": settings.factory,
        "arguments": arguments,
        "secrets": secrets,
    }
