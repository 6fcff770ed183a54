"""What is said of a job whose code ends its worker: what that died of, whoever asks last."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.local_jobs import cut, rotations, wait, write

from qjobs.model import JobStatus, RunOptions
from qjobs.providers.local.provider import LocalProvider

CODE = """
import os, signal, sys, threading, time

{at_import}

def go():
    {when_called}
"""
SLOWLY = "os.closerange(3, 1000); time.sleep(0.3); os._exit(9)"
"""The answers end first, as when Python takes its time to end, or the kernel to write a core."""


@pytest.mark.parametrize("where", ["at_import", "when_called"])
@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("os._exit(7)", "the last one ended with exit code 7"),
        ("os._exit(0)", "the last one ended with exit code 0"),
        (SLOWLY, "the last one ended with exit code 9"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "killed by signal 11 (Segmentation fault)"),
        ("os.kill(os.getpid(), signal.SIGTERM)", "killed by signal 15 (Terminated)"),
        ("sys.exit(3)", "SystemExit: 3"),
        ("sys.exit('no licence')", "SystemExit: no licence"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    ],
)
def test_an_exit_of_the_users_code_is_told_as_what_it_is(
    open_provider: Callable[..., LocalProvider],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
    statement: str,
    said: str,
) -> None:
    package = tmp_path / "package"
    package.mkdir()
    parts = {"at_import": "", "when_called": "pass"} | {where: statement}
    (package / "code_that_ends.py").write_text(CODE.format(**parts))
    monkeypatch.syspath_prepend(package)
    monkeypatch.delitem(sys.modules, "code_that_ends", raising=False)
    provider = open_provider(deaths="1", workers="1")

    job_id = provider.submit(
        cut(write(tmp_path / "c.qpy", rotations(1)), 0, 1),
        backend="code_that_ends:go",
        options=RunOptions(shots=1),
        tag="t",
    )

    assert wait(provider, [job_id]) == {job_id: JobStatus.ERROR}
    message = provider.error_message(job_id)
    assert message.endswith(said)
    assert "signal 9" not in message
