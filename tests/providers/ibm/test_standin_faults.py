"""What goes wrong at the stand-in shows in the real client as it does at the service."""

import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from qiskit_ibm_runtime import QiskitRuntimeService
from qiskit_ibm_runtime.accounts import InvalidAccountError
from qiskit_ibm_runtime.api.exceptions import RequestsApiError
from qiskit_ibm_runtime.exceptions import (
    IBMNotAuthorizedError,
    IBMRuntimeError,
    RuntimeJobFailureError,
    RuntimeJobMaxTimeoutError,
)
from support import standin
from support.ibm_client import BACKEND, connect, counts, submit
from support.standin.account import INSTANCES
from support.standin.faults import Armed, Fault, fault, parse
from support.standin.process import StandIn


def _jobs(standin: StandIn) -> list[dict[str, Any]]:
    return list(standin.stats()["jobs"])


# submitting: what the client says, and how many jobs there are then


def test_an_error_before_acceptance_is_retried_by_the_client(standin: StandIn) -> None:
    standin.faults("error", times=2)
    job = submit()
    assert [one["id"] for one in _jobs(standin)] == [job.job_id()]
    assert standin.stats()["posts"] == 3


def test_an_error_after_acceptance_makes_duplicates_that_nobody_is_told_of(
    standin: StandIn,
) -> None:
    standin.faults("accept-then-error", times=2)
    job = submit(tags=["set", "job0"])
    assert [one["acknowledged"] for one in _jobs(standin)] == [0, 0, 1]
    assert standin.duplicates() == [[one["id"] for one in _jobs(standin)]]
    assert job.job_id() == _jobs(standin)[-1]["id"]


def test_an_error_that_stays_makes_six_jobs_and_no_id(standin: StandIn) -> None:
    standin.faults("accept-then-error", status=504, times=0)
    with pytest.raises(IBMRuntimeError, match="too many 504"):
        submit()
    assert [one["acknowledged"] for one in _jobs(standin)] == [0] * 6


@pytest.mark.parametrize(("name", "jobs"), [("drop", 0), ("accept-then-drop", 1)])
def test_a_lost_connection_is_not_retried(standin: StandIn, name: str, jobs: int) -> None:
    standin.faults(name)
    with pytest.raises(IBMRuntimeError, match="Connection aborted"):
        submit()
    assert [one["acknowledged"] for one in _jobs(standin)] == [0] * jobs
    assert standin.stats()["posts"] == 1


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("rate-limit", 429, 1202),
        ("pending-limit", 400, 3458),
        ("quota", 409, 4317),
        ("too-large", 413, 1206),
        ("forbidden", 403, 1200),
    ],
)
def test_a_refusal_comes_at_once_with_status_and_code_in_its_words(
    standin: StandIn, name: str, status: int, code: int
) -> None:
    standin.faults(name)
    with pytest.raises(IBMRuntimeError, match=rf'{status} Client Error.*"code": {code}'):
        submit()
    assert _jobs(standin) == []
    assert standin.stats()["posts"] == 1


def test_a_rate_limit_that_says_when_to_come_back_is_not_obeyed(standin: StandIn) -> None:
    standin.faults("rate-limit", retry_after="1")
    with pytest.raises(IBMRuntimeError, match="429 Client Error"):
        submit()
    assert standin.stats()["posts"] == 1


def test_a_proxy_may_refuse_with_a_page(standin: StandIn) -> None:
    standin.faults("too-large-html")
    with pytest.raises(IBMRuntimeError, match=r"403 Client Error.*<html>"):
        submit()


def test_a_token_may_be_refused(standin: StandIn) -> None:
    standin.faults("unauthorized")
    with pytest.raises(IBMNotAuthorizedError, match="401"):
        submit()


