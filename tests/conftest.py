"""What all tests stand on: nobody's own settings, and the same examples each time."""

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

# A slow machine is no fault, and a change is judged by the examples that the last one was judged
# by. `--hypothesis-profile=default` looks for new ones.
settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile("repeatable")

# Where tests run in the background of a shell, Ctrl-C is switched off, in their children too.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def no_config_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A config file that is empty, here and in the processes that tests start."""
    empty = tmp_path_factory.mktemp("config") / "config.toml"
    empty.touch()
    os.environ["QJOBS_CONFIG"] = str(empty)
    os.environ["XDG_CONFIG_HOME"] = str(empty.parent)
