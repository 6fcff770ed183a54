"""Every table fits into the terminal, and what it is for stays whole: ids, names, addresses."""

import io
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sample_set import plan

from qjobs.circuits.anatomy import Anatomy, Register
from qjobs.circuits.fitting import Judgement, Verdict
from qjobs.circuits.sniff import Format
from qjobs.contract import BackendInfo, CancelOutcome, Finding, JobDetails
from qjobs.engine.cancel import CancelReport
from qjobs.engine.du import Usage
from qjobs.engine.error import Failure, Origin
from qjobs.engine.inspect import Looked, LookedFile
from qjobs.engine.recover import Outcome, Recovery
from qjobs.engine.remove import Removal
from qjobs.engine.report import JobReport, SetReport, State
from qjobs.engine.result import CircuitRow
from qjobs.engine.set.origins import Origins
from qjobs.errors import Unreadable, UsageError
from qjobs.model import Slice, Source
from qjobs.render import house, inspected, rows, tables
from qjobs.render.backends import Offer, offers_by_provider
from qjobs.render.checks import check_rows
from qjobs.render.columns import COLUMNS
from qjobs.render.configured import setting_rows
from qjobs.render.layout import table_lines
from qjobs.render.recovered import recovered_rows
from qjobs.render.rows import Rows
from qjobs.store.folder import Skipped

WIDTHS = (120, 80, 60, 50)
NOW = datetime(2026, 11, 23, tzinfo=UTC)

IDS = ("d1q8k2m5v6n0008xyz0g", "6f1c2d3e-4a5b-6c7d-8e9f-0a1b2c3d4e5f", "local-e8c9c28212fa3472")
MESSAGES = (
    "",
    "out of memory",
    "the state vector of 42 qubits takes 64 TiB, the machine has 16: -b local:matrix_product_state",
)
PLAN = replace(
    plan(),
    name="rabi-oscillation-of-the-third-qubit-2026",
    backend="ibm_marrakesh_with_a_long_name",
    instance="crn:v1:bluemix:public:quantum:us-east::",
    provider_name="IBM Quantum Platform",
    backend_name="Aer with the noise of ibm_marrakesh",
    versions={"qiskit-qjobs": "0.1.0", "qiskit": "2.6.2", "qiskit-ibm-runtime": "0.51.0"},
    tags=("night", "calibration-2026-11-22"),
)
OTHER = replace(PLAN, set_id="77aa77bb77cc", name="")
JOBS = tuple(
    JobReport(
        index, Slice(3 * index, 3), attempt, state, IDS[index], MESSAGES[index],
        duplicates=("d1q8k2m5v6n0008xyz1h",) if index == 2 else (),
    )
    for index, (attempt, state) in enumerate(
        [(1, State.DONE), (2, State.CANCELLED), (1, State.ERROR)]
    )
)  # fmt: skip
REPORT = SetReport(PLAN, JOBS)
TWO_SETS = [(REPORT, JOBS), (SetReport(OTHER, JOBS), JOBS)]
TIMES = {
    index: JobDetails(
        started="2026-11-22T05:00:00.123456Z", ended="2026-11-22T05:01:00.123456Z",
        usage_s=12.25, queue_position=17, estimated_start="2026-11-22T05:00:00Z",
        waits_for="maintenance until tomorrow at noon, says the provider",
    )
    for index in (0, 2)
}  # fmt: skip
FILES = ("circuits/of-november/rabi_0001.qasm", "circuits/of-november/rabi_0999.qasm")
SOURCES = tuple(Source(path, "a" * 64, "qasm2", 5 * at, 5) for at, path in enumerate(FILES))
LEFT_OUT = Skipped(1, (Unreadable(FILES[0], 17, 4, MESSAGES[2], FILES[0]),))
FAILURES = [
    Failure(job.index, 1, job.slice, origin, MESSAGES[2], job.job_id, FILES)
    for job, origin in zip(JOBS, (Origin.RUN, Origin.CIRCUIT, Origin.SUBMIT), strict=True)
]
BACKENDS = [
    Offer("ibm", BackendInfo(PLAN.backend, "Heron r2", 156, simulator=False, pending_jobs=1234)),
    Offer("ibm", BackendInfo("ibm_fez", MESSAGES[2], 156, simulator=False, pending_jobs=7)),
    Offer("local", BackendInfo("aer", "Aer picks the method for each circuit")),
]
COUNTS = {"01" * 20: 700, "10" * 20: 300, "11" * 20: 1}
RESULT = CircuitRow(
    index=0, name=PLAN.name, source=FILES[0], position=0, job=0, job_id=IDS[0], state=State.DONE,
    shots=1001, counts=COUNTS,
)  # fmt: skip
FILE = LookedFile(
    FILES[0], Format.QPY, "", 18, "2.6.2", 1_000_000,
    ranges=dict.fromkeys(("qubits", "clbits", "depth", "size", "two_qubit_gates"), (1, 100_000)),
    registers=["q[127]", "meas[127]"],
    verdicts=[Counter({Verdict.FITS: 999_999, Verdict.TRANSPILE: 1})],
)  # fmt: skip
LOOKED = Looked(
    FILES[0], 999_999,
    Anatomy(
        PLAN.name, 127, 127, [Register("q", "q", 127)], 100_000, 1_000_000, 500_000,
        [f"theta[{number}]" for number in range(127)],
    ),
    [Judgement(Verdict.TRANSPILE, "the backend has no cx on qubits 0 and 1")],
)  # fmt: skip

