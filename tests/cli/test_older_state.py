"""A set that the last version made, and died with, is gone on with."""

import shutil
import tomllib
from pathlib import Path

from qjobs.providers.loading import DEFAULT

WRITTEN = Path(__file__).parents[1] / "store" / "format1" / "home"


def test_a_set_of_the_last_version_is_resumed_retried_and_read(qjobs, home):
    """Two of its jobs were refused, two accepted, one's answer was lost, one was not sent."""
    shutil.copytree(WRITTEN, home)
    for path in (home, *home.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
    (state,) = home.glob("sets/*/state.toml")
    assert state.read_text().startswith("format = 1\n")

    assert qjobs("resume").code == 0
    assert qjobs("retry", "--wait").code == 0

    jobs = tomllib.loads(state.read_text())["job"]
    assert [job["job_id"] for job in jobs] == [f"fake-{n}" for n in (5, 6, 1, 2, 3, 4)]
    assert [job["attempt"] for job in jobs] == [2, 2, 1, 1, 1, 1]
    found = qjobs("result", "--json").document("result")
    assert found["complete"]
    assert [sum(entry["counts"].values()) for entry in found["circuits"]] == [1024] * 6


def test_a_set_tells_what_it_was_made_with(qjobs, bell):
    qjobs("submit", bell, "-b", DEFAULT)
    shown = qjobs("show", "--json").document("set")
    assert shown["versions"].keys() == {"qiskit-qjobs", "qiskit", "qiskit-aer"}
    assert shown["provider_name"] == "Qiskit Aer"
    qjobs("submit", bell, "-b", "fake:")
    assert qjobs("show", "--json").document("set")["versions"].keys() == {"qiskit-qjobs", "qiskit"}
