"""What `qjobs help TOPIC` says. What a table in the code has is taken from there."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from qjobs import paths
from qjobs.cli.schema import schema_files
from qjobs.config import DEFAULTS
from qjobs.engine.finding import WORDS
from qjobs.errors import ExitCode, QjobsError
from qjobs.providers import loading
from qjobs.render.files import SUFFIXES
from qjobs.render.output import Format, Report
from qjobs.render.prose import Prose
from qjobs.render.text import clean
from qjobs.simulators.names import DESCRIPTIONS

SETTINGS: Mapping[str, Mapping[str, str]] = {
    "local": {
        "workers": "how many processes run circuits",
        "idle_s": "seconds they wait for more work",
        "deaths": "how many of them one job may cost",
    },
    "ibm": {
        "account": "a saved account",
        "instance": "an instance, by its name or CRN",
        "channel": "the channel of the client",
        "workers": "how many processes transpile",
        "connections": "posts and questions at once",
        "submits_per_minute": "jobs that are submitted in a minute",
        "settle_s": "seconds that the lists of the service may lag behind",
        "timeout_s": "seconds that an answer may stay away",
        "post_timeout_s": "the same for a job that is submitted",
        "payload_bytes": "the largest body that is sent",
        "answer_bytes": "the largest answer that is read",
    },
    "slurm": {
        "shared": "a folder that the nodes see, too",
        "python": "the interpreter of the tasks",
        "module": "an environment module to load before",
        "container": "a container that the tasks run in",
        "silent_s": "seconds after which a silent task is not believed to run",
        "patience_s": "seconds for which a controller that does not answer is waited for",
        "array_limit": "how many tasks of an array run at once",
    },
}
"""The settings of providers: keys of [providers.NAME] and, in capitals, ends of variables."""

OF_VENDORS: Mapping[str, str] = {
    "factory": "package.module:callable, which gives the provider",
    "arguments": 'what it is called with; {env = "NAME"} is a variable',
    "python": "the interpreter that has the package",
    "run": "further arguments of the backend's run",
    "limits": "circuits, connections, pending_jobs, submits_per_minute",
    "timeout_s": "seconds that a question may take",
    "submit_timeout_s": "seconds that a submission may take",
}

_PROVIDERS = {
    "local": "simulators on this machine; the default",
    "ibm": "IBM Quantum Platform",
    "slurm": "the simulators of local, on a cluster",
    "fake": "a test double: made-up counts, and faults as told",
}

FORMATS: Mapping[Format, str] = {
    Format.TABLE: "for people; the default on a terminal",
    Format.TSV: "a line a row, without a header; the default in a pipe",
    Format.CSV: "the same with commas and a header",
    Format.JSON: "one document, with a schema",
    Format.JSONL: "the inner objects of that document, one a line",
}

REPORTS: Mapping[Report, str] = {
    Report.GITHUB: "annotations of GitHub, 10 of a kind at most, on the lines of the files",
    Report.SARIF: "a log in SARIF 2.1.0, for code scanning",
}
"""How `submit --dry-run` writes what it finds."""

CONFIG = """\
[defaults]
backend = "ibm:ibm_fez"
shots = 4096

[profiles.ci]      # with --profile ci
backend = "local:aer"
timeout = "30m"

[providers.local]
workers = 2

[providers.ionq]   # then: -b ionq:simulator
factory = "qiskit_ionq:IonQProvider"
arguments = {token = {env = "IONQ_API_KEY"}}

