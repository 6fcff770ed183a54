"""What the user says of a cluster becomes words of sbatch, and nothing else does."""

import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from qjobs.contract import ProviderContext
from qjobs.errors import UnknownBackend, UsageError
from qjobs.model import JobStatus, RunOptions
from qjobs.providers.slurm import states, task
from qjobs.providers.slurm.commands import Entry
from qjobs.providers.slurm.provider import SlurmProvider
from qjobs.providers.slurm.settings import Settings
from qjobs.providers.slurm.watching import times_of


def test_options_are_spelt_as_sbatch_spells_them_and_a_set_s_own_go_first():
    settings = Settings.of({"shared": "/x", "partition": "long", "mem": "4G", "exclusive": True})

    words = settings.words({"mem": "8G", "cpus_per_task": "4", "array_limit": "3"})

    assert {"--partition=long", "--mem=8G", "--cpus-per-task=4", "--exclusive"} < {*words}
    assert not any("array" in word for word in words)
    assert settings.limit({"array_limit": "3"}) == "%3"


def test_quantum_resources_are_handed_to_sbatch() -> None:
    words = Settings.of({"shared": "/x"}).words({"qpu": "ibm_fez,ibm_torino"})

    assert "--qpu=ibm_fez,ibm_torino" in words


@pytest.mark.parametrize("setting", ["silent_s", "patience_s"])
@pytest.mark.parametrize("value", ["soon", "nan", "-1", None])
def test_a_time_is_a_number_of_seconds(setting: str, value: object) -> None:
    with pytest.raises(UsageError, match=f"{setting} of slurm must be a number of seconds"):
        Settings.of({"shared": "/x", setting: value})


@pytest.mark.parametrize("word", ["clusters", "uid", "gid"])
def test_tasks_that_squeue_would_not_show_cannot_be_asked_for(word: str) -> None:
    with pytest.raises(UsageError):
        Settings.of({"shared": "/x", word: "other"})


def test_a_retry_changes_options_by_the_names_that_the_set_has(tmp_path: Path) -> None:
    provider = SlurmProvider(ProviderContext(tmp_path, {"shared": str(tmp_path)}))
    options = RunOptions(extra={"cpus-per-task": 2, "method": "statevector"})

    changed = provider.reschedule(options, {"cpus_per_task": 8, "time": "2:00:00"})

    assert changed == {"cpus-per-task": 8, "time": "2:00:00"}
    with pytest.raises(UsageError, match="with the same method"):
        provider.reschedule(options, {"method": "stabilizer"})


def test_the_environment_of_tasks_has_no_credentials_unless_that_is_asked_for():
    assert not any("ALL" in word for word in Settings.of({"shared": "/x"}).words({}))
    assert "--export=ALL" in Settings.of({"shared": "/x", "export": "ALL"}).words({})


@pytest.mark.parametrize("limit", ["0", "-1", "two", "1 --wrap=x"])
def test_a_limit_of_an_array_is_a_number(limit):
    with pytest.raises(UsageError, match="array_limit"):
        Settings.of({"shared": "/x"}).limit({"array_limit": limit})


def test_a_setting_that_is_none_is_named_with_the_near_one():
    with pytest.raises(UsageError, match="partition"):
        Settings.of({"shared": "/x", "partitoin": "long"})


@pytest.mark.parametrize("word", ["wrap", "array", "output", "parsable", "comment", "uiid"])
def test_what_would_change_what_is_run_is_no_option(tmp_path, word):
    provider = SlurmProvider(ProviderContext(tmp_path, {"shared": str(tmp_path)}))

    with pytest.raises(UsageError):
        provider.check("aer", RunOptions(extra={word: "x"}))


def test_without_a_shared_folder_there_are_no_backends_and_none_can_be_used(tmp_path):
    provider = SlurmProvider(ProviderContext(tmp_path, {}))

    assert provider.backends() == ()
    with pytest.raises(UsageError) as caught:
        provider.check("aer", RunOptions())
    assert "QJOBS_SLURM_SHARED" in caught.value.hint


def test_a_shared_folder_that_is_not_there_is_not_made(tmp_path):
    provider = SlurmProvider(ProviderContext(tmp_path, {"shared": str(tmp_path / "nowhere")}))

    with pytest.raises(UsageError, match="nowhere"):
        provider.check("aer", RunOptions())
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("backend", ["aer@", "are", "are@long"])
def test_a_backend_is_one_of_local_s_and_a_partition_has_a_name(tmp_path, backend):
    provider = SlurmProvider(ProviderContext(tmp_path, {"shared": str(tmp_path)}))

    with pytest.raises(UnknownBackend):
        provider.limits(backend)


@pytest.mark.parametrize(
    ("state", "expected", "said"),
    [
        ("TIMEOUT", JobStatus.ERROR, "--option time="),
        ("OUT_OF_MEMORY", JobStatus.ERROR, "--option mem="),
        ("NODE_FAIL", JobStatus.ERROR, "retry"),
        ("PREEMPTED", JobStatus.ERROR, "retry"),
        ("CANCELLED", JobStatus.CANCELLED, "cancelled"),
        ("REQUEUED", JobStatus.QUEUED, "REQUEUED"),
        ("COMPLETING", JobStatus.RUNNING, "COMPLETING"),
        ("SOMETHING_NEW", JobStatus.UNKNOWN, "SOMETHING_NEW"),
    ],
)
def test_each_word_of_slurm_has_a_status_and_says_what_to_change(tmp_path, state, expected, said):
    assert states.status(state) is expected
    assert said in states.advice(state, log=tmp_path / "none.log")


def test_the_end_of_what_a_task_printed_is_told(tmp_path):
    log = tmp_path / "0.log"
    log.write_text("x" * 5000 + "\nslurmstepd: error: no such module\n")

    assert states.advice("FAILED", log=log).endswith("no such module")


@pytest.mark.parametrize(
    ("state", "start", "ran_s", "told"),
    [
        ("PENDING", "2026-11-22T12:00:00", 0, (None, None, None, 0)),
        ("PENDING", "", 0, (None, None, None, None)),
        ("RUNNING", "2026-11-22T12:00:00", 60, (0, None, None, None)),
        ("TIMEOUT", "2026-11-22T12:00:00", 60, (0, 60, None, None)),
        ("CANCELLED", "2026-11-22T12:00:00", 0, (None, 0, None, None)),
        ("RUNNING", "Unknown", 0, (None, None, None, None)),
    ],
)
def test_the_times_of_slurm_are_local_and_mean_what_the_state_says(
    monkeypatch, state, start, ran_s, told
):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        found = times_of(Entry("7", "0", state, "", "", start, ran_s))
    finally:
        monkeypatch.undo()
        time.tzset()
    at = datetime(2026, 11, 22, 3, tzinfo=UTC)  # noon in Tokyo
    assert found == tuple(
        None if seconds is None else at + timedelta(seconds=seconds) for seconds in told
    )


def test_a_task_that_slurm_stops_has_not_failed_whichever_process_hears_of_it_first() -> None:
    with pytest.raises(SystemExit):
        task._died(-signal.SIGTERM)
    assert "--option mem=" in task._died(-signal.SIGKILL)
