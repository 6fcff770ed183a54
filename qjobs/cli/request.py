"""The options of `submit` and `run`, and the request that they make."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from qjobs.cli import options
from qjobs.cli.values import named_options, run_options
from qjobs.engine.address import check_name
from qjobs.errors import InputError, UsageError
from qjobs.model import Destination, RunOptions
from qjobs.providers.loading import parse_backend

if TYPE_CHECKING:
    from qjobs.circuits.inputs import InputFile
    from qjobs.engine.set.request import SubmitRequest
    from qjobs.errors import Unreadable


def input_files(
    files: Sequence[str] | None,
    files_from: str | None,
    missing: "list[Unreadable] | None" = None,
    *,
    verb: str = "submit",
) -> "list[InputFile]":
    """The files of the command line and of the list, in this order; see `expand`."""
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
        raise UsageError("no circuit files were named", hint=f"qjobs {verb} FILES...")
    return expand(words, stdin=stdin, missing=missing)


class SubmitOptions(NamedTuple):
    """The options of `submit` and `run`: which circuits to submit, and how."""

    files: options.Files = None
    files_from: options.FilesFrom = None
    backend: options.Backend = "local:aer"
    least_busy: options.LeastBusy = False
    name: options.Name = ""
    tag: options.Tags = None
    shots: options.Shots = 1024
    seed: options.Seed = None
    memory: options.Memory = False
    optimization_level: options.OptimizationLevel = 1
    seed_transpiler: options.SeedTranspiler = None
    no_transpile: options.NoTranspile = False
    parameters: options.Parameters = None
    observables: options.Observables = None
    precision: options.Precision = None
    option: options.ExtraOptions = None
    mode: options.Mode = None
    max_execution_time: options.MaxExecutionTime = None
    private: options.Private = False
    account: options.AccountName = ""
    instance: options.Instance = ""
    per_job: options.PerJob = None
    max_workers: options.MaxWorkers = None
    skip_invalid: options.SkipInvalid = False
    strict: options.Strict = False
    once: options.Once = False
    profile: options.Profile = ""


def make_request(
    asked: SubmitOptions, missing: "list[Unreadable] | None" = None
) -> "SubmitRequest":
    """The request; raises UsageError for a name or a backend that cannot be.

    Names that stand for no file go into `missing`, unless it is None or there are no others.
    """
    from qjobs.engine.set.request import SubmitRequest

    named = named_options(
        mode=asked.mode, max_execution_time=asked.max_execution_time, private=asked.private,
        seed_transpiler=asked.seed_transpiler, transpile=not asked.no_transpile,
    )  # fmt: skip
    run = RunOptions(
        asked.shots, asked.seed, asked.memory, asked.optimization_level, asked.precision,
        {**named, **run_options(asked.option)},
    )  # fmt: skip
    inputs = input_files(asked.files, asked.files_from, missing)
    if asked.name:
        check_name(asked.name)
    provider, backend = parse_backend(asked.backend)
    return SubmitRequest(
        inputs,
        Destination(provider, backend, asked.account, asked.instance, run.pace),
        run,
        name=asked.name, tags=tuple(asked.tag or ()), per_job=asked.per_job,
        skip_invalid=asked.skip_invalid, strict=asked.strict, once=asked.once,
        parameters=asked.parameters, observables=asked.observables,
        least_busy=asked.least_busy, named_options=tuple(named),
    )  # fmt: skip
