"""IonQ's own package, against a service on the loopback: its traps do no harm."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from qiskit import qasm2
from support.ionq_service import KEY, Fault, Service, serving

from qjobs.circuits import codec
from qjobs.circuits.slices import CircuitSlice
from qjobs.testing.contract import scattered_outcome

pytest.importorskip("qiskit_ionq")
pytestmark = pytest.mark.slow

CONFIG = """
[providers.ionq]
factory = "qiskit_ionq:IonQProvider"
arguments = {{token = {{env = "ACME_TOKEN"}}, url = "{url}"}}
run = {{extra_metadata = {{qjobs_tag = "{{tag}}"}}}}
limits = {{connections = 2}}
timeout_s = 20
"""


@pytest.fixture
def ionq(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setenv("ACME_TOKEN", KEY)
    with serving() as service:
        # The package asks for the number of qubits wherever this says.
        monkeypatch.setenv("IONQ_API_URL", service.url)
        Path(os.environ["QJOBS_CONFIG"]).write_text(CONFIG.format(url=service.url))
        yield service


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Three circuits: one gives 01, one any state, one 1 in the second of two registers.

    In QPY, which is read without Qiskit: that is left to the vendor's process.
    """
    header = 'OPENQASM 2.0; include "qelib1.inc"; qreg q[2]; '
    bodies = [
        "creg c[2]; x q[0]; measure q -> c;",
        "creg c[2]; h q; measure q -> c;",
        "creg low[1]; creg high[1]; x q[1]; measure q[0] -> low[0]; measure q[1] -> high[0];",
    ]
    circuits = [qasm2.loads(header + body) for body in bodies]
    (tmp_path / "circuits.qpy").write_bytes(codec.encode(circuits))
    return ["circuits.qpy"]


Qjobs = Callable[..., Any]


def test_a_set_runs_and_its_counts_stay_what_they_were(
    qjobs: Qjobs, ionq: Service, files: list[str]
) -> None:
    ended = qjobs("run", *files, "-b", "ionq:simulator", "--shots", "10000", "--json")
    assert ended.code == 0, ended.err
    first = [circuit["counts"] for circuit in ended.document["circuits"]]

    assert first[0] == {"01": 10_000}
    # The client draws them anew each time: once in a million times they are all the same.
    assert set(first[1]) == {"00", "01", "10", "11"}
    assert len(set(first[1].values())) > 1
    assert first[2] == {"1 0": 10_000}
    assert ionq.count("POST") == 1, "one job of all circuits"
    (job,) = ionq.jobs.values()
    set_id = qjobs("list", "-q").out.strip()
    assert job["body"]["metadata"]["qjobs_tag"] == f"qj-{set_id}-0-1"

    again = [qjobs("result", "--json").document["circuits"] for _ in range(2)]
    assert [circuit["counts"] for circuit in again[0]] == first
    assert again[0] == again[1]
    # Not even the provider itself gives others, when the engine has lost what it kept.
    home = Path(os.environ["QJOBS_HOME"])
    for kept in (home / "sets" / set_id / "results").iterdir():
        kept.unlink()
    assert [c["counts"] for c in qjobs("result", "--json").document["circuits"]] == first
    assert ionq.count("GET /v0.4/jobs/job-0/results") == 1


def test_each_bit_of_an_outcome_is_where_the_circuit_has_it(
    qjobs: Qjobs, ionq: Service, scattered_circuits: CircuitSlice
) -> None:
    ended = qjobs("run", str(scattered_circuits.path), "-b", "ionq:simulator", "-s", "50", "--json")

    assert ended.code == 0, ended.err
    counts = [circuit["counts"] for circuit in ended.document["circuits"]]
    assert counts == [{scattered_outcome(index): 50} for index in range(len(counts))]


def test_a_failed_job_is_an_error_with_the_services_words(
    qjobs: Qjobs, ionq: Service, files: list[str]
) -> None:
    ionq.ends = "failed"

    assert qjobs("run", *files, "-b", "ionq:simulator").code == 6

    (failure,) = qjobs("error", "--json").document["failures"]
    assert "CompilationError: no such gate" in failure["message"]


