"""Options that verbs take in groups: each group is declared once, as a named tuple."""

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from qjobs.cli import options
from qjobs.cli.values import most_fails
from qjobs.errors import ExitCode, UsageError
from qjobs.render.output import Format, Output, Report

if TYPE_CHECKING:
    from qjobs.cli.ending import Ending
    from qjobs.engine.wait import Limit


class OutputOptions(NamedTuple):
    """How the output is written."""

    format_: options.FormatOption = None
    header: options.Header = False
    quiet: options.Quiet = False
    json: options.Json = False

    @property
    def output(self) -> Output:
        """The output that was asked for."""
        return Output.chosen(self.format_, as_json=self.json, header=self.header, quiet=self.quiet)


class LintOptions(NamedTuple):
    """How the output of submit is written, whose dry run is a linter, too."""

    format_: options.LintFormat = None
    header: options.Header = False
    quiet: options.Quiet = False
    json: options.Json = False

    @property
    def report(self) -> Report | None:
        """How findings are written, if not as data is; --json goes before."""
        return self.format_ if isinstance(self.format_, Report) and not self.json else None

    @property
    def output(self) -> Output:
        """The output that was asked for."""
        format_ = self.format_ if isinstance(self.format_, Format) else None
        return Output.chosen(format_, as_json=self.json, header=self.header, quiet=self.quiet)


class ShowOptions(NamedTuple):
    """How the output of a verb is written that has no ids to give alone."""

    format_: options.FormatOption = None
    header: options.Header = False
    json: options.Json = False

    @property
    def output(self) -> Output:
        """The output that was asked for."""
        return Output.chosen(self.format_, as_json=self.json, header=self.header)


class WaitOptions(NamedTuple):
    """How long jobs are waited for, at how many failures it ends, and what happens then."""

    timeout: options.Timeout = None
    poll: options.Poll = None
    fail_fast: options.FailFast = False
    max_fails: options.MaxFails = None
    notify: options.Notify = False
    on_end: options.OnEnd = None

    def ending(self, *, waits: bool = True) -> "Ending | None":
        """What is to be done in the end. Raises UsageError if it cannot be, or nobody waits."""
        if not self.notify and self.on_end is None:
            return None
        from qjobs.cli.ending import Ending

        if not waits:
            raise UsageError("--notify and --on-end: nobody waits for an end", hint="add --wait")
        return Ending.of(notify=self.notify, on_end=self.on_end)

    @property
    def limit(self) -> "Limit":
        """The limit that this is."""
        from qjobs.engine.wait import Limit

        failures = most_fails(fail_fast=self.fail_fast, max_fails=self.max_fails)
        return Limit(self.timeout, self.poll, failures)


def expanded(verb: Callable[..., ExitCode]) -> Callable[..., ExitCode]:
    """The verb as Typer takes it: with the options of its groups in the place of the groups."""
    signature = inspect.signature(verb)
    groups: dict[str, Any] = {}
    parameters: list[inspect.Parameter] = []
    for name, parameter in signature.parameters.items():
        kind = parameter.annotation
        if isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields"):
            groups[name] = kind
            parameters += _options(kind)
        else:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))

    def run(**given: Any) -> ExitCode:
        for name, group in groups.items():
            given[name] = group(**{field: given.pop(field) for field in group._fields})
        return verb(**given)

    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _options(group: Any) -> list[inspect.Parameter]:
    return [
        inspect.Parameter(
            field,
            inspect.Parameter.KEYWORD_ONLY,
            default=group._field_defaults.get(field, inspect.Parameter.empty),
            annotation=group.__annotations__[field],
        )
        for field in group._fields
    ]
