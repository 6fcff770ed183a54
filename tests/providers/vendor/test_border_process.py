"""Vendors' code hangs, dies, prints and retries in a process of its own; we go on."""

import io
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from qjobs.children.child import Child
from qjobs.circuits.layout import Layout
from qjobs.circuits.slices import CircuitSlice
from qjobs.circuits.sweep import Sweep
from qjobs.contract import ProviderContext
from qjobs.errors import (
    AuthError,
    JobRefused,
    NotAccepted,
    ProviderError,
    UnknownBackend,
    UsageError,
)
from qjobs.model import JobStatus, RunOptions, Slice
from qjobs.providers.vendor.bridge import Process
from qjobs.providers.vendor.known_jobs import KnownJobs, SentCircuits
from qjobs.providers.vendor.provider import QiskitProvider
from qjobs.redaction import CleanStream, Redaction
from qjobs.testing.contract import scattered_outcome

pytestmark = pytest.mark.slow

Make = Callable[..., QiskitProvider]
OPTIONS = RunOptions(shots=50)
TOKEN = "very-secret-token-of-acme"


def submit(
    provider: QiskitProvider, circuits: CircuitSlice, backend: str = "calm", tag: str = "qj-a-0-1"
) -> str:
    return provider.submit(circuits, backend=backend, options=OPTIONS, tag=tag)


def jobs_of(service: Path) -> list[str]:
    return [path.stem for path in service.glob("*.json") if path.stem != "keywords"]


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_tag_is_submitted_once(make: Make, circuits: CircuitSlice, service: Path) -> None:
    first = submit(make(), circuits)

    assert submit(make(), circuits) == first
    assert jobs_of(service) == [first]


def test_a_program_with_many_open_files_is_served_as_well(
    make: Make, circuits: CircuitSlice, service: Path
) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(limits[0], 2048), limits[1]))
    files = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        assert submit(make(), circuits) in jobs_of(service)
    finally:
        for file in files:
            os.close(file)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_results_are_in_the_registers_of_the_circuits_and_fetched_once(
    make: Make, circuits: CircuitSlice, service: Path
) -> None:
    provider = make()
    job_id = submit(provider, circuits)

    results = [provider.result(job_id, backend="calm"), make().result(job_id, backend="calm")]

    assert results[0] == results[1]
    counts = [circuit.readable_counts() for circuit in results[0].circuits()]
    assert counts == [{"1 01": 50}, {"1": 50}]
    assert (service / f"{job_id}.fetched").read_text() == "1"


@pytest.mark.parametrize("backend", ["calm", "packed", "terse"])
def test_each_bit_is_in_its_place_however_the_vendor_writes_outcomes(
    make: Make, scattered_circuits: CircuitSlice, backend: str
) -> None:
    provider = make()
    job_id = provider.submit(
        scattered_circuits, backend=backend, options=replace(OPTIONS, memory=True), tag="qj-a-0-1"
    )

    found = list(provider.result(job_id, backend=backend).circuits())

    expected = [scattered_outcome(index) for index in range(len(found))]
    assert [circuit.readable_counts() for circuit in found] == [{one: 50} for one in expected]
    assert [circuit.readable_memory() for circuit in found] == [[one] * 50 for one in expected]


def test_a_circuit_fails_where_its_bits_cannot_be_told_from_others(
    make: Make, scattered_circuits: CircuitSlice, circuits: CircuitSlice
) -> None:
    provider = make()
    (_, *results), whole = [
        list(provider.result(job_id, backend="lavish").circuits())
        for tag, part in (("qj-a-0-1", scattered_circuits), ("qj-a-1-1", circuits))
        for job_id in [submit(provider, part, "lavish", tag)]
    ]

    assert [circuit.counts for circuit in results] == [None, None]
    for circuit in results:
        assert "measures into 3 of its bits: which of them it has cannot be told" in circuit.message
    # Where all qubits are measured, these are the bits that are meant.
    assert [circuit.readable_counts() for circuit in whole] == [{"1 01": 50}, {"1": 50}]


