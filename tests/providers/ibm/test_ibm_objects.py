"""Objects of IBM's client in the hands of a program: a sampler runs, and a device says how."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from qiskit_ibm_runtime import Batch, SamplerV2, Session
from qiskit_ibm_runtime.executor_sampler import Sampler
from support import TESTS
from support.ibm_client import BACKEND, OUTCOMES, connect, numbered
from support.standin.process import StandIn

from qjobs import JobManager, paths
from qjobs.cli.main import run
from qjobs.engine.report import State, report_jobs
from qjobs.managed.errors import JobManagerInvalidStateError
from qjobs.managed.home import Surroundings
from qjobs.store.sets import Store

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*(SamplerV2|EstimatorV2):DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


PROGRAM = f"""
import os, sys
sys.path.insert(0, {str(TESTS)!r})
from support.ibm_client import BACKEND, OUTCOMES, connect, numbered
from qiskit_ibm_runtime import SamplerV2
from qjobs import JobManager
from support.ibm_client import numbered

sampler = SamplerV2(mode=connect().backend(BACKEND))
job_set = JobManager().run(numbered(), sampler, max_experiments_per_job=2, shots=50)
job_set.jobs()
print(job_set.job_set_id(), flush=True)
os._exit(9)
"""


DYING = f"""
import os, sys
sys.path.insert(0, {str(TESTS)!r})
from support.ibm_client import BACKEND, OUTCOMES, connect, numbered
from qiskit_ibm_runtime import SamplerV2
from qjobs import JobManager
from support.ibm_client import numbered

class Dying(SamplerV2):
    def run(self, *given, **named):
        super().run(*given, **named)
        os._exit(9)  # it is at the service, and nobody has written its id down

sampler = Dying(mode=connect().backend(BACKEND))
job_set = JobManager().run(numbered(), sampler, max_experiments_per_job=2, shots=50)
job_set.jobs()
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QJOBS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def tags_of_jobs(standin: StandIn) -> list[list[str]]:
    return [job["sent_tags"] for job in standin.stats()["jobs"]]


def left_by_the_dead(standin: StandIn, program: str = PROGRAM, then: str = "aer") -> str:
    """A set whose program died when its jobs were accepted, and before any of them ran.

    Its id; `then` is whether the service runs them.
    """
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 9, ended.stderr
    standin.set(run=then)
    (header,) = Surroundings.at(paths.state_home()).workspace.store.listing().headers
    return header.set_id


def sampler() -> SamplerV2:
    return SamplerV2(mode=connect().backend(BACKEND))


def a_minute_later(home: Path) -> JobManager:
    """A manager to whom the lists of the service are complete by now."""
    surroundings = Surroundings.at(home)
    workspace = surroundings.workspace

    def later() -> datetime:
        return workspace.clock() + timedelta(minutes=1)

    return JobManager(surroundings._replace(workspace=workspace._replace(clock=later)))


def counts_of(job_set: Any) -> list[dict[str, int]]:
    results = job_set.results(timeout=120)
    return [results.get_counts(index) for index in range(len(OUTCOMES))]


IN_HAND = pytest.mark.parametrize(
    "provider",
    [sampler, connect, lambda: connect().backend(BACKEND)],
    ids=["sampler", "service", "device"],
)


@IN_HAND
def test_jobs_of_a_program_that_died_are_found_again(
    standin: StandIn, home: Path, provider: Callable[[], Any]
) -> None:
    set_id = left_by_the_dead(standin)
    folder = Store(home, clock=lambda: None).open(set_id)
    assert folder.job_set.backend == BACKEND

    (job_set,) = JobManager().job_sets(earlier=True)
    with pytest.warns(UserWarning, match="cannot be learnt"):
        assert job_set.statuses() == [None, None]
    results = JobManager().retrieve_job_set(set_id, provider()).results(timeout=120)

    assert [results.get_counts(index) for index in range(4)] == [{key: 50} for key in OUTCOMES]
    assert [job.state for job in report_jobs(folder.jobs(), None)] == [State.DONE] * 2
    assert len(standin.stats()["jobs"]) == 2


@IN_HAND
def test_a_job_whose_id_nobody_wrote_down_is_found_when_its_set_is_opened(
    standin: StandIn, home: Path, provider: Callable[[], Any]
) -> None:
    set_id = left_by_the_dead(standin, DYING)
    (job,) = standin.stats()["jobs"]

    job_set = a_minute_later(home).retrieve_job_set(set_id, provider())

    first, second = job_set.job_reports()
    assert (first.job_id, second.state) == (job["id"], State.PLANNED)
    assert len(standin.stats()["jobs"]) == 1

    assert job_set.resume(sampler()) == 1
    assert counts_of(job_set) == [{key: 50} for key in OUTCOMES]
    assert len(standin.stats()["jobs"]) == 2