@pytest.mark.parametrize(("name", "jobs"), [("garbage", 0), ("accept-then-garbage", 1)])
def test_an_answer_may_be_no_json(standin: StandIn, name: str, jobs: int) -> None:
    standin.faults(name)
    with pytest.raises(requests.exceptions.JSONDecodeError):
        submit()
    assert len(_jobs(standin)) == jobs


def test_an_answer_may_be_slow(standin: StandIn) -> None:
    standin.faults("slow", delay_s=0.5)
    begun = time.monotonic()
    submit()
    assert time.monotonic() - begun >= 0.5


@pytest.mark.parametrize(("name", "jobs"), [("hang", 0), ("accept-then-hang", 1)])
def test_an_answer_may_never_come(standin: StandIn, name: str, jobs: int) -> None:
    standin.faults(name)
    failures: list[BaseException] = []

    def call() -> None:
        try:
            submit()
        except IBMRuntimeError as error:
            failures.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    _until(lambda: standin.stats()["posts"] == 1)
    thread.join(0.3)
    assert thread.is_alive()
    assert len(_jobs(standin)) == jobs
    standin.kill()
    thread.join(60)
    assert failures


@pytest.mark.parametrize(("name", "jobs"), [("die", 0), ("accept-then-die", 1)])
def test_the_server_may_die_in_mid_flight(standin: StandIn, name: str, jobs: int) -> None:
    service = connect()
    backend = service.backend(BACKEND)
    submit(mode=backend)
    standin.faults(name)
    with pytest.raises(IBMRuntimeError, match="Connection aborted"):
        submit(mode=backend)
    standin.wait()
    standin.restart()
    assert len(_jobs(standin)) == 1 + jobs
    assert [fault["struck"] for fault in standin.stats()["faults"]] == [1]
    submit(mode=backend)
    assert len(service.jobs()) == 2 + jobs


# limits


def test_posts_over_the_rate_are_refused_until_the_window_is_over(
    start_standin: Callable[..., StandIn],
) -> None:
    standin = start_standin(run="never", submits_per_minute=2, rate_window_s=3600.0)
    backend = connect().backend(BACKEND)
    submit(mode=backend)
    submit(mode=backend)
    with pytest.raises(IBMRuntimeError, match="429"):
        submit(mode=backend)
    standin.set(rate_window_s=0.01)
    submit(mode=backend)
    assert len(_jobs(standin)) == 3


def test_a_job_that_ends_makes_room_for_another(start_standin: Callable[..., StandIn]) -> None:
    standin = start_standin(run="never", max_pending=2)
    first, _ = submit(), submit()
    with pytest.raises(IBMRuntimeError, match=r'"code": 3458.*limit of 2 pending jobs'):
        submit()
    first.cancel()
    submit()
    assert len(_jobs(standin)) == 3


def test_a_payload_may_be_too_large(start_standin: Callable[..., StandIn]) -> None:
    standin = start_standin(run="never", max_bytes=1000)
    with pytest.raises(IBMRuntimeError, match="413"):
        submit()
    assert _jobs(standin) == []


def test_an_instance_may_have_used_all_its_time(start_standin: Callable[..., StandIn]) -> None:
    start_standin(run="never", usage_limit_reached=True)
    with (
        pytest.warns(UserWarning, match="no more time"),
        pytest.raises(IBMRuntimeError, match='"code": 4317'),
    ):
        submit()


# what becomes of jobs


def test_a_new_job_may_be_missing_from_the_list_for_a_while(standin: StandIn) -> None:
    service = connect()
    standin.set(list_lag_s=3600.0)
    job = submit(tags=["late"])
    assert service.jobs(job_tags=["late"]) == []
    assert service.job(job.job_id()).status() == "QUEUED"
    standin.set(list_lag_s=0.0)
    assert len(service.jobs(job_tags=["late"])) == 1


def test_tags_may_be_lost(standin: StandIn) -> None:
    standin.faults("lose-tags")
    job = submit(tags=["lost"])
    assert connect().job(job.job_id()).tags == []
    assert connect().jobs(job_tags=["lost"]) == []
    assert _jobs(standin)[0]["sent_tags"] == ["lost"]


