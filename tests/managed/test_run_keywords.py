"""Names, tags and seeds reach a `run` that takes them, and no other."""

from concurrent.futures import ThreadPoolExecutor
from threading import Lock

from support.backends_of_objects import ScriptedBackend, numbered

from qjobs import ManagedJob


class Labelling(ScriptedBackend):
    """One whose `run` has a place for a name and tags."""

    def run(self, circuits, shots=77, job_name=None, job_tags=None, seed=None):
        return super().run(circuits, shots, job_name=job_name, job_tags=job_tags, seed=seed)


def test_name_and_tags_of_the_set_reach_each_job(manager):
    backend = Labelling()
    job_set = manager.run(numbered(4), backend, "ghz", 2, job_tags=["a", "b"])
    job_set.jobs()

    assert backend.keywords == [
        {"job_name": "ghz_0_", "job_tags": ["a", "b"], "seed": None},
        {"job_name": "ghz_1_", "job_tags": ["a", "b"], "seed": None},
    ]
    assert job_set.tags() == ["a", "b"]


def test_a_seed_reaches_a_run_that_calls_it_so(manager):
    backend = Labelling()
    manager.run(numbered(2), backend, None, 1, seed_simulator=7).jobs()
    seeds = [keywords["seed"] for keywords in backend.keywords]

    assert seeds[0] == 7
    assert seeds[1] not in (None, 7)
    assert [keywords["job_name"] for keywords in backend.keywords] == [None, None]


def test_what_the_caller_says_wins(manager):
    backend = Labelling()
    manager.run(numbered(1), backend, "ghz", seed_simulator=7, job_name="own").jobs()

    assert backend.keywords == [{"job_name": "own", "job_tags": None, "seed": 7}]


def test_a_job_by_itself_has_its_own_name(home):
    backend = Labelling()
    with ThreadPoolExecutor() as executor:
        ManagedJob(3, 1).submit(*numbered(1), "ghz_3_", backend, executor, Lock(), job_tags=["a"])

    assert backend.keywords == [{"job_name": "ghz_3_", "job_tags": ["a"], "seed": None}]


def test_a_run_that_does_not_name_them_gets_none(manager):
    backend = ScriptedBackend()
    manager.run(numbered(1), backend, "ghz", job_tags=["a"], seed_simulator=7).jobs()

    assert backend.keywords == [{}]
