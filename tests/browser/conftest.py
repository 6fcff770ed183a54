"""One browser for all tests; where there is none, they are skipped."""

from collections.abc import Iterator

import pytest
from support.browser import NAMES, Browser, Tab, browsing, executable


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if executable() is None:
        pytest.skip(f"there is no browser: none of {', '.join(NAMES)}")
    with browsing(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture
def tab(browser: Browser) -> Iterator[Tab]:
    """A tab whose pages have nothing to complain of."""
    fresh = browser.tab()
    yield fresh
    assert fresh.complaints == []
