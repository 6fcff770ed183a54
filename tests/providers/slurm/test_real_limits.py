"""What goes wrong on a real cluster: each job ends in the state it is in, and says what to do."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from qiskit import QuantumCircuit
from support.local_jobs import endless, wait_until, write
from support.slurm import Slurm, limits_memory
from support.slurm_shell import SHOTS, Shell, check_numbers, write_numbers

pytestmark = pytest.mark.slow


@pytest.fixture
def shell(cluster: Slurm, tmp_path: Path) -> Shell:
    return Shell(tmp_path / "user", cluster, shared=tmp_path / "shared")


def large(path: Path) -> Path:
    """A circuit whose state takes 2 GB, all of which is measured."""
    circuit = QuantumCircuit(27)
    for qubit in range(27):
        circuit.h(qubit)
    for qubit in range(26):
        circuit.cx(qubit, qubit + 1)
        circuit.rx(0.3, qubit)
    circuit.measure_all()
    return write(path, [circuit])


@pytest.mark.parametrize("kernel_limits", [True, False])
def test_a_task_out_of_memory_says_which_option_to_change(
    start_cluster: Callable[..., Slurm], tmp_path: Path, kernel_limits: bool
) -> None:
    if kernel_limits and not limits_memory():
        pytest.skip("the kernel's memory groups are not ours to use")
    cluster = start_cluster(kernel_limits=kernel_limits)
    shell = Shell(tmp_path / "user", cluster, shared=tmp_path / "shared")

    set_id = shell.submit(
        large(tmp_path / "large.qpy"), "--option", "mem=600M", backend="slurm:statevector"
    )

    shell.run("wait", set_id, codes=(6,))
    (job,) = shell.status(set_id)["jobs"]
    assert job["state"] == "error"
    assert "memory" in job["message"]
    assert "mem=" in job["message"]


def test_questions_to_a_controller_that_is_down_are_said_to_be_unanswered(
    start_cluster: Callable[..., Slurm], tmp_path: Path
) -> None:
    cluster = start_cluster()
    shell = Shell(tmp_path / "user", cluster, shared=tmp_path / "shared")
    set_id = shell.submit(write_numbers(tmp_path / "numbers.qpy", 3), "--option", "begin=now+5")
    cluster.kill("slurmctld")

    told = shell.run("status", set_id).err
    assert "Unable to contact slurm controller" in told

    cluster.start_controller()
    shell.run("wait", set_id)
    check_numbers(shell, set_id, 3)


def test_a_node_that_loses_its_power_is_not_believed_to_run_on(
    start_cluster: Callable[..., Slurm], tmp_path: Path
) -> None:
    """Slurm itself takes many minutes to see it."""
    cluster = start_cluster()
    variables = {"QJOBS_SLURM_SILENT_S": "25"}  # a task is heard of each 10 s
    shell = Shell(tmp_path / "user", cluster, shared=tmp_path / "shared", variables=variables)
    set_id = shell.submit(write(tmp_path / "endless.qpy", [endless()]))
    wait_until(lambda: [*shell.shared.rglob("0.beat")])
    assert shell.states(set_id) == ["running"]

    cluster.cut_power()

    wait_until(lambda: shell.states(set_id), lambda states: states == ["unknown"])
    (job,) = cluster.jobs()
    assert job["job_state"] in {"RUNNING", "COMPLETING"}  # so it stays until slurmd is asked


@pytest.fixture
def small_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with room for a megabyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_shared_folder_is_said_by_tasks_and_by_submit(
    cluster: Slurm, small_folder: Path, tmp_path: Path
) -> None:
    shell = Shell(tmp_path / "user", cluster, shared=small_folder)
    path = write_numbers(tmp_path / "numbers.qpy", 2)
    set_id = shell.submit(path, "--option", "begin=now+1hour")
    filler = small_folder / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(bytes(512)):
            pass

    begin(cluster, shell, set_id)
    shell.run("wait", set_id, codes=(6,))
    for job in shell.status(set_id)["jobs"]:
        assert job["state"] == "error"
        assert "No space left" in job["message"]
    words = ["submit", str(path), "-b", "slurm:aer", "--per-job", "1", "-q", "--shots", str(SHOTS)]
    assert "No space left" in shell.run(*words, codes=(2,)).err

    filler.unlink()
    shell.run("retry", set_id)
    begin(cluster, shell, set_id)
    shell.run("wait", set_id)
    check_numbers(shell, set_id, 2)


def begin(cluster: Slurm, shell: Shell, set_id: str) -> None:
    """Let the tasks of a set begin that were to begin in an hour."""
    (array,) = {job["job_id"].partition("_")[0] for job in shell.status(set_id)["jobs"]}
    cluster.run("scontrol", "update", f"JobId={array}", "StartTime=now")
