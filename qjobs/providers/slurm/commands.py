"""Slurm's commands: asked with a deadline, their complaints as our errors."""

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from qjobs import paths
from qjobs.errors import (
    AuthError,
    JobRefused,
    NoneAccepted,
    NotNow,
    PendingLimit,
    ProviderError,
    UsageError,
)

ASK_S = 40.0
"""Slurm's own commands give up after about ten seconds; a busy controller may need longer."""

SUBMIT_S = 90.0
_RETRY_S = 30.0
_IDS_A_CALL = 500

# From https://slurm.schedmd.com/sbatch.html and src/common/slurm_errno.c: what sbatch says when
# the controller surely has no job of the call.
_UNREACHED = ("Unable to contact slurm controller", "Unable to resolve", "Connection refused")
_FULL = ("submit limit", "temporarily unable to accept", "MaxSubmit", "Max job")
_DENIED = ("Invalid account", "User's group not permitted", "authentication", "Access/permission")
_ELSEWHERE = "run qjobs where Slurm's commands are: on a login node of the cluster"
_REFUSED = ("rror: ", "ailed: ", "rejected", "invalid", "Invalid")


class Unreached(NotNow):
    """Slurm's controller does not answer."""


class Entry(NamedTuple):
    """A task as Slurm has it: `array` is what that calls it, `state` and `reason` are its words.

    `start` is when it began, or is believed to, in local time; `ran_s` for how long it has run.
    """

    array: str
    task: str
    state: str
    reason: str
    comment: str
    start: str = ""
    ran_s: float = 0.0


def run(*command: str, limit_s: float = ASK_S) -> str:
    """What a command of Slurm prints. Raises ProviderError."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=limit_s,
            check=False, stdin=subprocess.DEVNULL, env={**paths.variables(), "LC_ALL": "C"},
        )  # fmt: skip
    except FileNotFoundError as error:
        raise ProviderError(
            f"there is no {command[0]} here",
            hint=_ELSEWHERE,
        ) from error
    except subprocess.TimeoutExpired as error:
        raise ProviderError(f"{command[0]} has not answered for {limit_s:.0f} s") from error
    except OSError as error:
        raise ProviderError(f"cannot run {command[0]}: {error.strerror}") from error
    if done.returncode:
        raise _complaint(command[0], done.stderr or done.stdout)
    return done.stdout


def _complaint(program: str, said: str) -> ProviderError:
    why = " ".join(said.split())[-500:] or "it failed, and did not say why"
    if _says(why, _UNREACHED):
        return ProviderError(f"{why}", hint="is the cluster's controller up? try: scontrol ping")
    return ProviderError(why if why.startswith(f"{program}: ") else f"{program}: {why}")


def check() -> None:
    """Raise UsageError where nothing could be submitted."""
    if shutil.which("sbatch", path=paths.variables().get("PATH")) is None:
        raise UsageError("there is no sbatch here", hint=_ELSEWHERE)


def submit(words: Sequence[str]) -> str:
    """Submit an array; its id. Raises as `Provider.submit`."""
    try:
        answer = run("sbatch", *words, limit_s=SUBMIT_S)
    except ProviderError as error:
        raise _refusal(error) from error
    job_id = answer.strip().partition(";")[0]  # behind it stands the cluster
    if not job_id.isdecimal():
        raise ProviderError(f"sbatch gave no id but {answer[:100]!r}")
    return job_id


def _refusal(error: ProviderError) -> ProviderError:
    """What sbatch's complaint means; the error itself where the array may be there."""
    said, cause = error.message, error.__cause__
    if isinstance(cause, FileNotFoundError):
        return NoneAccepted(said, hint=error.hint)
    kinds: dict[tuple[str, ...], ProviderError] = {
        _UNREACHED: Unreached(said, hint=error.hint, retry_after_s=_RETRY_S),
        _DENIED: AuthError(said, hint="name an account that may use it: --option account=NAME"),
        _FULL: PendingLimit(said, retry_after_s=_RETRY_S),
        _REFUSED: JobRefused(f"{said}; --option NAME=VALUE sets any option of sbatch"),
    }
    may_be_there = cause is not None or "timed out" in said
    return next(
        (kind for words, kind in kinds.items() if not may_be_there and _says(said, words)), error
    )


def _says(text: str, words: Iterable[str]) -> bool:
    return any(word in text for word in words)


def queue() -> Iterator[Entry]:
    """All tasks of this user that the controller knows, finished ones among them; one question."""
    form = "%F|%K|%M|%T|%S|%k|%r"
    told = run("squeue", "-h", "-r", "-t", "all", "-u", str(os.getuid()), "-o", form)
    for line in told.splitlines():
        array, task, ran, state, start, comment, reason = (line.split("|", 6) + [""] * 7)[:7]
        start = start if "T" in start else ""
        yield Entry(array, task, state, reason, comment, start, _seconds(ran))


def _seconds(written: str) -> float:
    """Read `days-hours:minutes:seconds`, of which the first may be missing."""
    days, _, rest = written.rpartition("-")
    try:
        seconds = 0
        for part in rest.split(":"):
            seconds = seconds * 60 + int(part)
        return seconds + 86_400 * int(days or 0)
    except ValueError:
        return 0.0


def accounted(job_ids: Sequence[str]) -> Iterator[Entry]:
    """What accounting, if there is any, has of tasks that the controller has forgotten."""
    for at in range(0, len(job_ids), _IDS_A_CALL):
        ids = ",".join(job_ids[at : at + _IDS_A_CALL])
        try:
            lines = run("sacct", "-n", "-P", "-X", "-o", "JobID,State", "-j", ids).splitlines()
        except ProviderError:
            return
        for line in lines:
            job_id, _, state = line.partition("|")
            array, _, task = job_id.partition("_")
            yield Entry(array, task, state.partition(" ")[0], "", "")


def cancel(job_ids: Sequence[str]) -> None:
    """Ask for tasks, or whole arrays, to be stopped. What is unknown is no error to Slurm."""
    for at in range(0, len(job_ids), _IDS_A_CALL):
        run("scancel", *job_ids[at : at + _IDS_A_CALL])


def largest_array() -> int:
    """How many tasks an array may have."""
    for line in run("scontrol", "show", "config").splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "MaxArraySize" and value.strip().isdecimal():
            return int(value)
    return 1001  # Slurm's default


def partitions() -> Iterator[tuple[str, str]]:
    """The partitions, the default one first, each with what a person wants to know of it."""
    found: dict[str, list[str]] = {}
    first = ""
    for line in run("sinfo", "-h", "-o", "%P|%D|%t|%c|%m|%l").splitlines():
        name, nodes, state, cpus, memory, limit = (line.split("|") + [""] * 6)[:6]
        first = name.rstrip("*") if name.endswith("*") else first
        about = f"{nodes} x {cpus} cores, {memory} MB, {state}, at most {limit}"
        found.setdefault(name.rstrip("*"), []).append(about)
    for name in sorted(found, key=lambda name: name != first):
        yield name, "; ".join(found[name])
