"""What the words of a command line ask to be submitted."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qjobs.engine.address import check_name
from qjobs.errors import InputError, UsageError
from qjobs.model import Destination, RunOptions
from qjobs.providers.loading import parse_backend

if TYPE_CHECKING:
    from qjobs.circuits.inputs import InputFile
    from qjobs.engine.set.request import SubmitRequest


def input_files(files: Sequence[str] | None, files_from: str | None) -> "list[InputFile]":
    """The files of the command line and of the list, in this order."""
    from qjobs.circuits.inputs import expand, read_list

    stdin = sys.stdin.buffer
    words = list(files or ())
    if files_from == "-":
        if "-" in words:
            raise UsageError("standard input cannot be both circuits and a list of files")
        words += read_list(stdin)
    elif files_from is not None:
        try:
            with Path(files_from).open("rb") as stream:
                words += read_list(stream)
        except OSError as error:
            raise InputError(f"cannot read {files_from}: {error.strerror}") from error
    if not words:
        if files_from is not None:
            raise InputError(f"there is no name of a file in {files_from}")
        raise UsageError("no circuit files were named", hint="qjobs submit FILES...")
    return expand(words, stdin=stdin)


def make_request(
    inputs: "list[InputFile]",
    backend: str,
    *,
    run: RunOptions,
    name: str,
    tags: Sequence[str] | None,
    per_job: int | None,
    parameters: str | None,
    observables: str | None,
    account: str,
    instance: str,
    least_busy: bool,
    named: Iterable[str],
    skip_invalid: bool,
    strict: bool,
    once: bool,
) -> "SubmitRequest":
    """The request; raises UsageError for a name or a backend that cannot be."""
    from qjobs.engine.set.request import SubmitRequest

    if name:
        check_name(name)
    provider, device = parse_backend(backend)
    return SubmitRequest(
        inputs, Destination(provider, device, account, instance, run.pace), run,
        name=name, tags=tuple(tags or ()), per_job=per_job,
        skip_invalid=skip_invalid, strict=strict, once=once,
        parameters=parameters, observables=observables,
        least_busy=least_busy,
        named_options=tuple(named),
    )  # fmt: skip