VERBS = {
    "known": (
        PROGRAM,
        {
            "status": 0, "status --exit-status": 8, "wait": 8, "result": 8, "result --wait": 8,
            "cancel": 1,
        },
    ),
    "lost": (
        DYING,
        {
            "status --exit-status": 7, "wait": 7, "result": 7, "error": 0, "resume": 2,
            "resume --resend-unknown": 2, "adopt @last/0 d1q8k2m5v6n0008xyz0g": 3,
        },
    ),
}  # fmt: skip


def named_in(err: str) -> str:
    """The call of the library that messages name, the same in all of them."""
    (call,) = set(re.findall(r"JobManager\(\)\.retrieve_job_set\('[0-9a-f]{12}', x\)", err))
    return str(call)


@pytest.mark.parametrize(("program", "verbs"), VERBS.values(), ids=VERBS)
def test_every_verb_without_the_object_names_the_call_that_goes_on(
    standin: StandIn,
    home: Path,
    capsys: pytest.CaptureFixture[str],
    program: str,
    verbs: dict[str, int],
) -> None:
    left_by_the_dead(standin, program)
    said = ""
    for words, code in verbs.items():
        assert run(words.split()) == code, words
        err = capsys.readouterr().err
        assert "'Another day' in docs/library.md" in err
        if program is PROGRAM or code in (2, 3):
            assert "only a Python program that has ibm_lagos as an object can" in err
        named_in(err)
        said += err

    names = {"JobManager": lambda: a_minute_later(home), "x": sampler()}
    job_set = eval(named_in(said), names)
    job_set.resume()
    # Of the jobs that `cancel` could not reach, none is taken for cancelled.
    assert counts_of(job_set) == [{key: 50} for key in OUTCOMES]
    assert len(standin.stats()["jobs"]) == 2
    assert run(["result"]) == 0


