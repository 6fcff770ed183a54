"""What dies or runs out on a real cluster: jobs have the right states, and say what to change."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from qiskit import QuantumCircuit
from support import slurm_shell
from support.slurm import Slurm, limits_memory
from support.slurm_shell import LATER, Shell, wait_until

from qjobs.contract import ProviderContext
from qjobs.model import JobStatus
from qjobs.providers.slurm.provider import SlurmProvider

pytestmark = pytest.mark.slow


def begin_endless(shell: Shell, file: str, *words: str) -> str:
    """Submit what does not end, and wait until it runs; the id of its task."""
    shell("submit", file, "-b", "slurm:statevector", *words)
    shell.await_life()
    (job,) = shell.jobs()
    return str(job["job_id"])


def test_a_process_that_is_killed_says_so_and_a_retry_has_another_task(
    shell: Shell, cluster: Slurm, endless: str
) -> None:
    begin_endless(shell, endless)
    (part,) = wait_until(lambda: cluster.processes("qjobs.simulators.part"), "no process runs it")
    os.kill(part, signal.SIGKILL)
    shell("wait", code=6)
    assert "signal 9" in shell("error")
    assert "qjobs retry --option mem=" in shell("error")

    shell("retry", "--option", "mem=700M")
    shell.await_life(2)
    task = shell.jobs()[0]["job_id"]
    assert "MinMemoryNode=700M" in cluster.run("scontrol", "show", "job", task)
    shell("cancel", "--yes")


def test_the_time_limit_is_named_and_a_retry_may_have_another(
    shell: Shell, cluster: Slurm, endless: str
) -> None:
    task = begin_endless(shell, endless, "--option", "partition=short")
    # A minute is the shortest limit that Slurm has: have it be over.
    cluster.run("scontrol", "update", f"jobid={task}", "TimeLimit=0")
    shell.until("error")
    assert "qjobs retry --option time=2:00:00" in shell("error")

    shell("retry", "--option", "time=2:00:00", "--option", "partition=main")
    again = shell.jobs()[0]["job_id"]
    assert again != task
    assert "TimeLimit=02:00:00" in cluster.run("scontrol", "show", "job", again)
    shell("cancel", "--yes")


def test_a_retry_changes_nothing_that_has_a_say_in_results(shell: Shell, endless: str) -> None:
    shell("submit", endless, "-b", "slurm:statevector", *LATER)
    shell("cancel", "--yes")

    said = shell("retry", "--cancelled", "--option", "method=stabilizer", code=2)

    assert "with the same method" in said
    assert shell.states() == ["cancelled"]


def large(folder: Path) -> str:
    """A circuit whose state takes 1 GiB, all of which is measured."""
    circuit = QuantumCircuit(26)
    circuit.h(range(26))
    for qubit in range(25):
        circuit.cx(qubit, qubit + 1)
        circuit.rx(0.3, qubit)
    circuit.measure_all()
    return slurm_shell.write(folder / "large.qpy", circuit)


@pytest.mark.parametrize("kernel_limits", [True, False])
def test_a_task_out_of_memory_says_which_option_to_change(
    start_cluster: Callable[..., Slurm], tmp_path: Path, shared: Path, kernel_limits: bool
) -> None:
    if kernel_limits and not limits_memory():
        pytest.skip("the kernel's memory groups are not ours to use")
    shell = Shell(tmp_path / "user", start_cluster(kernel_limits=kernel_limits), shared)

    shell("submit", large(shell.folder), "-b", "slurm:statevector", "--option", "mem=500M")
    shell("wait", code=6)

    (job,) = shell.jobs()
    assert job["state"] == "error"
    assert "memory" in job["message"]
    assert "qjobs retry --option mem=" in job["message"]


def test_a_task_that_has_to_give_way_says_so_and_a_retry_waits_its_turn(
    start_cluster: Callable[..., Slurm], tmp_path: Path, shared: Path
) -> None:
    cluster = start_cluster(
        cpus=1, PreemptType="preempt/partition_prio", PreemptMode="REQUEUE",
        partitions=("main Default=YES PriorityTier=1", "urgent PriorityTier=9"),
    )  # fmt: skip
    shell = Shell(tmp_path / "user", cluster, shared)
    begin_endless(shell, slurm_shell.endless(shell.folder / "e.qpy"))

    cluster.run("sbatch", "-p", "urgent", "--output=/dev/null", "--wrap", "sleep 600")
    shell.until("error")

    assert "had precedence" in shell("error")
    shell("retry")
    assert shell.states() == ["queued"]


@pytest.mark.skipif(
    "QJOBS_CAMPAIGN_KILLS" not in os.environ,
    reason="beside a whole run of the tests it ends in an error, nobody knows why",
)
def test_a_task_that_is_put_back_is_queued_and_runs_again(
    shell: Shell, cluster: Slurm, endless: str
) -> None:
    task = begin_endless(shell, endless)
    cluster.run("scontrol", "update", f"jobid={task}", "Requeue=1")
    cluster.run("scontrol", "requeue", task)
    shell.until("queued")

    def hurried() -> list[str]:
        """Its state; Slurm has it wait for two minutes, from when its first run is cleaned up."""
        with suppress(subprocess.CalledProcessError):  # it runs by now
            cluster.run("scontrol", "update", f"jobid={task}", "StartTime=now")
        return shell.states()

    wait_until(hurried, "it does not run again", enough=lambda states: states == ["running"])
    assert [job["job_id"] for job in shell.jobs()] == [task]
    shell("cancel", "--yes")


def test_a_node_that_fails_is_named_as_the_reason_and_a_retry_runs_on_another(
    start_cluster: Callable[..., Slurm], tmp_path: Path, shared: Path
) -> None:
    cluster = start_cluster()
    shell = Shell(tmp_path / "user", cluster, shared)
    task = begin_endless(shell, slurm_shell.endless(shell.folder / "e.qpy"))

    cluster.cut_power()
    cluster.run("scontrol", "update", f"nodename={cluster.node}", "state=down", "reason=power")
    shell.until("error")
    assert "the node of the task failed; qjobs retry" in shell("error")

    cluster.run("scontrol", "update", f"nodename={cluster.node}", "state=resume")
    cluster.start_node()
    shell("retry")
    shell.await_life(2)
    assert shell.jobs()[0]["job_id"] != task
    shell("cancel", "--yes")


def test_an_administrator_who_cancels_a_task_is_seen(
    shell: Shell, cluster: Slurm, endless: str
) -> None:
    cluster.run("scancel", begin_endless(shell, endless))
    shell.until("cancelled")


def test_without_a_controller_it_is_waited_for_a_while_and_nothing_is_lost(
    shell: Shell, cluster: Slurm, numbered: str
) -> None:
    shell.variables["QJOBS_SLURM_PATIENCE_S"] = "1"
    cluster.kill("slurmctld")
    try:
        said = shell("submit", numbered, "-b", "slurm:aer", "--per-job", "40", code=7)
        assert "Unable to contact slurm controller" in said
        assert "has not for 1 s" in said
        assert "qjobs resume" in said
    finally:
        cluster.start_controller()
    assert shell.states() == ["planned"] * 3
    shell("resume", "--wait")
    assert shell.numbers() == list(range(120))
    assert [*shell.begun().values()] == [1] * 3


def test_tasks_that_a_controller_forgot_are_ruled_out_and_a_retry_runs_each_once(
    start_cluster: Callable[..., Slurm], tmp_path: Path, shared: Path
) -> None:
    cluster = start_cluster()
    shell = Shell(tmp_path / "user", cluster, shared)
    file = slurm_shell.numbered(shell.folder / "n.qpy", 20)
    shutil.copytree(cluster.folder / "state", tmp_path / "state before")
    shell("submit", file, "-b", "slurm:aer", "--per-job", "10", *LATER)
    (array,) = shell.arrays()

    # What it took in its last seconds was not on its disk.
    cluster.kill("slurmctld")
    shutil.rmtree(cluster.folder / "state")
    shutil.move(tmp_path / "state before", cluster.folder / "state")
    cluster.start_controller()
    assert shell.states() == ["queued"] * 2  # it may only be slow
    as_if_long_ago(array)

    assert shell.states() == ["error"] * 2
    assert "Slurm has forgotten the task before it began; qjobs retry" in shell("error")
    start_task(array, 0)
    assert not (array / "0.json").exists()
    shell("retry", "--option", "begin=now", "--wait")
    assert shell.numbers() == list(range(20))
    assert [*shell.begun().values()] == [1] * 2


def as_if_long_ago(array: Path) -> None:
    """Have the array be of last year."""
    manifest = json.loads((array / "manifest.json").read_text())
    now = datetime.now(UTC)
    manifest["created"] = now.replace(year=now.year - 1, day=1).isoformat()
    (array / "manifest.json").write_text(json.dumps(manifest))


def start_task(array: Path, task: int) -> None:
    """Start a task as Slurm would, here, and see that it does not fail."""
    variables = {"SLURM_ARRAY_TASK_ID": str(task), "SLURM_ARRAY_JOB_ID": "1"}
    subprocess.run(
        [sys.executable, "-m", "qjobs.providers.slurm.task", str(array)], check=True,
        env={**os.environ, **variables},
    )  # fmt: skip


def test_daemons_that_start_again_meanwhile_change_nothing(shell: Shell, cluster: Slurm) -> None:
    circuit = QuantumCircuit(18)
    for layer in range(40):
        for qubit in range(18):
            circuit.rx(0.1 + layer, qubit)
            circuit.cx(qubit, (qubit + 1) % 18)
    circuit.measure_all()
    file = slurm_shell.write(shell.folder / "slow.qpy", *[circuit] * 3)
    words = ("--per-job", "1", "--option", "array_limit=2")
    shell("submit", file, "-b", "slurm:statevector", *words)
    shell.await_life(2)

    cluster.restart_controller()  # killed, it forgets what came in its last seconds
    cluster.kill("slurmd")
    cluster.start_node()

    shell("wait")
    assert [*shell.begun().values()] == [1] * 3


def test_a_task_that_is_silent_is_not_believed_to_run_and_can_be_cancelled(
    shell: Shell, endless: str
) -> None:
    begin_endless(shell, endless)
    shell.variables["QJOBS_SLURM_SILENT_S"] = "60"
    shell.until("running")
    (beat,) = shell.shared.rglob("0.beat")
    os.utime(beat, (1, 1))  # as long ago as can be

    assert shell.states() == ["unknown"]

    shell("cancel", "--yes")
    shell.until("cancelled")


def test_what_slurm_refuses_is_said_with_what_to_change_and_runs_then(
    shell: Shell, numbered: str
) -> None:
    words = ("--option", "partition=nowhere", "--per-job", "120")
    said = shell("submit", numbered, "-b", "slurm:aer", *words, code=6)
    assert "nvalid partition" in said
    assert "--option NAME=VALUE" in said

    shell("retry", "--option", "partition=main", "--wait")
    assert shell.numbers() == list(range(120))


def test_hints_of_where_slurm_and_the_shared_folder_are_lead_to_results(
    shell: Shell, cluster: Slurm, numbered: str
) -> None:
    submit = ("submit", numbered, "-b", "slurm:aer", *LATER)
    del shell.variables["QJOBS_SLURM_SHARED"]
    assert "export QJOBS_SLURM_SHARED=FOLDER" in shell(*submit, code=2)
    shell.variables["QJOBS_SLURM_SHARED"] = str(shell.shared / "nowhere")
    said = shell(*submit, code=2)
    assert "name a folder that submitter and nodes share: QJOBS_SLURM_SHARED" in said
    shell.variables["QJOBS_SLURM_SHARED"] = str(shell.shared)

    path = shell.variables["PATH"]
    shell.variables["PATH"] = "/nowhere"
    assert "on a login node" in shell("backends", "-p", "slurm", code=1)
    assert "on a login node" in shell(*submit, code=2)
    shell.variables["PATH"] = path
    cluster.kill("slurmctld")
    try:
        assert "scontrol ping" in shell("backends", "-p", "slurm", code=1)
        with pytest.raises(subprocess.CalledProcessError):
            cluster.run("scontrol", "ping")
    finally:
        cluster.start_controller()
    assert "slurm:aer@main" in shell("backends", "-p", "slurm")
    shell(*submit)
    shell("cancel", "--yes")


@pytest.fixture
def small(shell: Shell) -> Iterator[Path]:
    """A shared folder with room for next to nothing."""
    shared = shell.shared
    words = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "none", str(shared)]
    if subprocess.run(words, check=False, capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        yield shared
    finally:
        subprocess.run(["umount", "-l", str(shared)], check=True)


def test_a_full_shared_folder_is_said_and_resume_goes_on_once_there_is_room(
    shell: Shell, small: Path, numbered: str
) -> None:
    (small / "filler").write_bytes(b"x" * 45_000)
    said = shell("submit", numbered, "-b", "slurm:aer", "--per-job", "120", code=7)
    assert "No space left" in said
    assert "make room there, then go on with qjobs resume" in said

    subprocess.run(["mount", "-o", "remount,size=16m", str(small)], check=True)
    shell("resume", "--wait")
    assert shell.numbers() == list(range(120))


def test_where_slurm_counts_anew_no_set_gets_the_results_of_another(
    shell: Shell, cluster: Slurm, numbered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell("run", numbered, "-b", "slurm:aer", "--per-job", "120", "--name", "first")
    (first,) = shell.arrays()
    (first / "id").write_text("1000000\n")
    shell("submit", numbered, "-b", "slurm:aer", "--per-job", "120", "--wait")
    (second,) = {*shell.arrays()} - {first}
    # As if Slurm had called both by one number, the other one before.
    (first / "id").write_text((second / "id").read_text())
    os.utime(first / "id", (0, 0))

    monkeypatch.setenv("SLURM_CONF", str(cluster.conf))
    provider = SlurmProvider(ProviderContext(shell.folder, {"shared": str(shell.shared)}))
    (tag,) = json.loads((second / "manifest.json").read_text())["tags"]
    (found,) = provider.find(tag, backend="aer")
    assert found == f"{(second / 'id').read_text().strip()}@{second.name.rpartition('.')[2]}_0"
    assert provider.statuses([found], backend="aer") == {found: JobStatus.DONE}


def test_why_a_task_waits_is_shown_and_the_whole_array_can_be_cancelled(
    shell: Shell, numbered: str
) -> None:
    shell("submit", numbered, "-b", "slurm:aer@short", "--per-job", "30", "--option", "time=10:00")
    wait_until(lambda: "PartitionTimeLimit" in shell("show"), "nothing says why it waits")
    assert shell("cancel", "--yes").count("cancelled") == 4
    assert shell.states() == ["cancelled"] * 4


def test_a_task_that_slurm_starts_once_more_while_it_runs_runs_once(
    shell: Shell, endless: str
) -> None:
    begin_endless(shell, endless)
    (array,) = shell.arrays()

    start_task(array, 0)

    assert not (array / "0.json").exists()
    shell("cancel", "--yes")