[backends.cats]    # then: -b local:cats
factory = "acme.simulators:Cats"
"""

CIRCUIT = """\
OPENQASM 2.0;
include "qelib1.inc";
qreg q[2];
creg c[2];
x q[0];
measure q -> c;
"""
OUTCOME = "01"
"""The outcome of that circuit: qubit 0 is the last bit."""


def write(topic: str, page: Prose) -> None:
    """Write the text on a topic, one of `help_pages.TOPICS`."""
    _WRITERS[topic](page)


def _addresses(page: Prose) -> None:
    page.text(
        "The verbs that look at sets, or change them, take addresses. Without one they mean the "
        "newest set. Circuits and jobs are counted from 0, and ranges include both ends."
    )
    page.rows(
        "Sets",
        (
            ("@last, @2", "the newest, the one before it"),
            ("9f3c1a7e2b40, 9f3c", "by the id, or its start"),
            ("ghz", "by the name; of several the newest"),
            ("-", "addresses on standard input, one a line"),
        ),
    )
    page.rows(
        "Parts of a set",
        (
            ("ghz:3, ghz:3-7", "circuits"),
            ("ghz:0-99:10", "every tenth of these"),
            ("ghz:8-, ghz:-3", "from the ninth on, up to the fourth"),
            ("ghz:0,5-7", "several"),
            ("ghz/2, ghz/1-3", "jobs"),
        ),
    )
    page.rows(
        "Parts of files, for submit, run and inspect",
        (
            ("ghz.qpy:100-199", "circuits of a file, with the same ranges"),
            ("ghz.qpy:warm-up", "those of that name"),
            ("'circuits/*.qpy:0'", "of each file"),
        ),
    )
    spelled = ", ".join(word for word in WORDS if word != "@last")
    page.text(f"Other words for @last, for shells that take the sign for their own: {spelled}.")
    page.text(
        "Jobs are stopped and submitted as a whole: cancel, retry and resume refuse circuits "
        "that are only a part of one, and name the job."
    )
    page.commands(
        "Examples",
        ("qjobs result ghz:0-9", "qjobs cancel ghz/2", "qjobs status --failed -q | qjobs retry -"),
    )


def _backends(page: Prose) -> None:
    page.text(
        "-b PROVIDER:BACKEND says where circuits run, or the variable QJOBS_BACKEND. A bare word "
        "is a backend of local, or a provider that chooses by itself."
    )
    names = [*_PROVIDERS]
    with suppress(QjobsError):  # of a config file that cannot be read, other verbs tell
        names += [name for name in loading.names() if name not in names]
    page.rows(
        "Providers",
        ((name, _PROVIDERS.get(name, "of another package, or the config file")) for name in names),
    )
    page.rows(
        "Backends of local",
        (
            *DESCRIPTIONS.items(),
            ("fake_torino, fake_fez", "Aer with the noise of a device, and others"),
            ("generic_5", "a made-up device of 5 qubits"),
            ("basic_simulator", "Qiskit's own simulator"),
            ("package.module:callable", "what that gives: a backend or a sampler"),
            ("NAME", "of [backends.NAME] in the config file"),
        ),
    )
    page.commands(
        "Examples",
        ("qjobs backends", "qjobs backends -p local", "qjobs run bell.qasm -b local:stabilizer"),
    )


def _config(page: Prose) -> None:
    page.text(
        f"The config file is {clean(str(paths.config_file()))}; another one is named in "
        "QJOBS_CONFIG. It is TOML, need not be there, and says no more than this:"
    )
    page.rows(
        "Tables",
        (
            ("[defaults]", "values of options"),
            ("[profiles.NAME]", "others, for --profile NAME or QJOBS_PROFILE"),
            ("[providers.NAME]", "settings of a provider; with a factory, a vendor's package"),
            ("[backends.NAME]", "a simulator of local: factory, arguments, backend"),
        ),
    )
    page.text(
        f"A project may have {paths.PROJECT}, in the working folder or a parent of it, with "
        "[defaults] and [profiles.NAME] alone. An option goes before a variable, that before a "
        "profile, that before [defaults]; in each the project goes before the user."
    )
    page.lines("Example", CONFIG)
    page.rows("[defaults] and [profiles.NAME]", DEFAULTS.items())
    for name, settings in SETTINGS.items():
        page.rows(f"[providers.{name}]", settings.items())
    page.text("For slurm any option of sbatch is a setting, too, with _ for -.")
    page.rows("[providers.NAME] of a vendor's package", OF_VENDORS.items())
    page.text("Variables go before the file: qjobs help environment.")


def _counts(page: Prose) -> None:
    page.text(
        "Counts say how often each outcome came in all shots. The bits of an outcome are in "
        "Qiskit's order: the last one is bit 0. Registers stand apart, the first one last."
    )
    page.lines("A circuit that flips qubit 0", CIRCUIT)
    page.lines("gives", f"{OUTCOME}  1024")
    page.text(
        "With registers a of one bit and b of two, `10 1` is b[1]=1, b[0]=0, a[0]=1. A bit that "
        "nothing is measured into is 0."
    )
    page.text(
        "Of N shots, a count n has a standard error of sqrt(n (1 - n/N)): 512 of 1024 is 512 +- 16."
    )
    page.text(
        "Observables have the same order: in ZI the Z, on the left, is on qubit 1, and the I on "
        "qubit 0."
    )


def _environment(page: Prose) -> None:
    page.text("Variables go before the config file, and options before both. None may be empty.")
    page.rows("Variables", paths.VARIABLES.items())
    page.rows(
        "Settings of providers",
        (
            (f"QJOBS_{name.upper()}_{key.upper()}", meaning)
            for name, settings in SETTINGS.items()
            for key, meaning in settings.items()
        ),
    )
    page.rows(
        "Of a vendor's package, called NAME",
        ((f"QJOBS_NAME_{key.upper()}", OF_VENDORS[key]) for key in loading.FROM_ENVIRONMENT),
    )
    page.rows(
        "Of others",
        (
            ("NO_COLOR", "no colours on a terminal; nor where TERM is dumb"),
            ("PAGER, NO_PAGER", "what shows long lists, by default less; that nothing does"),
            ("COLUMNS", "the width of tables and help, where no terminal says it"),
            ("GITHUB_STEP_SUMMARY", "a file to which submit, run and wait append how it went"),
            ("GITHUB_WORKSPACE, CI_PROJECT_DIR", "where the repository is whose files are named"),
            ("XDG_STATE_HOME, XDG_CONFIG_HOME", "where the state and the config file are on Linux"),
            ("QISKIT_IBM_TOKEN, QISKIT_IBM_INSTANCE", "of IBM's client: the account"),
        ),
    )
    page.text(f"The state is in {clean(str(paths.state_home()))}.")


def _exit_codes(page: Prose) -> None:
    page.rows("Exit codes", ((str(int(code)), code.meaning) for code in ExitCode))
    page.text(
        "Failed beats pending. status and error end with 0 once they have said it, unless "
        "--exit-status is given. With --json an error is one line of JSON on stderr, with the "
        "code: qjobs schema error."
    )
    page.commands("Example", ("qjobs wait ghz --timeout 45m || echo ended with $?",))


def _formats(page: Prose) -> None:
    page.text(
        "What is on stdout is data, and all else on stderr. submit, retry and resume print ids "
        "alone in a pipe, and so does -q."
    )
    page.rows("--format", ((format_.value, meaning) for format_, meaning in FORMATS.items()))
    page.rows(
        "--format of submit --dry-run, too",
        ((report.value, meaning) for report, meaning in REPORTS.items()),
    )
    page.rows(
        "--out PATH",
        (
            (f"a name in {', '.join(SUFFIXES)}", "one file, in the format of its end"),
            ("a folder, or a name with / at its end", "a file a circuit"),
        ),
    )
    page.text(f"JSON has schemas, in which keys may be added: {_listed(schema_files())}.")
    page.commands("Examples", ("qjobs schema status", "qjobs result --json > counts.json"))


def _listed(words: Iterable[str]) -> str:
    return ", ".join(sorted(words))


_WRITERS: Mapping[str, Callable[[Prose], None]] = {
    "addresses": _addresses,
    "backends": _backends,
    "config": _config,
    "counts": _counts,
    "environment": _environment,
    "exit-codes": _exit_codes,
    "formats": _formats,
}
