"""IBM Quantum Platform as a provider: the contract on one side, the service on the other."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial

from qjobs.circuits.slices import CircuitSlice
from qjobs.contract import (
    BackendInfo,
    CancelOutcome,
    Capabilities,
    FailedPart,
    Instance,
    JobDetails,
    JobTimes,
    Judge,
    Kept,
    Limits,
    Names,
    Plan,
    ProviderContext,
    RemoteJob,
)
from qjobs.defaults import one_by_one
from qjobs.errors import (
    InputError,
    JobRefused,
    NoneAccepted,
    NotAccepted,
    NotNow,
    ProviderError,
    SessionOver,
    TooLarge,
    UnknownBackend,
    UnreadableCircuit,
    UsageError,
)
from qjobs.model import JobStatus, RunOptions, Scalar
from qjobs.providers.ibm.account import Account, load_client
from qjobs.providers.ibm.crews import Crews
from qjobs.providers.ibm.errors import (
    HttpError,
    is_about_session,
    is_about_tags,
    not_accepted,
    speaks_of_size,
)
from qjobs.providers.ibm.fitting import fit, judgements, transpilation, weigh, wide
from qjobs.providers.ibm.jobs import Jobs
from qjobs.providers.ibm.known_jobs import Call, KnownJobs, digest_of
from qjobs.providers.ibm.labels import fit_labels
from qjobs.providers.ibm.machines import Machines
from qjobs.providers.ibm.options import NAMED, JobOptions
from qjobs.providers.ibm.pubs import prepare
from qjobs.providers.ibm.reading import read_results
from qjobs.providers.ibm.service import Service
from qjobs.providers.ibm.settings import Settings
from qjobs.results import JobResult
from qjobs.tags import set_tag_of

_EXECUTIONS = 10_000_000
"""Circuits times shots of one job: https://quantum.cloud.ibm.com/docs/guides/job-limits."""

_SIZE_BYTES = 30_000_000
"""Of circuits as QPY. Packed they are smaller; but a body of 33 MB was seen to be cut off."""

_INTERACTIVE_S = 60
"""Of a session: https://quantum.cloud.ibm.com/docs/guides/max-execution-time."""