def test_a_lost_job_that_was_cancelled_without_the_object_is_stopped_by_who_has_it(
    standin: StandIn, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    left_by_the_dead(standin, DYING, then="never")
    assert run(["cancel"]) == 1
    call = named_in(capsys.readouterr().err)

    job_set = eval(call, {"JobManager": lambda: a_minute_later(home), "x": sampler()})

    assert [job["status"] for job in standin.stats()["jobs"]] == ["Cancelled"]
    assert [job.state for job in job_set.job_reports()] == [State.CANCELLED] * 2
    assert job_set.resume() == 0


def test_before_the_lists_of_the_service_are_complete_it_stays_unknown(
    standin: StandIn, home: Path
) -> None:
    set_id = left_by_the_dead(standin, DYING)

    job_set = JobManager().retrieve_job_set(set_id, sampler())

    assert [job.state for job in job_set.job_reports()] == [State.UNKNOWN, State.PLANNED]


def test_what_the_service_never_had_is_sent_once_more(standin: StandIn, home: Path) -> None:
    set_id = left_by_the_dead(standin, DYING.replace("super()", "os._exit(9), super()"))

    job_set = a_minute_later(home).retrieve_job_set(set_id, sampler())

    assert job_set.resume() == 2
    assert counts_of(job_set) == [{key: 50} for key in OUTCOMES]
    assert len(standin.stats()["jobs"]) == 2


@pytest.mark.parametrize("program", [PROGRAM, DYING], ids=["known", "lost"])
def test_an_older_copy_of_the_set_on_another_machine_sends_nothing_twice(
    standin: StandIn, home: Path, program: str
) -> None:
    set_id = left_by_the_dead(standin, program)
    sent = len(standin.stats()["jobs"])
    state = home / "sets" / set_id / "state.toml"
    header, _, _ = state.read_text().partition("[[fact]]")
    state.write_text(header)
    shutil.rmtree(home / "python")

    job_set = a_minute_later(home).retrieve_job_set(set_id, sampler())
    assert [job.state for job in job_set.job_reports()] == [State.PLANNED] * 2
    job_set.resume()

    assert counts_of(job_set) == [{key: 50} for key in OUTCOMES]
    assert sent == (2 if program is PROGRAM else 1)
    assert len(standin.stats()["jobs"]) == 2


def test_an_object_of_another_instance_is_not_taken_for_the_one_that_has_the_jobs(
    start_standin: Callable[..., StandIn], home: Path
) -> None:
    standin = start_standin(run="never")
    set_id = left_by_the_dead(standin)
    own = connect().backend(BACKEND)
    own._instance = own._instance.replace("a/", "a/9")

    with pytest.raises(
        JobManagerInvalidStateError, match="submitted to the instance crn:"
    ) as wrong:
        JobManager().retrieve_job_set(set_id, SamplerV2(mode=own))

    assert f"service.backend('{BACKEND}', instance='crn:" in wrong.value.hint
    JobManager().retrieve_job_set(set_id, sampler())


def test_tags_of_the_user_that_leave_no_room_for_ours_are_said_before_anything_is_written(
    standin: StandIn, home: Path
) -> None:
    crowded = sampler()
    crowded.options.environment.job_tags = [*"abcdefg"]
    with pytest.raises(JobManagerInvalidStateError, match="7 job_tags of 8") as refusal:
        JobManager().run(numbered(), crowded)
    assert "leave some out of options.environment.job_tags" in refusal.value.hint
    assert not Store(home, clock=lambda: None).listing().headers

    crowded.options.environment.job_tags = [*"abcdef"]
    JobManager().run(numbered(), crowded).jobs()
    assert len(standin.stats()["jobs"]) == 1


@pytest.mark.parametrize("kind", [SamplerV2, Sampler])
@pytest.mark.parametrize("mode", [lambda device: device, Session, Batch])
def test_jobs_carry_our_tags_besides_the_users(
    standin: StandIn, mode: Callable[[Any], Any], kind: Callable[..., Any]
) -> None:
    sampler = kind(mode=mode(connect().backend(BACKEND)))
    sampler.options.environment.job_tags = ["mine"]
    job_set = JobManager().run(numbered(), sampler, max_experiments_per_job=2)
    job_set.jobs()

    tag = f"qj-{job_set.job_set_id()}"
    assert tags_of_jobs(standin) == [["mine", f"{tag}-{job}-1", tag] for job in range(2)]
    assert sampler.options.environment.job_tags == ["mine"]
    assert all(one["accepting_jobs"] for one in standin.stats()["sessions"])  # they are the user's


@pytest.mark.parametrize("mode", ["batch", "session"])
def test_a_session_that_a_program_had_opened_is_recorded_and_closed_after_the_last_job(
    standin: StandIn, home: Path, mode: str
) -> None:
    job_set = JobManager().run(numbered(), f"ibm:{BACKEND}", max_experiments_per_job=2, mode=mode)
    job_set.jobs()
    folder = Store(home, clock=lambda: None).open(job_set.job_set_id())
    while folder.being_submitted():
        pass
    folder.refresh()

    (session,) = folder.sessions
    assert session.closed is not None
    (known,) = standin.stats()["sessions"]
    assert (known["id"], known["accepting_jobs"]) == (session.session_id, False)
    assert {job["session_id"] for job in standin.stats()["jobs"]} == {session.session_id}


def test_shots_that_a_sampler_has_by_default_are_kept(standin: StandIn) -> None:
    sampler = SamplerV2(mode=connect().backend(BACKEND))
    sampler.options.default_shots = 77
    standin.set(run="aer")

    assert JobManager().run(numbered()[3], sampler).results(timeout=120).get_counts() == {"101": 77}


def test_a_device_is_refused_before_anything_is_written(standin: StandIn, home: Path) -> None:
    with pytest.raises(JobManagerInvalidStateError, match="for primitives only") as refusal:
        JobManager().run(numbered(), connect().backend(BACKEND))

    assert "'ibm:ibm_lagos'" in refusal.value.hint
    assert "SamplerV2(mode=backend)" in refusal.value.hint
    assert not Store(home, clock=lambda: None).listing().headers


def test_jobs_of_its_provider_tell_their_place_in_the_queue(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QJOBS_IBM_SUBMITS_PER_MINUTE", "6000")
    job_set = JobManager().run(numbered(), f"ibm:{BACKEND}", max_experiments_per_job=2)
    first, second = job_set.jobs()

    assert not first.in_final_state()
    assert isinstance(second.queue_position(), int)
    assert second.creation_date() is not None


def test_tags_of_the_set_reach_the_service_within_its_limits(standin: StandIn) -> None:
    sampler = SamplerV2(mode=connect().backend(BACKEND))
    sampler.options.environment.job_tags = ["mine"]
    tags = ["paper", "mine", "x" * 87, *"abcdefgh"]
    job_set = JobManager().run(numbered()[0], sampler, job_tags=tags)
    job_set.jobs()

    ours = f"qj-{job_set.job_set_id()}"
    assert tags_of_jobs(standin) == [["mine", f"{ours}-0-1", ours, "paper", *"abcd"]]
