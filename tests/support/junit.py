"""A test report in JUnit's XML, checked for what CI systems ask of one.

By hand, the common part of the schemas of Windy Road and of Jenkins' xUnit plug-in.
"""

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import NamedTuple

_SUITE = (
    "errors", "failures", "hostname", "id", "name", "package", "skipped", "tests", "time",
    "timestamp",
)  # fmt: skip
_DECIMAL = re.compile(r"[0-9]+\.[0-9]{3}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}")


class Case(NamedTuple):
    name: str
    classname: str
    outcome: str
    type: str = ""
    message: str = ""


class Suite(NamedTuple):
    name: str
    package: str
    cases: list[Case]


def read(path: Path | str) -> list[Suite]:
    """The suites of a report; AssertionError if it is none, or its numbers do not add up."""
    root = ET.parse(path).getroot()
    assert (root.tag, root.attrib) == ("testsuites", {})
    return [_suite(child, number) for number, child in enumerate(root)]


def _suite(suite: ET.Element, number: int) -> Suite:
    assert suite.tag == "testsuite"
    assert sorted(suite.attrib) == [*_SUITE]
    assert suite.attrib["id"] == str(number)
    assert all(suite.attrib[name] for name in ("name", "hostname"))
    assert _TIME.fullmatch(suite.attrib["timestamp"])
    assert _DECIMAL.fullmatch(suite.attrib["time"])
    properties, *cases, out, err = suite
    assert (properties.tag, out.tag, err.tag) == ("properties", "system-out", "system-err")
    for one in properties:
        assert (one.tag, sorted(one.attrib)) == ("property", ["name", "value"])
    found = [_case(case) for case in cases]
    numbers = [int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped")]
    outcomes = [case.outcome for case in found]
    assert numbers == [len(found), *map(outcomes.count, ("failure", "error", "skipped"))]
    return Suite(suite.attrib["name"], suite.attrib["package"], found)


def _case(case: ET.Element) -> Case:
    assert (case.tag, sorted(case.attrib)) == ("testcase", ["classname", "name", "time"])
    assert _DECIMAL.fullmatch(case.attrib["time"])
    assert all(case.attrib.values())
    name, classname = case.attrib["name"], case.attrib["classname"]
    if not len(case):
        return Case(name, classname, "passed")
    (wrong,) = case
    assert wrong.tag in ("failure", "error", "skipped")
    assert set(wrong.attrib) == ({"message"} if wrong.tag == "skipped" else {"message", "type"})
    return Case(name, classname, wrong.tag, wrong.get("type", ""), wrong.attrib["message"])
