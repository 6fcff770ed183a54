"""The arguments and options that several verbs share, declared once."""

from typing import Annotated

import typer

from qjobs.cli.headings import Heading
from qjobs.cli.tab import complete_address, complete_backend, complete_profile, one_of
from qjobs.cli.values import (
    LARGEST_NUMBER,
    duration_s,
    format_or_report,
    standard_error,
    whole_number,
)
from qjobs.order import Order
from qjobs.render.output import Format, Report

MODES = (
    ("job", "each waits in the queue by itself"),
    ("batch", "jobs that run close to one another"),
    ("session", "a machine to oneself, as long as jobs come"),
)
_LEVELS = (
    ("0", "only what the backend needs"),
    ("1", "light"),
    ("2", "more"),
    ("3", "as much as it can"),
)

Addresses = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="ADDRESS...",
        help="Sets (an id, a prefix of one, a name, @last, @2), their circuits (ghz:3-7) or jobs "
        "(ghz/2); - reads them from standard input. Default: @last. See qjobs help addresses.",
        show_default=False,
        autocompletion=complete_address,
    ),
]
OneAddress = Annotated[
    str,
    typer.Argument(metavar="ADDRESS", help="One set.", autocompletion=complete_address),
]
OneSet = Annotated[
    str,
    typer.Argument(metavar="SET", help="One whole set.", autocompletion=complete_address),
]
OneJob = Annotated[
    str,
    typer.Argument(
        metavar="SET/JOB", help="One job, such as ghz/2.", autocompletion=complete_address
    ),
]
WholeSets = Annotated[
    list[str],
    typer.Argument(
        metavar="SET...",
        help="Whole sets (an id, a prefix of one, a name, @last, @2); - reads them from standard "
        "input.",
        show_default=False,
        autocompletion=complete_address,
    ),
]
Sets = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SET...",
        help="Whole sets; - reads them from standard input. Default: all.",
        show_default=False,
        autocompletion=complete_address,
    ),
]

# How to say it.
Json = Annotated[
    bool,
    Heading.OUTPUT.option(
        "--json", help="Write JSON, errors on stderr included.", show_default=False
    ),
]
FormatOption = Annotated[
    Format | None,
    Heading.OUTPUT.option(
        "--format",
        metavar="FORMAT",
        help="table, tsv, csv, json or jsonl; by default a table on a terminal, TSV in a pipe. See "
        "qjobs help formats.",
        show_default=False,
    ),
]
LintFormat = Annotated[
    str | None,  # a Format or a Report: Typer takes no union of them
    Heading.OUTPUT.option(
        "--format",
        metavar="FORMAT",
        parser=format_or_report,
        help="table, tsv, csv, json or jsonl; by default a table on a terminal, TSV in a pipe. A "
        "dry run has github and sarif, too. See qjobs help formats.",
        show_default=False,
        autocompletion=one_of(lambda: ((word, "") for word in (*Format, *Report))),
    ),
]
Header = Annotated[
    bool, Heading.OUTPUT.option("--header", help="Begin TSV with the names of the columns.")
]
Quiet = Annotated[
    bool, Heading.OUTPUT.option("--quiet", "-q", help="Write ids only, and no progress.")
]
Profile = Annotated[
    str,
    Heading.OTHER.option(
        "--profile",
        metavar="NAME",
        envvar="QJOBS_PROFILE",
        help="Take defaults from [profiles.NAME] of the config files; see qjobs help config.",
        show_default=False,
        autocompletion=complete_profile,
    ),
]

