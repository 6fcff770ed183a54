"""Tables, bars and histograms for a terminal. The one importer of rich."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from qjobs import spans as runs
from qjobs.engine.error import Failure
from qjobs.engine.report import JobReport, SetReport, State
from qjobs.engine.result import CircuitRow
from qjobs.estimates import with_error
from qjobs.model import JobSet
from qjobs.order import Order
from qjobs.render.arrays import read_head
from qjobs.render.bars import histogram
from qjobs.render.data import DATA
from qjobs.render.folding import INDENT, chunks, folded
from qjobs.render.layout import table_lines
from qjobs.render.output import is_terminal
from qjobs.render.rows import Cell, Rows, Signed, expectations
from qjobs.render.summaries import (
    age,
    done_circuits,
    place_in_line,
    set_title,
    spans,
    summary,
)
from qjobs.render.text import ago, clean, count, duration, first_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

# Wide enough that nothing is ever cut where no terminal sets the width.
_WIDTH_WITHOUT_TERMINAL = 1000
_FILES_NAMED = 3
_REASONS = 20
_VALUES_NAMED = 4
_VALUE_CELLS = 28  # of an expectation value with its error, and what is around it
_BAR_CELLS = 24  # of the bar of a set
STYLES = {
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


def print_table(table: Rows, *, most: int | None, paged: bool = False) -> None:
    """A table of the first `most` rows (None: of all), and how many more there are.

    If it may be `paged`, a terminal's user reads in a pager what is longer than the screen.
    """
    out = console()
    lines = [*table_lines(table, width=out.width, most=most, style=_style)]
    if paged:
        # Imported here: most tables are short, and start no process.
        from qjobs.render.pager import page

        if page(out, lines):
            return
    for line in lines:
        out.print(line, soft_wrap=True)


def _put(out: "Console", line: "Text") -> None:
    """Print a line, broken between words where it is wider than the terminal."""
    for part in folded(line, out.width):
        out.print(part, soft_wrap=True)


def _style(cell: Cell) -> str:
    state = cell.state if isinstance(cell, Signed) else cell
    return STYLES.get(state, "") if isinstance(state, State) else ""


def print_summary(report: SetReport, jobs: Sequence[JobReport], now: datetime) -> None:
    """One line and a bar for a set, then those of `jobs` that failed, with the reasons.

    Jobs whose reasons differ only in numbers stand together, with that of the first.
    """
    from rich.text import Text

    from qjobs.render.failures import alike

    out = console()
    plan = report.job_set
    line = Text()
    line.append(f"{set_title(plan)}  ", "bold")
    line.append(report.state.value.upper(), STYLES.get(report.state, ""))
    line.append(f"  {summary(report)}  ({done_circuits(report)})")
    _put(out, line)
    _put(out, state_bar(report).append(f"  {_when(report, now)}", "dim"))
    if place := place_in_line(report.jobs, now):
        _put(out, Text(f"  {place}"))
    for session in report.sessions:
        if session.closed is None:
            _put(out, Text(f"  session {clean(session.session_id)} open"))
    groups: dict[tuple[State, str], list[JobReport]] = {}
    for job in jobs:
        if job.went_wrong:
            groups.setdefault((job.state, alike(first_line(job.message))), []).append(job)
    for same in islice(groups.values(), _REASONS):
        first_job = same[0]
        noun = "jobs" if same[1:] else "job"
        circuits = runs.written(runs.joined(job.slice for job in same))
        reason = Text(f"  {noun} {spans(job.index for job in same)}  circuits {circuits}  ")
        style = "" if first_job.failed else STYLES.get(first_job.state, "")
        reason.append(first_job.state.value, style)
        reason.append(f"  {first_line(first_job.message)}")
        _put(out, reason)
    if len(groups) > _REASONS:
        more = count(len(groups) - _REASONS, "more reason")
        out.print(f"  ... {more}: qjobs error {plan.set_id}")


def _when(report: SetReport, now: datetime) -> str:
    """When a set was made and, if that is over, how long it took."""
    created = report.job_set.created
    if report.finished is None:
        return f"made {ago(created, now)}{age(report, now)}"
    took_s = max(0.0, (report.finished - created).total_seconds())
    return f"took {duration(took_s)}, ended {ago(report.finished, now)}"


def state_bar(report: SetReport, cells: int = _BAR_CELLS) -> "Text":
    """A bar of so many cells in which each group of states has its share of the cells."""
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
        share = cells * reached // total - used
        bar.append(mark * share, style)
        used += share
    return bar


def print_histograms(
    rows: Iterable[CircuitRow],
    *,
    labels: Sequence[str] = (),
    circuits: int,
    total: int,
    top: int,
    hint: str,
    order: Order = Order.COUNT,
    file_of: Callable[[CircuitRow], str] = lambda _: "",
) -> None:
    """Print histograms of the first circuits.

    That is outcomes in this order, expectation values of the observables with these
    labels, and which arrays there are. `file_of` tells the file of a circuit where it is not
    known from the name.
    """
    from rich.text import Text

    out = console()
    for row in islice(rows, circuits):
        for line in (
            *_heading(row, file_of(row)),
            *_expectations(row, labels, out.width),
            *(histogram(row.counts, top, out.width, order=order) if row.counts else ()),
        ):
            _put(out, line)
    if total > circuits:
        _put(out, Text(f"... {count(total - circuits, 'more circuit')}: {hint}"))


def _heading(row: CircuitRow, file: str) -> Iterable["Text"]:
    from rich.text import Text

    binding = "" if row.binding is None else f"  row {row.binding}{_values(row)}"
    asked = row.precision
    effort = count(row.shots, "shot") if asked is None else f"precision {asked:g}"
    name = f"{clean(row.name)}  {clean(file)}" if file else clean(row.name)
    yield Text(f"#{row.index} {name}{binding}  {effort}", "bold")
    if row.blank:
        reason = f": {first_line(row.message)}" if row.message else ""
        yield Text(f"  no result ({row.state.value}{reason})", STYLES.get(row.state, ""))
    for name, npy in row.arrays.items():
        yield Text(f"  {clean(name)}: {clean(str(read_head(npy)))}")


def _values(row: CircuitRow) -> str:
    """The first values of the row of a sweep."""
    found = row.parameters or {}
    shown = [f"{clean(name)}={value:.6g}" for name, value in islice(found.items(), _VALUES_NAMED)]
    left = len(found) - len(shown)
    return "".join(f"  {one}" for one in shown) + (f"  and {left} more" if left else "")


def _expectations(row: CircuitRow, labels: Sequence[str], width: int) -> Iterable["Text"]:
    from rich.text import Text

    shown = list(expectations(row, labels))
    longest = max((len(label) for label, _, _ in shown), default=0)
    # Observables of many qubits have lines of their own.
    apart = longest + _VALUE_CELLS > width
    for label, value, std in shown:
        told, sign, error = with_error(value, std).partition(" ± ")
        line = Text(f"  {label:<{longest}}  ")
        if apart:
            yield from (Text(f"  {part}") for part in chunks(label, width - 2))
            line = Text(" " * INDENT)
        line.append(told, "cyan")
        line.append(sign + error)
        yield line


def _some(files: Sequence[str]) -> str:
    """The first of some files, in brackets."""
    if not files:
        return ""
    left = len(files) - _FILES_NAMED
    named = ", ".join(map(clean, files[:_FILES_NAMED]))
    return f" ({named}{f' and {left} more' if left > 0 else ''})"


def _listed(spans: str) -> str:
    """Numbers of jobs or circuits, where many can go on several lines."""
    return spans.replace(",", ", ")


def print_failures(failures: Iterable[tuple[JobSet, Failure]]) -> None:
    """Failures, those with the same message together."""
    from rich.text import Text

    from qjobs.render.failures import grouped

    out = console()
    titled = ""
    for group in grouped(failures):
        if group.plan.set_id != titled:
            titled = group.plan.set_id
            _put(out, Text(set_title(group.plan), "bold"))
        line = Text()
        line.append(f"  {_listed(group.jobs)}", "")
        if group.circuits:
            line.append(f", circuits {_listed(group.circuits)}{_some(group.files)}", "")
        line.append(f" {group.went_wrong}", "red")
        if group.times:
            line.append(f" (x{group.times})", "")
        _put(out, line)
        first, *others = group.messages
        for part in first.splitlines() or ["(no message)"]:
            _put(out, Text(f"    {clean(part)}"))
        if others:
            like = f"{count(len(others), 'message')} that differ{'' if others[1:] else 's'}"
            _put(out, Text(f"    and {like} only in numbers", "dim"))
