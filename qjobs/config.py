"""The config file: tables of settings for providers, in TOML, written by the user's hand.

`[providers.NAME]` holds the settings of one provider. What they mean, the provider knows; a
table with a `factory` makes a provider of a vendor's package. `[backends.NAME]` makes a backend
of `local`, which knows what it means.
"""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from qjobs.errors import UsageError
from qjobs.regular import open_regular

LARGEST_BYTES = 1 << 20
_KINDS = ("providers", "backends")


class Config(NamedTuple):
    """The settings in the file at `path`; empty if there is no file."""

    path: Path
    providers: Mapping[str, Mapping[str, Any]]
    backends: Mapping[str, Mapping[str, Any]] = MappingProxyType({})

    def vendors(self) -> list[str]:
        """The names of the providers that are made of vendors' packages, sorted."""
        return sorted(name for name, table in self.providers.items() if "factory" in table)


def read(path: Path, *, must_exist: bool = False) -> Config:
    """Read the file, if there is one. Raises UsageError, with the line if it is not TOML."""
    try:
        # Many a user has /dev/null for an empty file; other devices, and FIFOs, may have no end.
        empty = str(path) == os.devnull
        with path.open("rb") if empty else open_regular(path) as file:
            data = file.read(LARGEST_BYTES + 1)
    except FileNotFoundError as error:
        if must_exist:
            raise UsageError(
                f"there is no config file {path}", hint="unset QJOBS_CONFIG"
            ) from error
        return Config(path, {})
    except OSError as error:
        raise UsageError(f"cannot read the config file {path}: {error.strerror}") from error
    if len(data) > LARGEST_BYTES:
        raise UsageError(f"the config file {path} has more than {LARGEST_BYTES} bytes")
    document = _parse(path, data)
    for key in document:
        if key not in _KINDS:
            raise UsageError(f"{path}: {unknown(key, _KINDS)}")
    return Config(path, *(_tables(path, document, kind) for kind in _KINDS))


def _parse(path: Path, data: bytes) -> dict[str, Any]:
    # Imported here: it takes as long as reading a set, and most users have no such file.
    import tomllib

    if data.startswith(b"\xef\xbb\xbf"):
        raise UsageError(
            f"{path}:1: it begins with a byte order mark, which is no TOML",
            hint="save it as UTF-8 without one",
        )
    try:
        return tomllib.loads(data.decode())
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}:{line}: not UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: not TOML: {error}") from error
    except (ValueError, OverflowError) as error:
        digits = re.search(rb"[0-9_]{1000}", data)
        line = data.count(b"\n", 0, digits.start()) + 1 if digits else 1
        raise UsageError(f"{path}:{line}: a number with too many digits") from error
    except RecursionError as error:
        raise UsageError(f"{path}: not TOML: nested too deeply") from error


def _tables(path: Path, document: Mapping[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    tables = document.get(kind, {})
    if not isinstance(tables, dict):
        raise UsageError(f"{path}: {kind} must be tables, [{kind}.NAME]")
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise UsageError(f"{path}: {kind}.{name} must be a table, [{kind}.{name}]")
        for key, value in table.items():
            if isinstance(value, str) and not value.strip():
                raise UsageError(
                    f"{path}: {kind}.{name}.{key} is empty",
                    hint="give it a value, or remove the line",
                )
    return tables


def unknown(key: str, known: Iterable[str]) -> str:
    """Say that a key is unknown, and suggest the closest known keys, or else list them all."""
    from difflib import get_close_matches

    choices = sorted(known)
    near = get_close_matches(key, choices, n=3)
    if near:
        return f"{key!r} is not known; near ones: {', '.join(near)}"
    return f"{key!r} is not known; known ones: {', '.join(choices)}"
