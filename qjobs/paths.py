"""Where files live. The one reader of the process environment."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from qjobs.errors import UsageError

_OURS = "QJOBS_"


def state_home(environ: Mapping[str, str] = os.environ) -> Path:
    """The state folder: `$QJOBS_HOME`, else the platform's place for a user's program state."""
    chosen = _given("QJOBS_HOME", environ)
    if chosen:
        return Path(chosen).expanduser().absolute()
    # Imported here: it costs as much as reading a set, and the environment often decides.
    from platformdirs import user_state_path

    return user_state_path("qjobs", appauthor=False)


def config_file(environ: Mapping[str, str] = os.environ) -> Path:
    """The config file: `$QJOBS_CONFIG`, else in the platform's place for a user's settings."""
    chosen = _given("QJOBS_CONFIG", environ)
    if chosen:
        return Path(chosen).expanduser().absolute()
    if sys.platform == "linux":
        # What platformdirs says there; to load it takes longer than to read a set.
        folder = environ.get("XDG_CONFIG_HOME", "").strip() or "~/.config"
        return Path(folder).expanduser() / "qjobs" / "config.toml"
    from platformdirs import user_config_path

    return user_config_path("qjobs", appauthor=False) / "config.toml"


def setting(name: str, environ: Mapping[str, str] = os.environ) -> str:
    """The value of `QJOBS_<NAME>`, empty where it is not set."""
    return environ.get(f"QJOBS_{name.upper()}", "")


def variables(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """All variables, for vendors' code and the config file, which may name any of them."""
    return dict(environ)


def completing(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a shell asks for completions, which Typer's protocol says here."""
    return "_QJOBS_COMPLETE" in environ


def provider_settings(provider: str, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The settings for one provider: `QJOBS_LOCAL_WORKERS=2` gives local {"workers": "2"}.

    Raises UsageError for one that is empty.
    """
    prefix = f"{_OURS}{provider.upper().replace('-', '_')}_"
    return {
        name.removeprefix(prefix).lower(): _given(name, environ)
        for name in environ
        if name.startswith(prefix)
    }


def check_variables(environ: Mapping[str, str] = os.environ) -> None:
    """Raise UsageError if one of our variables is there and empty: it is no wish for a default."""
    for name in environ:
        if name.startswith(_OURS):
            _given(name, environ)


def _given(name: str, environ: Mapping[str, str]) -> str:
    """The value of a variable; empty only if it is not there. Raises UsageError."""
    value = environ.get(name)
    if value is not None and not value.strip():
        raise UsageError(f"the variable {name} is empty", hint=f"give it a value, or: unset {name}")
    return value or ""
