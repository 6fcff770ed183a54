"""What dies or runs out on a real cluster: each slice has one task, and it is said why."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from qiskit import QuantumCircuit, qpy
from support.slurm import Slurm

from qjobs.contract import ProviderContext
from qjobs.model import JobStatus
from qjobs.providers.slurm.provider import SlurmProvider

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("QJOBS_CAMPAIGN_KILLS", "6"))
PATIENCE_S = 240.0


class Shell:
    """Runs qjobs in processes of its own."""

    def __init__(self, home: Path, folder: Path) -> None:
        self.home = home
        self._folder = folder

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """Start a command."""
        return subprocess.Popen(
            [sys.executable, "-m", "qjobs", *words], cwd=self._folder, text=True,
            env={**os.environ, "QJOBS_HOME": str(self.home)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def __call__(self, *words: str, code: int | None = 0) -> str:
        """What a command prints; it ends with `code`, if that is known."""
        out, err, ended = self.end(self.start(*words))
        assert code is None or ended == code, err
        return out if code == 0 else out + err

    @staticmethod
    def end(process: "subprocess.Popen[str]") -> tuple[str, str, int]:
        """What a command prints until it ends, and its code; one that does not is killed."""
        try:
            out, err = process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
        return out, err, process.returncode

    def jobs(self) -> list[dict[str, Any]]:
        """The jobs of the newest set."""
        out, err, _ = self.end(self.start("status", "--json"))
        assert out, err
        jobs: list[dict[str, Any]] = json.loads(out)["sets"][0]["jobs"]
        return jobs


@pytest.fixture
def shell(tmp_path: Path, shared: Path) -> Shell:
    return Shell(tmp_path / "home", tmp_path)


@pytest.fixture
def numbered(tmp_path: Path) -> str:
    """Circuits that measure the bits of their own index."""
    circuits = []
    for index in range(120):
        circuit = QuantumCircuit(7, name=f"number {index}")
        for bit in range(7):
            if index >> bit & 1:
                circuit.x(bit)
        circuit.measure_all()
        circuits.append(circuit)
    with (tmp_path / "numbered.qpy").open("wb") as file:
        qpy.dump(circuits, file)
    return "numbered.qpy"


@pytest.fixture
def endless(tmp_path: Path) -> str:
    """A circuit that runs for many minutes, in little memory."""
    circuit = QuantumCircuit(20)
    for layer in range(2000):
        for qubit in range(20):
            circuit.rx(0.1 + layer, qubit)
            circuit.cx(qubit, (qubit + 1) % 20)
    circuit.measure_all()
    with (tmp_path / "endless.qpy").open("wb") as file:
        qpy.dump([circuit], file)
    return "endless.qpy"


def outcomes(shell: Shell) -> list[int]:
    """What each circuit measured, as the number that it should be."""
    rows = shell("result", "--format", "jsonl").splitlines()
    found = []
    for row in map(json.loads, rows):
        ((outcome, _),) = row["counts"].items()
        found.append(int(outcome, 2))
    return found


def arrays(shared: Path) -> list[Path]:
    return [path.parent for path in shared.glob("qjobs-*/arrays/*/manifest.json")]


def begun(shared: Path) -> dict[str, int]:
    """How many tasks have begun with each tag."""
    counts: dict[str, int] = {}
    for folder in arrays(shared):
        for task, tag in enumerate(json.loads((folder / "manifest.json").read_text())["tags"]):
            taken = folder / f"{task}.taken"
            if taken.exists() and taken.read_bytes() != b"void\n":
                counts[tag] = counts.get(tag, 0) + 1
    return counts


def wait_until(condition: Callable[[], object], what: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until, what
        time.sleep(0.05)


def test_more_jobs_than_an_array_may_have_are_several_arrays_and_all_in_order(
    shell: Shell, shared: Path, numbered: str
) -> None:
    shell("submit", numbered, "-b", "slurm:aer", "--per-job", "4", "--option", "array_limit=8")
    shell("wait")
    assert outcomes(shell) == list(range(120))
    assert len(arrays(shared)) == 3  # of twelve, twelve and six
    assert set(begun(shared).values()) == {1}


def test_two_homes_share_a_folder_side_by_side(tmp_path: Path, shared: Path, numbered: str) -> None:
    shells = [Shell(tmp_path / name, tmp_path) for name in ("one", "two")]
    for one in shells:
        one("submit", numbered, "-b", "slurm:aer", "--per-job", "40")
    for one in shells:
        one("wait")
        assert outcomes(one) == list(range(120))


def test_a_client_is_killed_at_any_moment_and_each_slice_has_one_task(
    tmp_path: Path, shared: Path, numbered: str
) -> None:
    moments = random.Random(KILLS)
    usual_s = 0.0
    for number in range(KILLS + 1):
        one = Shell(tmp_path / f"home {number}", tmp_path)
        process = one.start("submit", numbered, "-b", "slurm:aer", "--per-job", "40")
        wait_until(lambda one=one: list(one.home.glob("sets/*/state.toml")), "there is no set")  # type: ignore[misc]
        began_s = time.monotonic()
        # The first is not killed: it tells how long the others live.
        with suppress(subprocess.TimeoutExpired):
            process.wait(moments.uniform(0, 1.5 * usual_s) if number else PATIENCE_S)
        usual_s = usual_s or time.monotonic() - began_s
        process.kill()
        process.communicate()
        one("resume")
        one("wait")
        assert outcomes(one) == list(range(120))
    assert set(begun(shared).values()) == {1}
    assert len(begun(shared)) == 3 * (KILLS + 1)


def test_a_task_that_is_killed_says_so_and_a_retry_runs(
    shell: Shell, shared: Path, endless: str
) -> None:
    shell("submit", endless, "-b", "slurm:statevector")
    wait_until(lambda: list(shared.rglob("0.beat")), "it never began")
    (folder,) = arrays(shared)

    def worker() -> list[int]:
        found = subprocess.run(
            ["pgrep", "-f", f"slurm.task {folder} --run"], capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        return [int(line) for line in found.stdout.split()]

    wait_until(worker, "no process runs it")
    os.kill(worker()[0], signal.SIGKILL)
    said = shell("wait", code=6)
    assert "signal 9" in shell("error"), said
    assert "mem=" in shell("error")


def test_the_time_limit_is_named_with_what_to_change(
    shell: Shell, cluster: Slurm, shared: Path, endless: str
) -> None:
    shell("submit", endless, "-b", "slurm:statevector@short")
    wait_until(lambda: list(shared.rglob("0.beat")), "it never began")
    (job,) = shell.jobs()
    # A minute is the shortest limit that Slurm has: have it be over.
    cluster.run("scontrol", "update", f"jobid={job['job_id']}", "TimeLimit=0")
    wait_until(lambda: shell.jobs()[0]["state"] == "error", "it goes on")
    assert "--option time=" in shell("error")


def test_an_administrator_who_cancels_a_task_is_seen(
    shell: Shell, cluster: Slurm, shared: Path, endless: str
) -> None:
    shell("submit", endless, "-b", "slurm:statevector")
    wait_until(lambda: list(shared.rglob("0.beat")), "it never began")
    cluster.run("scancel", shell.jobs()[0]["job_id"])
    wait_until(lambda: shell.jobs()[0]["state"] == "cancelled", "it goes on")


def test_without_a_controller_nothing_is_lost_and_resume_goes_on(
    shell: Shell, cluster: Slurm, shared: Path, numbered: str
) -> None:
    cluster.kill("slurmctld")
    try:
        said = shell(
            "submit", numbered, "-b", "slurm:aer", "--per-job", "40", "--timeout", "15s", code=124
        )
        assert "resume" in said
    finally:
        cluster.start_controller()
    shell("resume")
    shell("wait")
    assert outcomes(shell) == list(range(120))
    assert set(begun(shared).values()) == {1}


def test_daemons_that_start_again_meanwhile_change_nothing(
    shell: Shell, cluster: Slurm, tmp_path: Path, shared: Path
) -> None:
    circuit = QuantumCircuit(18)
    for layer in range(60):
        for qubit in range(18):
            circuit.rx(0.1 + layer, qubit)
            circuit.cx(qubit, (qubit + 1) % 18)
    circuit.measure_all()
    with (tmp_path / "slow.qpy").open("wb") as file:
        qpy.dump([circuit] * 4, file)
    shell("submit", "slow.qpy", "-b", "slurm:statevector", "--per-job", "1",
          "--option", "array_limit=2")  # fmt: skip
    wait_until(lambda: len(list(shared.rglob("*.beat"))) >= 2, "none has begun")

    cluster.restart_controller()  # killed, it forgets what came in its last seconds
    cluster.kill("slurmd")
    cluster.start_node()

    shell("wait")
    assert sorted(begun(shared).values()) == [1] * 4


def test_a_task_that_is_silent_is_not_believed_to_run_and_can_be_cancelled(
    shell: Shell, shared: Path, endless: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell("submit", endless, "-b", "slurm:statevector")
    wait_until(lambda: list(shared.rglob("0.beat")), "it never began")
    monkeypatch.setenv("QJOBS_SLURM_SILENT_S", "60")
    wait_until(lambda: shell.jobs()[0]["state"] == "running", "it never ran")
    (beat,) = shared.rglob("0.beat")
    os.utime(beat, (1, 1))  # as long ago as can be

    assert shell.jobs()[0]["state"] == "unknown"

    shell("cancel", "--yes")
    wait_until(lambda: shell.jobs()[0]["state"] == "cancelled", "it goes on")


def test_another_version_on_the_node_is_an_error_that_names_both(
    shell: Shell, tmp_path: Path, shared: Path, numbered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "other python"
    packages = tmp_path / "packages" / "qiskit-0.0.1.dist-info"
    packages.mkdir(parents=True)
    (packages / "METADATA").write_text("Metadata-Version: 2.1\nName: qiskit\nVersion: 0.0.1\n")
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{packages.parent}" exec {sys.executable} "$@"\n')
    python.chmod(0o700)
    monkeypatch.setenv("QJOBS_SLURM_PYTHON", str(python))

    shell("submit", numbered, "-b", "slurm:aer", "--per-job", "120")

    shell("wait", code=6)
    assert "qiskit 0.0.1 here" in shell("error")


def test_what_slurm_refuses_is_said_with_what_to_change_and_runs_then(
    shell: Shell, numbered: str
) -> None:
    said = shell("submit", numbered, "-b", "slurm:aer@nowhere", "--per-job", "120", code=6)
    assert "Invalid partition name" in said
    assert "--option NAME=VALUE" in said

    shell("run", numbered, "-b", "slurm:aer", "--option", "partition=main", "--per-job", "120")


def test_hints_of_where_slurm_and_the_shared_folder_are_lead_to_results(
    shell: Shell, cluster: Slurm, shared: Path, numbered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QJOBS_SLURM_SHARED")
    assert "export QJOBS_SLURM_SHARED=FOLDER" in shell("submit", numbered, "-b", "slurm", code=2)
    monkeypatch.setenv("QJOBS_SLURM_SHARED", str(shared / "nowhere"))
    said = shell("submit", numbered, "-b", "slurm:aer", code=2)
    assert "name a folder that submitter and nodes share: QJOBS_SLURM_SHARED" in said
    monkeypatch.setenv("QJOBS_SLURM_SHARED", str(shared))

    path = os.environ["PATH"]
    monkeypatch.setenv("PATH", "/nowhere")
    assert "on a login node" in shell("backends", "-p", "slurm", code=1)
    monkeypatch.setenv("PATH", path)
    cluster.kill("slurmctld")
    try:
        assert "scontrol ping" in shell("backends", "-p", "slurm", code=1)
        with pytest.raises(subprocess.CalledProcessError):
            cluster.run("scontrol", "ping")
    finally:
        cluster.start_controller()
    assert "slurm:aer@main" in shell("backends", "-p", "slurm")


@pytest.fixture
def small(shared: Path) -> Iterator[Path]:
    """A shared folder with room for next to nothing."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "none", str(shared)], check=False
    )
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        yield shared
    finally:
        subprocess.run(["umount", "-l", str(shared)], check=True)


