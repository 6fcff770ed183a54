"""The config files: the user's, and that of a project. Tables of settings, in TOML.

`[providers.NAME]` holds the settings of one provider. What they mean, the provider knows; a
table with a `factory` makes a provider of a vendor's package. `[backends.NAME]` makes a backend
of `local`, which knows what it means. `[defaults]` and `[profiles.NAME]` hold values of options,
which the command line knows.

The file of a project comes with what is downloaded, so it has only the last two: nothing in it
names code, an interpreter, or a place for credentials.
"""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from qjobs.errors import UsageError
from qjobs.near import near_ones
from qjobs.regular import open_regular

LARGEST_BYTES = 1 << 20
_KINDS = ("providers", "backends", "defaults", "profiles")
_OF_PROJECTS = ("defaults", "profiles")

DEFAULTS: Mapping[str, str] = {
    "account": "a saved account of the provider",
    "backend": "where circuits run, as for -b",
    "format": "table, tsv, csv, json or jsonl",
    "instance": "an instance of the account",
    "max_execution_time": "the time on the machine after which a job is stopped",
    "max_fails": "how many failed jobs end the waiting",
    "max_workers": "how many threads submit",
    "mode": "job, batch or session",
    "optimization_level": "the effort of the transpiler, 0 to 3",
    "per_job": "how many circuits a job has at most",
    "poll": "how often the status is asked for at least",
    "seed": "the seed of the simulator and the transpiler",
    "shots": "how often each circuit runs",
    "timeout": "how long is waited",
}
"""The keys of [defaults] and [profiles.NAME]: options of the same name, with _ for -."""

# To compile these takes longer than to find that there is no file: `re` does it when they are used.
_HEADER = r"\s*\[\[?([^\[\]]+)\]"
_KEY = r"\s*([\w.\"' -]+?)\s*="
# From a file that came with a download: a provider, and a name without a second colon, which is
# what `local:package.module:callable` has.
_TAME_BACKEND = r"[A-Za-z0-9_-]+(:[A-Za-z0-9_.=,-]*)?"


class Config(NamedTuple):
    """The settings in the file at `path`; empty if there is no file. `text` is what it says."""

    path: Path
    providers: Mapping[str, Mapping[str, Any]]
    backends: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
    defaults: Mapping[str, Any] = MappingProxyType({})
    profiles: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
    text: str = ""

    def vendors(self) -> list[str]:
        """The names of the providers that are made of vendors' packages, sorted."""
        return sorted(name for name, table in self.providers.items() if "factory" in table)

    def place(self, *keys: str) -> str:
        """Where the file has a key, such as `config.toml:3`; the file alone if nobody can tell."""
        line = _line(self.text, keys)
        return f"{self.path}:{line}" if line else str(self.path)


def read(path: Path, *, must_exist: bool = False) -> Config:
    """Read the user's file, if there is one. Raises UsageError, with the line."""
    try:
        data = read_bytes(path)
    except FileNotFoundError as error:
        if must_exist:
            raise UsageError(
                f"there is no config file {path}", hint="unset QJOBS_CONFIG"
            ) from error
        return Config(path, {})
    return parse(path, data)


def read_project(path: Path) -> Config:
    """Read the file of a project. Raises UsageError, also for what it may not have."""
    try:
        return parse(path, read_bytes(path), of_project=True)
    except FileNotFoundError:
        return Config(path, {})


def read_bytes(path: Path) -> bytes:
    """What is in a config file. Raises FileNotFoundError if there is none, and UsageError."""
    try:
        # Many a user has /dev/null for an empty file; other devices, and FIFOs, may have no end.
        empty = str(path) == os.devnull
        with path.open("rb") if empty else open_regular(path) as file:
            data = file.read(LARGEST_BYTES + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UsageError(f"cannot read the config file {path}: {error.strerror}") from error
    if len(data) > LARGEST_BYTES:
        raise UsageError(f"the config file {path} has more than {LARGEST_BYTES} bytes")
    return data


def parse(path: Path, data: bytes, *, of_project: bool = False) -> Config:
    """The settings of a file with these bytes. Raises UsageError, with the line."""
    tables = document(path, data)
    bare = Config(path, {}, text=data.decode())
    for key in tables:
        if key not in _KINDS:
            raise UsageError(f"{bare.place(key)}: {unknown(key, _KINDS)}")
        if of_project and key not in _OF_PROJECTS:
            raise UsageError(
                f"{bare.place(key)}: the file of a project has [defaults] and [profiles.NAME], "
                f"not {key}",
                hint="move it to your own file, which qjobs config path names",
            )
    defaults = tables.get("defaults", {})
    if not isinstance(defaults, dict):
        raise UsageError(f"{bare.place('defaults')}: defaults must be a table, [defaults]")
    providers, backends, profiles = (
        _tables(path, tables, kind) for kind in ("providers", "backends", "profiles")
    )
    found = Config(path, providers, backends, defaults, profiles, bare.text)
    for place in (("defaults",), *(("profiles", name) for name in profiles)):
        table = profiles[place[1]] if place[1:] else defaults
        for key, value in table.items():
            _check_default(found, (*place, key), value, of_project=of_project)
    return found


def _check_default(file: Config, keys: tuple[str, ...], value: object, *, of_project: bool) -> None:
    *table, key = keys
    if key not in DEFAULTS:
        raise UsageError(f"{file.place(*keys)}: {'.'.join(table)}: {unknown(key, DEFAULTS)}")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise UsageError(f"{file.place(*keys)}: {key} must be a number or text")
    if isinstance(value, str) and not value.strip():
        raise UsageError(
            f"{file.place(*keys)}: {'.'.join(keys)} is empty",
            hint="give it a value, or remove the line",
        )
    if of_project and key == "backend" and not re.fullmatch(_TAME_BACKEND, str(value)):
        raise UsageError(
            f"{file.place(*keys)}: the backend {value!r} may name code, which the file of a "
            "project may not",
            hint="name it with -b, or in your own file, which qjobs config path names",
        )


def _line(text: str, keys: tuple[str, ...]) -> int:
    """The number of the first line of a key or a table, 0 if it is written in another way."""
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(_HEADER, line):
            table = found = _parts(header[1])
        elif key := re.match(_KEY, line):
            found = (*table, *_parts(key[1]))
        else:
            continue
        if found[: len(keys)] == keys:
            return number
    return 0


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip(" \t\"'") for part in dotted.split("."))


def document(path: Path, data: bytes) -> dict[str, Any]:
    """The tables of a TOML file with these bytes. Raises UsageError, with the line."""
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
    choices = sorted(known)
    rest = near_ones(key, choices) or f"; known ones: {', '.join(choices)}"
    return f"{key!r} is not known{rest}"