def test_configured_keywords_reach_run_with_the_tag_in_place(
    make: Make, circuits: CircuitSlice, service: Path
) -> None:
    provider = make(run={"metadata": {"qjobs": "tag {tag}"}, "fast": True})
    options = RunOptions(extra={"fast": False})

    provider.submit(circuits, backend="calm", options=options, tag="qj-a-0-1")

    told = (service / "keywords.json").read_text()
    assert told == '{"metadata": {"qjobs": "tag qj-a-0-1"}, "fast": false}'


def test_a_callable_makes_what_toml_cannot_hold(
    make: Make, circuits: CircuitSlice, service: Path
) -> None:
    provider = make(arguments={"folder": {"call": "pathlib:Path.cwd"}, "simulator": ""})

    assert submit(provider, circuits) in jobs_of(Path.cwd())
    assert not service.exists()


def test_a_callable_that_fails_for_want_of_a_token_is_a_matter_of_credentials(make: Make) -> None:
    wanting = {"call": "folder_vendor:wanting", "arguments": {"folder": "x"}}

    with pytest.raises(AuthError, match=r"\[providers.acme\]: folder_vendor:Provider failed"):
        make(arguments={"folder": wanting}).backends()
    with pytest.raises(ProviderError, match="cannot import folder_vendor:nothing"):
        make(arguments={"folder": {"call": "folder_vendor:nothing"}}).backends()
    with pytest.raises(UsageError, match="'argument' is not known; near ones: arguments"):
        make(arguments={"folder": {"call": "folder_vendor:Provider", "argument": {}}})


def test_what_a_backend_does_not_take_is_told(make: Make) -> None:
    asked = RunOptions(seed=1, memory=True)
    provider = make()

    assert provider.dropped(backend="calm", options=asked) == []
    assert provider.dropped(backend="slow", options=asked) == ["seed", "memory"]
    assert provider.dropped(backend="slow", options=RunOptions()) == []


def test_circuits_go_as_they_are_if_they_are_to(
    make: Make, circuits: CircuitSlice, service: Path
) -> None:
    provider = make(arguments={"simulator": "folder_vendor:OnlyH"})
    as_they_are = RunOptions(shots=50, extra={"transpile": False})

    with pytest.raises(JobRefused, match="cannot transpile"):
        submit(provider, circuits)
    job_id = provider.submit(circuits, backend="calm", options=as_they_are, tag="qj-a-1-1")

    results = provider.result(job_id, backend="calm").circuits()
    assert [result.readable_counts() for result in results] == [{"1 01": 50}, {"1": 50}]
    assert (service / "keywords.json").read_text() == "{}"


def test_tags_of_the_set_reach_a_run_that_takes_them_and_its_name_no_other(
    make: Make, circuits: CircuitSlice, service: Path
) -> None:
    submit(make(), replace(circuits, name="ghz_0_", tags=("a", "b")))

    assert (service / "keywords.json").read_text() == '{"job_tags": ["a", "b"]}'


def test_a_call_that_hangs_is_over_when_its_time_is(make: Make, circuits: CircuitSlice) -> None:
    provider = make(timeout_s=2)
    job_id = submit(provider, circuits)

    with pytest.raises(ProviderError, match="did not answer within 2 s"):
        provider.statuses(["another"], backend="silent")

    # The next call gets a fresh process.
    assert provider.statuses([job_id], backend="calm") == {job_id: JobStatus.DONE}


def test_a_call_that_hangs_does_not_take_a_submit_with_it(
    make: Make, circuits: CircuitSlice, service: Path
) -> None:
    provider = make(timeout_s=2)
    provider.check("silent", OPTIONS)
    accepted: list[str] = []
    thread = threading.Thread(target=lambda: accepted.append(submit(provider, circuits, "slow")))
    thread.start()
    until((service / "run.begun").exists)

    with pytest.raises(ProviderError, match="did not answer"):
        provider.error_message("1", backend="silent")
    (service / "go").touch()
    thread.join(60)

    assert accepted == jobs_of(service)


