"""The arguments and options that several verbs share, declared once."""

from typing import Annotated

import typer

from qjobs.cli.tab import complete_address, complete_backend
from qjobs.cli.values import LARGEST_NUMBER, duration_s, standard_error
from qjobs.render.output import Format

Addresses = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="ADDRESS...",
        help="Sets (an id, a prefix of one, a name, @last, @2), their circuits (ghz:3-7) or jobs "
        "(ghz/2); - reads them from standard input. Default: @last.",
        show_default=False,
        autocompletion=complete_address,
    ),
]
OneAddress = Annotated[
    str,
    typer.Argument(metavar="ADDRESS", help="One set.", autocompletion=complete_address),
]
OneJob = Annotated[
    str,
    typer.Argument(
        metavar="SET/JOB", help="One job, such as ghz/2.", autocompletion=complete_address
    ),
]

# How to say it.
Json = Annotated[
    bool, typer.Option("--json", help="Write JSON, errors on stderr included.", show_default=False)
]
FormatOption = Annotated[
    Format | None,
    typer.Option(
        "--format",
        metavar="FORMAT",
        help="table, tsv, csv, json or jsonl; by default a table on a terminal, TSV in a pipe.",
        show_default=False,
    ),
]
Header = Annotated[bool, typer.Option("--header", help="Begin TSV with the names of the columns.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Write ids only, and no progress.")]

# What to submit and how to run it.
Files = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FILES...",
        help="QPY, OpenQASM 2 or 3 files (packed too), folders, patterns; - is standard input.",
        show_default=False,
    ),
]
FilesFrom = Annotated[
    str | None,
    typer.Option("--files-from", metavar="FILE", help="Read more names from a file, or from -."),
]
Backend = Annotated[
    str,
    typer.Option(
        "--backend",
        "-b",
        metavar="PROVIDER:BACKEND",
        envvar="QJOBS_BACKEND",
        help="Provider and backend to run on.",
        autocompletion=complete_backend,
    ),
]
Name = Annotated[
    str,
    typer.Option("--name", "-n", metavar="NAME", help="Name of the set.", show_default=False),
]
Tags = Annotated[
    list[str] | None, typer.Option("--tag", metavar="TAG", help="Label of the set; repeatable.")
]
Shots = Annotated[
    int,
    typer.Option(
        "--shots",
        "-s",
        metavar="N",
        min=1,
        max=LARGEST_NUMBER,
        help="Number of times each circuit runs.",
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        "--seed",
        metavar="N",
        min=0,
        max=LARGEST_NUMBER,
        help="Seed of the simulator and the transpiler.",
    ),
]
Memory = Annotated[bool, typer.Option("--memory", help="Keep the outcome of every shot.")]
OptimizationLevel = Annotated[
    int,
    typer.Option(
        "--optimization-level",
        metavar="N",
        min=0,
        max=3,
        help="Effort of Qiskit's transpiler, 0 to 3.",
    ),
]
SeedTranspiler = Annotated[
    int | None,
    typer.Option(
        "--seed-transpiler",
        metavar="N",
        min=0,
        max=LARGEST_NUMBER,
        help="Seed of the transpiler, if the provider transpiles here; by default that of --seed.",
        show_default=False,
    ),
]
NoTranspile = Annotated[
    bool,
    typer.Option(
        "--no-transpile",
        help="Submit the circuits as they are: to ibm if they fit, to others in any case.",
    ),
]
LeastBusy = Annotated[
    bool,
    typer.Option("--least-busy", help="Choose the backend with the fewest waiting jobs: -b ibm."),
]
Mode = Annotated[
    str | None,
    typer.Option(
        "--mode", metavar="MODE", help="Execution mode of the jobs: job, batch or session."
    ),
]
MaxExecutionTime = Annotated[
    float | None,
    typer.Option(
        "--max-execution-time",
        metavar="DURATION",
        parser=duration_s,
        help="Stop each job after this much time on the machine (90, 30m, 1h).",
        show_default=False,
    ),
]
Private = Annotated[
    bool,
    typer.Option(
        "--private", help="Hide the jobs from everybody else; their results can be read once."
    ),
]
AccountName = Annotated[
    str,
    typer.Option(
        "--account",
        metavar="NAME",
        help="Use this saved account of the provider.",
        show_default=False,
    ),
]
Instance = Annotated[
    str,
    typer.Option(
        "--instance", metavar="NAME", help="Use this instance of the account.", show_default=False
    ),
]
Recalibrated = Annotated[
    bool,
    typer.Option(
        "--recalibrated",
        help="Go on although the backend was calibrated anew since the set was planned.",
    ),
]
ExtraOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--option", metavar="KEY=VALUE", help="Pass a run option to the backend; repeatable."
    ),
]
PerJob = Annotated[
    int | None,
    typer.Option(
        "--per-job",
        metavar="N",
        min=1,
        help="Put at most N circuits into a job; by default as many as suit the backend.",
    ),
]
MaxWorkers = Annotated[
    int | None,
    typer.Option("--max-workers", metavar="N", min=1, help="Submit in at most N threads."),
]
SkipInvalid = Annotated[
    bool, typer.Option("--skip-invalid", help="Leave out files that cannot be read, and list them.")
]
Strict = Annotated[bool, typer.Option("--strict", help="Refuse circuits that measure nothing.")]
Once = Annotated[
    bool,
    typer.Option("--once", help="Go on with the set, if the same was submitted before."),
]
Parameters = Annotated[
    str | None,
    typer.Option(
        "--parameters",
        metavar="FILE",
        help="Run each circuit once with every row of values: .npz, .json or .csv (packed too).",
    ),
]
Observables = Annotated[
    str | None,
    typer.Option(
        "--observables",
        metavar="FILE",
        help='Expectation values, not counts: .json such as ["ZZ", {"XX": 0.5, "YY": -0.5}].',
    ),
]
Precision = Annotated[
    float | None,
    typer.Option(
        "--precision",
        metavar="P",
        parser=standard_error,
        help="Standard error asked of expectation values; by default that of the shots.",
        show_default=False,
    ),
]

