"""`qjobs backends --check -p slurm` sends one tiny task, and says what works."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest
from support.schemas import validate
from support.slurm import Slurm
from support.slurm_shell import Shell, wait_until

pytestmark = pytest.mark.slow

CHECK = ("backends", "--check", "-p", "slurm")


def names(said: str) -> list[tuple[str, str]]:
    return [(line.split("\t")[0], line.split("\t")[1]) for line in said.splitlines()]


def test_all_that_jobs_need_is_tried_and_nothing_is_left(shell: Shell) -> None:
    document = json.loads(shell(*CHECK, "--json"))

    validate(document, "check")
    checks = {check["name"]: check for check in document["checks"]}
    assert [*checks] == ["slurm", "shared folder", "submit", "start", "python", "result"]
    assert all(check["works"] for check in checks.values())
    assert sys.executable in checks["python"]["detail"]
    assert "qiskit-aer" in checks["python"]["detail"]
    assert not [path for path in shell.shared.rglob("*") if path.is_file()]


def test_a_python_that_the_node_has_not_is_named_with_what_to_look_at(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.variables["QJOBS_SLURM_PYTHON"] = "/nowhere/python"
    said = shell(*CHECK, code=1)

    assert names(said)[-1] == ("start", "no")
    assert "/nowhere/python: not found" in said
    assert f"does the node see {shell.shared}, and this Python in it?" in said

    del shell.variables["QJOBS_SLURM_PYTHON"]
    assert names(shell(*CHECK))[-1] == ("result", "yes")


def test_another_version_on_the_node_is_told_with_both(shell: Shell, tmp_path: Path) -> None:
    shell.variables["QJOBS_SLURM_PYTHON"] = str(other_python(tmp_path))

    said = shell(*CHECK, code=1)

    assert names(said)[-1] == ("python", "no")
    assert "qiskit 0.0.1 here" in said


def other_python(folder: Path) -> Path:
    """A Python that has another Qiskit, or so it says."""
    python = folder / "other python"
    packages = folder / "packages" / "qiskit-0.0.1.dist-info"
    packages.mkdir(parents=True)
    (packages / "METADATA").write_text("Metadata-Version: 2.1\nName: qiskit\nVersion: 0.0.1\n")
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{packages.parent}" exec {sys.executable} "$@"\n')
    python.chmod(0o700)
    return python


def test_the_quantum_resources_of_an_allocation_are_listed(shell: Shell) -> None:
    shell.variables["SLURM_JOB_QPU_RESOURCES"] = "ibm_fez,ibm_torino"

    assert "QPUs of this allocation: ibm_fez,ibm_torino" in shell("backends", "-p", "slurm")


def test_what_slurm_refuses_is_what_does_not_work(shell: Shell) -> None:
    shell.variables["QJOBS_SLURM_PARTITION"] = "nowhere"

    said = shell(*CHECK, code=1)

    assert names(said)[-1] == ("submit", "no")
    assert "nvalid partition" in said


def test_who_has_waited_long_enough_leaves_no_task_behind(shell: Shell, cluster: Slurm) -> None:
    shell.variables["QJOBS_SLURM_BEGIN"] = "now+1hour"
    process = shell.start(*CHECK)
    (array,) = wait_until(shell.arrays, "nothing was submitted")
    wait_until((array / "id").exists, "Slurm has not taken it")

    process.send_signal(signal.SIGINT)
    process.communicate()

    assert process.returncode == 128 + signal.SIGINT
    assert not shell.arrays()
    user = str(os.getuid())
    waiting = cluster.run("squeue", "-h", "-u", user, "-t", "PENDING", "-o", "%k").split()
    assert array.name not in waiting
