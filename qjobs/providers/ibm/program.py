"""The body of a job: what the client's sampler or estimator makes of circuits, as JSON.

The primitives run with a service that takes the inputs they made instead of sending them. So
the body can be made anywhere, and sent without the two questions the client asks before.
"""

import base64
import contextvars
import zlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from qjobs.circuits import foreign, qpy
from qjobs.errors import JobRefused, QjobsError, UsageError
from qjobs.model import RunOptions
from qjobs.providers.ibm.account import known_client
from qjobs.providers.ibm.options import JobOptions
from qjobs.providers.ibm.targets import describe

if TYPE_CHECKING:
    from qiskit.transpiler import Target

_TEMPLATES = 8
_LOCAL_OPTIONS = ("twirling.", "dynamical_decoupling.", "experimental.")
"""Options for which the client changes the circuits itself."""


class Inputs(NamedTuple):
    """The request that a primitive would send: a program of the service, and its parameters."""

    program: str
    params: Mapping[str, Any]


class Primitives(NamedTuple):
    """The classes of the client that make jobs, and read what they gave."""

    sampler: Any
    estimator: Any
    backend: Any
    read_configuration: Callable[..., Any]
    runtime: Any
    job: Any


def load_primitives() -> Primitives:
    """Import them; to be called on the main thread."""
    with known_client():
        from qiskit_ibm_runtime import IBMBackend, RuntimeJobV2
        from qiskit_ibm_runtime.api.rest.runtime import Runtime
        from qiskit_ibm_runtime.utils.backend_decoder import configuration_from_server_data

        try:
            from qiskit_ibm_runtime.executor_estimator import Estimator
            from qiskit_ibm_runtime.executor_sampler import Sampler
        except ModuleNotFoundError:
            # Deprecated by the versions that have the others, and by no other.
            from qiskit_ibm_runtime import EstimatorV2 as Estimator
            from qiskit_ibm_runtime import SamplerV2 as Sampler
    return Primitives(
        Sampler, Estimator, IBMBackend, configuration_from_server_data, Runtime, RuntimeJobV2
    )


