"""Hints about a vendor's package: whoever does what they say gets on."""

import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

PACKAGE = """
import os
import sys
import time
import urllib.request

from folder_vendor import Backend, Provider as Folders


class Provider(Folders):
    def __init__(self, folder, token="", way="", url=""):
        if way == "locked" and token != "secret":
            raise ValueError("No API token: set ACME_API_TOKEN, or save an account")
        super().__init__(folder)
        self.way, self.url = way, url

    def backends(self):
        if self.way == "dies":
            print("the license is gone", file=sys.stderr, flush=True)
            os._exit(3)
        if self.way == "slow":
            time.sleep(3)
        return super().backends()

    def get_backend(self, name="calm"):
        if name != "posting":
            return super().get_backend(name)
        backend = Posting(name, self.service)
        backend.url = self.url
        return backend


class Posting(Backend):
    def run(self, circuits, **options):
        urllib.request.urlopen(self.url, data=b"{}")
        return super().run(circuits, **options)
"""

Qjobs = Callable[..., Any]


@pytest.fixture
def config(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Write a config file: `arguments` of the package as TOML, other lines behind."""
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "odd_vendor.py").write_text(PACKAGE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "packages"), prepend=":")

    def write(arguments: str, *lines: str) -> None:
        (tmp_path / "config.toml").write_text(
            '[providers.acme]\nfactory = "odd_vendor:Provider"\n'
            f'arguments = {{folder = "service", {arguments}}}\n' + "\n".join([*lines, ""])
        )

    return write


def hint_of(ended: Any) -> str:
    assert ended.code != 0, ended
    (line,) = [line for line in ended.err.splitlines() if line.startswith("hint: ")]
    return line.removeprefix("hint: ")


def the(pattern: str, hint: str) -> str:
    """What the hint names."""
    found = re.search(pattern, hint)
    assert found, hint
    return found[1]


def test_a_package_that_wants_a_secret(
    qjobs: Qjobs, config: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    config('way = "locked"')
    hint = hint_of(qjobs("backends", "-p", "acme"))
    assert "in `arguments` of [providers.acme]" in hint
    config('way = "locked", token = ' + the("and ({.*}) for a secret", hint))
    monkeypatch.setenv("NAME", "secret")
    assert qjobs("backends", "-p", "acme").code == 0


def test_a_package_that_dies(qjobs: Qjobs, config: Callable[..., None]) -> None:
    config('way = "dies"')
    log = the("^see (.*)$", hint_of(qjobs("backends", "-p", "acme")))
    assert "the license is gone" in Path(log).read_text()


def test_a_package_that_takes_its_time(qjobs: Qjobs, config: Callable[..., None]) -> None:
    config('way = "slow"', "timeout_s = 1")
    hint = hint_of(qjobs("backends", "-p", "acme"))
    assert Path(the("^see (.*);", hint)).exists()
    config('way = "slow"', f"{the('; ([a-z_]+) in the config file', hint)} = 60")
    assert qjobs("backends", "-p", "acme").code == 0


class Service(BaseHTTPRequestHandler):
    answers: list[int]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(type(self).answers.pop(0))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_a_service_that_is_not_there_and_then_does_not_know_us(
    qjobs: Qjobs, config: Callable[..., None], circuits: Any
) -> None:
    server = HTTPServer(("127.0.0.1", 0), Service, bind_and_activate=False)
    server.server_bind()  # nobody listens: connections are refused
    config(f'url = "http://127.0.0.1:{server.server_port}"')
    ended = qjobs("submit", "circuits.qpy", "-b", "acme:posting")
    wait, _, command = hint_of(ended).partition("; then: qjobs ")
    assert wait == "nothing was sent; wait until it is there"
    server.server_activate()
    Service.answers = [401, 200]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        wait, _, command = hint_of(qjobs(*command.split())).partition("; then: qjobs ")
        assert wait == "check the credentials of the backend"  # that leads on: it is there
        ended = qjobs(*command.split())
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert ended.code == 0, ended.err
