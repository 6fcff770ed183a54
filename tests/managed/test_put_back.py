"""A set whose state was put back from a backup is gone on with, and nothing is sent twice."""

import pytest
from support.backends_of_objects import ScriptedBackend, numbered, run_and_send, sent

from qjobs import JobManager
from qjobs.contract import ProviderContext
from qjobs.errors import ProviderError
from qjobs.ledger import Ledger
from qjobs.providers.fake.provider import FakeProvider
from qjobs.store.state import reading
from qjobs.store.state.fold import assembled


@pytest.fixture
def copied(home):
    """Put the state file of a set back as it was before anything was sent."""

    def put_back(job_set):
        path = home / "sets" / job_set.job_set_id() / "state.toml"
        before = Ledger(reading.read_state(path).contents.job_set.slices).recorded()
        header, *_ = path.read_bytes().partition(b"\n# crc32")
        path.write_bytes(assembled(header + b"\n", before))

    return put_back


def test_jobs_of_a_named_backend_are_adopted(manager, another_process, home, copied):
    job_set = run_and_send(manager, numbered(4), "fake:", max_experiments_per_job=1)
    ids = {managed.job.job_id() for managed in job_set.managed_jobs()}
    copied(job_set)

    again = another_process().retrieve_job_set(job_set.job_set_id())
    again.resume()
    sent(again)

    assert {managed.job.job_id() for managed in again.managed_jobs()} == ids
    assert len(FakeProvider(ProviderContext(home / "fake")).submissions()) == 4
    assert again.results().success


def test_jobs_of_an_object_are_adopted_by_what_was_written_down(manager, another_process, copied):
    backend = ScriptedBackend()
    job_set = run_and_send(manager, numbered(3), backend, max_experiments_per_job=1)
    job_set.results()
    made = len(backend.jobs)
    copied(job_set)

    again = another_process().retrieve_job_set(job_set.job_set_id(), backend)
    again.resume(backend)
    sent(again)

    assert len(backend.jobs) == made == 3
    assert again.results().get_counts(2) == {"00000010": 1024}


def test_it_is_said_where_nobody_can_be_asked(manager, another_process, home, copied):
    job_set = run_and_send(manager, numbered(1), "fake:")
    copied(job_set)
    books = home / "fake" / "books.sqlite"
    books.unlink()
    books.mkdir()

    with pytest.raises(ProviderError, match=r"books\.sqlite"):
        JobManager().retrieve_job_set(job_set.job_set_id()).resume()
