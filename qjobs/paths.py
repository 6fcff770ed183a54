"""Where files live. The one reader of the process environment."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from qjobs.errors import UsageError

_OURS = "QJOBS_"
_MOST_DIGITS = 18

PROJECT = "qjobs.toml"
"""The name of the file with the defaults of a project."""

VARIABLES: Mapping[str, str] = {
    "QJOBS_ACCOUNT": "what stands for --account",
    "QJOBS_BACKEND": "the backend where no -b says one",
    "QJOBS_CONFIG": "the config file",
    "QJOBS_DEBUG": "1 shows the traceback of an error",
    "QJOBS_FORMAT": "what stands for --format",
    "QJOBS_HOME": "the folder of the state: sets, circuits, results",
    "QJOBS_INSTANCE": "what stands for --instance",
    "QJOBS_MAX_EXECUTION_TIME": "what stands for --max-execution-time",
    "QJOBS_MAX_FAILS": "what stands for --max-fails",
    "QJOBS_MAX_WORKERS": "what stands for --max-workers",
    "QJOBS_MODE": "what stands for --mode",
    "QJOBS_OPTIMIZATION_LEVEL": "what stands for --optimization-level",
    "QJOBS_PER_JOB": "what stands for --per-job",
    "QJOBS_POLL": "what stands for --poll",
    "QJOBS_PROFILE": "the profile of the config files, as --profile",
    "QJOBS_RESULT_BYTES": "bytes that are to be free for the results of a job, before they are "
    "read where that can be done only once",
    "QJOBS_SEED": "what stands for --seed",
    "QJOBS_SHOTS": "what stands for --shots",
    "QJOBS_TIMEOUT": "what stands for --timeout",
}
"""Our variables, but for those of providers: `provider_settings` has these."""


def state_home(environ: Mapping[str, str] = os.environ) -> Path:
    """The state folder: `$QJOBS_HOME`, else the platform's place for a user's program state."""
    chosen = _given("QJOBS_HOME", environ)
    if chosen:
        return Path(chosen).expanduser().absolute()
    if sys.platform == "linux":
        return _xdg("XDG_STATE_HOME", "~/.local/state", environ) / "qjobs"
    # Imported here: it costs as much as reading a set, and the environment often decides.
    from platformdirs import user_state_path

    return user_state_path("qjobs", appauthor=False)


def config_file(environ: Mapping[str, str] = os.environ) -> Path:
    """The config file: `$QJOBS_CONFIG`, else in the platform's place for a user's settings."""
    chosen = _given("QJOBS_CONFIG", environ)
    if chosen:
        return Path(chosen).expanduser().absolute()
    return _settings_folder(environ) / "config.toml"


def project_file(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The `qjobs.toml` of the working folder or its nearest parent, if there is one.

    It is looked for up to the home folder, and on the file system of the working folder. One that
    another user owns is passed by: whoever may write to /tmp shall not set our defaults.
    """
    home = _status(Path(environ.get("HOME", "")))
    try:
        folder = Path.cwd()
    except OSError:  # it is gone
        return None
    device = None
    for place in (folder, *folder.parents):
        here = _status(place)
        if here is None or device not in (None, here.st_dev):
            return None
        device = here.st_dev
        if found := _status(place / PROJECT):
            owners = trusted_owners(environ)
            if not owners or found.st_uid in owners:
                return place / PROJECT
        if home and os.path.samestat(here, home):
            return None
    return None


def editor(environ: Mapping[str, str] = os.environ) -> str:
    """The command that edits a file: `$VISUAL`, `$EDITOR`, else vi."""
    return environ.get("VISUAL") or environ.get("EDITOR") or "vi"


def key_file(environ: Mapping[str, str] = os.environ) -> Path:
    """A file for a secret of this user on this machine, in the platform's place for settings.

    So it is neither in a state folder, which may be carried, nor beside a config file of a project.
    """
    return _settings_folder(environ) / "key"


