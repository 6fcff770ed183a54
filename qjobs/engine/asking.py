"""How a provider may be asked for jobs that are there, even if their backend no longer is."""

from typing import TYPE_CHECKING

from qjobs.errors import UnknownBackend

if TYPE_CHECKING:
    from qjobs.contract import Away, Capabilities, Provider
    from qjobs.model import JobSet


def connections(provider: "Provider", backend: str) -> int:
    """How many threads may ask at once. Raises ProviderError."""
    # Imported here, as the provider is by now: a set that is at its end needs neither.
    from qjobs.contract import Limits

    try:
        return provider.limits(backend).connections
    except UnknownBackend:
        return Limits().connections


def polls_s(provider: "Provider", backend: str) -> tuple[float, float]:
    """The first and the longest pause between two questions. Raises ProviderError."""
    return _capabilities(provider, backend).polls_s


def has_accounts(provider: "Provider", backend: str) -> bool:
    """Whether the user can have several accounts or instances there. Raises ProviderError."""
    return _capabilities(provider, backend).accounts


def away(provider: "Provider", job_set: "JobSet") -> "Away | None":
    """Who alone can go on with a set, if the provider cannot in this process."""
    from qjobs.contract import MayBeAway

    if not isinstance(provider, MayBeAway):
        return None
    return provider.away(job_set.set_id, backend=job_set.backend)


def _capabilities(provider: "Provider", backend: str) -> "Capabilities":
    from qjobs.contract import Capabilities

    try:
        return provider.capabilities(backend)
    except UnknownBackend:
        return Capabilities(finds=False)
