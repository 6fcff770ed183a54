"""What was run, and with what: all that one needs to know to trust it, or to run it again."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from qjobs.engine.report import SetReport
from qjobs.model import JobSet
from qjobs.render.summaries import assignments


class Fact(NamedTuple):
    """A property of the set; `code` is for what one copies."""

    name: str
    value: str
    code: bool = False


def facts(report: SetReport, labels: Sequence[str]) -> tuple[Fact, ...]:
    """What is known of a set, with the `labels` of its observables."""
    return tuple(fact for fact in _facts(report, labels) if fact.value)


def _facts(report: SetReport, labels: Sequence[str]) -> Iterator[Fact]:
    plan = report.job_set
    options = plan.options
    known = not plan.recovered
    extra: Mapping[str, object] = options.extra
    calibration = str(extra.get("calibration", ""))
    others = {name: value for name, value in options.extra.items() if name != "calibration"}
    yield Fact("Set", plan.set_id, code=True)
    yield Fact("Name", plan.name)
    yield Fact("Labels", ", ".join(plan.tags))
    yield Fact("Recovered", "from its jobs at the provider" if plan.recovered else "")
    yield Fact("Owner", plan.owner)
    yield Fact("Backend", f"{plan.provider}:{plan.backend}", code=True)
    yield Fact("Calls itself", " ".join(filter(None, (plan.provider_name, plan.backend_name))))
    yield Fact("Account", plan.account)
    yield Fact("Instance", plan.instance_name or plan.instance)
    yield Fact("Plan", plan.plan)
    yield Fact("Circuits", _circuits(plan))
    yield Fact("Parameters", ", ".join(plan.parameters), code=True)
    yield Fact("Observables", ", ".join(labels) or _number(plan.observables))
    # Where a precision is asked for, nobody takes so many shots.
    yield Fact("Shots", f"{options.shots:,}" if options.precision is None else "")
    yield Fact("Precision", "" if options.precision is None else f"{options.precision:g}")
    yield Fact("Seed", "" if options.seed is None else str(options.seed))
    yield Fact("Outcome of every shot", "kept" if options.memory else "")
    yield Fact("Optimization level", str(options.optimization_level) if known else "")
    yield Fact("Options", assignments(others, ", "), code=True)
    yield Fact("Calibration", calibration, code=True)
    yield Fact(
        "Versions", ", ".join(f"{name} {version}" for name, version in plan.versions.items())
    )
    yield Fact("Tag of its jobs", plan.tag, code=True)
    yield Fact("Fingerprint", plan.fingerprint, code=True)


def _circuits(plan: JobSet) -> str:
    if plan.bindings == 1:
        return f"{plan.circuits:,}"
    records = plan.circuits // plan.bindings
    return f"{plan.circuits:,}: {records:,} with {plan.bindings:,} rows of values"


def _number(number: int) -> str:
    return f"{number:,}" if number else ""