def test_a_status_may_be_a_new_word(standin: StandIn) -> None:
    standin.faults("status-word", word="Reticulating")
    assert submit().status() == "RETICULATING"


def test_a_job_may_fail_with_a_code_and_a_reason(standin: StandIn) -> None:
    standin.faults("fail", code=1517, message="The instruction h is not supported.")
    job = submit()
    assert job.status() == "ERROR"
    assert "Error code 1517; The instruction h is not supported." in job.error_message()
    with pytest.raises(RuntimeJobFailureError, match="not supported"):
        job.result()


def test_a_job_may_run_too_long(standin: StandIn) -> None:
    standin.faults("time-limit")
    job = submit()
    with pytest.raises(RuntimeJobMaxTimeoutError, match="too long"):
        job.result()
    assert job.status() == "ERROR"


def test_results_may_be_gone_or_be_readable_once(start_standin: Callable[..., StandIn]) -> None:
    standin = start_standin(run="cheap")
    standin.faults("expire-results", status=410)
    standin.faults("read-once", skip=1)
    gone, once, private = submit(), submit(), submit(private=True)
    gone.wait_for_final_state(poll_interval=0.1)
    with pytest.raises(RequestsApiError, match="410"):
        gone.result()
    for job in (once, private):
        assert counts(job)
        with pytest.raises(RequestsApiError, match="404"):
            job.result()


# reading


@pytest.mark.parametrize("name", ["error", "drop"])
def test_the_client_asks_again_where_only_reading_fails(standin: StandIn, name: str) -> None:
    job = submit()
    standin.faults(name, on="job")
    standin.faults(name, on="list")
    assert job.status() == "QUEUED"
    assert len(connect().jobs()) == 1
    assert standin.stats()["requests"]["job"] == 2
    assert standin.stats()["requests"]["list"] == 2


def test_a_rate_limit_on_reading_is_obeyed_if_it_says_when(standin: StandIn) -> None:
    job = submit()
    standin.faults("rate-limit", on="job", retry_after="1")
    assert job.status() == "QUEUED"
    standin.faults("rate-limit", on="job")
    with pytest.raises(RequestsApiError, match="429"):
        job.status()


def test_a_wrong_api_key_is_no_account(standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QISKIT_IBM_TOKEN", "wrong")
    with pytest.raises(InvalidAccountError, match="valid API token"):
        QiskitRuntimeService()


# the stand-in itself


def test_no_job_that_was_acknowledged_is_lost_when_the_server_is_killed(standin: StandIn) -> None:
    login = {"apikey": "standin"}
    token = requests.post(f"{standin.url}/identity/token", data=login, timeout=60).json()
    headers = {
        "Authorization": f"Bearer {token['access_token']}",
        "Service-CRN": INSTANCES["standin"],
    }
    job: dict[str, Any] = {"program_id": "sampler", "backend": BACKEND, "params": {}}
    acknowledged: list[str] = []

    def post() -> None:
        with requests.Session() as session, suppress(requests.ConnectionError):
            while True:
                answer = session.post(
                    f"{standin.url}/experimental/jobs", json=job, headers=headers, timeout=60
                )
                acknowledged.append(answer.json()["id"])

    threads = [threading.Thread(target=post) for _ in range(4)]
    for thread in threads:
        thread.start()
    _until(lambda: len(acknowledged) > 100)
    standin.kill()
    for thread in threads:
        thread.join(60)
    standin.restart()
    there = {one["id"] for one in _jobs(standin)}
    assert set(acknowledged) <= there
    assert len(there) <= len(acknowledged) + len(threads)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's table of processes")
def test_nothing_is_left_running(start_standin: Callable[..., StandIn]) -> None:
    standin = start_standin(run="cheap")
    counts(submit())
    assert len(_processes(standin.folder)) == 2  # the server and its worker
    standin.kill()
    _until(lambda: not _processes(standin.folder))
    standin.restart()
    standin.stop()
    assert _processes(standin.folder) == []


def test_eight_connections_are_served_at_once(standin: StandIn) -> None:
    standin.faults("hang", times=0)
    backend = connect().backend(BACKEND)

    def call() -> None:
        with pytest.raises(IBMRuntimeError):
            submit(mode=backend)

    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(call) for _ in range(8)]
        _until(lambda: standin.stats()["posts"] == 8)  # none of them is answered
        standin.kill()
        for one in calls:
            one.result()


