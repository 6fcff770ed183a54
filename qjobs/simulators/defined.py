"""The backends of `local` that the config file makes of a callable and arguments.

What is written down of one, in a set and in the queue, is its digest: the config file may have
secrets in it, and only there may stand what is imported and called.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from qjobs import arguments, config, paths
from qjobs.errors import UsageError

KEYS = ("factory", "arguments", "backend")
_SIGNS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
_DIGITS = 16  # hexadecimal ones of a digest


@dataclass(frozen=True, slots=True)
class Definition:
    """What `[backends.NAME]` of the config file at `path` says.

    `factory` is `package.module:callable`, called with `arguments`, see there. It gives the
    backend or, if `backend` is not None, an object whose `get_backend` is called with that: a
    name, or its keywords.
    """

    path: Path
    name: str
    factory: str
    arguments: Mapping[str, Any]
    backend: str | Mapping[str, Any] | None = None

    @classmethod
    def of(cls, path: Path, name: str, table: Mapping[str, Any]) -> Self:
        """That of a table. Raises UsageError for a key or value that cannot be."""
        where = f"{path}: [backends.{name}]"
        if not _SIGNS.issuperset(name):
            raise UsageError(f"{where}: names are of letters, digits, _ and -")
        for key in table:
            if key not in KEYS:
                raise UsageError(f"{where}: {config.unknown(key, KEYS)}")
        factory, given = table.get("factory"), table.get("arguments", {})
        backend = table.get("backend")
        if not isinstance(factory, str) or not arguments.is_callable(factory):
            raise UsageError(f"{where}: factory must be 'package.module:callable', not {factory!r}")
        if not isinstance(given, dict):
            raise UsageError(f"{where}: arguments must be a table, not {given!r}")
        if backend is not None and not isinstance(backend, str | dict):
            raise UsageError(f"{where}: backend must be a name or a table, not {backend!r}")
        for key in table:
            if isinstance(table[key], dict):
                for inner, value in table[key].items():
                    arguments.check(where, f"{key}.{inner}", value)
        return cls(path, name, factory, given, backend)

    def __hash__(self) -> int:
        return hash(self.digest)

    @property
    def digest(self) -> str:
        """One word that is another one after any change, and tells no argument."""
        # Imported here: it loads OpenSSL, and few backends are such.
        from hashlib import sha256

        meaning = json.dumps([self.factory, self.arguments, self.backend], sort_keys=True)
        return f"{self.factory}#{sha256(meaning.encode()).hexdigest()[:_DIGITS]}"

    def callables(self) -> Iterator[str]:
        """All code that it names."""
        yield self.factory
        yield from arguments.callables(self.arguments)
        yield from arguments.callables(self.backend)

    def check_variables(self) -> None:
        """Raise AuthError if a variable that it names is not set."""
        self._given(self.arguments)
        if isinstance(self.backend, Mapping):
            self._given(self.backend)

    def make(self) -> Any:
        """The backend. Imports and calls what is named; raises whatever that does."""
        where = f"[backends.{self.name}]"
        made = arguments.imported(where, self.factory)(**self._made(self.arguments))
        match self.backend:
            case None:
                return made
            case str():
                return made.get_backend(self.backend)
            case _:
                return made.get_backend(**self._made(self.backend))

    def _made(self, given: Mapping[str, Any]) -> dict[str, Any]:
        return arguments.made(f"[backends.{self.name}]", self._given(given))

    def _given(self, given: Mapping[str, Any]) -> dict[str, Any]:
        return arguments.with_variables(f"[backends.{self.name}]", given)[0]


def find(name: str, path: Path | None = None) -> Definition | None:
    """What a config file, by default the user's, says of a backend; None if it says nothing."""
    settings = _read(path)
    table = settings.backends.get(name)
    return None if table is None else Definition.of(settings.path, name, table)


def all_of_user() -> list[Definition]:
    """Those of the user's config file, by their names. Raises UsageError if one cannot be."""
    settings = _read(None)
    return [
        Definition.of(settings.path, name, table)
        for name, table in sorted(settings.backends.items())
    ]


def _read(path: Path | None) -> config.Config:
    if path is not None:
        return config.read(path, must_exist=True)
    return config.read(paths.config_file(), must_exist=bool(paths.setting("config")))