class Device:
    """A backend as the primitives want it, made of what the service says of it.

    `properties` gives the newest calibration, raw; it is asked for when the target is needed.
    """

    def __init__(
        self,
        primitives: Primitives,
        configuration: dict[str, Any],
        properties: Callable[[], dict[str, Any]],
        *,
        instance: str,
        fractional_gates: bool = False,
    ) -> None:
        self._primitives = primitives
        self._mutex = Lock()
        self._description = ""
        self._templates: OrderedDict[object, Inputs] = OrderedDict()
        with known_client():
            self._backend = primitives.backend(
                configuration=primitives.read_configuration(
                    raw_config=configuration,
                    instance=instance,
                    use_fractional_gates=fractional_gates,
                ),
                service=_Taker(),
                api_client=_Calibration(properties),
                instance=instance,
            )
            self._backend.options.use_fractional_gates = fractional_gates
        self.name = str(self._backend.name)

    @property
    def target(self) -> "Target":
        """The target of the backend. Asks the service the first time."""
        with self._mutex:
            return self._backend.target

    @property
    def description(self) -> str:
        """The target as text."""
        target = self.target
        with self._mutex:
            self._description = self._description or describe(target)
            return self._description

    def sample(self, pubs: Sequence[Any], options: RunOptions, job: JobOptions) -> Inputs:
        """The request to sample circuits, perhaps with arrays of values, that fit the target."""
        return self._run(self._primitives.sampler, pubs, job, shots=options.shots)

    def estimate(self, pubs: Sequence[Any], options: RunOptions, job: JobOptions) -> Inputs:
        """The request to estimate observables of circuits, perhaps with values, that fit."""
        precision = options.precision or options.shots**-0.5
        return self._run(self._primitives.estimator, pubs, job, precision=precision)

    def sample_qpy(self, data: bytes, options: RunOptions, job: JobOptions) -> Inputs | None:
        """Like `sample`, of circuits in a QPY file, which are neither decoded nor encoded.

        None if the client would change the circuits itself, or sends them in another form.
        """
        if any(name.startswith(_LOCAL_OPTIONS) for name, _ in job.primitive):
            return None
        dialect, count = qpy.read_header(data)
        inputs = self._template(count, options, job)
        circuits = inputs.params.get("quantum_program", {}).get("circuits")
        expected = {"b64_data", "qpy_version", "num_programs"}
        if not isinstance(circuits, dict) or circuits.keys() != expected:
            return None
        if dialect.version > circuits["qpy_version"]:
            return None
        packed = base64.b64encode(zlib.compress(data)).decode()
        ours = {"b64_data": packed, "qpy_version": dialect.version, "num_programs": count}
        program = {**inputs.params["quantum_program"], "circuits": ours}
        return Inputs(inputs.program, {**inputs.params, "quantum_program": program})

    def body(self, inputs: Inputs, job: JobOptions, *, tags: Sequence[str]) -> str:
        """The JSON that is posted to run it, as the client's adapter writes it."""
        paper = _Paper()
        with known_client():
            self._primitives.runtime(paper).program_run(
                program_id=inputs.program,
                backend_name=self.name,
                params=inputs.params,
                image=job.image or None,
                log_level=job.log_level or None,
                session_id=job.session or None,
                job_tags=list(tags),
                max_execution_time=job.max_execution_time,
                private=job.private,
            )
        return paper.text

    def check(self, job: JobOptions) -> None:
        """Raise UsageError for an option that neither of the primitives has."""
        try:
            _set_options(self._primitives.sampler(mode=self._backend).options, job)
        except UsageError:
            _set_options(self._primitives.estimator(mode=self._backend).options, job)

    def _template(self, count: int, options: RunOptions, job: JobOptions) -> Inputs:
        """The sampler's request for `count` placeholder circuits."""
        from qiskit import QuantumCircuit

        key = (count, options.shots, job)
        with self._mutex:
            if key not in self._templates:
                blank = QuantumCircuit(1, 1)
                blank.measure(0, 0)
                self._templates[key] = self.sample([blank] * count, options, job)
                if len(self._templates) > _TEMPLATES:
                    self._templates.popitem(last=False)
            return self._templates[key]

    def _run(self, kind: Any, pubs: Sequence[Any], job: JobOptions, **how: Any) -> Inputs:
        def run() -> Inputs:
            primitive = kind(mode=self._backend)
            _set_options(primitive.options, job)
            inputs = primitive.run(pubs, **how)
            assert isinstance(inputs, Inputs)
            return inputs

        try:
            # The caller's thread may be inside a session of its own, which is not for our jobs.
            return contextvars.Context().run(run)
        except QjobsError:
            raise
        except Exception as error:  # the client fails in any way; nothing was sent
            raise JobRefused(
                f"the client refuses the circuits: {foreign.describe(error)}"
            ) from error


class _Taker:
    """The service of a primitive, as far as it asks for one."""

    is_local = False
    channel = "ibm_quantum_platform"

    def _run(self, program_id: str, inputs: Mapping[str, Any], **_more: object) -> Inputs:
        return Inputs(program_id, inputs)


class _Calibration:
    """The API client of a backend, as far as its target asks for one."""

    def __init__(self, properties: Callable[[], dict[str, Any]]) -> None:
        self._properties = properties

    def backend_properties(self, *_: object, **__: object) -> dict[str, Any]:
        return self._properties()


class _Paper:
    """A session that keeps what is posted."""

    headers: Mapping[str, str] = {}
    text = ""

    def post(self, _url: str, *, data: str, **_more: object) -> "_Paper":
        self.text = data
        return self

    def json(self) -> dict[str, Any]:
        return {}


def _set_options(options: Any, job: JobOptions) -> None:
    for path, value in job.primitive:
        *parents, name = path.split(".")
        owner = options
        try:
            for parent in parents:
                owner = getattr(owner, parent)
            getattr(owner, name)  # or a dataclass would take any name
            setattr(owner, name, value)
        except (AttributeError, ValueError, TypeError) as error:
            reason = "has no such option" if isinstance(error, AttributeError) else str(error)
            raise UsageError(f"option {path}: the primitive {reason}") from error
