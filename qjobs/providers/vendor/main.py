"""The program of a vendor's process, run by its path in whatever environment the vendor is in.

It makes the package `qjobs` importable there, from our own files and nothing beside them,
and then serves requests: see `serving`. An older Python has to be able to read this file.
"""

import os
import sys
from importlib.util import module_from_spec, spec_from_file_location
from os.path import dirname, join


def main() -> None:
    """Serve until the requests end."""
    answers = int(sys.argv[1])
    # The folder of this file is no place to import from: a module here is called `jobs`.
    folder = sys.path.pop(0)
    version = ".".join(map(str, sys.version_info[:2]))
    if sys.version_info < (3, 11):  # noqa: UP036 - whatever the vendor's environment has
        reply = '{"call": 0, "bytes": 0, "error": "old_python", "message": "VERSION"}\n'
        os.write(answers, reply.replace("VERSION", version).encode())
        return
    _import_package(dirname(dirname(folder)))  # noqa: PTH120 - text, as sys.path has it
    from qjobs.providers.vendor.serving import serve

    serve(answers)


def _import_package(root: str) -> None:
    """Import ours, whichever version is installed here: both sides have to speak one language."""
    spec = spec_from_file_location(
        "qjobs",
        join(root, "__init__.py"),  # noqa: PTH118 - as above
        submodule_search_locations=[root],
    )
    assert spec is not None
    assert spec.loader is not None
    package = module_from_spec(spec)
    sys.modules["qjobs"] = package
    spec.loader.exec_module(package)


if __name__ == "__main__":
    main()
