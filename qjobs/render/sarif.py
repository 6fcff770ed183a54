"""Findings as a log in the Static Analysis Results Interchange Format (SARIF 2.1.0, of OASIS)."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from qjobs import __version__
from qjobs.circuits.inputs import STDIN
from qjobs.errors import Place
from qjobs.render.findings import RULES, Finding, Rule, in_checkout
from qjobs.render.text import clean, count

_RESULTS = 5000
"""GitHub shows no more of a run."""


def log(findings: Sequence[Finding], checkout: Path) -> dict[str, Any]:
    """The log of one run, of 5,000 findings at most, and how many more there are.

    Paths are relative to `checkout`, or else absolute; columns count characters from 1.
    """
    invocation: dict[str, Any] = {"executionSuccessful": True}
    if len(findings) > _RESULTS:
        left_out = f"{count(len(findings) - _RESULTS, 'finding')} left out"
        told = {"level": "warning", "message": {"text": left_out}}
        invocation["toolExecutionNotifications"] = [told]
    driver = {
        "name": "qjobs",
        "version": __version__,
        "rules": [{"id": rule, "shortDescription": {"text": RULES[rule]}} for rule in Rule],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [invocation],
        "results": [*_results(findings[:_RESULTS], checkout)],
    }
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }


def _results(findings: Sequence[Finding], checkout: Path) -> Iterator[dict[str, Any]]:
    rules = [*Rule]
    for finding in findings:
        place = finding.place
        known = place is not None and place.file != STDIN
        yield {
            "ruleId": finding.rule,
            "ruleIndex": rules.index(finding.rule),
            "level": finding.level,
            "message": {"text": clean(finding.message if known else str(finding))},
            "locations": [_location(place, checkout)] if place is not None and known else [],
        }


def _location(place: Place, checkout: Path) -> dict[str, Any]:
    inside = in_checkout(place.file, checkout)
    if inside:
        where = {"uri": quote(os.fsencode(inside)), "uriBaseId": "%SRCROOT%"}
    else:
        where = {"uri": Path(place.file).absolute().as_uri()}
    physical: dict[str, Any] = {"artifactLocation": where}
    if place.line is not None:
        column = {} if place.column is None else {"startColumn": place.column}
        physical["region"] = {"startLine": place.line, **column}
    return {"physicalLocation": physical}