def test_an_answer_that_got_lost_is_not_sent_again(
    qjobs: Qjobs, ionq: Service, files: list[str]
) -> None:
    ionq.faults.append(Fault("POST", 503, late=True))

    ended = qjobs("submit", *files, "-b", "ionq:simulator")

    assert ended.code == 7
    assert "may or may not have been accepted" in ended.err
    assert ionq.count("POST") == len(ionq.jobs) == 1
    assert qjobs("resume").code == 7
    assert len(ionq.jobs) == 1
    assert qjobs("resume", "--resend-unknown").code == 0
    assert len(ionq.jobs) == 2


def test_a_connection_that_breaks_leaves_the_job_unknown(
    qjobs: Qjobs, ionq: Service, files: list[str]
) -> None:
    ionq.faults.append(Fault("POST", 0, late=True))

    assert qjobs("submit", *files, "-b", "ionq:simulator").code == 7

    (job,) = qjobs("status", "--json").document["sets"][0]["jobs"]
    assert job["state"] == "unknown"
    assert len(ionq.jobs) == 1


def test_a_service_that_is_busy_is_asked_again_when_it_says_so(
    qjobs: Qjobs, ionq: Service, files: list[str]
) -> None:
    ionq.faults.append(Fault("POST", 429, headers={"Retry-After": "1"}))

    assert qjobs("submit", *files, "-b", "ionq:simulator").code == 0

    assert ionq.count("POST") == 2
    assert len(ionq.jobs) == 1


def test_endless_retries_end_when_their_time_is_over(
    qjobs: Qjobs, ionq: Service, files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert qjobs("submit", *files, "-b", "ionq:simulator").code == 0
    monkeypatch.setenv("QJOBS_IONQ_TIMEOUT_S", "1")
    ionq.faults.append(Fault("GET", 503, times=10**9))

    ended = qjobs("status")

    assert "did not answer within 1 s" in ended.err
    monkeypatch.delenv("QJOBS_IONQ_TIMEOUT_S")
    ionq.faults.clear()
    assert qjobs("wait").code == 0


def test_jobs_are_cancelled(qjobs: Qjobs, ionq: Service, files: list[str]) -> None:
    ionq.ends = "ready"
    assert qjobs("submit", *files, "-b", "ionq:simulator", "--per-job", "2").code == 0

    assert qjobs("cancel").code == 0

    assert {job["status"] for job in ionq.jobs.values()} == {"canceled"}
    jobs = qjobs("status", "--json").document["sets"][0]["jobs"]
    assert [job["state"] for job in jobs] == ["cancelled", "cancelled"]


def test_no_key_is_a_matter_of_credentials_and_is_never_shown(
    qjobs: Qjobs, ionq: Service, files: list[str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ACME_TOKEN")
    ended = qjobs("submit", *files, "-b", "ionq:simulator")
    assert ended.code == 4
    assert "needs the variable ACME_TOKEN" in ended.err

    wrong = "another-key-that-nobody-may-see"
    monkeypatch.setenv("ACME_TOKEN", wrong)
    ended = qjobs("submit", *files, "-b", "ionq:simulator")
    assert ended.code == 4
    assert "who is apiKey ***?" in ended.err
    assert ionq.jobs == {}
    everything = [ended.err.encode(), ended.out.encode()]
    everything += [path.read_bytes() for path in home.rglob("*") if path.is_file()]
    assert not [data for data in everything if wrong.encode() in data]


def test_its_backends_are_listed_and_near_ones_named(
    qjobs: Qjobs, ionq: Service, files: list[str]
) -> None:
    listed = qjobs("backends", "-p", "ionq", "--json").document["backends"]
    assert {"ionq:ionq_simulator", "ionq:ionq_qpu"} == {entry["address"] for entry in listed}
    assert json.dumps(listed).count('"simulator": true') == 1

    ended = qjobs("submit", *files, "-b", "ionq:simlator")
    assert ended.code == 2
    assert "near ones: ionq_simulator" in ended.err
