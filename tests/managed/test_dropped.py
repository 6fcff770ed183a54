"""What an object does not take of what is asked for is said, once, before it runs."""

import warnings

import pytest
from qiskit.primitives import StatevectorSampler
from support.backends_of_objects import ScriptedBackend, numbered


class Remembering(ScriptedBackend):
    """One whose `run` takes a seed and gives memory."""

    def run(self, circuits, shots=77, seed_simulator=None, memory=False):
        return super().run(circuits, shots)


def test_a_seed_and_a_memory_that_run_does_not_take_are_said(manager):
    with pytest.warns(UserWarning, match=" takes no ") as said:
        manager.run(numbered(2), ScriptedBackend(), None, 1, seed_simulator=7, memory=True).jobs()

    assert [str(one.message).partition(" takes ")[2] for one in said] == [
        "no seed: its counts may be others each time",
        "no memory: the outcomes shot by shot may be missing",
    ]


@pytest.mark.parametrize("options", [{}, {"seed_simulator": 7, "memory": True}])
def test_nothing_is_said_where_all_is_taken_or_nothing_asked(manager, options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        manager.run(numbered(1), Remembering(), **options).jobs()
        manager.run(numbered(1), ScriptedBackend()).jobs()


def test_a_sampler_gives_each_shot_unasked_and_takes_no_seed(manager):
    with pytest.warns(UserWarning, match="takes no seed") as said:
        manager.run(numbered(1), StatevectorSampler(), seed_simulator=7, memory=True).jobs()

    assert len(said) == 1