# Each table, and the words that it must show whole.
TABLES = {
    "status --jobs": (
        lambda: tables.print_table(rows.job_rows(TWO_SETS, short=True), most=None),
        (PLAN.set_id, PLAN.name, OTHER.set_id, *IDS),
    ),
    "status": (
        lambda: tables.print_summary(REPORT, JOBS, NOW),
        (PLAN.set_id, PLAN.name, "local:matrix_product_state"),
    ),
    "list": (
        lambda: tables.print_table(rows.short_list_rows([REPORT], NOW), most=None),
        (PLAN.set_id, PLAN.name, f"ibm:{PLAN.backend}"),
    ),
    "list, in full": (
        lambda: tables.print_table(rows.list_rows([REPORT]), most=None),
        (PLAN.set_id, PLAN.name, f"ibm:{PLAN.backend}", "2026-11-22T12:00:00Z"),
    ),
    "show": (
        lambda: tables.print_table(
            rows.in_short(
                rows.detail_rows(
                    REPORT, SOURCES, ["ZZ", "XX"], skipped=LEFT_OUT, details=TIMES
                )
            ),
            most=None,
        ),
        (
            PLAN.set_id, PLAN.name, f"ibm:{PLAN.backend}", PLAN.instance, *PLAN.tags, *FILES,
            "qiskit-ibm-runtime=0.51.0", *JOBS[2].duplicates,
        ),
    ),
    "show, times": (
        lambda: tables.print_table(rows.time_rows(JOBS, TIMES), most=None),
        (TIMES[0].started, TIMES[0].ended, TIMES[0].estimated_start),
    ),
    "show, files left out": (
        lambda: tables.print_table(rows.skipped_rows(LEFT_OUT.files), most=None),
        (f"{FILES[0]}:17:4",),
    ),
    "submit --dry-run": (
        lambda: tables.print_table(rows.plan_rows(PLAN, Origins(SOURCES, PLAN)), most=None),
        FILES,
    ),
    "error": (
        lambda: tables.print_failures([(PLAN, failure) for failure in FAILURES]),
        (PLAN.set_id, PLAN.name, *FILES),
    ),
    "cancel": (
        lambda: tables.print_table(
            rows.cancel_rows(
                [
                    (PLAN, CancelReport(job.index, job.slice, outcome, job.job_id, at == 1))
                    for at, (job, outcome) in enumerate(zip(JOBS, CancelOutcome, strict=False))
                ]
            ),
            most=None,
        ),
        (PLAN.set_id, PLAN.name, *IDS),
    ),
    "recover": (
        lambda: tables.print_table(
            recovered_rows([Recovery(PLAN.set_id, PLAN.backend, Outcome.RECOVERED, 900, 3, 3)]),
            most=None,
        ),
        (PLAN.set_id, PLAN.backend),
    ),
    "backends": (
        lambda: tables.print_table(offers_by_provider(BACKENDS), most=None),
        [offer.address for offer in BACKENDS],
    ),
    "rm": (
        lambda: tables.print_table(
            house.removal_rows(
                [Removal(PLAN, 12_345_678), Removal(OTHER, 5, UsageError(MESSAGES[2]))],
                dry_run=False,
                human=True,
            ),
            most=None,
        ),
        (PLAN.set_id, PLAN.name, OTHER.set_id, "12 MB"),
    ),
    "du": (
        lambda: tables.print_table(
            house.usage_rows([Usage(PLAN.set_id, PLAN, 1, 10**6, 10**9, None)], human=True),
            most=None,
        ),
        (PLAN.set_id, PLAN.name, f"ibm:{PLAN.backend}", "1 B", "1.0 MB", "1.0 GB"),
    ),
    "inspect": (
        lambda: tables.print_table(inspected.file_rows([FILE], [f"ibm:{PLAN.backend}"]), most=None),
        (FILE.path, "1000000", f"ibm:{PLAN.backend}"),
    ),
    "inspect circuits": (
        lambda: tables.print_table(
            inspected.circuit_rows([LOOKED], [f"ibm:{PLAN.backend}"]), most=None
        ),
        (FILE.path, "999999", LOOKED.anatomy.name, "theta[126]", f"ibm:{PLAN.backend}"),
    ),
    "rename": (
        lambda: tables.print_table(house.label_rows([PLAN, OTHER]), most=None),
        (PLAN.set_id, PLAN.name, *PLAN.tags),
    ),
    "check": (
        lambda: tables.print_table(
            check_rows([Finding("shared-folder", False, MESSAGES[2], f"qjobs show {PLAN.set_id}")]),
            most=None,
        ),
        ("shared-folder", PLAN.set_id),
    ),
    "result of observables": (
        lambda: tables.print_histograms(
            [replace(RESULT, counts=None, evs=(-0.123456, 1.0), stds=(0.0123, 0.5))],
            labels=["ZZ", f"0.5 {'X' * 127} - 0.25 {'Y' * 127} + ... (7 terms)"],
            circuits=1, total=1, top=16, hint="",
        ),
        ("ZZ", "-0.123 ± 0.012"),
    ),
    "result": (
        lambda: tables.print_histograms(
            [RESULT], circuits=1, total=2, top=16, hint=f"qjobs result {PLAN.set_id} --format tsv",
            file_of=lambda row: row.source,
        ),
        (RESULT.name, RESULT.source, PLAN.set_id, *COUNTS),
    ),
}  # fmt: skip


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def drawn(monkeypatch):
    """The lines that something prints on a terminal of a width, without their colours."""

    def draw(width, draw_it):
        terminal = Terminal()
        monkeypatch.setattr("sys.stdout", terminal)
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setenv("TERM", "xterm")
        draw_it()
        return re.sub(r"\x1b\[[0-9;]*m", "", terminal.getvalue()).splitlines()

    return draw


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", TABLES)
def test_no_line_is_wider_than_the_terminal_and_no_name_is_broken(drawn, name, width):
    draw_it, words = TABLES[name]
    lines = drawn(width, draw_it)
    assert max(map(len, lines)) <= width
    for word in words:
        assert any(word in line for line in lines), word


