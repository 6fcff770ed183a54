"""The campaign against the readers, a small part of it."""

import subprocess
import sys
from pathlib import Path

import pytest
from support import TESTS

SCRIPT = TESTS / "fuzz_readers.py"


@pytest.mark.slow
def test_damaged_files_harm_nothing_but_themselves(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "--inputs", "100", "--keep", tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "100 inputs, 0 faults" in done.stdout