def test_a_full_shared_folder_is_said_and_resume_goes_on_once_there_is_room(
    shell: Shell, small: Path, numbered: str
) -> None:
    filler = small / "filler"
    filler.write_bytes(b"x" * 45_000)
    said = shell("submit", numbered, "-b", "slurm:aer", "--per-job", "120", code=7)
    assert "No space left" in said
    assert "make room there, then go on with qjobs resume" in said

    subprocess.run(["mount", "-o", "remount,size=16m", str(small)], check=True)
    shell("resume")
    shell("wait")
    assert outcomes(shell) == list(range(120))


def test_where_slurm_counts_anew_no_set_gets_the_results_of_another(
    shell: Shell, shared: Path, numbered: str
) -> None:
    shell("run", numbered, "-b", "slurm:aer", "--per-job", "120", "--name", "first")
    (first,) = arrays(shared)
    (first / "id").write_text("1000000\n")
    shell("submit", numbered, "-b", "slurm:aer", "--per-job", "120")
    shell("wait")
    (second,) = {*arrays(shared)} - {first}
    # As if Slurm had called both by one number, the other one before.
    (first / "id").write_text((second / "id").read_text())
    os.utime(first / "id", (0, 0))
    shell("submit", numbered, "-b", "slurm:aer", "--per-job", "120", "--name", "third")

    names = [job["job_id"] for job in shell.jobs()]
    assert len({*names}) == 1
    provider = SlurmProvider(ProviderContext(shared, {"shared": str(shared)}))
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
    assert {job["state"] for job in shell.jobs()} == {"cancelled"}


def test_a_task_that_slurm_starts_once_more_while_it_runs_runs_once(
    shell: Shell, shared: Path, endless: str
) -> None:
    shell("submit", endless, "-b", "slurm:statevector")
    wait_until(lambda: list(shared.rglob("0.beat")), "it never began")
    (folder,) = arrays(shared)

    again = subprocess.run(
        [sys.executable, "-m", "qjobs.providers.slurm.task", str(folder)], check=True,
        env={**os.environ, "SLURM_ARRAY_TASK_ID": "0", "SLURM_ARRAY_JOB_ID": "1"},
    )  # fmt: skip

    assert again.returncode == 0
    assert not (folder / "0.json").exists()
    shell("cancel", "--yes")