def test_a_process_that_dies_leaves_the_submit_unknown(
    make: Make, circuits: CircuitSlice, service: Path
) -> None:
    provider = make()

    with pytest.raises(ProviderError, match="was killed by signal 9") as caught:
        submit(provider, circuits, "dying")

    assert not isinstance(caught.value, NotAccepted)
    assert provider.find("qj-a-0-1", backend="dying") == []
    # Nobody can say that there is no such job: it is not sent again.
    with pytest.raises(ProviderError, match="nobody knows") as caught:
        submit(provider, circuits, "calm")
    assert not isinstance(caught.value, NotAccepted)
    assert jobs_of(service) == []
    assert submit(provider, circuits, tag="qj-a-0-2") in jobs_of(service)


def test_an_answer_that_got_lost_leaves_the_submit_unknown(
    make: Make, circuits: CircuitSlice
) -> None:
    with pytest.raises(ProviderError) as caught:
        submit(make(), circuits, "unreachable")

    assert not isinstance(caught.value, NotAccepted)


def test_what_was_refused_may_be_sent_again(make: Make, circuits: CircuitSlice) -> None:
    provider = make()

    with pytest.raises(JobRefused, match="bad circuit"):
        submit(provider, circuits, "refusing")

    assert submit(provider, circuits)


def test_a_client_that_is_killed_in_a_call_loses_no_job(
    make: Make, circuits: CircuitSlice, service: Path
) -> None:
    client = subprocess.Popen([sys.executable, "-c", _CLIENT, str(service), str(circuits.path)])
    until((service / "run.begun").exists)
    client.send_signal(signal.SIGKILL)
    client.wait()
    provider = make()
    found: list[str] = []
    thread = threading.Thread(
        target=lambda: found.extend(provider.find("qj-a-0-1", backend="slow"))
    )
    thread.start()

    (service / "go").touch()
    thread.join(60)

    assert len(found) == 1
    assert found == jobs_of(service)


_CLIENT = """
import os, sys
from pathlib import Path
from qjobs.circuits.slices import CircuitSlice
from qjobs.model import RunOptions, Slice
from qjobs.contract import ProviderContext
from qjobs.providers.vendor.provider import QiskitProvider

provider = QiskitProvider(ProviderContext(
    Path(os.environ["QJOBS_HOME"], "acme"),
    {"factory": "folder_vendor:Provider", "arguments": {"folder": sys.argv[1]}},
))
circuits = CircuitSlice(Path(sys.argv[2]), Slice(0, 2))
provider.submit(circuits, backend="slow", options=RunOptions(), tag="qj-a-0-1")
"""


def test_ctrl_c_does_not_reach_the_vendors_code(
    make: Make, circuits: CircuitSlice, service: Path
) -> None:
    client = subprocess.Popen(
        [sys.executable, "-c", _CLIENT, str(service), str(circuits.path)],
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )
    until((service / "run.begun").exists)
    os.killpg(client.pid, signal.SIGINT)
    client.wait()
    (service / "go").touch()

    found = make().find("qj-a-0-1", backend="slow")
    assert len(found) == 1
    assert found == jobs_of(service)


def test_no_process_outlives_its_provider(make: Make, circuits: CircuitSlice) -> None:
    before = set(threading.enumerate())
    provider = make()
    submit(provider, circuits)
    # It waits for the end of the process.
    (thread,) = set(threading.enumerate()) - before

    del provider

    thread.join(30)
    assert not thread.is_alive()


