"""How a job set shows in a notebook: a small table, kept up to date where it stands."""

import sys
from collections.abc import Callable
from html import escape
from typing import Any

from qjobs.engine.report import SetReport, State


def report_html(report: SetReport, name: str) -> str:
    """A job set as a table in HTML: its states and how many jobs are in each."""
    counts: dict[str, int] = {state: number for state, number in report.counts.items() if number}
    if report.failed_circuits:
        counts["failed circuits"] = report.failed_circuits
    heads = "".join(f"<th>{state}</th>" for state in counts)
    cells = "".join(f"<td>{number}</td>" for number in counts.values())
    done = counts.get(State.DONE, 0)
    job_set = report.job_set
    caption = f"{name} ({job_set.set_id}) on {job_set.provider}:{job_set.backend}"
    return (
        f"<table><caption>{escape(caption)}<br>"
        f'<progress value="{done}" max="{max(1, len(report.jobs))}"></progress> '
        f"{done} of {len(report.jobs)} jobs done</caption>"
        f"<tr>{heads}</tr><tr>{cells}</tr></table>"
    )


def progress() -> Callable[[str], None]:
    """Shows HTML where the notebook's cell writes, each time in the place of the last.

    Does nothing where no notebook runs, which is where IPython is not loaded or has no kernel.
    """
    ipython: Any = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    if getattr(shell, "kernel", None) is None:
        return lambda _html: None
    from IPython.display import HTML, display  # type: ignore[import-not-found]  # not ours to need

    handle: Any = None

    def show(html: str) -> None:
        nonlocal handle
        if handle is None:
            handle = display(HTML(html), display_id=True)
        else:
            handle.update(HTML(html))

    return show