class IbmProvider:
    """Runs circuits on the devices of IBM Quantum Platform, as jobs of sampler and estimator.

    The account is one that the client has saved, or that of its environment variables; see
    `Settings` for what the user can choose. The folder holds what is known of jobs submitted
    from here: it saves questions, and keeps shapes, but any other machine can do without.
    Made on the main thread, for it imports Qiskit.
    """

    def __init__(
        self,
        context: ProviderContext,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = Settings.read(context.settings)
        self._clock = clock
        self._account = Account(load_client(), self._settings, clock=clock)
        self._known_jobs = KnownJobs(context.folder)
        self._machines = Machines(self._account)
        self._jobs = Jobs(self._account, self._known_jobs, self._settings, clock=clock)
        self._crews = Crews(processes=self._settings.workers)

    def capabilities(self, backend: str) -> Capabilities:
        """The capabilities, the same for all backends. An unknown backend is looked up once."""
        self._check_backend(backend)
        return Capabilities(
            finds=True,
            estimates=True,
            settle_s=self._settings.settle_s,
            polls_s=(2.0, 60.0),
            accounts=True,
            named_options=NAMED,
        )

    def names(self, backend: str) -> Names:
        """The platform, and its client."""
        return Names("IBM Quantum Platform", packages=("qiskit-ibm-runtime",))

    def backends(self) -> Sequence[BackendInfo]:
        """The backends of all instances that are to be used, the least busy first."""
        return self._machines.list()

    def limits(self, backend: str) -> Limits:
        """The published ones."""
        self._check_backend(backend)
        return Limits(
            executions=_EXECUTIONS,
            size_bytes=min(_SIZE_BYTES, self._settings.payload_bytes),
            submits_per_minute=self._settings.submits_per_minute,
            connections=self._settings.connections,
        )

    def place(self, backend: str) -> Instance:
        """The instance that was named, else the first, free ones first, that has the backend."""
        found = self._machines.place(backend)
        return Instance(found.crn, found.name, found.plan)

    def warnings(self, backend: str) -> Sequence[str]:
        """Warn if the backend is offline or in maintenance; one request."""
        trouble = self._machines.service(backend).trouble(backend)
        return [f"{backend} is {trouble}; jobs wait until it is back"] if trouble else []

    def labels_left_out(self, labels: Sequence[str]) -> Sequence[str]:
        """The labels for which the service has no room, and those that look like ours."""
        return fit_labels(labels).left_out

    def check(self, backend: str, options: RunOptions) -> None:
        """Ask the service for the backend and its calibration, and the client for the options."""
        job = JobOptions.read(options)
        self._check_pace(job)
        device = self._machines.device(backend, job)
        device.check(job)
        _ = device.target

    def plan(self, circuits: CircuitSlice, *, backend: str, options: RunOptions) -> Plan:
        """Fix what circuits are transpiled with; weigh those that are to go as they are.

        Nothing is transpiled if all of them have been made for the backend already.
        """
        job = JobOptions.read(options)
        device = self._machines.device(backend, job)
        weights = None
        if not job.transpile or wide(circuits, device):
            weights = weigh(circuits, device, options, job, self._crews)
        if weights is None or (job.transpile and any(one.misfit for one in weights.circuits)):
            way = transpilation(device, options, job)
            chosen: dict[str, Scalar] = {
                "seed_transpiler": way.seed, "calibration": way.calibration,
            }  # fmt: skip
            return Plan(replace(options, extra={**chosen, **options.extra}), excess=lambda _: "")
        weights.check_fit(backend, start_index=circuits.first)
        return Plan(
            replace(options, extra={**options.extra, "transpile": False}),
            excess=lambda part: weights.of(part).excess(),
        )

    @contextmanager
    def judging(self, *, backend: str) -> Iterator[Judge]:
        """As the transpiler has it: what has not all qubits is given its place."""
        options = RunOptions()
        job = JobOptions.read(options)
        device = self._machines.device(backend, job)
        with self._crews.crew(transpilation(device, options, job)) as crew:
            yield lambda circuits: judgements(circuits, crew.weigh(circuits), device)

    def replan(self, *, backend: str, options: RunOptions) -> Mapping[str, str]:
        """The calibrations that the set was transpiled with, the one of now last."""
        job = JobOptions.read(options)
        if not (job.transpile and job.calibration):
            return {}
        now = transpilation(self._machines.device(backend, job), options, job).calibration
        known = job.calibration.split()
        return {} if known[-1] == now else {"calibration": " ".join([*known, now])}

    def submit(self, circuits: CircuitSlice, *, backend: str, options: RunOptions, tag: str) -> str:
        """Send one job, with the tags `tag` and that of its set."""
        return self.prepare(circuits, backend=backend, options=options, tag=tag)()

    def prepare(
        self, circuits: CircuitSlice, *, backend: str, options: RunOptions, tag: str
    ) -> Callable[[], str]:
        """Make the body of a job, for which circuits are transpiled if need be."""
        job = JobOptions.read(options)
        series = set_tag_of(tag)
        try:
            device = self._machines.device(backend, job)
            prepared = prepare(
                circuits, device, options, job,
                fit=fit(circuits, device, options, job, self._crews),
            )  # fmt: skip
            service = self._service(backend)
            if circuits.session:
                job = job._replace(session=circuits.session)
            ours = [tag, series, *filter(None, [circuits.note])]
            tags = [*ours, *fit_labels(circuits.labels).taken]
            body = device.body(prepared.inputs, job, tags=tags)
        except (NotAccepted, UnknownBackend, UnreadableCircuit):
            raise
        except (InputError, UsageError) as error:
            raise JobRefused(error.message, hint=error.hint) from error
        except ProviderError as error:
            raise _not_sent(error) from error
        if len(body) > self._settings.payload_bytes:
            raise TooLarge(f"the job has {len(body):,} bytes: IBM Quantum would not take it")
        call = Call(
            tag=tag,
            series=series,
            backend=backend,
            instance=service.instance,
            program=prepared.inputs.program,
            made_s=self._clock(),
            digest=digest_of(json.loads(body)["params"]),
            shots=options.shots,
            memory=options.memory,
            layouts=prepared.layouts,
        )
        return partial(
            self._send, body, call, service, ours if tags != ours else (), circuits.session
        )

    def _send(
        self, body: str, call: Call, service: Service, fewer_tags: Sequence[str], session: str
    ) -> str:
        """Post a job; with `fewer_tags`, if there are some, where it is refused for its tags.

        Raises SessionOver if it is refused because of the `session` that was opened for it.
        """
        try:
            self._known_jobs.intend(call._replace(made_s=self._clock(), ahead_s=service.ahead_s))
        except ProviderError as error:
            raise _not_sent(error) from error
        try:
            job_id = service.submit(body)
        except NotAccepted as error:
            if fewer_tags and is_about_tags(error):
                body = json.dumps({**json.loads(body), "tags": fewer_tags})
                return self._send(body, call, service, (), session)
            with suppress(ProviderError):
                self._known_jobs.forget(call.tag)
            if session and is_about_session(error):
                raise SessionOver(error.message, session_id=session) from error
            raise
        except ProviderError:
            with suppress(ProviderError):
                self._known_jobs.lose(call.tag, self._clock())
            raise
        with suppress(ProviderError):  # the id is more important than a note of it
            self._known_jobs.accept(call.tag, job_id)
        return job_id

    def find(self, tag: str, *, backend: str = "") -> Sequence[str]:
        """The ids of the jobs with this tag that are listed by now, the oldest first.

        If the answer to the call was lost, NotNow is raised until the settle time after it is
        over. Then a job whose tags got lost is found too, by what it was given.
        """
        return self._jobs.find(tag) if tag else []

    def labelled(self, *, backend: str, set_tag: str = "") -> Sequence[RemoteJob]:
        """In pages of 200, no more than 10,000 jobs of an instance."""
        jobs = self._jobs.labelled(set_tag)
        return [job for job in jobs if backend in ("", job.backend)]

    def jobs_of(self, set_tag: str, *, backend: str = "") -> Sequence[RemoteJob]:
        """The jobs of the service's list, and of the calls that were made from here."""
        return [job for job in self._jobs.jobs_of(set_tag) if backend in ("", job.backend)]

    def statuses(self, job_ids: Sequence[str], *, backend: str = "") -> Mapping[str, JobStatus]:
        """In few requests; a job that is too new for the lists is INITIALIZING."""
        return self._jobs.statuses(job_ids)

    def times(self, job_ids: Sequence[str], *, backend: str = "") -> Mapping[str, JobTimes]:
        """When jobs have ended, by the lists that told so; asks nobody."""
        return self._jobs.times(job_ids)

    def result(self, job_id: str, *, backend: str = "") -> JobResult:
        """Two requests: whether the job is DONE, and what it gave."""
        call = self._known_jobs.of_job(job_id)
        program, text = self._jobs.results(job_id, call)
        return read_results(
            text,
            job=self._machines.primitives().job,
            job_id=job_id,
            program=program,
            layouts=call.layouts if call else (),
            shots=call.shots if call else 0,
            memory=call.memory if call else True,  # nobody here knows, and it may be read once
        )

    def failed_circuits(
        self, job_ids: Sequence[str], *, backend: str = ""
    ) -> Mapping[str, FailedPart]:
        """None, ever: a job is DONE with all of its circuits, or it is not DONE. Asks nobody."""
        return {}

    def gives_once(self, *, backend: str, options: RunOptions) -> bool:
        """Whether results can be read once only: those of private jobs."""
        return bool(options.extra.get("private"))

    def was_too_large(self, message: str) -> bool:
        """By the codes of the service, such as 5302."""
        return speaks_of_size(message)

    def error_message(self, job_id: str, *, backend: str = "") -> str:
        """The service's message, or the last one of the job itself."""
        return self._jobs.error_message(job_id)

    def cancel(self, job_ids: Sequence[str], *, backend: str = "") -> Mapping[str, CancelOutcome]:
        """One request a job, several at a time."""
        calls = self._known_jobs.of_jobs(job_ids)
        return one_by_one(
            job_ids,
            lambda job_id: self._jobs.cancel(job_id, calls.get(job_id)),
            connections=self._settings.connections,
        )

    def details(self, job_id: str, *, backend: str = "") -> JobDetails:
        """Times, usage and, while it waits, its place in the queue."""
        call = self._known_jobs.of_job(job_id)
        service = self._account.service(call.instance) if call else self._jobs.look(job_id, None)[0]
        return service.details(job_id)

    def kept(self) -> Mapping[str, Kept]:
        """The shapes of circuits, and results that are given once; none of it is ever spare."""
        return {series: Kept(size) for series, size in self._known_jobs.sizes().items()}

    def forget(self, set_tag: str, job_ids: Sequence[str]) -> int:
        """Delete that. The jobs stay at the service."""
        freed_bytes = self._known_jobs.sizes().get(set_tag, 0)
        self._known_jobs.strike_out(set_tag, job_ids)
        return freed_bytes

    def open_session(self, *, backend: str, options: RunOptions) -> str:
        """One for the mode. It is billed from its first job on; without one it ends by itself.

        After half an hour: https://quantum.cloud.ibm.com/docs/guides/run-jobs-session.
        """
        mode = JobOptions.read(options).mode
        if mode == "job":
            return ""
        word = "batch" if mode == "batch" else "dedicated"
        try:
            return self._service(backend).open_session(backend, mode=word, longest_s=None)
        except NotAccepted:
            raise
        except ProviderError as error:
            raise _not_sent(error) from error

    def close_session(self, session_id: str, *, backend: str) -> None:
        """One request; a session whose backend is gone needs none."""
        with suppress(UnknownBackend):
            self._machines.service(backend).close_session(session_id)

    def _service(self, backend: str) -> Service:
        """Where to send jobs. Raises NoneAccepted where those of an old set would cost unasked."""
        service = self._machines.service(backend)
        try:
            self._machines.check_charges(service.instance, backend)
        except UsageError as error:
            # A set that is there takes no options: the environment names it.
            hint = error.hint.rpartition(", or ")[2]
            raise NoneAccepted(error.message, hint=f"export {hint}") from error
        return service

    def _check_pace(self, job: JobOptions) -> None:
        """Raise UsageError if a session would be over, and paid for, before its next job comes."""
        gap_s = 60 / self._settings.submits_per_minute
        if job.mode == "session" and gap_s > _INTERACTIVE_S:
            raise UsageError(
                f"one job in {gap_s:.0f} s is too slow for a session, which ends when it "
                f"has had nothing to do for {_INTERACTIVE_S} s",
                hint="use --mode batch, or a higher submits_per_minute",
            )

    def _check_backend(self, backend: str) -> None:
        if not self._known_jobs.knows_backend(backend):
            self._machines.service(backend)


def _not_sent(error: ProviderError) -> NotAccepted:
    """Translate an error that was raised before any job was sent."""
    refusal = not_accepted(error, sent_bytes=0) if isinstance(error, HttpError) else None
    return refusal or NotNow(error.message, hint=error.hint)