def test_a_token_is_in_no_message_and_no_file(
    make: Make, circuits: CircuitSlice, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOLDER_TOKEN", TOKEN)
    provider = make(arguments={"token": {"env": "FOLDER_TOKEN"}})

    with pytest.raises(JobRefused) as caught:
        submit(provider, circuits, "refusing")

    assert caught.value.message == "ValueError: bad circuit, ***"
    files = [path for path in home.rglob("*") if path.is_file()]
    assert "the token ***" in (home / "acme" / "bridge.log").read_text()
    assert not [path for path in files if TOKEN.encode() in path.read_bytes()]
    assert not [path for path in files if path.stat().st_mode & 0o077]


def test_a_variable_that_is_not_set_is_named(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FOLDER_TOKEN", raising=False)

    with pytest.raises(AuthError, match="FOLDER_TOKEN, which is not set") as caught:
        make(arguments={"token": {"env": "FOLDER_TOKEN"}}).backends()

    assert caught.value.hint == "export FOLDER_TOKEN=..."


def test_a_backend_whose_jobs_cannot_be_fetched_is_refused_with_what_to_use(make: Make) -> None:
    with pytest.raises(UsageError, match="cannot be fetched by their ids") as caught:
        make().check("forgetful", OPTIONS)

    assert caught.value.hint == "use -b local:folder_vendor:Forgetful"


def test_a_machine_is_not_said_to_be_one_of_locals(make: Make) -> None:
    with pytest.raises(UsageError, match="cannot be fetched by their ids") as caught:
        make().check("machine", OPTIONS)

    assert "local:" not in caught.value.hint
    assert "nothing could be known of a job" in caught.value.hint


def test_a_simulator_that_is_not_beside_qjobs_is_to_be_installed_there(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "away_vendor.py").write_text(
        "import folder_vendor\nclass Sim(folder_vendor.Forgetful):\n"
        "    def __init__(self, folder=''): super().__init__('sim')\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'elsewhere'}:{os.environ['PYTHONPATH']}")

    with pytest.raises(UsageError) as caught:
        make(factory="away_vendor:Sim").check("", OPTIONS)

    assert "install its package beside qjobs" in caught.value.hint


def test_a_provider_that_only_lists_backends_and_restores_jobs_will_do(
    make: Make, circuits: CircuitSlice
) -> None:
    provider = make(factory="folder_vendor:Listing")
    provider.check("second", OPTIONS)

    job_id = submit(provider, circuits, "second")

    another = make(factory="folder_vendor:Listing")
    assert another.statuses([job_id], backend="second") == {job_id: JobStatus.DONE}
    assert another.result(job_id, backend="second") == provider.result(job_id, backend="second")
    with pytest.raises(UnknownBackend, match="near ones: second"):
        another.check("secund", OPTIONS)
    with pytest.raises(UnknownBackend, match="no backend of its own choice"):
        another.check("", OPTIONS)


def test_an_emulator_is_no_device(make: Make) -> None:
    provider = make(factory="folder_vendor:emulator")

    (info,) = provider.backends()

    assert info.simulator


def test_a_factory_may_give_the_backend_itself(home: Path) -> None:
    context = ProviderContext(home / "acme", {"factory": "folder_vendor:Forgetful"})
    provider = QiskitProvider(context)

    assert [info.name for info in provider.backends()] == ["forgetful"]
    for backend in ("", "forgetful"):
        with pytest.raises(UsageError) as caught:
            provider.check(backend, OPTIONS)
        assert caught.value.hint == "use -b local:folder_vendor:Forgetful"
    with pytest.raises(UnknownBackend, match="near ones: forgetful"):
        provider.check("forgetfull", OPTIONS)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"python": "/no/such/python"}, "cannot start /no/such/python: No such file"),
        ({"python": "/bin/false"}, "ended with exit code 1"),
        ({"python": "/bin/cat"}, "ended with exit code 1"),
        ({"factory": "no_such_package:Provider"}, "No module named 'no_such_package'"),
        ({"factory": "folder_vendor:Prowider"}, "no attribute 'Prowider'"),
        ({"arguments": {"colour": "blue"}}, "unexpected keyword argument 'colour'"),
        ({"factory": "folder_vendor:Job"}, "missing 1 required|unexpected keyword"),
        ({"factory": "sys:exit", "arguments": {}}, "SystemExit"),
    ],
)
def test_what_keeps_a_package_from_being_used_is_said(
    home: Path, settings: dict[str, Any], message: str
) -> None:
    table = {"factory": "folder_vendor:Provider", "arguments": {"folder": "service"}, **settings}
    provider = QiskitProvider(ProviderContext(home / "acme", table))

    with pytest.raises(ProviderError, match=message):
        provider.backends()


