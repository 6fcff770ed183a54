"""For the authors of providers: the tests that every provider passes. Needs pytest.

from qjobs.testing import Contract, Subject

class TestMine(Contract):
subject = Subject(MyProvider, calm="sim", busy="queue", failing="bad",
misspelt="smi", near="sim")
"""

import pytest

# Before it is imported, so that a failed assertion shows its values.
pytest.register_assert_rewrite("qjobs.testing.contract")

from qjobs.testing.contract import Contract, Subject  # noqa: E402

__all__ = ["Contract", "Subject"]
