"""The options that say which sets are meant, and which of their jobs."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NamedTuple

from qjobs.cli.headings import Heading
from qjobs.cli.values import moment
from qjobs.engine.filters import JobFilter, SetFilter
from qjobs.engine.report import State

_Failed = Annotated[
    bool, Heading.FILTER.option("--failed", help="Jobs that failed, were refused or cancelled.")
]
_Pending = Annotated[bool, Heading.FILTER.option("--pending", help="Jobs that are not finished.")]
_Done = Annotated[bool, Heading.FILTER.option("--done", help="Jobs that are done.")]
_States = Annotated[
    list[State] | None,
    Heading.FILTER.option(
        "--status",
        metavar="STATE",
        help=f"Jobs in this state: {', '.join(State)}; repeatable.",
    ),
]
_OfBackend = Annotated[
    str,
    Heading.FILTER.option(
        "--backend",
        metavar="PATTERN",
        help="Sets on this provider:backend; ibm and 'ibm_*' will do.",
        show_default=False,
    ),
]
_Named = Annotated[
    str,
    Heading.FILTER.option(
        "--name", metavar="PATTERN", help="Sets of this name, such as 'ghz-*'.", show_default=False
    ),
]
_Tagged = Annotated[
    list[str] | None,
    Heading.FILTER.option(
        "--tag", metavar="TAG", help="Sets with this label; repeatable, for all of them."
    ),
]
_Since = Annotated[
    Any,
    Heading.FILTER.option(
        "--since",
        metavar="TIME",
        parser=moment,
        help="Sets made since then: 2026-11-30, 2026-11-30T12:00, or 90m, 12h, 2d, 1w ago.",
        show_default=False,
    ),
]
_Until = Annotated[
    Any,
    Heading.FILTER.option(
        "--until", metavar="TIME", parser=moment, help="Sets made before then.", show_default=False
    ),
]


class FilterOptions(NamedTuple):
    """Which sets are meant, and which of their jobs."""

    failed: _Failed = False
    pending: _Pending = False
    done: _Done = False
    states: _States = None
    backend: _OfBackend = ""
    name: _Named = ""
    tag: _Tagged = None
    since: _Since = None
    until: _Until = None

    @property
    def jobs(self) -> JobFilter:
        """What jobs must be like."""
        return JobFilter(self.failed, self.pending, self.done, tuple(self.states or ()))

    def sets(self, now: datetime) -> SetFilter:
        """What sets must be like."""
        since, until = _at(self.since, now), _at(self.until, now)
        return SetFilter(self.name, self.backend, tuple(self.tag or ()), since, until)


def _at(given: datetime | timedelta | None, now: datetime) -> datetime | None:
    """A moment, or the one that was so long ago."""
    try:
        return now - given if isinstance(given, timedelta) else given
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)