def test_every_call_says_that_the_package_cannot_be_used(make: Make) -> None:
    provider = make(python="/bin/false")

    for call in (provider.backends, lambda: provider.check("calm", OPTIONS)):
        with pytest.raises(ProviderError, match="ended with exit code 1"):
            call()


def test_an_old_python_is_said(home: Path, tmp_path: Path) -> None:
    old = tmp_path / "python3.9"
    old.write_text(
        f"#!{sys.executable}\nimport runpy, sys\nsys.argv.pop(0)\nsys.version_info = (3, 9, 1)\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    old.chmod(0o700)
    table = {"factory": "folder_vendor:Provider", "python": str(old)}

    with pytest.raises(ProviderError, match=r"Python is 3\.9: at least 3\.11 is needed"):
        QiskitProvider(ProviderContext(home / "acme", table)).backends()


def test_an_answer_that_comes_before_its_question_is_heard(tmp_path: Path) -> None:
    answer = '{"call": 0, "bytes": 0, "error": "old_python", "message": "3.9"}\n'
    says = f"import os, sys; os.write(int(sys.argv[1]), {answer.encode()!r})"
    child = Child([sys.executable, "-c", says], printed=subprocess.DEVNULL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    before = set(threading.enumerate())
    process = Process(child, tmp_path / "log")
    for hearing in set(threading.enumerate()) - before:
        hearing.join()

    with pytest.raises(ProviderError, match=r"Python is 3\.9: at least 3\.11 is needed"):
        process.greet({"secrets": []}, timeout_s=60)


def test_jobs_that_cannot_be_asked_are_unknown_unless_that_is_all_of_them(
    make: Make, circuits: CircuitSlice, service: Path
) -> None:
    provider = make()
    job_id = submit(provider, circuits)
    (service / "damaged.json").write_text("{}")

    statuses = provider.statuses([job_id, "damaged", "strange"], backend="calm")

    assert statuses == {
        job_id: JobStatus.DONE,
        "damaged": JobStatus.UNKNOWN,
        "strange": JobStatus.UNKNOWN,
    }
    with pytest.raises(ProviderError):
        provider.statuses(["damaged"], backend="calm")


def test_bound_parameters_reach_the_vendor(make: Make, tmp_path: Path, service: Path) -> None:
    import numpy as np
    from qiskit import QuantumCircuit, qpy
    from qiskit.circuit import Parameter

    angle = Parameter("angle")
    circuit = QuantumCircuit(1, 1)
    circuit.rx(angle, 0)
    circuit.measure(0, 0)
    with (tmp_path / "sweep.qpy").open("wb") as file:
        qpy.dump(circuit, file)
    np.save(tmp_path / "sweep.npy", np.array([[0.0], [np.pi], [0.0], [np.pi]]))
    sweep = Sweep(tmp_path / "sweep.npy", ("angle",), 4)
    provider = make()

    job_id = submit(provider, CircuitSlice(tmp_path / "sweep.qpy", Slice(1, 3), sweep))

    counts = [circuit.counts for circuit in provider.result(job_id, backend="calm").circuits()]
    assert counts == [{"0x1": 50}, {"0x0": 50}, {"0x1": 50}]


def test_find_says_when_a_call_is_not_over(tmp_path: Path) -> None:
    known_jobs = KnownJobs(tmp_path)

    with known_jobs.call("tag") as call:
        with pytest.raises(ProviderError, match="still being submitted"):
            KnownJobs(tmp_path).find("tag", wait_s=0.01)
        call.accepted("7", SentCircuits([], OPTIONS))

    assert KnownJobs(tmp_path).find("tag", wait_s=0) == "7"
    assert KnownJobs(tmp_path).find("../tag", wait_s=0) == ""


def test_the_results_that_were_kept_first_stay(tmp_path: Path) -> None:
    known_jobs = KnownJobs(tmp_path)

    assert known_jobs.result("job/1") is None
    assert known_jobs.keep_result("job/1", b"first") == b"first"
    assert KnownJobs(tmp_path).keep_result("job/1", b"second") == b"first"
    assert known_jobs.result("job/1") == b"first"
    assert len(list((tmp_path / "results").iterdir())) == 1


def test_how_to_read_results_is_known_again_by_the_id(tmp_path: Path) -> None:
    layouts = [Layout(3, (("low", 2), ("high", 1)))] * 3 + [Layout(2, (), (1, 0))]
    reading = SentCircuits(layouts, RunOptions(shots=7, memory=True, extra={"fast": True}))
    known_jobs = KnownJobs(tmp_path)

    with known_jobs.call("tag") as call:
        call.accepted("job ü", reading)

    assert KnownJobs(tmp_path).reading("job ü") == reading
    assert known_jobs.reading("another") is None


def test_secrets_are_hidden_even_in_pieces() -> None:
    stream = io.StringIO()
    clean = CleanStream(stream, Redaction([TOKEN, TOKEN[:12], "short"]))

    for piece in (TOKEN[:7], TOKEN[7:], f" and {TOKEN[:12]}\nshort ", "end"):
        clean.write(piece)

    assert stream.getvalue() == "*** and ***\n"
    clean.write("\n")
    assert stream.getvalue().endswith("short end\n")


def test_a_package_that_hangs_while_it_is_opened_has_no_more_than_its_time(
    make: Make, service: Path
) -> None:
    provider = make(factory="folder_vendor:hanging", timeout_s=1)

    with pytest.raises(ProviderError, match="did not answer within 1 s"):
        provider.backends()

    assert (service / "open.begun").exists()


def test_a_factory_that_wants_a_token_is_a_matter_of_credentials(make: Make) -> None:
    with pytest.raises(AuthError, match="No API token") as caught:
        make(factory="folder_vendor:wanting").backends()

    assert "arguments" in caught.value.hint


def test_all_providers_are_asked_at_once_and_who_is_silent_is_named(
    qjobs: Callable[..., Any], service: Path
) -> None:
    folder = f'arguments = {{folder = "{service}"}}'
    tables = [
        ("calm", 'factory = "folder_vendor:Provider"'),
        ("mute", 'factory = "folder_vendor:hanging"\ntimeout_s = 3'),
        ("muter", 'factory = "folder_vendor:hanging"\ntimeout_s = 3'),
        ("bare", 'factory = "folder_vendor:bare"'),
        ("missing", 'factory = "no_such_package:Provider"'),
    ]
    text = "\n".join(f"[providers.{name}]\n{table}\n{folder}\n" for name, table in tables)
    Path(os.environ["QJOBS_CONFIG"]).write_text(text)

    ended = qjobs("backends", "--json")

    listed = [entry["address"] for entry in ended.document["backends"]]
    assert "calm:busy" in listed
    assert "local:aer" in listed
    for said in (
        "mute: the provider's package did not answer within 3 s",
        "muter: the provider's package did not answer within 3 s",
        "bare lists no backends",
        "missing: [providers.missing]: cannot import no_such_package:Provider",
    ):
        assert said in ended.err, said
    assert qjobs("backends", "-p", "missing").code == 1


def test_the_package_in_the_vendors_environment_is_named(home: Path) -> None:
    provider = QiskitProvider(ProviderContext(home / "aer", {"factory": "qiskit_aer:AerProvider"}))

    found = provider.names("aer_simulator")

    assert (found.provider, found.backend) == ("qiskit-aer", "")
    assert found.versions == {"qiskit-aer": version("qiskit-aer")}
