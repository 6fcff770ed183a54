"""A notebook shows how a set is coming on; nothing else is ever written."""

import sys
from types import ModuleType, SimpleNamespace

import pytest
from support.backends_of_objects import ScriptedBackend, numbered


class Handle:
    def __init__(self, shown: list[str]) -> None:
        self._shown = shown

    def update(self, html: str) -> None:
        self._shown.append(html)


@pytest.fixture
def kernel(monkeypatch):
    """What IPython is to a program in a notebook: the pages that were shown, by display."""
    displays: list[list[str]] = []

    def display(html, *, display_id):
        assert display_id is True
        displays.append([html])
        return Handle(displays[-1])

    ipython, in_display = ModuleType("IPython"), ModuleType("IPython.display")
    ipython.get_ipython = lambda: SimpleNamespace(kernel=object())
    in_display.HTML, in_display.display = str, display
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", in_display)
    return ipython, displays


def test_progress_is_shown_in_one_place(manager, kernel):
    _, displays = kernel

    manager.run(numbered(4), ScriptedBackend(max_circuits=1), name="<b>x").results()

    (shown,) = displays
    assert "4 of 4 jobs done" in shown[-1]
    assert "&lt;b&gt;x" in shown[-1]
    assert "<b>x" not in shown[-1]


def test_a_shell_without_a_kernel_shows_nothing(manager, kernel, capsys):
    ipython, displays = kernel
    ipython.get_ipython = SimpleNamespace

    manager.run(numbered(1), ScriptedBackend()).results()

    assert displays == []
    assert capsys.readouterr() == ("", "")


def test_a_set_shows_as_a_table(manager):
    job_set = manager.run(numbered(2), ScriptedBackend(max_circuits=1), name="x")
    job_set.results()

    html = job_set._repr_html_()

    assert "<th>done</th>" in html
    assert "<td>2</td>" in html
    assert job_set.job_set_id() in html
