"""Commands that die at a moment of their work, and what they leave."""

import os
import subprocess
import sys
from pathlib import Path

from support import deeds


class Shell:
    """Runs qjobs as a user would, on one state."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder, self.home = folder, home

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        environment = os.environ | {"QJOBS_HOME": str(self.home), "QJOBS_LOCAL_IDLE_S": "1"}
        return subprocess.run(
            [sys.executable, *command],
            cwd=self.folder, env=environment, capture_output=True, text=True, timeout=120,
            check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def kill_at(self, moment: int, *arguments: str) -> bool:
        """Have qjobs be killed at a moment of its work; whether it had so many."""
        counted = self.folder / "moments"
        ended = self.run(deeds.__file__, str(moment), str(counted), *arguments)
        assert ended.returncode in {0, -9}, ended.stderr
        return ended.returncode == -9

    def qjobs(self, *arguments: str) -> str:
        ended = self.run("-m", "qjobs", *arguments)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout


def contents(folder: Path) -> dict[str, bytes]:
    """What is in a folder, but for locks."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }
