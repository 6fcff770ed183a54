"""What `watch` shows on a screen of some size: lines, from reports; it knows no terminal."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from rich.text import Text

from qjobs.engine.pace import Reached
from qjobs.engine.report import JobReport, SetReport, State
from qjobs.render.summaries import place_in_line, set_title, spans, summary
from qjobs.render.tables import STYLES, state_bar
from qjobs.render.text import ago, clean, count, elapsed, first_line, time_left

_WIDEST_BAR = 60
_LEAST = 4  # lines for a set that is shown at length


class Watched(NamedTuple):
    """A set, and how far it is."""

    report: SetReport
    reached: Reached

    @property
    def failed(self) -> list[JobReport]:
        """Its jobs that failed, the newest first."""
        first = self.report.job_set.created
        wrong = [job for job in self.report.jobs if job.went_wrong]
        return sorted(wrong, key=lambda job: (job.finished or first, job.index), reverse=True)


def screen_lines(
    sets: Sequence[Watched],
    *,
    width: int,
    height: int,
    now: datetime,
    looked: datetime | None,
    problems: Sequence[str] = (),
    leaving: str,
) -> list[Text]:
    """The lines of the screen, at most `height` and none wider than `width`.

    `looked` is when the reports were made, None where there are none yet; `leaving` says how.
    """
    foot = [Text(f"! {clean(problem)}", "yellow") for problem in problems[-2:]]
    asked = "asking" if looked is None else f"as of {ago(looked, now)}"
    foot.append(Text(f"{asked}  {leaving}", "dim"))
    room = max(0, height - len(foot) - 1)
    body: list[Text] = []
    if sets and room // len(sets) >= _LEAST:
        for at, one in enumerate(sets):
            share = (room - len(body)) // (len(sets) - at)
            is_last = at == len(sets) - 1
            body += _at_length(one, width, share if is_last else share - 1, now)
            body += [] if is_last else [Text()]
    else:
        body = [_in_a_line(one, width) for one in sets]
        if len(body) > room:
            body[max(0, room - 1) :] = [
                Text(f"... {len(body) - max(0, room - 1)} more sets", "dim")
            ]
    lines = [*body[:room], *[Text()] * (room - len(body)), Text(), *foot]
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return lines[-height:] if height > 0 else []


def _title(report: SetReport) -> Text:
    line = Text(set_title(report.job_set), "bold")
    line.append(f"  {report.state.value.upper()}", f"not bold {STYLES.get(report.state, '')}")
    return line


def _in_a_line(one: Watched, width: int) -> Text:
    reached = one.reached
    line = state_bar(one.report, max(4, min(20, width // 5)))
    line.append_text(Text("  ").append_text(_title(one.report)))
    line.append(f"  {reached.jobs_ended}/{reached.jobs} jobs")
    if reached.left_s is not None:
        line.append(f"  {time_left(reached.left_s)}")
    return line


def _at_length(one: Watched, width: int, most: int, now: datetime) -> list[Text]:
    report, reached = one
    failed = one.failed
    plan = report.job_set
    where = Text(f"  {clean(str(plan.destination))}", "dim")
    title = _title(report)
    titles = [title, where] if title.cell_len + where.cell_len > width else [title + where]
    how_far = (
        f"  {reached.jobs_ended}/{reached.jobs} jobs  "
        f"{reached.circuits_ended}/{reached.circuits} circuits  {_lasted(report, now)}"
    )
    if reached.left_s is not None:
        how_far += f", {time_left(reached.left_s)}"
    head = [*titles, state_bar(report, min(_WIDEST_BAR, max(1, width - 4))), Text(how_far)]
    left = most - len(head)
    if left > len(failed) + 3:
        head.append(Text(f"  {summary(report)}", "dim"))
        left -= 1
    waiting = _waiting(report, now)[: max(0, left)]
    left -= len(waiting)
    running = [job for job in report.jobs if job.state is State.RUNNING]
    digits = max((len(str(job.index)) for job in report.jobs), default=1)
    for_failed = min(len(failed), max(1, left // 2, left - len(running))) if left > 0 else 0
    of_running = [_running(job, digits, width, now) for job in running[:most]]
    rows = _rows(of_running, len(running), left - for_failed, "running")
    left -= len(rows)
    of_failed = [_failed(job, digits) for job in failed[:most]]
    return [*head, *rows, *waiting, *_rows(of_failed, len(failed), left, "failed")]


def _rows(lines: list[Text], total: int, most: int, what: str) -> list[Text]:
    """As many lines as there is room for, the last of which counts those that are not shown."""
    if total <= most:
        return lines
    if most <= 0:
        return []
    more = "more " if most > 1 else ""
    return [*lines[: most - 1], Text(f"  ... {total - most + 1} {more}{what}", "dim")]


def _lasted(report: SetReport, now: datetime) -> str:
    end = report.finished or now
    return elapsed(max(0.0, (end - report.job_set.created).total_seconds()))


def _row(mark: str, style: str, job: JobReport, digits: int) -> Text:
    line = Text()
    line.append(f"  {mark} ", style)
    return line.append(f"job {job.index:>{digits}}  circuits {job.slice}")


def _running(job: JobReport, digits: int, width: int, now: datetime) -> Text:
    line = _row("▒", STYLES[State.RUNNING], job, digits)
    if job.circuits_run is not None:
        line.append(f"  {job.circuits_run}/{job.slice.experiments_count} run")
    ran_s = job.ran_s(now)
    if ran_s is not None:
        line.append(f"  {elapsed(ran_s)}")
    if line.cell_len + len(job.job_id) + 2 <= width:  # an id that is cut is of no use
        line.append(f"  {clean(job.job_id)}", "dim")
    return line


def _waiting(report: SetReport, now: datetime) -> list[Text]:
    """Which jobs wait, and where the next one is in the queue."""
    waiting = [job for job in report.jobs if job.pending and job.state is not State.RUNNING]
    unsent = [job for job in report.jobs if job.unsent]
    lines = []
    if waiting:
        line = Text(f"  ░ {count(len(waiting), 'job')} waiting: {spans(j.index for j in waiting)}")
        if place := place_in_line(waiting, now):
            line = Text(f"  ░ {count(len(waiting), 'job')} waiting, {place}")
        lines.append(line)
    if unsent:
        lines.append(Text(f"  · {count(len(unsent), 'job')} not submitted yet"))
    return lines


def _failed(job: JobReport, digits: int) -> Text:
    line = _row("▓", STYLES[State.ERROR], job, digits)
    line.append(f"  {job.state.value}", STYLES.get(job.state, ""))
    return line.append(f"  {first_line(job.message)}")
