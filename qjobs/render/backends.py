"""The backends of providers as rows and as JSON."""

from collections.abc import Iterable
from typing import NamedTuple

from qjobs.contract import BackendInfo
from qjobs.render.rows import Rows
from qjobs.render.shapes import Document


class Offer(NamedTuple):
    """A backend and the provider that offers it."""

    provider: str
    info: BackendInfo

    @property
    def address(self) -> str:
        """The address of the backend, as `-b` takes it."""
        return f"{self.provider}:{self.info.name}"


def backend_rows(offers: Iterable[Offer]) -> Rows:
    """A row a backend; numbers of qubits and of waiting jobs are empty where nobody knows."""
    return Rows(
        ("backend", "qubits", "kind", "description", "pending"),
        (
            (
                offer.address,
                "" if offer.info.qubits is None else offer.info.qubits,
                "simulator" if offer.info.simulator else "device",
                offer.info.description,
                "" if offer.info.pending_jobs is None else offer.info.pending_jobs,
            )
            for offer in offers
        ),
    )


def offers_by_provider(offers: Iterable[Offer]) -> Rows:
    """The same for a person, who sees those of a provider together."""
    offers = list(offers)
    columns, rows, *_ = backend_rows(offers)
    pretending = {offer.provider for offer in offers if offer.info.pretends}
    return Rows(
        ("provider", *columns),
        ((offer.provider, *row) for offer, row in zip(offers, rows, strict=True)),
        group="provider",
        titles={name: f"{name}  to try things out: results are made up" for name in pretending},
    )


def backends_document(offers: Iterable[Offer]) -> Document:
    """`qjobs.backends/1`."""
    inner = (
        {
            "address": offer.address,
            "provider": offer.provider,
            "name": offer.info.name,
            "qubits": offer.info.qubits,
            "simulator": offer.info.simulator,
            "description": offer.info.description,
            "operational": offer.info.operational,
            "pending_jobs": offer.info.pending_jobs,
        }
        for offer in offers
    )
    return Document({"schema": "qjobs.backends/1"}, "backends", inner)
