"""From a name to a provider: by its entry point, or by what the config file says of a vendor."""

import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from qjobs import arguments, config, paths
from qjobs.circuits.foreign import describe
from qjobs.contract import BackendInfo, Provider, ProviderContext
from qjobs.errors import ProviderError, QjobsError, UnknownBackend, UsageError
from qjobs.near import near_ones

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "qjobs.providers"
DEFAULT = "local"
OF_OBJECTS = "python"
"""The plug-in that runs circuits with an object of this process."""

# Our own entry points, as pyproject.toml declares them. They are looked up here first: asking all
# installed packages takes longer than reading a set, and none of them may stand in for ours.
OURS = {
    "fake": "qjobs.providers.fake.provider:FakeProvider",
    "ibm": "qjobs.providers.ibm.provider:IbmProvider",
    "local": "qjobs.providers.local.provider:LocalProvider",
    OF_OBJECTS: "qjobs.providers.held.provider:HeldProvider",
    "qiskit": "qjobs.providers.vendor.provider:QiskitProvider",
    "slurm": "qjobs.providers.slurm.provider:SlurmProvider",
}
# Raises UnknownBackend for what is none of the default provider's.
_DEFAULT_HAS = "qjobs.simulators.names:check_backend"
# The plug-in behind each `[providers.NAME]` with a `factory`.
VENDORS = "qiskit"

# By themselves these are nothing: one needs a factory, one an object of this process.
_UNNAMED = {VENDORS, OF_OBJECTS}

# What comes after the colon is a script, which may be empty.
_SCRIPTED = {"fake"}

# Their backends are listed at once: nobody is asked, and nothing slow is imported.
_KNOWN_HERE = {"fake", "local"}

ON_ONE_MACHINE = {"fake", "local", "slurm", OF_OBJECTS}
"""Their jobs run where they were submitted, or on its cluster: only there one can ask for them."""

# A vendor's provider has a folder of its name beside that of the job sets.
_TAKEN = {*OURS, "sets"}
FROM_ENVIRONMENT = ("python", "timeout_s", "submit_timeout_s")
"""The settings of a vendor's package that variables may give."""

_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")


def parse_backend(text: str) -> tuple[str, str]:
    """The provider and the backend of `provider:backend`; a bare word that names none is `local`'s.

    A provider without a colon is that provider's own choice. Raises UsageError for what is empty,
    but for a script of `fake`: it is no wish for a default.
    """
    if not text.strip():
        raise UsageError("the backend is empty", hint="qjobs backends lists those that there are")
    provider, colon, backend = text.partition(":")
    if not colon:
        return (text, "") if _is_provider(text) else (DEFAULT, text)
    if not provider.strip():
        raise UsageError(
            f"no provider before the colon of {text!r}", hint="write it as provider:backend"
        )
    if not backend.strip() and provider not in _SCRIPTED and provider in names():
        raise UsageError(
            f"no backend after the colon of {text!r}",
            hint=f"where the provider is to choose, write {provider} alone",
        )
    return provider, backend


def _is_provider(text: str) -> bool:
    """Whether a bare word is a provider, and, if another package has it, no backend of local's."""
    if text in OURS or text in read_config().vendors():
        return text not in _UNNAMED
    if not any(point.name == text for point in _foreign()):
        return False
    try:
        arguments.named(_DEFAULT_HAS)(text)
    except UnknownBackend:
        return True
    return False


def names(settings: config.Config | None = None) -> list[str]:
    """All providers that can be named, sorted: ours, other packages' and the config file's."""
    vendors = (settings or read_config()).vendors()
    return sorted({*OURS, *vendors, *(point.name for point in _foreign())} - _UNNAMED)


def read_config() -> config.Config:
    """The user's config file. Raises UsageError."""
    return config.read(paths.config_file(), must_exist=bool(paths.setting("config")))


def open_provider(
    name: str, home: Path, chosen: Mapping[str, str] = MappingProxyType({})
) -> Provider:
    """The provider of a name, with its folder in the state folder `home` and the user's settings.

    Those of the environment go before those of the config file, and what was `chosen` before
    both. Raises as `load`, and UsageError for settings that cannot be.
    """
    settings = read_config()
    table = settings.providers.get(name, {})
    given = paths.provider_settings(name)
    if "factory" not in table:
        if table and name not in OURS and name not in names(settings):
            raise UsageError(
                f"{settings.path}: [providers.{name}] has no factory",
                hint='factory = "package.module:callable"',
            )
        return load(name, ProviderContext(home / name, {**table, **given, **chosen}))
    # The variables of `acme-eu` begin like those of `acme`: what is strange is not ours to judge.
    known = {key: value for key, value in given.items() if key in FROM_ENVIRONMENT}
    try:
        _check_vendor(name)
        return load(VENDORS, ProviderContext(home / name, {**table, **known}))
    except UsageError as error:
        raise UsageError(f"{settings.path}: {error.message}", hint=error.hint) from error


def _check_vendor(name: str) -> None:
    if name in _TAKEN:
        raise UsageError(f"[providers.{name}] with a factory: the name is taken")
    if not name or not _NAME.issuperset(name):
        raise UsageError(f"[providers.{name}]: names are of the signs a-z, 0-9, _ and -")


def known_backends(name: str, home: Path) -> Sequence[BackendInfo]:
    """The backends of a provider, for TAB; none where that takes longer than one waits for it."""
    return open_provider(name, home).backends() if name in _KNOWN_HERE else ()


def load(name: str, context: ProviderContext) -> Provider:
    """Import the plug-in of this name, no other, and build its provider.

    What it prints meanwhile goes to stderr: our stdout is read by other programs. Raises
    UnknownBackend if there is none, and ProviderError, naming the package, if it cannot be used.
    """
    package, target = _find(name)
    try:
        with redirect_stdout(sys.stderr or sys.stdout):
            provider: Provider = arguments.named(target)(context)
    except QjobsError:
        raise
    except Exception as error:  # a plug-in may fail in any way
        raise ProviderError(
            f"provider {name!r} of the package {package} cannot be used: {describe(error)}",
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


def _foreign() -> "list[EntryPoint]":
    from importlib.metadata import entry_points

    return [point for point in entry_points(group=GROUP) if point.name not in OURS]


def _package(point: "EntryPoint") -> str:
    return point.dist.name if point.dist else point.module


def _unknown(name: str) -> UnknownBackend:
    known = names()
    return UnknownBackend(
        f"no provider {name!r}{near_ones(name, known)}",
        hint=f"providers: {', '.join(known)}",
    )
