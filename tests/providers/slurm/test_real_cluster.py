"""The cluster of the tests is a real one, on loopback, that leaves nothing behind."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from support.local_jobs import wait_until
from support.slurm import Slurm, limits_memory

pytestmark = pytest.mark.slow


def addresses(ports: set[str]) -> set[str]:
    """The addresses, as Linux writes them, on which somebody listens at these ports."""
    found = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        for row in table.read_text().splitlines()[1:]:
            address, port = row.split()[1].split(":")
            if row.split()[3] == "0A" and str(int(port, 16)) in ports:
                found.add(address)
    return found


@pytest.mark.parametrize("kernel_limits", [False, True])
def test_nothing_runs_on_when_it_is_stopped(
    start_cluster: Callable[..., Slurm], kernel_limits: bool
) -> None:
    if kernel_limits and not limits_memory():
        pytest.skip("the kernel's memory groups are not ours to use")
    cluster = start_cluster(kernel_limits=kernel_limits)
    ports = set(re.findall(r"Port=(\d+)", cluster.conf.read_text()))
    assert addresses(ports) == {"0100007F"}
    cluster.run("sbatch", "--array=0-1", "--output=/dev/null", "--wrap", "sleep 600")
    processes = wait_until(cluster.tasks, lambda tasks: len(tasks) >= 4)

    cluster.stop()

    def alive(process: int) -> bool:
        status = Path(f"/proc/{process}/status")
        return status.exists() and "State:\tZ" not in status.read_text()

    wait_until(lambda: [*filter(alive, processes)], lambda left: not left)
    assert addresses(ports) == set()
    assert not [*Path("/sys/fs/cgroup").glob(f"*/slurm_{cluster.node}")]


def test_jobs_outlive_the_controller_and_not_the_power_of_their_node(
    start_cluster: Callable[..., Slurm],
) -> None:
    cluster = start_cluster()
    cluster.run("sbatch", "--no-requeue", "--output=/dev/null", "--wrap", "sleep 600")
    tasks = wait_until(cluster.tasks)

    cluster.restart_controller()
    assert [job["job_state"] for job in cluster.jobs()] == ["RUNNING"]
    assert set(tasks) <= set(cluster.tasks())

    cluster.cut_power()
    assert cluster.tasks() == []
