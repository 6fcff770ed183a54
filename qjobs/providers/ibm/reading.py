"""The results of a job, read from the text that the service answers."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from qjobs.circuits.foreign import describe
from qjobs.circuits.layout import Layout
from qjobs.circuits.outcomes import failed, from_sampler
from qjobs.errors import ProviderError
from qjobs.results import CircuitResult, JobResult

if TYPE_CHECKING:
    from qiskit.primitives import DataBin


def read_results(
    text: str,
    *,
    job: Any,
    job_id: str,
    program: str,
    layouts: Sequence[Layout],
    shots: int,
    memory: bool,
) -> JobResult:
    """Decode the results of a DONE job.

    `job` is the client's class of jobs, whose decoders are used. `layouts` are those of the
    circuits that were sent, empty where they are not known. Raises ProviderError.
    """
    try:
        pubs = list(
            job(
                backend=None,
                api_client=_Answered(text),
                job_id=job_id,
                program_id=program,
                service=None,
            ).result()
        )
        return JobResult.of(_results(pubs, layouts, shots, memory=memory))
    except Exception as error:  # the client's decoders fail in any way
        raise ProviderError(
            f"the results of job {job_id} cannot be read: {describe(error)}"
        ) from error


def _results(
    pubs: Sequence[Any], layouts: Sequence[Layout], shots: int, *, memory: bool
) -> Iterator[CircuitResult]:
    sent = iter(pubs)
    known: Sequence[Layout | None] = layouts or [None] * len(pubs)
    for layout in known:
        if layout and not layout.clbits and "evs" not in pubs[0].data:
            yield failed(layout, shots, "the circuit measures nothing")
        else:
            yield from _read_pub(layout, next(sent).data, shots, memory=memory)


def _read_pub(
    layout: Layout | None, data: "DataBin", shots: int, *, memory: bool
) -> Iterator[CircuitResult]:
    if "evs" in data:
        yield from _estimated(layout, data, shots)
        return
    found = Layout(
        sum(array.num_bits for array in data.values()),
        tuple((name, array.num_bits) for name, array in data.items()),
    )
    yield from from_sampler(layout or found, data, memory=memory)


def _estimated(layout: Layout | None, data: "DataBin", shots: int) -> Iterator[CircuitResult]:
    """One result a row: the expectation values of all observables."""
    import numpy as np

    evs = np.atleast_2d(data["evs"])
    stds = np.atleast_2d(data["stds"])
    for values, errors in zip(evs, stds, strict=True):
        yield CircuitResult(
            shots=shots,
            counts=None,
            clbits=layout.clbits if layout else 0,
            registers=layout.registers if layout else (),
            evs=tuple(map(float, values)),
            stds=tuple(map(float, errors)),
        )


class _Answered:
    """The API client of a job that is done, and whose results were fetched."""

    def __init__(self, text: str) -> None:
        self._text = text

    def job_get(self, *_: object, **__: object) -> dict[str, Any]:
        return {"state": {"status": "Completed"}, "status": "Completed"}

    def job_results(self, *_: object, **__: object) -> str:
        return self._text
