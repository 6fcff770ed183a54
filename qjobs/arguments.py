"""The arguments of what the config file names: values, and what stands for others.

`{env = "NAME"}` is the value of a variable. `{call = "package.module:callable"}` is what the
callable gives, for what TOML cannot hold; it may have `arguments` of its own.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from qjobs import config, paths
from qjobs.circuits.foreign import describe
from qjobs.errors import AuthError, ProviderError, UsageError

_CALLABLE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
_CALL = ("call", "arguments")


def is_callable(text: object) -> bool:
    """Whether it has the form `package.module:callable`."""
    return isinstance(text, str) and _CALLABLE.fullmatch(text) is not None


def check(where: str, key: str, value: Any) -> None:
    """Raise UsageError for a value that JSON does not have, or a call that cannot be made.

    `where` is the table of the config file, such as `[providers.acme]`, `key` the place in it.
    """
    if isinstance(value, dict):
        if "call" in value:
            _check_call(where, key, value)
        for inner, item in value.items():
            check(where, f"{key}.{inner}", item)
    elif isinstance(value, list):
        for place, item in enumerate(value):
            check(where, f"{key}[{place}]", item)
    elif not isinstance(value, str | int | float | bool):
        raise UsageError(
            f"{where}: {key} must be text, a number, a boolean, a list or a table",
            hint='{call = "package.module:callable"} is what a callable gives',
        )


def _check_call(where: str, key: str, value: Mapping[str, Any]) -> None:
    for inner in value:
        if inner not in _CALL:
            raise UsageError(f"{where}: {key}: {config.unknown(inner, _CALL)}")
    if not is_callable(value["call"]):
        raise UsageError(
            f"{where}: {key}.call must be 'package.module:callable', not {value['call']!r}"
        )
    if not isinstance(value.get("arguments", {}), dict):
        raise UsageError(f"{where}: {key}.arguments must be a table, not {value['arguments']!r}")


def callables(value: Any) -> Iterator[str]:
    """All that is called for checked arguments."""
    if isinstance(value, Mapping):
        if "call" in value:
            yield value["call"]
        for item in value.values():
            yield from callables(item)
    elif isinstance(value, list):
        for item in value:
            yield from callables(item)


def with_variables(where: str, given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The arguments with the values of variables in place, and these values.

    Raises AuthError if a variable is not set: that is where tokens are.
    """
    values: list[str] = []

    def resolve(value: Any) -> Any:
        if not isinstance(value, dict) or set(value) != {"env"}:
            return value
        variable = str(value["env"])
        found = paths.variables().get(variable)
        if not (found and found.strip()):
            raise AuthError(
                f"{where} needs the variable {variable}, which is "
                f"{'not set' if found is None else 'empty'}",
                hint=f"export {variable}=...",
            )
        values.append(found)
        return found

    return mapped(dict(given), resolve), values


def made(where: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with what callables give in place. Raises what these do.

    Imports code, so it is for the process that runs it.
    """
    return {key: _made(where, value) for key, value in arguments.items()}


def _made(where: str, value: Any) -> Any:
    if isinstance(value, dict):
        if "call" in value:
            return imported(where, value["call"])(**made(where, value.get("arguments", {})))
        return made(where, value)
    if isinstance(value, list):
        return [_made(where, item) for item in value]
    return value


def imported(where: str, name: str) -> Any:
    """Import `package.module:callable`. Raises ProviderError if that is not possible."""
    # Imported here: only those need it who run vendors' code.
    from importlib import import_module

    module, _, path = name.partition(":")
    try:
        found: Any = import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except Exception as error:
        raise ProviderError(
            f"{where}: cannot import {name}: {describe(error)}",
            hint="is its package installed for the Python that is to run it?",
        ) from error
    return found


def mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """A value with `change` made to it and then to everything within."""
    changed = change(value)
    if isinstance(changed, dict):
        return {key: mapped(item, change) for key, item in changed.items()}
    if isinstance(changed, list):
        return [mapped(item, change) for item in changed]
    return changed
