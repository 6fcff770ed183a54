"""All settings, each with its value and where it is set."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from qjobs import paths
from qjobs.cli.defaults import files, layers
from qjobs.cli.filling import check_all, checked
from qjobs.cli.request import SubmitOptions
from qjobs.cli.tab import one_of
from qjobs.cli.topics import SETTINGS
from qjobs.config import DEFAULTS, Config, read, unknown
from qjobs.errors import UsageError
from qjobs.providers import loading
from qjobs.redaction import named_secrets
from qjobs.render.configured import Setting

_HIDDEN = "***"
_NAMED = {"profiles": "NAME.KEY", "providers": "NAME.KEY", "backends": "NAME.KEY"}
_REFERS = ({"env"}, {"call"}, {"call", "arguments"})
_PASSWORD = re.compile(r"(?<=://)[^/@\s]*(?=@)")

Leaf: TypeAlias = tuple[tuple[str, ...], Any]
"""A value with its key and the tables around it."""


def all_settings(profile: str) -> list[Setting]:
    """Defaults in force, profiles, providers, backends; no secrets. Raises UsageError."""
    return [*_defaults(profile), *_profiles(), *_tables(read(paths.config_file()))]


def split(key: str) -> tuple[str, ...]:
    """The tables and the key of `shots` or `profiles.ci.shots`. Raises UsageError."""
    parts = tuple(key.split("."))
    if len(parts) == 1:
        parts = ("defaults", key)
    kind, *rest = parts
    if kind not in (*_NAMED, "defaults") or not all(part.strip() for part in parts):
        raise UsageError(f"{unknown(kind, ('defaults', *_NAMED))}", hint="qjobs help config")
    if kind == "defaults" and (len(rest) != 1 or rest[0] not in DEFAULTS):
        raise UsageError(unknown(".".join(rest), DEFAULTS), hint="qjobs help config")
    if kind != "defaults" and len(rest) < 2:
        raise UsageError(f"{key!r} is no key, such as {kind}.{_NAMED[kind]}")
    if kind == "profiles" and (len(rest) != 2 or rest[1] not in DEFAULTS):
        raise UsageError(unknown(".".join(rest[1:]), DEFAULTS), hint="qjobs help config")
    if kind == "providers":
        _check_provider(*rest[:2])
    return parts


def _check_provider(name: str, key: str) -> None:
    known = SETTINGS.get(name, {})
    if known and name != "slurm" and key not in known:  # slurm takes any option of sbatch
        raise UsageError(f"providers.{name}: {unknown(key, known)}", hint="qjobs help config")


def _keys() -> Iterator[tuple[str, str]]:
    yield from DEFAULTS.items()
    names = dict.fromkeys(name for file in files() for name in file.profiles)
    yield from ((f"profiles.{name}.{key}", DEFAULTS[key]) for name in names for key in DEFAULTS)
    for provider, settings in SETTINGS.items():
        yield from ((f"providers.{provider}.{key}", does) for key, does in settings.items())


complete_key = one_of(_keys)


def _defaults(profile: str) -> Iterator[Setting]:
    found, usual = layers(profile), dict(_built_in())
    for key in DEFAULTS:
        for layer in found:
            if key in layer.values:
                place = layer.place(key)
                checked(key, layer.values[key], place)
                yield Setting(key, layer.values[key], layer.origin, place)
                break
        else:
            if key in usual:
                yield Setting(key, usual[key], "default")


def _built_in() -> Iterator[tuple[str, str]]:
    """The defaults of the program, by key, where it has one."""
    for key in DEFAULTS:
        value = SubmitOptions._field_defaults.get(key)
        if value not in (None, ""):
            yield key, str(value)


def _profiles() -> Iterator[Setting]:
    seen: set[str] = set()
    for file in files():
        check_all(file)
        origin = "user" if file.path == paths.config_file() else "project"
        for name, table in file.profiles.items():
            for key, value in table.items():
                whole = f"profiles.{name}.{key}"
                if whole not in seen:
                    seen.add(whole)
                    yield Setting(whole, value, origin, file.place("profiles", name, key))


def _tables(file: Config) -> Iterator[Setting]:
    for kind, tables in (("providers", file.providers), ("backends", file.backends)):
        for name in sorted({*tables, *(SETTINGS if kind == "providers" else ())}):
            given = paths.provider_settings(name) if kind == "providers" else {}
            if "factory" in tables.get(name, {}):
                given = {key: given[key] for key in loading.FROM_ENVIRONMENT if key in given}
            for keys, value in _leaves((kind, name), {**tables.get(name, {}), **given}):
                of_variable = keys[2] in given
                variable = f"QJOBS_{name.upper().replace('-', '_')}_{keys[2].upper()}"
                yield Setting(
                    ".".join(keys),
                    _masked(keys, value),
                    "environment" if of_variable else "user",
                    variable if of_variable else file.place(*keys),
                )


def _leaves(keys: tuple[str, ...], table: Mapping[str, Any]) -> Iterator[Leaf]:
    for name, value in table.items():
        if isinstance(value, Mapping) and value and set(value) not in _REFERS:
            yield from _leaves((*keys, name), value)
        else:
            yield (*keys, name), value


def _masked(keys: tuple[str, ...], value: Any) -> Any:
    """The value, unless it may be a secret: arguments are, but for names of variables."""
    if isinstance(value, Mapping) and set(value) == {"env"}:
        return value
    if isinstance(value, Mapping):
        return {name: _masked((*keys, name), inner) for name, inner in value.items()}
    if "call" in keys[3:]:
        return value
    if isinstance(value, list):
        return [_masked(keys, inner) for inner in value]
    if "arguments" in keys[2:] or named_secrets(dict.fromkeys(keys[2:], "x")):
        return _HIDDEN
    return _PASSWORD.sub(_HIDDEN, value) if isinstance(value, str) else value
