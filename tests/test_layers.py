"""The house keeps its floors and its doors: what may import what, and who may speak.

From the ground up: values; files, threads and child processes; circuits and the state on disk;
what providers promise, and what they need not write; what they stand on; providers; use-cases;
pictures; the library's face and rendering; the command line. An import points to a lower floor or
stays within its package, and no imports run in a circle.
"""

import ast
import subprocess
import sys
from collections import Counter
from collections.abc import Container, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import qjobs

ROOT = Path(qjobs.__file__).parent

FLOORS = (
    {
        "model", "tags", "spans", "failed", "facts", "attempts", "ledger", "results", "failures",
        "errors", "selection", "regular", "near", "estimates", "order", "redaction",
    },
    {"children", "files", "lock", "disk", "pool", "paths", "config"},
    {"circuits", "store"},
    {"contract", "arguments"},
    {"defaults"},
    {"simulators", "backends", "known_jobs"},
    {"providers"},
    {"engine"},
    {"pictures"},
    {"managed", "render"},
    {"cli"},
    {"", "__main__", "testing"},  # the public faces, and `python -m qjobs`
)  # fmt: skip
FLOOR_OF = {part: number for number, parts in enumerate(FLOORS) for part in parts}
SPEAKERS = {"render", "cli", "", "__main__", "testing"}  # all others neither print nor exit
MOST_LINES = 0.3  # a package that has more of all lines is a question to answer

# Each outside thing has one importer, but two kinds of files are TOML.
DOORS = {
    "typer": ("cli",),
    "rich": ("render",),
    "jinja2": ("render",),
    "markupsafe": ("render",),
    "matplotlib": ("pictures",),
    "tomllib": ("store", "config", "cli"),
    "tomli_w": ("store",),
    "tomlkit": ("cli",),
    "platformdirs": ("paths",),
    "sqlite3": ("known_jobs",),
}
SLOW = {"qiskit", "qiskit_aer", "numpy", "pydantic"}
ENVIRONMENT = {"os.environ", "os.getenv"}
FLUSHES = {"os.fsync", "os.fdatasync"}  # which of them does it depends on the platform
SPEECH = {"print", "exit", "sys.exit", "raise SystemExit"}

# They run in processes of their own: some load what is slow, where it delays nobody.
WORKERS = {
    "circuits.worker",
    "providers.local.worker",
    *(
        f"simulators.{module}"
        for module in (
            "binding", "devices", "estimation", "machines", "objects", "running", "saving",
            "simulation", "translation",
        )
    ),
    "managed.provider_job",  # it is of a class of Qiskit's
    # These have a vendor's objects, so Qiskit is there anyway.
    "backends.jobs",
    "backends.reading",
    "backends.running",
    "providers.vendor.vendor",
}  # fmt: skip
PROGRAMS = WORKERS | {"providers.local.supervisor", "providers.slurm.task", "simulators.part"}


def modules() -> dict[str, Path]:
    """The modules by their names without `qjobs.`; the package itself has the empty one."""
    names = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        names[".".join(part for part in parts if part != "__init__")] = path
    return names


def complaints(module: str, source: str) -> list[str]:
    """What a module does against the rules. `module` is its name without `qjobs.`."""
    tree = ast.parse(source)
    part = module.partition(".")[0]
    if part not in FLOOR_OF:
        return [f"{module} is on no floor"]
    found = [*_wrong_words(module, tree), *_slow_imports(module, tree)]
    for node in ast.walk(tree):
        for target in _targets(node):
            found += _wrong_import(module, target)
    return [f"{module} {complaint}" for complaint in found]


def _wrong_words(module: str, tree: ast.Module) -> Iterator[str]:
    part = module.partition(".")[0]
    silent = part not in SPEAKERS and module not in PROGRAMS
    for node in ast.walk(tree):
        if not isinstance(node, ast.Name | ast.Attribute | ast.Raise | ast.Global):
            continue
        word = ast.unparse(node).partition("(")[0]
        if word in ENVIRONMENT and part != "paths":
            yield f"reads {word}"
        if word in FLUSHES and part != "files":
            yield f"flushes with {word}"
        if word in SPEECH and silent:
            yield f"says {word}"
        if isinstance(node, ast.Global):
            yield f"changes the {word}"


def _wrong_import(module: str, target: str) -> Iterator[str]:
    part = module.partition(".")[0]
    package, _, inside = target.partition(".")
    if part not in DOORS.get(package, (part,)):
        yield f"imports {package}, which {' and '.join(DOORS[package])} does"
    if not package:
        yield "has a relative import, which hides where it points"
    if package != "qjobs" or inside == "__version__":
        return
    below = inside.partition(".")[0]
    on_the_ground = FLOOR_OF[part] == FLOOR_OF.get(below) == 0
    if below != part and not on_the_ground and FLOOR_OF.get(below, 99) >= FLOOR_OF[part]:
        yield f"imports {inside}, which is on no lower floor"
    plug_in = _plug_in(inside)
    if plug_in and plug_in != _plug_in(module):
        yield f"knows the provider {plug_in}"


def _plug_in(module: str) -> str:
    """The provider that a module belongs to; empty for all others."""
    package, _, rest = module.partition(".")
    name = rest.partition(".")[0]
    return name if package == "providers" and name != "loading" else ""


def _slow_imports(module: str, tree: ast.Module) -> Iterator[str]:
    """What is imported along with the module, though it is slow and only some calls need it."""
    if module in WORKERS:
        return
    nodes: list[ast.AST] = [tree]
    while nodes:
        node = nodes.pop()
        for target in _targets(node):
            if target.partition(".")[0] in SLOW:
                yield f"imports {target} outside of a function"
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            nodes += node.orelse
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            nodes += ast.iter_child_nodes(node)


