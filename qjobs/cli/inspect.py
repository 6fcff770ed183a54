"""The verb inspect: what files of circuits hold, before anything is submitted."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from qjobs.cli import options
from qjobs.cli.groups import ShowOptions
from qjobs.cli.headings import Heading
from qjobs.cli.request import input_files
from qjobs.cli.workspace import open_workspace
from qjobs.errors import ExitCode, Unreadable, UsageError
from qjobs.model import Destination
from qjobs.providers.loading import parse_backend
from qjobs.render.output import Output
from qjobs.render.progress import progress
from qjobs.render.writing import show

if TYPE_CHECKING:
    from qjobs.engine.inspect import Inspection, Looked

_MOST = 1000  # rows of circuits that a person gets


def inspect(
    files: options.Files = None,
    files_from: options.FilesFrom = None,
    backend: options.Backends = None,
    account: options.AccountName = "",
    instance: options.Instance = "",
    *,
    circuits: Annotated[
        bool, Heading.SHOWN.option("--circuits", help="Show each circuit, not only each file.")
    ] = False,
    fast: Annotated[
        bool,
        Heading.SHOWN.option(
            "--fast", help="Read no more than how files begin: no gates, and no Qiskit."
        ),
    ] = False,
    written: ShowOptions,
) -> ExitCode:
    # Imported here, as below: `--help` does without what reads circuits.
    from qjobs.engine import inspect as engine
    from qjobs.render import inspected

    output = written.output
    if fast and backend:
        raise UsageError(
            "--fast reads no gates, and without them no backend can say anything",
            hint="leave out --fast, or --backend",
        )
    if not backend and (account or instance):
        raise UsageError("of which provider?", hint="name a backend: -b PROVIDER:BACKEND")
    wanted = [Destination(*parse_backend(word), account, instance) for word in backend or ()]
    missing: list[Unreadable] = []
    inputs = input_files(files, files_from, missing, verb="inspect")
    workspace = open_workspace(output) if wanted else None
    names = list(map(str, wanted))
    with engine.inspect(
        inputs, fast=fast, workspace=workspace, backends=wanted, missing=missing
    ) as inspection:
        if circuits:
            looked = _looked(inspection, output)
            # One of the two is read, which is all that there is to be had of them.
            document = inspected.circuits_document(looked, names)
            show(output, document, inspected.circuit_rows(looked, names), most=_MOST, paged=True)
        else:
            for _ in _looked(inspection, output):
                pass
            document = inspected.files_document(inspection.files, names)
            show(output, document, inspected.file_rows(inspection.files, names), most=None)
        inspection.check()
    output.hint_next("qjobs submit FILES...")
    return ExitCode.OK


def _looked(inspection: "Inspection", output: Output) -> "Iterator[Looked]":
    with progress(output, "looking", unit="circuits") as meter:
        for done, looked in enumerate(inspection.look(), 1):
            meter.show(done, inspection.circuits)
            yield looked