# What to submit and how to run it.
Files = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FILES...",
        help="QPY, OpenQASM 2 or 3 files (packed too), folders, patterns; "
        "circuits of one (ghz.qpy:0-9); - is standard input.",
        show_default=False,
    ),
]
FilesFrom = Annotated[
    str | None,
    Heading.WHAT.option(
        "--files-from", metavar="FILE", help="Read more names from a file, or from -."
    ),
]
Backend = Annotated[
    str,
    Heading.WHERE.option(
        "--backend",
        "-b",
        metavar="PROVIDER:BACKEND",
        envvar="QJOBS_BACKEND",
        help="Provider and backend to run on; see qjobs help backends.",
        autocompletion=complete_backend,
    ),
]
Backends = Annotated[
    list[str] | None,
    Heading.WHERE.option(
        "--backend",
        "-b",
        metavar="PROVIDER:BACKEND",
        help="Say whether circuits fit this backend; repeatable.",
        autocompletion=complete_backend,
    ),
]
Name = Annotated[
    str,
    Heading.WHAT.option(
        "--name", "-n", metavar="NAME", help="Name of the set.", show_default=False
    ),
]
Tags = Annotated[
    list[str] | None,
    Heading.WHAT.option("--tag", metavar="TAG", help="Label of the set; repeatable."),
]
Shots = Annotated[
    int,
    Heading.HOW.option(
        "--shots",
        "-s",
        metavar="N",
        parser=whole_number(1, LARGEST_NUMBER),
        help="Number of times each circuit runs.",
    ),
]
Seed = Annotated[
    int | None,
    Heading.HOW.option(
        "--seed",
        metavar="N",
        parser=whole_number(0, LARGEST_NUMBER),
        help="Seed of the simulator and the transpiler.",
    ),
]
Memory = Annotated[bool, Heading.HOW.option("--memory", help="Keep the outcome of every shot.")]
OptimizationLevel = Annotated[
    int,
    Heading.HOW.option(
        "--optimization-level",
        metavar="N",
        parser=whole_number(0, 3),
        help="Effort of Qiskit's transpiler, 0 to 3.",
        autocompletion=one_of(lambda: _LEVELS),
    ),
]
SeedTranspiler = Annotated[
    int | None,
    Heading.HOW.option(
        "--seed-transpiler",
        metavar="N",
        parser=whole_number(0, LARGEST_NUMBER),
        help="Seed of the transpiler, if the provider transpiles here; by default that of --seed.",
        show_default=False,
    ),
]
NoTranspile = Annotated[
    bool,
    Heading.HOW.option(
        "--no-transpile",
        help="Submit the circuits as they are: to ibm if they fit, to others in any case.",
    ),
]
LeastBusy = Annotated[
    bool,
    Heading.WHERE.option(
        "--least-busy", help="Choose the backend with the fewest waiting jobs: -b ibm."
    ),
]
Mode = Annotated[
    str | None,
    Heading.WHERE.option(
        "--mode",
        metavar="MODE",
        help="Execution mode of the jobs: job, batch or session.",
        autocompletion=one_of(lambda: MODES),
    ),
]
MaxExecutionTime = Annotated[
    float | None,
    Heading.HOW.option(
        "--max-execution-time",
        metavar="DURATION",
        parser=duration_s,
        help="Stop each job after this much time on the machine (90, 30m, 1h).",
        show_default=False,
    ),
]
Private = Annotated[
    bool,
    Heading.WHERE.option(
        "--private", help="Hide the jobs from everybody else; their results can be read once."
    ),
]
AccountName = Annotated[
    str,
    Heading.WHERE.option(
        "--account",
        metavar="NAME",
        help="Use this saved account of the provider.",
        show_default=False,
    ),
]
Instance = Annotated[
    str,
    Heading.WHERE.option(
        "--instance", metavar="NAME", help="Use this instance of the account.", show_default=False
    ),
]
Recalibrated = Annotated[
    bool,
    Heading.RISK.option(
        "--recalibrated",
        help="Go on although the backend was calibrated anew since the set was planned.",
    ),
]
ExtraOptions = Annotated[
    list[str] | None,
    Heading.HOW.option(
        "--option", metavar="KEY=VALUE", help="Pass a run option to the backend; repeatable."
    ),
]
PerJob = Annotated[
    int | None,
    Heading.CUTTING.option(
        "--per-job",
        metavar="N",
        parser=whole_number(1),
        help="Put at most N circuits into a job; by default as many as suit the backend.",
    ),
]
MaxWorkers = Annotated[
    int | None,
    Heading.CUTTING.option(
        "--max-workers", metavar="N", parser=whole_number(1), help="Submit in at most N threads."
    ),
]
SkipInvalid = Annotated[
    bool,
    Heading.WHAT.option(
        "--skip-invalid", help="Leave out files that cannot be read, and list them."
    ),
]
Strict = Annotated[
    bool, Heading.WHAT.option("--strict", help="Refuse circuits that measure nothing.")
]
Once = Annotated[
    bool,
    Heading.WHAT.option("--once", help="Go on with the set, if the same was submitted before."),
]
Parameters = Annotated[
    str | None,
    Heading.WHAT.option(
        "--parameters",
        metavar="FILE",
        help="Run each circuit once with every row of values: .npz, .json or .csv (packed too).",
    ),
]
Observables = Annotated[
    str | None,
    Heading.WHAT.option(
        "--observables",
        metavar="FILE",
        help='Expectation values, not counts: .json such as ["ZZ", {"XX": 0.5, "YY": -0.5}].',
    ),
]
Precision = Annotated[
    float | None,
    Heading.HOW.option(
        "--precision",
        metavar="P",
        parser=standard_error,
        help="Standard error asked of expectation values; by default that of the shots.",
        show_default=False,
    ),
]

