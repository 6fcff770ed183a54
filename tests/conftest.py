"""What all tests stand on: nobody's own settings."""

import os

import pytest


@pytest.fixture(autouse=True, scope="session")
def no_config_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A config file that is empty, here and in the processes that tests start."""
    empty = tmp_path_factory.mktemp("config") / "config.toml"
    empty.touch()
    os.environ["QJOBS_CONFIG"] = str(empty)
