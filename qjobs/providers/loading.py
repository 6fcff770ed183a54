"""From a name to a provider: plug-ins are found by their entry points, ours by the same ones."""

from typing import TYPE_CHECKING, Any

from qjobs.errors import ProviderError, QjobsError, UnknownBackend, UsageError
from qjobs.providers.interface import Provider, ProviderContext

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "qjobs.providers"
DEFAULT = "local"

# Our own entry points, as pyproject.toml declares them. They are looked up here first: asking all
# installed packages takes longer than reading a set, and none of them may stand in for ours.
OURS = {
    "fake": "qjobs.providers.fake.provider:FakeProvider",
    "local": "qjobs.providers.local.provider:LocalProvider",
}


def parse_backend(text: str) -> tuple[str, str]:
    """The provider and the backend of `provider:backend`; a bare backend is `local`'s.

    The backend may be empty, the provider's own choice; the provider may not: UsageError.
    """
    provider, colon, backend = text.partition(":")
    if not colon:
        return DEFAULT, text
    if not provider:
        raise UsageError(
            f"no provider before the colon of {text!r}", hint="write it as provider:backend"
        )
    return provider, backend


def names() -> list[str]:
    """All providers that can be named: ours and those of other packages, sorted."""
    return sorted({*OURS, *(point.name for point in _foreign())})


def load(name: str, context: ProviderContext) -> Provider:
    """Import the plug-in of this name, no other, and build its provider.

    Raises UnknownBackend if there is none, and ProviderError, naming the package, if it cannot
    be used.
    """
    package, target = _find(name)
    try:
        provider: Provider = _resolve(target)(context)
    except QjobsError:
        raise
    except Exception as error:  # a plug-in may fail in any way
        raise ProviderError(
            f"provider {name!r} of the package {package} cannot be used: "
            f"{type(error).__name__}: {error}",
            hint=f"repair or remove the package {package}",
        ) from error
    return provider


def _find(name: str) -> tuple[str, str]:
    """The package that has a provider of this name, and where in it: `module:attribute`."""
    if name in OURS:
        return "qiskit-qjobs", OURS[name]
    points = [point for point in _foreign() if point.name == name]
    if not points:
        raise _unknown(name)
    packages = sorted({_package(point) for point in points})
    if len(packages) > 1:
        raise ProviderError(
            f"the packages {' and '.join(packages)} both have a provider {name!r}",
            hint="remove one of them",
        )
    return packages[0], f"{points[0].module}:{points[0].attr}"


def _resolve(target: str) -> Any:
    from importlib import import_module

    module, _, attribute = target.partition(":")
    found: Any = import_module(module)
    for part in attribute.split("."):
        found = getattr(found, part)
    return found


def _foreign() -> "list[EntryPoint]":
    from importlib.metadata import entry_points

    return [point for point in entry_points(group=GROUP) if point.name not in OURS]


def _package(point: "EntryPoint") -> str:
    return point.dist.name if point.dist else point.module


def _unknown(name: str) -> UnknownBackend:
    from difflib import get_close_matches

    near = get_close_matches(name, names(), n=3)
    return UnknownBackend(
        f"no provider {name!r}" + (f"; near ones: {', '.join(near)}" if near else ""),
        hint=f"providers: {', '.join(names())}",
    )
