"""Tables, bars and histograms for a terminal. The one importer of rich."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from qjobs.engine.error import Failure
from qjobs.engine.report import JobReport, SetReport, State
from qjobs.engine.result import CircuitRow
from qjobs.estimates import with_error
from qjobs.model import JobSet
from qjobs.render.arrays import read_head
from qjobs.render.data import DATA
from qjobs.render.output import is_terminal
from qjobs.render.rows import Cell, Rows, expectations
from qjobs.render.summaries import (
    done_circuits,
    most_frequent,
    next_in_line,
    set_title,
    summary,
)
from qjobs.render.text import ago, clean, count, duration, first_line, until

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

# Wide enough that nothing is ever cut where no terminal sets the width.
_WIDTH_WITHOUT_TERMINAL = 1000
# Columns of text of any length. Where a table is too wide these are folded, and no others.
_FOLDED = frozenset({"name", "backend", "jobs", "job_id", "message", "value", "files", "left out"})
_FILES_NAMED = 3
_VALUES_NAMED = 4
_BAR_CELLS = 24
_BLOCKS = " ▏▎▍▌▋▊▉█"
_STYLES = {
    State.DONE: "green",
    State.RUNNING: "cyan",
    State.ERROR: "red",
    State.REFUSED: "red",
    State.UNKNOWN: "yellow",
    State.CANCELLED: "yellow",
}


def console() -> "Console":
    """Rich on stdout, which is never to colour, interpret or cut what is not its own."""
    from rich.console import Console

    terminal = is_terminal(DATA.stream)
    return Console(
        file=DATA.stream,
        force_terminal=terminal,
        width=None if terminal else _WIDTH_WITHOUT_TERMINAL,
        markup=False,
        highlight=False,
        emoji=False,
    )


def print_table(table: Rows, *, most: int | None) -> None:
    """A table of the first `most` rows (None: of all), and how many more there are."""
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, pad_edge=False, header_style="bold")
    for column in table.columns:
        grid.add_column(column, overflow="fold", no_wrap=column not in _FOLDED)
    rows = iter(table.rows)
    for row in islice(rows, most):
        grid.add_row(*(Text(clean(str(cell)), _style(cell)) for cell in row))
    out = console()
    out.print(grid)
    left = sum(1 for _ in rows)
    if left:
        out.print(f"... {left} more")


def _style(cell: Cell) -> str:
    return _STYLES.get(cell, "") if isinstance(cell, State) else ""


def print_summary(report: SetReport, jobs: Sequence[JobReport], now: datetime) -> None:
    """One line and a bar for a set, then those of `jobs` that failed, each with its reason."""
    from rich.text import Text

    out = console()
    plan = report.job_set
    line = Text()
    line.append(f"{set_title(plan)}  ", "bold")
    line.append(report.state.value.upper(), _STYLES.get(report.state, ""))
    line.append(f"  {summary(report)}  ({done_circuits(report)})")
    line.append(f"  {_when(report, now)}", "dim")
    out.print(line, soft_wrap=True)
    out.print(_progress_bar(report))
    if first := next_in_line(report.jobs):
        out.print(Text(f"  job {first.index} {_place(first, now)}"), soft_wrap=True)
    for session in report.sessions:
        if session.closed is None:
            out.print(Text(f"  session {clean(session.session_id)} open"), soft_wrap=True)
    failed = [job for job in jobs if job.went_wrong]
    for job in failed[:20]:
        reason = Text(f"  job {job.index}  circuits {job.slice}  ")
        reason.append(job.state.value, "" if job.failed else _STYLES.get(job.state, ""))
        reason.append(f"  {first_line(job.message)}")
        out.print(reason, soft_wrap=True)
    if len(failed) > 20:
        out.print(f"  ... {len(failed) - 20} more: qjobs error {plan.set_id}")


def _place(job: JobReport, now: datetime) -> str:
    """Where a job stands in the queue, and when it may begin."""
    place = f"is number {job.queue_position} in the queue" if job.queue_position else ""
    starts = f"may start {until(job.estimated_start, now)}" if job.estimated_start else ""
    return ", ".join(filter(None, [place, starts]))


def _when(report: SetReport, now: datetime) -> str:
    """When a set was made and, if that is over, how long it took."""
    created = report.job_set.created
    if report.finished is None:
        return f"made {ago(created, now)}"
    took_s = max(0.0, (report.finished - created).total_seconds())
    return f"took {duration(took_s)}, ended {ago(report.finished, now)}"


def _progress_bar(report: SetReport) -> "Text":
    """A bar in which each group of states has its share of the cells."""
    from rich.text import Text

    total = max(1, len(report.jobs))
    failed = sum(job.went_wrong for job in report.jobs)
    done = sum(job.state is State.DONE and not job.failed for job in report.jobs)
    bar = Text("  ")
    used = 0
    reached = 0
    for number, style, mark in (
        (done, "green", "█"),
        (failed, "red", "▓"),
        (report.counts[State.RUNNING], "cyan", "▒"),
        (total, "dim", "░"),
    ):
        reached = min(reached + number, total)
        cells = _BAR_CELLS * reached // total - used
        bar.append(mark * cells, style)
        used += cells
    return bar


def print_histograms(
    rows: Iterable[CircuitRow],
    *,
    labels: Sequence[str] = (),
    circuits: int,
    total: int,
    top: int,
    hint: str,
    file_of: Callable[[CircuitRow], str] = lambda _: "",
) -> None:
    """Print histograms of the first circuits.

    That is outcomes, the most frequent first, expectation values of the observables with these
    labels, and which arrays there are. `file_of` tells the file of a circuit where it is not
    known from the name.
    """
    out = console()
    for row in islice(rows, circuits):
        for line in (
            *_heading(row, file_of(row)),
            *_expectations(row, labels),
            *_histogram(row, top),
        ):
            out.print(line, soft_wrap=True)
    if total > circuits:
        out.print(f"... {count(total - circuits, 'more circuit')}: {hint}", soft_wrap=True)


def _heading(row: CircuitRow, file: str) -> Iterable["Text"]:
    from rich.text import Text

    binding = "" if row.binding is None else f"  row {row.binding}{_values(row)}"
    asked = row.precision
    effort = count(row.shots, "shot") if asked is None else f"precision {asked:g}"
    name = f"{clean(row.name)}  {clean(file)}" if file else clean(row.name)
    yield Text(f"#{row.index} {name}{binding}  {effort}", "bold")
    if row.blank:
        reason = f": {first_line(row.message)}" if row.message else ""
        yield Text(f"  no result ({row.state.value}{reason})", _STYLES.get(row.state, ""))
    for name, npy in row.arrays.items():
        yield Text(f"  {clean(name)}: {clean(str(read_head(npy)))}")


def _values(row: CircuitRow) -> str:
    """The first values of the row of a sweep."""
    found = row.parameters or {}
    shown = [f"{clean(name)}={value:.6g}" for name, value in islice(found.items(), _VALUES_NAMED)]
    left = len(found) - len(shown)
    return "".join(f"  {one}" for one in shown) + (f"  and {left} more" if left else "")


def _expectations(row: CircuitRow, labels: Sequence[str]) -> Iterable["Text"]:
    from rich.text import Text

    shown = list(expectations(row, labels))
    width = max((len(label) for label, _, _ in shown), default=0)
    for label, value, std in shown:
        told, sign, error = with_error(value, std).partition(" ± ")
        line = Text(f"  {label:<{width}}  ")
        line.append(told, "cyan")
        line.append(sign + error)
        yield line


def _histogram(row: CircuitRow, top: int) -> Iterable["Text"]:
    from rich.text import Text

    if row.counts is None:
        return
    ranked = most_frequent(row.counts.items())
    highest = ranked[0][1] if ranked else 1
    measured = sum(row.counts.values()) or 1
    width = len(str(highest))
    for outcome, number in ranked[:top]:
        line = Text(f"  {clean(outcome)}  {number:>{width}}  {number / measured:6.1%}  ")
        line.append(bar(number / highest), "cyan")
        yield line
    if len(ranked) > top:
        yield Text(f"  ... {count(len(ranked) - top, 'more outcome')}", "dim")


def bar(share: float) -> str:
    """A bar of eighth blocks for a share from 0 to 1; never empty for what is not 0."""
    eighths = max(round(share * _BAR_CELLS * 8), 1 if share > 0 else 0)
    full, rest = divmod(eighths, 8)
    return "█" * full + _BLOCKS[rest].strip()


def _some(files: Sequence[str]) -> str:
    """The first of some files, in brackets."""
    if not files:
        return ""
    left = len(files) - _FILES_NAMED
    named = ", ".join(map(clean, files[:_FILES_NAMED]))
    return f" ({named}{f' and {left} more' if left > 0 else ''})"


def print_failures(failures: Iterable[tuple[JobSet, Failure]]) -> None:
    """Failures, those with the same message together."""
    from rich.text import Text

    from qjobs.render.failures import grouped

    out = console()
    titled = ""
    for group in grouped(failures):
        line = Text()
        if group.plan.set_id != titled:
            titled = group.plan.set_id
            line.append(f"{set_title(group.plan)}\n", "bold")
        line.append(f"  {group.jobs}", "")
        if group.circuits:
            line.append(f", circuits {group.circuits}{_some(group.files)}", "")
        line.append(f" {group.went_wrong}", "red")
        if group.times:
            line.append(f" (x{group.times})", "")
        first, *others = group.messages
        for part in first.splitlines() or ["(no message)"]:
            line.append(f"\n    {clean(part)}", "")
        if others:
            like = (
                f"{count(len(others), 'message')} that {'differs' if not others[1:] else 'differ'}"
            )
            line.append(f"\n    and {like} only in numbers", "dim")
        out.print(line, soft_wrap=True)