def test_chance_is_the_same_for_the_same_seed(standin: StandIn) -> None:
    def struck(seed: int) -> list[bool]:
        one = fault("error", times=0, probability=0.5, seed=seed)
        return [Armed(1, one, seen, 0).strikes() for seen in range(100)]

    assert struck(1) == struck(1) != struck(2)
    assert 30 < sum(struck(1)) < 70


def test_faults_wait_their_turn_and_end(standin: StandIn) -> None:
    standin.arm([{"name": "quota", "skip": 1}, {"name": "rate-limit", "skip": 1}])
    outcomes = []
    for _ in range(4):
        try:
            submit()
            outcomes.append("accepted")
        except IBMRuntimeError as error:
            outcomes.append(re.findall(r"(\d+) Client Error", str(error))[0])
    assert outcomes == ["accepted", "409", "429", "accepted"]
    standin.faults("quota", times=0)
    standin.calm()
    submit()


def test_a_fault_on_the_command_line_is_the_one_that_a_test_names() -> None:
    assert parse("accept-then-error,status=504,times=2") == fault(
        "accept-then-error", status=504, times=2
    )
    assert isinstance(parse("slow,delay_s=2").delay_s, float)
    for words, message in [
        ("nonsense", "there is no fault"),
        ("error,wrong=1", "there is no 'wrong'"),
        ("error,times=often", "times cannot be 'often'"),
        ("error,times", "NAME,PART=VALUE"),
    ]:
        with pytest.raises(ValueError, match=message):
            parse(words)
    assert Fault("error") == fault("error", status=0, message="")


def test_a_wrong_fault_or_setting_is_said(standin: StandIn) -> None:
    with pytest.raises(ValueError, match="there is no fault 'nonsense'"):
        standin.faults("nonsense")
    with pytest.raises(ValueError, match="there is no 'nonsense'"):
        standin.set(nonsense=1)
    with pytest.raises(ValueError, match="run is aer, cheap or never"):
        standin.set(run="fast")


def test_the_command_says_what_it_was_not_told_right(tmp_path: Path) -> None:
    command = [sys.executable, str(Path(standin.__file__).parent), f"--state={tmp_path}"]
    for words, message in [
        (["--fault=nonsense"], "there is no fault 'nonsense'"),
        (["--set=run=fast"], "run is aer, cheap or never"),
        (["--set=nonsense"], "SETTING=VALUE"),
        (["--backends=ibm_nowhere"], "no snapshot of 'ibm_nowhere'"),
    ]:
        ended = subprocess.run(
            [*command, *words], capture_output=True, text=True, timeout=60, check=False
        )
        assert ended.returncode == 2
        assert message in ended.stderr
        assert "Traceback" not in ended.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's table of sockets")
def test_it_listens_on_this_machine_only(standin: StandIn) -> None:
    listening = f":{standin.port:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    mine = [row[1] for row in rows if row[3] == "0A" and row[1].endswith(listening)]
    assert mine == [f"0100007F{listening}"]


def _processes(folder: Path) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (entry / "cmdline").read_text()
            if "standin" in command and str(folder) in command:
                found.append(command)
    return found


def _until(happened: Callable[[], bool], timeout_s: float = 60) -> None:
    until = time.monotonic() + timeout_s
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.01)
