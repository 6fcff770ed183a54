"""The commands that run a set again, and that fetch what it gave."""

import shlex
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from qjobs.circuits.inputs import STDIN
from qjobs.contract import DEFINITION
from qjobs.model import JobSet, RunOptions, Scalar, Source
from qjobs.render.summaries import assignments

_NAMED = 12
"""Files that stand on the command line; more are read from a list."""
_RECORDED = frozenset({DEFINITION, "calibration"})
"""Options that say what a set was planned for: the backend tells anew what it is now."""


class Command(NamedTuple):
    """What to type, what it is for, and what is to be known of it."""

    purpose: str
    text: str
    remarks: tuple[str, ...] = ()


def commands(plan: JobSet, sources: Sequence[Source]) -> list[Command]:
    """The commands that go with a set, first the one that makes its like."""
    return [
        *_submit(plan, sources),
        Command("Get all results", f"qjobs result {plan.set_id} --out {plan.set_id}.jsonl"),
        Command("Make this page anew", f"qjobs report {plan.set_id} -o report.html"),
    ]


def _submit(plan: JobSet, sources: Sequence[Source]) -> list[Command]:
    if plan.recovered or plan.program or not sources:
        return []
    remarks = []
    options = _options(plan)
    for name, what in (("parameters", plan.parameters), ("observables", plan.observables)):
        if what:
            options += [f"--{name}", name.upper()]
            remarks.append(_file_remark(name, getattr(plan, f"{name}_sha256")))
    paths = [source.word for source in sources]
    if STDIN in paths:
        remarks.append("some circuits came from standard input, which - stands for")
    if "calibration" in plan.options.extra:
        remarks.append("circuits are transpiled for the calibration of the day")
    # What begins with a dash would be taken for an option.
    end = ["--"] if any(path.startswith("-") and path != STDIN for path in paths) else []
    if len(paths) <= _NAMED or any("\n" in path for path in paths):
        text = shlex.join(["qjobs", "submit", *options, *end, *paths])
    else:
        listed = "\n".join(paths)
        text = f"{shlex.join(['qjobs', 'submit', *options, '--files-from', '-'])} <<'FILES'\n"
        text += f"{listed}\nFILES"
    return [Command("Run it again", text, tuple(remarks))]


def _file_remark(name: str, sha256: str) -> str:
    known = f", whose table here has the sha256 {sha256[:12]}" if sha256 else ""
    return f"{name.upper()} is the file of {name}{known}"


def _options(plan: JobSet) -> list[str]:
    usual, chosen = RunOptions(), plan.options
    words = ["-b", str(plan.destination._replace(account="", instance=""))]
    words += ["--shots", str(chosen.shots)]
    words += [] if chosen.seed is None else ["--seed", str(chosen.seed)]
    words += ["--memory"] if chosen.memory else []
    if chosen.optimization_level != usual.optimization_level:
        words += ["--optimization-level", str(chosen.optimization_level)]
    words += [] if chosen.precision is None else ["--precision", str(chosen.precision)]
    for assignment in _assignments(chosen.extra):
        words += ["--option", assignment]
    for name, value in (("account", plan.account), ("instance", plan.instance)):
        words += [f"--{name}", value] if value else []
    words += ["--name", plan.name] if plan.name else []
    for tag in plan.tags:
        words += ["--tag", tag]
    sizes = {part.experiments_count for part in plan.slices[:-1]}
    if len(sizes) == 1 and plan.slices[-1].experiments_count <= max(sizes):
        words += ["--per-job", str(max(sizes))]
    return words


def _assignments(extra: Mapping[str, Scalar]) -> list[str]:
    return [
        assignments({name: value}, "") for name, value in extra.items() if name not in _RECORDED
    ]