def test_an_id_that_is_wider_than_the_terminal_is_left_to_it_in_one_piece(drawn):
    arn = "arn:aws:braket:us-west-2:123456789012:quantum-task/6f1c2d3e-4a5b-6c7d-8e9f-0a1b2c3d4e5f"
    job = replace(JOBS[0], job_id=arn)
    lines = drawn(
        80, lambda: tables.print_table(rows.job_rows([(REPORT, [job])], short=True), most=None)
    )
    assert any(arn in line for line in lines)


def test_each_column_of_a_table_says_what_it_is_worth():
    for rows_of in (
        rows.job_rows([], short=True), rows.job_rows([]), rows.cancel_rows([]),
        rows.short_list_rows([], NOW), rows.list_rows([]), rows.time_rows([], {}),
         rows.plan_rows(PLAN, Origins(SOURCES, PLAN)), recovered_rows([]),
        offers_by_provider([]), rows.skipped_rows([]),
        rows.detail_rows(REPORT, SOURCES, skipped=LEFT_OUT), house.label_rows([]), check_rows([]),
        *(house.removal_rows([], dry_run=True, human=human) for human in (True, False)),
        *(house.leftover_rows([], human=human) for human in (True, False)),
        house.usage_rows([], human=True), setting_rows([], origin=True),
    ):  # fmt: skip
        columns = set(rows_of.columns) - {"start", "end", rows_of.group}
        assert columns <= set(COLUMNS)


