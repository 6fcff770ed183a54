"""The headings under which `--help` lists options: each makes the options that stand under it."""

from enum import StrEnum
from typing import Any

import typer


class Heading(StrEnum):
    """A group of options, in the order in which `--help` has them.

    `Heading.WAITING.option("--poll", metavar="DURATION", help="...")` declares one of a group.
    """

    WHAT = "What to run"
    HOW = "How to run it"
    WHERE = "Where to run"
    CUTTING = "How to cut it into jobs"
    WHICH = "Which jobs"
    FILTER = "Filters"
    WAITING = "How to wait"
    SHOWN = "What to show"
    PICTURE = "What to draw"
    RISK = "At your own risk"
    OUTPUT = "Output"
    OTHER = "Options"

    def option(self, *names: str, **settings: Any) -> Any:
        """An option under this heading, declared as `typer.Option` takes it."""
        return typer.Option(*names, rich_help_panel=self, **settings)
