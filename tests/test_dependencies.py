"""What is imported is what pyproject.toml names, and the other way round."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

import qjobs

ROOT = Path(__file__).parents[1]
PACKAGE = Path(qjobs.__file__).parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
# Where a notebook or a test runs us, it is there.
HOST = {"ipython", "pytest"}
# Plug-ins of pytest, and a vendor's package, which the config file of a test names.
NOT_IMPORTED = {"pytest-timeout", "pytest-xdist", "qiskit-ionq"}

_NAME = re.compile(r"[A-Za-z0-9._-]+")


def named(requirements: Iterable[str]) -> set[str]:
    """The distributions of requirements, without our own."""
    found = [_NAME.match(requirement) for requirement in requirements]
    return {_normal(match[0]) for match in found if match} - {"qiskit-qjobs"}


def imported(paths: Iterable[Path], *, own: Iterable[str] = ()) -> set[str]:
    """The distributions of what modules import, but for the standard library and `own` modules."""
    distributions = packages_distributions()
    modules = {module for path in paths for module in _modules(path)}
    modules -= {"qjobs", *own, *sys.stdlib_module_names}
    return {_normal(name) for module in modules for name in distributions.get(module, [module])}


def _modules(path: Path) -> Iterable[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_what_qjobs_imports_is_what_it_requires() -> None:
    ibm = PACKAGE / "providers" / "ibm"
    paths = [*PACKAGE.rglob("*.py")]
    without_ibm = [path for path in paths if ibm not in path.parents]

    without_extras = [path for path in without_ibm if path != PACKAGE / "pictures" / "printed.py"]

    assert imported(without_extras) - HOST == named(PROJECT["dependencies"])
    assert imported(without_ibm) - HOST == named([*PROJECT["dependencies"], *EXTRAS["plot"]])
    asked = [*PROJECT["dependencies"], *EXTRAS["ibm"], *EXTRAS["plot"]]
    assert imported(paths) - HOST == named(asked)


def test_what_the_tests_import_is_what_they_require() -> None:
    extras = (*EXTRAS["ibm"], *EXTRAS["plot"], *EXTRAS["test"])
    required = named([*PROJECT["dependencies"], *extras])
    paths = [*(ROOT / "tests").rglob("*.py")]
    own = {name for path in paths for name in (path.stem, path.parent.name)}

    found = imported(paths, own=own)

    assert found <= required
    assert named(EXTRAS["test"]) - found == NOT_IMPORTED


@pytest.mark.parametrize(
    "requirement",
    [*PROJECT["dependencies"], *(r for extra in EXTRAS.values() for r in extra)],
)
def test_every_requirement_has_a_lowest_version(requirement: str) -> None:
    if not requirement.startswith("qiskit-qjobs["):
        assert re.search(r">=\d", requirement)