def test_numbers_stand_right_and_text_left():
    table = Rows(("job", "name", "circuits"), [(7, "a", 5), (10, "bcd", 1000)])
    assert plain(table, 80) == [
        "job  name  circuits",
        "  7  a            5",
        " 10  bcd       1000",
    ]


def test_numbers_with_units_stand_right_too():
    table = Rows(("job", "ran", "jobs"), [(0, "< 0.1 s", "1 done"), (1, "2 h 5 min", "10 done")])
    assert plain(table, 80) == [
        "job        ran  jobs",
        "  0    < 0.1 s  1 done",
        "  1  2 h 5 min  10 done",
    ]


def test_what_need_not_be_said_has_no_column():
    jobs = [replace(job, attempt=1, message="") for job in JOBS]
    assert plain(rows.job_rows([(SetReport(OTHER, jobs), jobs)], short=True), 80)[:2] == [
        OTHER.set_id,
        "job  slice  state      job_id",
    ]


def test_the_id_of_a_set_stands_once_over_its_jobs():
    lines = plain(rows.job_rows(TWO_SETS, short=True), 80)
    for set_id in (PLAN.set_id, OTHER.set_id):
        assert sum(set_id in line for line in lines) == 1


def test_what_does_not_fit_stands_under_its_row_with_its_name():
    job_id = "x" * 29
    table = Rows(
        ("job", "state", "job_id", "message"),
        [(0, "done", job_id, ""), (1, "error", "y", "why\nand how, in a few more words")],
    )
    assert plain(table, 40) == [
        "job  state",
        "  0  done",
        f"    job_id {job_id}",
        "  1  error",
        "    job_id y",
        "    why and how, in a few more words",
    ]


def test_text_stands_beside_the_rest_where_there_is_room_for_it():
    table = Rows(("job", "message"), [(0, "short"), (1, "long " * 10), (2, "")])
    assert plain(table, 30) == [
        "job  message",
        "  0  short",
        "  1",
        "    long long long long long",
        "    long long long long long",
        "  2",
    ]


def test_a_column_that_is_worth_least_goes():
    table = Rows(("job", "submitted"), [(0, "2026-11-22T05:00:00Z")])
    assert plain(table, 30) == ["job  submitted", "  0  2026-11-22T05:00:00Z"]
    assert plain(table, 20) == ["job", "  0"]


def test_rows_that_are_not_shown_are_counted():
    table = Rows(("job",), [(number,) for number in range(5)])
    assert plain(table, 80, most=2) == ["job", "  0", "  1", "... 3 more"]


words = st.text("abc-:/é漢", min_size=1, max_size=30)
cells = st.one_of(st.integers(0, 10**6), words, st.just(""))
texts = st.lists(words, max_size=12).map(" ".join)


@given(
    st.lists(st.tuples(cells, words, cells, words, texts), min_size=1, max_size=4),
    st.integers(35, 90),
)
def test_whatever_is_in_a_table_it_fits_and_each_word_is_there_whole(body, width):
    table = Rows(("job", "state", "circuits", "job_id", "message"), body)
    lines = list(table_lines(table, width=width, most=None))
    assert max(line.cell_len for line in lines) <= width
    shown = "\n".join(line.plain for line in lines).split()
    for row in body:
        for word in " ".join(map(str, row)).split():
            assert word in shown


def plain(table, width, *, most=None):
    return [line.plain for line in table_lines(table, width=width, most=most)]


def test_however_many_jobs_failed_they_are_listed_within_the_terminal(drawn):
    same = [Failure(2 * job, 1, Slice(job, 1), Origin.RUN, "why") for job in range(200)]
    lines = drawn(50, lambda: tables.print_failures([(OTHER, failure) for failure in same]))
    assert max(map(len, lines)) <= 50
    numbers = re.findall(r"\d+", " ".join(lines[1:]))
    assert numbers == [str(2 * job) for job in range(200)]
