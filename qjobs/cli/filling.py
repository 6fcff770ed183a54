"""Gives options the values that the command line does not: what variables and config files say."""

from collections.abc import Mapping, Sequence
from typing import Any

from qjobs import config, paths
from qjobs.cli.defaults import Layer, layers
from qjobs.errors import UsageError

_SENDING = frozenset({"submit", "run"})
_WAITING = frozenset({*_SENDING, "resume", "retry", "wait"})
_VERBS: Mapping[str, frozenset[str]] = {
    # Not where ids are printed in a pipe, which scripts rely on.
    "format": frozenset({"backends", "du", "error", "list", "result", "run", "show", "status"}),
    "max_fails": _WAITING,
    "max_workers": frozenset({*_SENDING, "resume", "retry"}),
    "poll": _WAITING,
    "timeout": _WAITING,
}
"""Where a default holds; all others where sets are made.

What a set recorded goes before any default, so `resume` and `retry` take none that it has.
"""

_OF_PROVIDERS = ("account", "instance", "max_execution_time", "mode")


def given_by_settings(verb: str, params: Sequence[Any], given: Mapping[str, Any]) -> dict[str, str]:
    """The defaults of a verb's options by their parameters. Raises UsageError with the place."""
    names = {
        key: param.name
        for key in config.DEFAULTS
        if verb in _VERBS.get(key, _SENDING)
        for param in params
        if f"--{key.replace('_', '-')}" in param.opts
    }
    if not names:
        return {}
    found = layers(given.get("profile") or paths.setting("profile"))
    backend = given.get("backend")
    values: dict[str, str] = {}
    for number, layer in enumerate(found):
        for key, value in layer.values.items():
            if key not in names or names[key] in values:
                continue
            text = checked(key, value, layer.place(key))
            if given.get(names[key]) is None and (
                key not in _OF_PROVIDERS or _is_meant(found, number, backend)
            ):
                values[names[key]] = text
    return values


def _is_meant(found: Sequence[Layer], number: int, backend: str | None) -> bool:
    """Whether an account, say, of a layer is one of the provider that is to run the circuits.

    It is one of the provider of the backend that this layer has, or those below it; where they
    have none, of any but the default one, which has no such thing.
    """
    # Imported here: it is for those who have an account.
    from qjobs.providers import loading

    def provider(word: object) -> str:
        return loading.parse_backend(str(word))[0]

    backends = [layer.values["backend"] for layer in found if "backend" in layer.values]
    below = [layer.values["backend"] for layer in found[number:] if "backend" in layer.values]
    chosen = provider(backend or (backends or [loading.DEFAULT])[0])
    return chosen == provider(below[0]) if below else chosen != loading.DEFAULT


def checked(key: str, value: object, place: str) -> str:
    """A value as one would write it behind the option. Raises UsageError, with the place."""
    # Imported here: most commands have no defaults.
    from typing import get_args

    import typer

    from qjobs.cli import options
    from qjobs.render.output import Format

    text = str(value)
    option = get_args(vars(options)[_OPTIONS[key]])[1]
    words = {"format": [*Format], "mode": [mode for mode, _ in options.MODES]}.get(key)
    if option.parser is None and not isinstance(value, str):
        raise UsageError(f"{place}: {key} must be text, not {text}")
    if words and text not in words:
        raise UsageError(f"{place}: {key}: {config.unknown(text, words)}")
    if option.parser:
        try:
            option.parser(text)
        except typer.BadParameter as error:
            raise UsageError(f"{place}: {key}: {error.message}") from error
    return text


_OPTIONS: Mapping[str, str] = {
    "account": "AccountName",
    "backend": "Backend",
    "format": "FormatOption",
    "instance": "Instance",
    "max_execution_time": "MaxExecutionTime",
    "max_fails": "MaxFails",
    "max_workers": "MaxWorkers",
    "mode": "Mode",
    "optimization_level": "OptimizationLevel",
    "per_job": "PerJob",
    "poll": "Poll",
    "seed": "Seed",
    "shots": "Shots",
    "timeout": "Timeout",
}


def check_all(file: config.Config) -> None:
    """Raise UsageError for a value of [defaults] or of a profile that its option would not take."""
    profiles = ((("profiles", name), table) for name, table in file.profiles.items())
    for table, values in ((("defaults",), file.defaults), *profiles):
        for key, value in values.items():
            checked(key, value, file.place(*table, key))