def _targets(node: ast.AST) -> Iterator[str]:
    """The full names of what a statement imports; those of a relative one begin with a dot."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        source = "" if node.level else node.module
        yield from (f"{source}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("module", modules())
def test_every_module_keeps_its_floor_and_its_doors(module: str) -> None:
    assert complaints(module, modules()[module].read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("module", "source", "complaint"),
    [
        ("model", "from qjobs.engine.submit import submit_unsent", "on no lower floor"),
        ("files", "def f():\n    from qjobs.store.sets import Store", "on no lower floor"),
        ("engine.submit", "import qjobs.cli.main", "on no lower floor"),
        ("engine.submit", "from qjobs import managed", "on no lower floor"),
        ("engine.submit", "from qjobs import JobManager", "on no lower floor"),
        ("engine.submit", "from qjobs.providers.fake.books import Books", "knows the provider"),
        ("engine.submit", "from qjobs.providers import local", "knows the provider local"),
        ("backends.running", "from qjobs.simulators.names import kind", "on no lower floor"),
        ("contract", "from qjobs.backends.running import run", "on no lower floor"),
        ("providers.loading", "import qjobs.providers.fake.provider", "knows the provider fake"),
        ("providers.fake.books", "import qjobs.providers.local", "knows the provider local"),
        ("store.journal", "from . import locks", "relative import"),
        ("store.journal", "from .locks import Lock", "relative import"),
        ("utils", "", "on no floor"),
        ("cli.main", "from rich.table import Table", "imports rich, which render does"),
        ("render.tables", "import typer", "imports typer"),
        ("engine.submit", "import tomllib", "imports tomllib"),
        ("store.journal", "from os import path\nimport os\nos.environ['A']", "reads os.environ"),
        ("engine.submit", "print('done')", "says print"),
        ("circuits.joining", "import os\nos.fdatasync(7)", "flushes with os.fdatasync"),
        ("managed", "raise SystemExit(1)", "says raise SystemExit"),
        ("pool", "import sys\nsys.exit(1)", "says sys.exit"),
        ("pool", "def f():\n    global width", "changes the global width"),
        ("circuits.qpy", "import qiskit.qpy", "imports qiskit.qpy outside of a function"),
        ("circuits.workers", "from numpy import array", "outside of a function"),
        ("engine.plan", "if True:\n    import qiskit", "outside of a function"),
        ("engine.plan", "class A:\n    import qiskit", "outside of a function"),
    ],
)
def test_the_rules_can_be_broken(module: str, source: str, complaint: str) -> None:
    (found,) = complaints(module, source)

    assert complaint in found


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("facts", "from qjobs.model import Job"),
        ("store.journal", "from qjobs.store.state.torn import cut\nfrom qjobs import __version__"),
        ("engine.submit", "from qjobs.providers.loading import load"),
        ("providers.local.provider", "from qjobs.providers.local.queue import Queue"),
        ("circuits.qpy", "def f():\n    import qiskit"),
        ("circuits.qpy", "if TYPE_CHECKING:\n    from qiskit import QuantumCircuit"),
        ("circuits.worker", "import qiskit"),
        ("render.tables", "print('a table')"),
        ("circuits.qasm", "try: f()\nexcept SystemExit: raise"),
        ("paths", "import os\nos.environ['A']"),
        ("config", "def f():\n    import tomllib"),
    ],
)
def test_the_rules_can_be_kept(module: str, source: str) -> None:
    assert complaints(module, source) == []


def imports_of(module: str, source: str, known: Container[str]) -> set[str]:
    """The modules that a module imports, those for types alone among them."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        for target in _targets(node):
            name = target.removeprefix("qjobs.")
            while name and name not in known:
                name = name.rpartition(".")[0]
            if target.startswith("qjobs.") and name:
                found.add(name)
    return found - {module}


def test_imports_do_not_run_in_circles() -> None:
    paths = modules()
    arrows = {
        module: imports_of(module, path.read_text(encoding="utf-8"), paths)
        for module, path in paths.items()
    }

    assert len(list(TopologicalSorter(arrows).static_order())) == len(paths)


def test_a_circle_of_imports_for_types_is_seen() -> None:
    sources = {
        "engine.a": "if TYPE_CHECKING:\n    from qjobs.engine.b import B",
        "engine.b": "from qjobs.engine import a",
    }
    arrows = {module: imports_of(module, text, sources) for module, text in sources.items()}

    with pytest.raises(CycleError):
        TopologicalSorter(arrows).prepare()


def test_no_package_is_most_of_the_house() -> None:
    lines: Counter[str] = Counter()
    for module, path in modules().items():
        lines[module.partition(".")[0]] += len(path.read_text(encoding="utf-8").splitlines())

    (largest, count) = lines.most_common(1)[0]
    assert count < MOST_LINES * lines.total(), largest


def test_the_library_loads_nothing_slow_until_it_is_needed() -> None:
    """What `status`, `list` and `cancel` import, and everything else below the renderer."""
    library = [
        f"qjobs.{module}"
        for module in modules()
        if module.partition(".")[0] not in SPEAKERS and module not in WORKERS
    ]
    slow = [*SLOW, "rich", "asyncio", "multiprocessing", "concurrent.futures"]
    program = f"""
import importlib, sys
for module in {library!r}:
    importlib.import_module(module)
print(*(name for name in {slow!r} if name in sys.modules))
"""
    command = [sys.executable, "-c", program]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert "qjobs.engine.status" in library
    assert (outcome.stdout.split(), outcome.stderr) == ([], "")