def trusted_owners(environ: Mapping[str, str] = os.environ) -> frozenset[int]:
    """The users whose files this process may go by: its own, and root, who can do anything.

    Root who came by sudo is also who they were before, as with git.
    """
    if sys.platform == "win32":
        return frozenset()
    before = environ.get("SUDO_UID", "") if os.geteuid() == 0 else ""
    return frozenset({0, os.geteuid(), *([int(before)] if before.isdecimal() else [])})


def setting(name: str, environ: Mapping[str, str] = os.environ) -> str:
    """The value of `QJOBS_<NAME>`, empty where it is not set."""
    return environ.get(f"QJOBS_{name.upper()}", "")


def most_result_bytes(environ: Mapping[str, str] = os.environ) -> int | None:
    """`$QJOBS_RESULT_BYTES`: what the results of a job take at most, if the user knows better.

    Raises UsageError for what is no such number.
    """
    given = _given("QJOBS_RESULT_BYTES", environ)
    if not given:
        return None
    if not (given.isascii() and given.isdecimal() and len(given) <= _MOST_DIGITS):
        raise UsageError(f"QJOBS_RESULT_BYTES is a number of bytes, not {given!r}")
    return int(given)


def pager(environ: Mapping[str, str] = os.environ) -> str:
    """The command that shows what is longer than the screen: `$PAGER`, else less.

    Empty, for none, where `$PAGER` is, where `$NO_PAGER` is not, and in CI, where nobody reads it.
    """
    if environ.get("CI") or environ.get("NO_PAGER"):
        return ""
    return environ.get("PAGER", "less")


def checkout(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the repository lies that a CI system runs for, or else the working folder.

    Such systems know files by their paths in there.
    """
    chosen = environ.get("GITHUB_WORKSPACE") or environ.get("CI_PROJECT_DIR") or "."
    return Path(os.path.abspath(chosen))  # noqa: PTH100 - as it is called, wherever links lead


def step_summary(environ: Mapping[str, str] = os.environ) -> str:
    """The file for a summary that GitHub shows: `$GITHUB_STEP_SUMMARY`; empty where there is none.

    https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
    """
    return environ.get("GITHUB_STEP_SUMMARY", "")


def variables(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """All variables, for vendors' code and the config file, which may name any of them."""
    return dict(environ)


def is_dumb_terminal(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a terminal does nothing but print."""
    return environ.get("TERM", "") in ("dumb", "unknown")


def wants_colour(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the user has not asked for text without colours: see https://no-color.org."""
    return not environ.get("NO_COLOR")


def completing(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a shell asks for completions, which Typer's protocol says here."""
    return "_QJOBS_COMPLETE" in environ


def is_plain(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the user, or the terminal, wants no colours: NO_COLOR (no-color.org), TERM=dumb."""
    return bool(environ.get("NO_COLOR")) or environ.get("TERM") == "dumb"


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


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def _settings_folder(environ: Mapping[str, str]) -> Path:
    if sys.platform == "linux":
        return _xdg("XDG_CONFIG_HOME", "~/.config", environ) / "qjobs"
    from platformdirs import user_config_path

    return user_config_path("qjobs", appauthor=False)


def _xdg(name: str, usual: str, environ: Mapping[str, str]) -> Path:
    """The folder as platformdirs gives it on Linux; loading it takes longer than reading a set.

    A relative folder would be another one wherever the user is; it is ignored, as specified.
    """
    folder = Path(environ.get(name, "").strip()).expanduser()
    return folder if folder.is_absolute() else Path(usual).expanduser()


def _given(name: str, environ: Mapping[str, str]) -> str:
    """The value of a variable; empty only if it is not there. Raises UsageError."""
    value = environ.get(name)
    if value is not None and not value.strip():
        raise UsageError(f"the variable {name} is empty", hint=f"give it a value, or: unset {name}")
    return value or ""
