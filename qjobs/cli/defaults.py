"""Where values of options come from that the command line does not say.

An option goes before a variable, that before the profile that was chosen, that before
[defaults]; in each, the file of the project goes before the user's.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from qjobs import config, paths
from qjobs.errors import UsageError
from qjobs.near import near_ones

_MAYBE_DEFAULTS = (b"defaults", b"profiles", b"\\u", b"\\U")


class Layer(NamedTuple):
    """One source of defaults: `origin` is environment, project or user."""

    origin: str
    values: Mapping[str, Any]
    file: config.Config | None = None
    table: tuple[str, ...] = ()

    def place(self, key: str) -> str:
        """Where the value stands: a variable, or a file and a line."""
        return self.file.place(*self.table, key) if self.file else f"QJOBS_{key.upper()}"


def files() -> list[config.Config]:
    """The config files that there are: that of the project, then the user's."""
    own = paths.config_file()
    project = paths.project_file()
    found = []
    if project and not _same(project, own):
        found.append(config.read_project(project))
    # Most commands need nothing else of it, and to parse it takes as long as to read a set.
    try:
        data = config.read_bytes(own)
    except FileNotFoundError:  # whoever needs it says so
        return found
    if any(word in data for word in _MAYBE_DEFAULTS):
        found.append(config.parse(own, data))
    return found


def layers(profile: str) -> list[Layer]:
    """Where defaults come from, what goes first first. Raises UsageError."""
    variables = {key: paths.setting(key) for key in config.DEFAULTS}
    found = [Layer("environment", {key: value for key, value in variables.items() if value})]
    read = files()
    own = paths.config_file()
    named = [(file, "user" if file.path == own else "project") for file in read]
    if profile:
        known = [name for file in read for name in file.profiles]
        if profile not in known:
            raise UsageError(
                f"there is no profile {profile!r}{near_ones(profile, known)}",
                hint="qjobs config list names those that there are",
            )
        found += [
            Layer(origin, file.profiles[profile], file, ("profiles", profile))
            for file, origin in named
            if profile in file.profiles
        ]
    found += [Layer(origin, file.defaults, file, ("defaults",)) for file, origin in named]
    return [layer for layer in found if layer.values]


def _same(one: Any, other: Any) -> bool:
    try:
        return bool(one.samefile(other))
    except OSError:
        return False
