"""What foreign errors say, in the words that users read."""

import pytest
from qiskit.exceptions import QiskitError

from qjobs.circuits.foreign import describe
from qjobs.errors import InputError


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (IndexError("list index out of range"), "IndexError: list index out of range"),
        (KeyError("x"), "KeyError: 'x'"),
        (ValueError(), "ValueError"),
        (ValueError("two\n  lines"), "ValueError: two lines"),
        (QiskitError("no such gate"), "no such gate"),
        (InputError("no such file"), "no such file"),
    ],
)
def test_a_foreign_error_keeps_its_class(error: Exception, words: str) -> None:
    assert describe(error) == words


def test_a_long_message_is_cut() -> None:
    assert len(describe(ValueError("word " * 1000))) == 300
