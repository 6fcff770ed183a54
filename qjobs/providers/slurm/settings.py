"""What the user says of the cluster: `[providers.slurm]`, `QJOBS_SLURM_*`, and `--option`."""

import math
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from qjobs.errors import UnknownBackend, UsageError
from qjobs.model import RunOptions
from qjobs.near import near_ones
from qjobs.simulators import names as backends

ARRAY_LIMIT = "array_limit"
"""The option that says how many tasks of an array may run at once."""

SBATCH = frozenset(
    (
        "account", "acctg_freq", "batch", "bb", "bbf", "begin", "constraint", "contiguous",
        "core_spec", "cores_per_socket", "cpu_freq", "cpus_per_gpu", "cpus_per_task", "deadline",
        "delay_boot", "dependency", "distribution", "exclude", "exclusive", "export", "extra",
        "gpu_bind", "gpu_freq", "gpus", "gpus_per_node", "gpus_per_task", "gres", "gres_flags",
        "hint", "hold", "kill_on_invalid_dep", "licenses", "mail_type", "mail_user",
        "mcs_label", "mem", "mem_bind", "mem_per_cpu", "mem_per_gpu", "mincpus", "network", "nice",
        "nodefile", "nodelist", "nodes", "ntasks", "ntasks_per_core", "ntasks_per_gpu",
        "ntasks_per_node", "ntasks_per_socket", "oom_kill_step",
        "overcommit", "oversubscribe", "partition", "power", "prefer", "priority", "profile",
        "propagate", "qos", "qpu", "reboot", "reservation", "segment", "signal",
        "sockets_per_node", "spread_job", "switches", "thread_spec", "threads_per_core", "time",
        "time_min", "tmp", "tres_bind", "tres_per_task", "use_min_nodes", "wait_all_nodes",
        "wckey",
    )
)  # fmt: skip
"""The options of sbatch that are the user's to choose, with `_` for `-`.

Not those that change what is run, or for whom, or on which cluster: tasks of others are none that
`squeue` shows.
"""

CHOSEN = SBATCH | {ARRAY_LIMIT}
"""The options of tasks, which are not those of what runs circuits."""

_OFF = "no"
_SECONDS = {"silent_s": 300.0, "patience_s": 120.0}
_OURS = ("shared", "python", "module", "container", *_SECONDS)
_ENVIRONMENT = "HOME,PATH,LANG,LD_LIBRARY_PATH,VIRTUAL_ENV,PYTHONPATH,XDG_CONFIG_HOME"
"""What a task gets of the submitter's environment: no credential that happens to be in it."""


class Settings(NamedTuple):
    """The settings: `given` is the shared folder as the user wrote it, `options` go to sbatch.

    `python` runs the tasks, within `container` if given; `module` is an environment module to load
    before. A task of which nothing was heard for `silent_s` seconds is not believed to run, and
    for a controller that does not answer `submit` waits `patience_s`.
    """

    given: str
    python: str
    module: str
    container: str
    options: Mapping[str, str]
    silent_s: float
    patience_s: float

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Settings":
        """Read what the config file and the environment say. Raises UsageError."""
        for key in given:
            if key not in _OURS and key not in SBATCH and key != ARRAY_LIMIT:
                near = near_ones(key, [*_OURS, ARRAY_LIMIT, *SBATCH])
                raise UsageError(f"[providers.slurm] has no setting {key!r}{near}")
        return cls(
            **{name: _seconds(name, given.get(name, usual)) for name, usual in _SECONDS.items()},
            given=str(given.get("shared", "")),
            python=str(given.get("python", sys.executable)),
            module=str(given.get("module", "")),
            container=str(given.get("container", "")),
            options={key: text(value) for key, value in given.items() if key not in _OURS},
        )

    @property
    def shared(self) -> Path:
        """The folder that submitter and nodes share. Raises UsageError if none is named."""
        if not self.given:
            raise UsageError(
                "slurm needs a folder that the nodes see, too",
                hint="export QJOBS_SLURM_SHARED=FOLDER",
            )
        return Path(self.given).expanduser().absolute()

    def words(self, chosen: Mapping[str, str]) -> list[str]:
        """The options of sbatch, as arguments: what was `chosen` for a set goes before ours."""
        options = {"export": _ENVIRONMENT, **self.options, **chosen}
        return [
            f"--{key.replace('_', '-')}" + (f"={value}" if value else "")
            for key, value in sorted(options.items())
            if key != ARRAY_LIMIT and value != _OFF
        ]

    def limit(self, chosen: Mapping[str, str]) -> str:
        """What says in an array how many of its tasks may run at once. Raises UsageError."""
        value = {**self.options, **chosen}.get(ARRAY_LIMIT, "")
        if value and not (value.isascii() and value.isdecimal() and int(value)):
            raise UsageError(f"{ARRAY_LIMIT} takes a whole number from 1, not {value!r}")
        return f"%{value}" if value else ""


def _seconds(name: str, value: object) -> float:
    try:
        seconds = float(value)  # type: ignore[arg-type]  # TypeError is what is caught
    except (ValueError, TypeError):
        seconds = math.nan
    if not seconds >= 0:
        raise UsageError(f"{name} of slurm must be a number of seconds, not {value!r}")
    return seconds


def parted(backend: str) -> tuple[str, str]:
    """The backend of `local`, and the partition. Raises UnknownBackend."""
    name, at, partition = backend.partition("@")
    if at and not partition:
        raise UnknownBackend(f"no partition behind the @ of {backend!r}")
    backends.check_backend(name)
    return name, partition


def split(options: RunOptions) -> tuple[dict[str, str], RunOptions]:
    """The options that are sbatch's, and those that are not."""
    named = {key.replace("-", "_"): value for key, value in options.extra.items()}
    chosen = {key: text(value) for key, value in named.items() if key in CHOSEN}
    rest = {key: value for key, value in named.items() if key not in CHOSEN}
    return chosen, replace(options, extra=rest)


def text(value: object) -> str:
    """A value as sbatch has it: nothing behind the name of what is merely switched on."""
    if value is True:
        return ""
    return _OFF if value is False else str(value)
