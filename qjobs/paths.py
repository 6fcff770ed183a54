"""Where files live. The one reader of the process environment."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path


def state_home(environ: Mapping[str, str] = os.environ) -> Path:
    """The state folder: `$QJOBS_HOME`, else the platform's place for a user's program state."""
    chosen = environ.get("QJOBS_HOME")
    if chosen:
        return Path(chosen).expanduser().absolute()
    # Imported here: it costs as much as reading a set, and the environment often decides.
    from platformdirs import user_state_path

    return user_state_path("qjobs", appauthor=False)


def config_file(environ: Mapping[str, str] = os.environ) -> Path:
    """The config file: `$QJOBS_CONFIG`, else in the platform's place for a user's settings."""
    chosen = environ.get("QJOBS_CONFIG")
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

    One that is empty is as one that is not set.
    """
    prefix = f"QJOBS_{provider.upper().replace('-', '_')}_"
    return {
        name.removeprefix(prefix).lower(): value
        for name, value in environ.items()
        if name.startswith(prefix) and value
    }
