"""One changed byte of a state file never makes two live jobs of one slice: see `changed_bytes`."""

import pytest
from changed_bytes import FORMS, play

TRIALS = 400


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_a_changed_byte_is_the_truth_or_an_error_that_names_the_file(form):
    outcomes = play(form, number=TRIALS, seed=1)

    assert outcomes.total() == TRIALS + 1
    noticed = sum(number for outcome, number in outcomes.items() if outcome != "well / well")
    assert noticed > (0.5 if "unchecked" in form else 0.95) * TRIALS