Trust = Annotated[
    bool,
    Heading.RISK.option(
        "--trust",
        help="Run the code that a set from elsewhere names, now and later on this machine.",
    ),
]
WholeJobs = Annotated[
    bool,
    Heading.RISK.option(
        "--whole-jobs", help="Take all of a job where only some of its circuits are named."
    ),
]

# How long to stay.
Wait = Annotated[bool, Heading.WAITING.option("--wait", help="Stay until every job is finished.")]
Timeout = Annotated[
    float | None,
    Heading.WAITING.option(
        "--timeout",
        metavar="DURATION",
        parser=duration_s,
        help="Wait no longer than this (90, 30m, 1h30m); the jobs go on.",
    ),
]
Poll = Annotated[
    float | None,
    Heading.WAITING.option(
        "--poll",
        metavar="DURATION",
        parser=duration_s,
        help="Ask for the status at least this often.",
    ),
]
FailFast = Annotated[
    bool,
    Heading.WAITING.option(
        "--fail-fast", help="Stop submitting and waiting at the first failed job."
    ),
]
MaxFails = Annotated[
    int | None,
    Heading.WAITING.option(
        "--max-fails",
        metavar="N",
        parser=whole_number(1),
        help="Stop submitting and waiting once N jobs failed.",
    ),
]

Notify = Annotated[
    bool,
    Heading.WAITING.option(
        "--notify", help="Ring, and show a desktop notification, when it is over."
    ),
]
OnEnd = Annotated[
    str | None,
    Heading.WAITING.option(
        "--on-end",
        metavar="COMMAND",
        help="Run this when it is over, with the JSON of `status` on its standard input.",
        show_default=False,
    ),
]

# Which results, and where to.
Top = Annotated[
    int | None,
    Heading.OUTPUT.option(
        "--top",
        metavar="N",
        parser=whole_number(1),
        help="Print only the N most frequent outcomes; 16 on a terminal.",
    ),
]
Partial = Annotated[
    bool,
    Heading.OUTPUT.option(
        "--partial", help="Print what is there, with a placeholder for the rest."
    ),
]
Arrays = Annotated[
    bool,
    Heading.OUTPUT.option(
        "--arrays", help="Put all that a simulator saved into JSON, as base64 of .npy."
    ),
]
ParametersOnly = Annotated[
    bool,
    Heading.OUTPUT.option(
        "--parameters-only",
        help="Print the values that each circuit of a sweep runs with, and no results.",
    ),
]
Out = Annotated[
    str | None,
    Heading.OUTPUT.option(
        "--out",
        metavar="PATH",
        help="Write a .json, .jsonl, .csv or .tsv file or, in a folder, a file a circuit.",
    ),
]
JunitXml = Annotated[
    str | None,
    Heading.OUTPUT.option(
        "--junitxml",
        metavar="FILE",
        help="Write what became of each circuit for a CI system, as a test report.",
    ),
]

# As a picture.
Plot = Annotated[
    str | None,
    Heading.PICTURE.option(
        "--plot",
        metavar="FILE",
        help="Draw histograms, or of a sweep curves, into a .svg, .html, .png or .pdf file.",
    ),
]
Against = Annotated[
    str | None,
    Heading.PICTURE.option(
        "--against",
        metavar="ADDRESS|FILE",
        help="With --plot: another set beside it, or a distribution in a .json file.",
        autocompletion=complete_address,
    ),
]
Sort = Annotated[
    Order,
    Heading.SHOWN.option(
        "--sort",
        metavar="ORDER",
        help="Put outcomes in the order of their count, or of the outcome.",
    ),
]
OverX = Annotated[
    list[str] | None,
    Heading.PICTURE.option(
        "--x",
        metavar="PARAMETER",
        help="With --plot: draw a sweep over this parameter; twice for a heat map.",
    ),
]
OnlyY = Annotated[
    list[str] | None,
    Heading.PICTURE.option(
        "--y",
        metavar="NAME",
        help="With --plot: draw only this observable or outcome; repeatable.",
    ),
]

# What is removed.
Force = Annotated[
    bool,
    Heading.RISK.option(
        "--force",
        help="Cancel unfinished jobs first; remove results, too, that can be had only once.",
    ),
]
DryRun = Annotated[
    bool, Heading.OUTPUT.option("--dry-run", help="Remove nothing; list what would go.")
]

# What is looked at.
ExitStatus = Annotated[
    bool,
    Heading.OUTPUT.option("--exit-status", help="End with the exit code of the jobs' outcome."),
]
Cached = Annotated[
    bool, Heading.SHOWN.option("--cached", help="Ask no provider; show what is recorded.")
]