WholeJobs = Annotated[
    bool,
    typer.Option(
        "--whole-jobs", help="Take all of a job where only some of its circuits are named."
    ),
]

# How long to stay.
Wait = Annotated[bool, typer.Option("--wait", help="Stay until every job is finished.")]
Timeout = Annotated[
    float | None,
    typer.Option(
        "--timeout",
        metavar="DURATION",
        parser=duration_s,
        help="Wait no longer than this (90, 30m, 1h30m); the jobs go on.",
    ),
]
Poll = Annotated[
    float | None,
    typer.Option(
        "--poll",
        metavar="DURATION",
        parser=duration_s,
        help="Ask for the status at least this often.",
    ),
]
FailFast = Annotated[
    bool,
    typer.Option("--fail-fast", help="Stop submitting and waiting at the first failed job."),
]
MaxFails = Annotated[
    int | None,
    typer.Option(
        "--max-fails", metavar="N", min=1, help="Stop submitting and waiting once N jobs failed."
    ),
]

Notify = Annotated[
    bool, typer.Option("--notify", help="Ring, and show a desktop notification, when it is over.")
]
OnEnd = Annotated[
    str | None,
    typer.Option(
        "--on-end",
        metavar="COMMAND",
        help="Run this when it is over, with the JSON of `status` on its standard input.",
        show_default=False,
    ),
]

# Which results, and where to.
Top = Annotated[
    int | None,
    typer.Option(
        "--top",
        metavar="N",
        min=1,
        help="Print only the N most frequent outcomes; 16 on a terminal.",
    ),
]
Partial = Annotated[
    bool, typer.Option("--partial", help="Print what is there, with a placeholder for the rest.")
]
Arrays = Annotated[
    bool,
    typer.Option("--arrays", help="Put all that a simulator saved into JSON, as base64 of .npy."),
]
Out = Annotated[
    str | None,
    typer.Option(
        "--out",
        metavar="PATH",
        help="Write a .json, .jsonl, .csv or .tsv file or, in a folder, a file a circuit.",
    ),
]

# What is looked at.
ExitStatus = Annotated[
    bool, typer.Option("--exit-status", help="End with the exit code of the jobs' outcome.")
]
Cached = Annotated[bool, typer.Option("--cached", help="Ask no provider; show what is recorded.")]
