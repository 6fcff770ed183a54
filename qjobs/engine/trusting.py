"""What a set names is run only where its user made it, or has said that they trust it."""

from contextlib import suppress
from pathlib import Path

from qjobs.contract import NamesCode, Provider
from qjobs.engine.workspace import Workspace
from qjobs.errors import StateUnwritable, Untrusted
from qjobs.model import JobSet
from qjobs.store import trust
from qjobs.store.folder import SetFolder


def vouch_for_new(provider: Provider, draft: Path, job_set: JobSet) -> None:
    """Keep that this user makes the set, if that will be asked. Where there can be no key none is.

    Then the process that made it may go on with it, and others are told to `--trust` it.
    """
    if _names_code(provider, job_set):
        with suppress(StateUnwritable):
            trust.vouch(draft, job_set)


def vouch_for(workspace: Workspace, folder: SetFolder) -> None:
    """Keep that this user trusts a set, if that is asked. Raises StateUnwritable."""
    if _names_code(workspace.provider_at(folder.job_set.destination), folder.job_set):
        trust.vouch(folder.state_path.parent, folder.job_set)


def check_trusted(provider: Provider, folder: SetFolder, *, verb: str) -> None:
    """Raise Untrusted if sending jobs of the set would run code, and nobody here has vouched."""
    job_set = folder.job_set
    if folder.made_here or not _names_code(provider, job_set):
        return
    if not trust.is_vouched(folder.state_path.parent, job_set):
        where = f"{job_set.provider}:{job_set.backend}"
        raise Untrusted(
            f"{job_set.set_id} would run code, {where}, and nothing shows that you made it on this "
            "machine: nothing is sent",
            hint=f"look at it: qjobs show {job_set.set_id}; if you trust it: "
            f"qjobs {verb} --trust {job_set.set_id}",
        )


def _names_code(provider: Provider, job_set: JobSet) -> bool:
    return isinstance(provider, NamesCode) and provider.names_code(job_set.backend)
