"""Each verb from the words of a command line to data on stdout and an exit code."""

import csv
import json
import re
import sys
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest

TSV_LINE = re.compile(r"[^\t\n]*(\t[^\t\n]*)*\n")


def submitted(qjobs, bell, *more, script="", circuits=3, code=0):
    ended = qjobs("submit", *[bell] * circuits, "-b", f"fake:{script}", "--per-job", "1", *more)
    assert ended.code == code, ended
    return ended.out.strip()


def test_submit_in_a_pipe_prints_the_set_id_and_nothing_else(qjobs, bell_qasm):
    ended = qjobs("submit", bell_qasm, "-b", "fake:")
    assert re.fullmatch(r"[0-9a-f]{12}\n", ended.out)
    assert (ended.code, ended.err) == (0, "")


def test_submit_json_is_a_set_document(qjobs, bell):
    ended = qjobs("submit", bell, bell, "-b", "fake:", "-n", "ghz", "--tag", "a", "--json")
    document = ended.document("set")
    assert document["name"] == "ghz"
    assert document["tag"] == f"qj-{document['id']}"
    assert document["tags"] == ["a"]
    assert document["circuits"] == 2
    assert [job["start_index"] for job in document["jobs"]] == [0, 1]


def test_a_backend_can_come_from_the_environment(qjobs, bell, monkeypatch):
    monkeypatch.setenv("QJOBS_BACKEND", "fake:")
    assert qjobs("submit", bell, "--json").document("set")["provider"] == "fake"


def test_run_options_are_read_as_words_numbers_and_text(qjobs, bell):
    words = ["--option", "a=1", "--option", "b=1.5", "--option", "c=true", "--option", "d=x=y"]
    options = qjobs("submit", bell, "-b", "fake:", *words, "--json").document("set")["options"]
    assert options["extra"] == {"a": 1, "b": 1.5, "c": True, "d": "x=y"}


def test_a_dry_run_plans_and_writes_nothing(qjobs, bell, home):
    ended = qjobs("submit", bell, bell, bell, "-b", "fake:circuits=2", "--dry-run", "--json")
    jobs = ended.document("plan")["jobs"]
    assert [(job["start_index"], job["experiments_count"]) for job in jobs] == [
        (0, 1),
        (1, 1),
        (2, 1),
    ]
    assert not (home / "sets").exists()
    rows = qjobs("submit", bell, bell, "-b", "fake:jobs=1", "--dry-run").out
    assert rows == "0\t0\t1\t2\tbell.qpy\t2\t3\t1\n"  # qubits, depth, two-qubit gates


def test_once_prints_the_same_set_twice_and_pays_once(qjobs, bell):
    first = qjobs("submit", bell, "-b", "fake:", "--once")
    second = qjobs("submit", bell, "-b", "fake:", "--once")
    assert first.out == second.out
    assert second.code == 0
    assert "before" in second.err
    assert len(qjobs("list", "-q").out.splitlines()) == 1


def test_times_are_the_last_columns_of_jobs_and_the_same_as_in_json(qjobs, bell):
    before = datetime.now(UTC)
    submitted(qjobs, bell, "--wait")
    after = datetime.now(UTC)
    rows = [line.split("\t")[-5:] for line in qjobs("status").out.splitlines()]
    (shown,) = qjobs("status", "--json").document("status")["sets"]
    keys = ("submitted", "started", "finished", "waited_s", "ran_s")
    assert rows == [[str(job[key]) for key in keys] for job in shown["jobs"]]
    for row in rows:
        accepted, began, ended = map(datetime.fromisoformat, row[:3])
        assert before <= datetime.fromisoformat(shown["created"]) <= accepted
        # The provider has a clock reading of its own, of a moment before ours.
        assert accepted - timedelta(seconds=1) < began <= ended <= after
        assert float(row[3]) == max(0.0, (began - accepted).total_seconds())
        assert float(row[4]) == (ended - began).total_seconds()
    assert shown["finished"] == max(row[2] for row in rows)
    assert shown["as_of"] is None
    assert qjobs("list", "--json").document("list")["sets"][0]["finished"] == shown["finished"]
    assert qjobs("show", "--json").document("set")["finished"] == shown["finished"]


def test_what_cancel_was_told_is_shown_by_verbs_that_ask_nobody(qjobs, bell):
    submitted(qjobs, bell, script="delay=60")
    qjobs("cancel", "@last/0-1")
    rows = [line.split("\t") for line in qjobs("status", "--cached").out.splitlines()]
    assert [row[5] for row in rows] == ["cancelled", "cancelled", "queued"]
    assert qjobs("list", "--cached").out.split("\t")[7] == "2 cancelled, 1 queued"


def test_a_set_with_a_job_that_has_not_ended_has_no_end(qjobs, bell):
    submitted(qjobs, bell, script="delay=60")
    qjobs("cancel", "@last/0")
    (shown,) = qjobs("status", "--json").document("status")["sets"]
    assert [job["finished"] is None for job in shown["jobs"]] == [False, True, True]
    assert shown["finished"] is None
    first, second, _ = (line.split("\t")[-5:] for line in qjobs("status").out.splitlines())
    assert ["" if cell == "" else "told" for cell in first] == ["told"] * 5
    assert ["" if cell == "" else "told" for cell in second] == ["told", "told", "", "told", "told"]


def test_files_are_named_by_a_list_too(qjobs, bell, tmp_path):
    (tmp_path / "list.txt").write_text("bell.qpy\nbell.qpy\n")
    ended = qjobs("submit", "--files-from", "list.txt", "-b", "fake:", "--json")
    assert ended.document("set")["circuits"] == 2


def test_status_in_a_pipe_is_a_row_a_job(qjobs, bell):
    set_id = submitted(qjobs, bell, "--wait", script="connections=1")
    rows = [line.split("\t") for line in qjobs("status").out.splitlines()]
    assert [row[:8] for row in rows] == [
        [set_id, str(n), str(n), str(n), "1", "done", f"fake-{n + 1}", ""] for n in range(3)
    ]
    with_header = qjobs("status", "--header").out
    assert with_header.splitlines()[0].split("\t")[:3] == ["set", "job", "start"]


def test_status_json_counts_every_state_and_adds_up(qjobs, bell):
    submitted(qjobs, bell, "--wait", script="fail=1", code=6)
    (only,) = qjobs("status", "--json").document("status")["sets"]
    assert sum(only["counts"].values()) == len(only["jobs"]) == 3
    assert only["counts"]["error"] == 1
    assert only["state"] == "error"


def test_status_shows_the_jobs_that_are_asked_for(qjobs, bell):
    set_id = submitted(qjobs, bell, "--wait", script="fail=1,connections=1", code=6)
    assert qjobs("status", "--failed", "-q").out == f"{set_id}/0\n"
    assert len(qjobs("status", "--done").out.splitlines()) == 2
    assert qjobs("status", "--pending").out == ""
    assert qjobs("status", f"{set_id}/1-2").out.count("\n") == 2


def test_status_ends_well_unless_its_exit_code_is_wanted(qjobs, bell):
    submitted(qjobs, bell, "--wait", script="fail=1", code=6)
    assert qjobs("status").code == 0
    assert qjobs("status", "--exit-status").code == 6


def test_many_addresses_are_a_union_and_a_dash_reads_them(qjobs, bell, monkeypatch, tmp_path):
    set_id = submitted(qjobs, bell, "-n", "ghz")
    assert qjobs("status", "ghz/0", "@last:2", set_id + "/0").out.count("\n") == 2
    (tmp_path / "addresses").write_text("ghz/1\n\nghz/2\n")
    with (tmp_path / "addresses").open() as stream:
        monkeypatch.setattr("sys.stdin", stream)
        assert qjobs("status", "-").out.count("\n") == 2


def test_wait_prints_nothing_in_a_pipe_and_a_document_if_asked(qjobs, bell):
    submitted(qjobs, bell, script="delay=0.1")
    assert qjobs("wait", "-q") == (0, "", "")
    assert qjobs("wait", "--json").document("status")["sets"][0]["state"] == "done"


def test_wait_gives_up_in_time_and_says_that_the_jobs_go_on(qjobs, bell):
    set_id = submitted(qjobs, bell, script="delay=3600")
    ended = qjobs("wait", "--timeout", "0.1s", "--json")
    assert ended.code == 124
    error = json.loads(ended.err)
    assert (error["code"], error["hint"]) == ("timeout", f"qjobs wait {set_id}")


def test_wait_says_failed_before_pending_and_stops_early_if_asked(qjobs, bell):
    submitted(qjobs, bell, script="refuse=1,delay=3600", code=7)
    assert qjobs("wait", "--fail-fast").code == 6
    assert qjobs("wait", "--timeout", "0.1").code == 6


def test_result_gives_rows_in_input_order(qjobs, bell):
    submitted(qjobs, bell, "--wait", "-s", "100")
    rows = [line.split("\t") for line in qjobs("result").out.splitlines()]
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    assert {row[0] for row in rows} == {"0", "1", "2"}
    for index in "012":
        assert sum(int(row[3]) for row in rows if row[0] == index) == 100


def test_result_json_has_one_entry_a_circuit(qjobs, bell):
    submitted(qjobs, bell, "--wait")
    document = qjobs("result", "--json").document("result")
    assert document["complete"] is True
    assert [entry["index"] for entry in document["circuits"]] == [0, 1, 2]
    assert {entry["source"] for entry in document["circuits"]} == {"bell.qpy"}
    lines = qjobs("result", "--format", "jsonl").out.splitlines()
    assert [json.loads(line) for line in lines] == document["circuits"]


def test_result_of_some_circuits_with_the_most_frequent_outcome(qjobs, bell):
    submitted(qjobs, bell, "--wait")
    rows = qjobs("result", "@last:1-2", "--top", "1").out.splitlines()
    assert [row.split("\t")[0] for row in rows] == ["1", "2"]
    document = qjobs("result", "@last:1-2", "--top", "1", "--json").document("result")
    assert [len(entry["counts"]) for entry in document["circuits"]] == [1, 1]


def test_result_has_the_memory_if_it_was_kept_and_is_wanted(qjobs, bell):
    submitted(qjobs, bell, "--wait", "--memory", "-s", "10", circuits=1)
    (entry,) = qjobs("result", "--json", "--memory").document("result")["circuits"]
    assert len(entry["memory"]) == 10
    assert "memory" not in qjobs("result", "--json").document("result")["circuits"][0]


def test_result_of_unfinished_jobs_is_nothing_unless_a_part_is_wanted(qjobs, bell):
    submitted(qjobs, bell, script="delay=3600")
    ended = qjobs("result")
    assert (ended.code, ended.out) == (8, "")
    partial = qjobs("result", "--partial", "--json")
    assert partial.code == 0
    assert [entry["counts"] for entry in partial.document("result")["circuits"]] == [None] * 3


def test_a_failed_job_leaves_placeholders_in_its_place(qjobs, bell):
    submitted(qjobs, bell, "--wait", script="fail=1,connections=1", code=6)
    ended = qjobs("result", "--json")
    assert ended.code == 6
    document = ended.document("result")
    assert document["complete"] is False
    assert [entry["counts"] is None for entry in document["circuits"]] == [True, False, False]
    assert document["circuits"][0]["message"]


def test_circuits_of_one_name_are_told_apart_by_their_files(qjobs, bell, bell_bytes, tmp_path):
    paths = ["a/bell.qpy", "b/bell.qpy", "alice.qpy"]
    for path in paths:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(bell_bytes)
    submitted = ("submit", *paths, "-b", "fake:jobs=2")
    planned = qjobs(*submitted, "--dry-run").out
    assert [line.split("\t")[:5] for line in planned.splitlines()] == [
        ["0", "0", "1", "2", "a/bell.qpy ... b/bell.qpy"],
        ["1", "2", "2", "1", "alice.qpy"],
    ]
    assert qjobs(*submitted, "--wait").code == 0

    headings = [
        line for line in qjobs("result", "--format", "table").out.splitlines() if "#" in line
    ]
    assert headings == [f"#{index} bell  {path}  1024 shots" for index, path in enumerate(paths)]
    rows = [line.split("\t") for line in qjobs("result", "--top", "1").out.splitlines()]
    assert [row[5:] for row in rows] == [[path, "0"] for path in paths]
    qjobs("result", "--out", "apart/", "--format", "csv")
    apart = sorted(Path("apart").glob("[0-9]*"))
    assert len(apart) == 3
    for path, file in zip(paths, apart, strict=True):
        assert {row["source"] for row in csv.DictReader(file.read_text().splitlines())} == {path}


def test_failures_have_the_files_of_their_circuits(qjobs, home, bell, bell_bytes, tmp_path):
    paths = [f"{letter}.qpy" for letter in "abcdef"]
    for path in paths:
        (tmp_path / path).write_bytes(bell_bytes)
    script = "fake:blank_circuits=3;4;5,refuse_circuits=1"
    qjobs("submit", *paths, "-b", script, "--per-job", "3", "--wait")
    rows = [line.split("\t") for line in qjobs("error").out.splitlines()]
    assert [(row[5], row[8]) for row in rows] == [
        ("submit", "a.qpy ... c.qpy"),
        *(("circuit", path) for path in paths[3:]),
    ]
    found = qjobs("error", "--json").document("failures")["failures"]
    assert [" ... ".join(failure["files"]) for failure in found] == [row[8] for row in rows]
    table = qjobs("error", "--format", "table").out
    assert "job 1, circuits 3-5 (d.qpy, e.qpy, f.qpy) without a result" in table
    (sources,) = home.glob("sets/*/sources.json")
    sources.write_text("{")
    assert [line.split("\t")[8] for line in qjobs("error").out.splitlines()] == [""] * 4


@pytest.mark.parametrize("given", [["bell.qpy"], ["bell.qpy", "bell.qpy"], ["bell.qpy", "ghz.qpy"]])
def test_a_file_is_not_named_where_the_name_says_as_much(qjobs, bell, bell_bytes, tmp_path, given):
    (tmp_path / "ghz.qpy").write_bytes(bell_bytes)
    qjobs("submit", *given, "-b", "fake:", "--wait")
    headings = [
        line for line in qjobs("result", "--format", "table").out.splitlines() if "#" in line
    ]
    beside = {"bell.qpy": "", "ghz.qpy": "  ghz.qpy"}
    assert headings == [
        f"#{index} bell{beside[path]}  1024 shots" for index, path in enumerate(given)
    ]


def test_results_are_written_to_files(qjobs, bell, tmp_path):
    submitted(qjobs, bell, "--wait")
    data = qjobs("result", "--json").out
    for name in ("counts.json", "deep/er/counts.json"):
        assert qjobs("result", "--out", name).out == ""
        assert Path(name).read_text() == data
    qjobs("result", "--out", "counts.csv")
    with Path("counts.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [*rows[0]] == ["index", "name", "outcome", "count", "shots", "source", "position"]
    assert {row["name"] for row in rows} == {"bell"}
    assert {(row["source"], row["position"]) for row in rows} == {("bell.qpy", "0")}
    qjobs("result", "--out", "apart/")
    names = sorted(path.name for path in Path("apart").iterdir())
    assert names.pop(0) == ".qjobs-files"
    assert names == ["00000-bell.json", "00001-bell.json", "00002-bell.json"]
    assert json.loads(Path("apart", names[1]).read_text())["index"] == 1
    assert qjobs("result", "--out", "counts.xyz").code == 2
    assert not list(tmp_path.rglob("*.part"))


def test_run_submits_waits_and_prints_the_results(qjobs, bell, bell_qasm):
    ended = qjobs("run", bell, bell_qasm, "-b", "fake:delay=0.1", "--json")
    assert ended.code == 0
    assert [row["name"] for row in ended.document("result")["circuits"]] == ["bell", "bell"]


def test_run_ends_with_6_when_a_job_fails_and_shows_the_others(qjobs, bell):
    ended = qjobs("run", bell, bell, "-b", "fake:refuse=1", "--per-job", "1", "--format", "jsonl")
    assert ended.code == 6
    counts = [json.loads(line)["counts"] for line in ended.out.splitlines()]
    assert sum(entry is None for entry in counts) == 1


def test_cancel_stops_what_runs_and_is_no_error_twice(qjobs, bell):
    submitted(qjobs, bell, script="delay=3600")
    document = qjobs("cancel", "--json").document("cancel")
    assert {job["outcome"] for job in document["jobs"]} <= {"cancelled", "requested"}
    again = qjobs("cancel")
    assert again.code == 0
    assert again.out.count("already final") == 3


def test_cancel_says_when_a_job_cannot_be_stopped(qjobs, bell):
    submitted(qjobs, bell, script="delay=3600,cancel=no")
    ended = qjobs("cancel")
    assert ended.code == 1
    assert "not supported" in ended.err


def test_cancel_says_when_to_try_again_where_the_provider_cannot_tell_yet(qjobs, start, bell):
    start("submit", bell, "-b", "fake:die_after=1,delay=3600,settle=3600").wait()
    ended = qjobs("cancel")
    assert ended.code == 1
    assert "hint: once the provider can tell what became of it: qjobs cancel" in ended.err


def test_error_lists_refusals_and_failures(qjobs, bell):
    set_id = submitted(qjobs, bell, "--wait", script="refuse=1,fail=1,connections=1", code=6)
    document = qjobs("error", "--json").document("failures")
    assert [failure["origin"] for failure in document["failures"]] == ["submit", "run"]
    assert qjobs("error").code == 0
    assert qjobs("error", "--exit-status").code == 6
    retried = qjobs("retry", "--wait")
    assert (retried.code, retried.out) == (0, f"{set_id}\n")
    assert qjobs("error").out == ""
    assert qjobs("error", "--all-attempts").out.count("\n") == 2


def test_retry_leaves_cancelled_jobs_alone_unless_told(qjobs, bell):
    submitted(qjobs, bell, script="delay=3600")
    qjobs("cancel")
    assert "0 jobs to send" in qjobs("retry").err
    assert "3 jobs to send" in qjobs("retry", "--cancelled").err


def test_list_is_newest_first_and_json_is_valid(qjobs, bell):
    first = submitted(qjobs, bell, "-n", "one")
    second = submitted(qjobs, bell, "-n", "two", "--wait")
    assert qjobs("list", "-q").out == f"{second}\n{first}\n"
    assert qjobs("list", "-q", "--limit", "1").out == f"{second}\n"
    assert [s["name"] for s in qjobs("list", "--json").document("list")["sets"]] == ["two", "one"]


def test_show_tells_all_of_one_set(qjobs, bell):
    set_id = submitted(qjobs, bell, "--seed", "7")
    assert f"id\t{set_id}\n" in qjobs("show").out
    document = qjobs("show", set_id[:6], "--json").document("set")
    assert document["options"]["seed"] == 7
    assert [source["path"] for source in document["sources"]] == ["bell.qpy"] * 3


def test_resume_with_nothing_to_send_is_fine(qjobs, bell):
    set_id = submitted(qjobs, bell)
    assert qjobs("resume").out == f"{set_id}\n"
    assert qjobs("resume", "--json").document("status")["sets"][0]["id"] == set_id


def test_unknown_jobs_are_sent_again_only_on_request(qjobs, bell):
    submitted(qjobs, bell, script="lose=1,find=no", code=7, circuits=1)
    assert qjobs("resume").code == 7
    assert qjobs("resume", "--resend-unknown", "--wait").code == 0


def test_credentials_end_with_4_and_name_resume(qjobs, bell):
    ended = qjobs("submit", bell, "-b", "fake:auth=no")
    assert ended.code == 4
    assert f"qjobs resume {ended.out.strip()}" in ended.err


def test_all_refused_ends_with_6_and_some_with_7(qjobs, bell):
    submitted(qjobs, bell, script="refuse=3", code=6)
    submitted(qjobs, bell, script="refuse=1", code=7)


@pytest.mark.parametrize("name", ["status", "qjobs.result/1"])
def test_schema_prints_a_schema(qjobs, name):
    assert json.loads(qjobs("schema", name).out)["$schema"]


def test_version_is_one_line(qjobs):
    assert re.fullmatch(r"qjobs \d+\.\d+\.\d+ \(python 3\.\d+\.\d+\S*\)\n", qjobs("--version").out)


@pytest.mark.parametrize("words", [["--json"], ["--out", "counts.csv"], ["--format", "table"]])
def test_a_circuit_without_counts_in_a_job_that_is_done_is_told_of(qjobs, bell, words):
    set_id = qjobs(
        "submit", *[bell] * 30, "-b", "fake:blank_circuits=7;29", "--per-job", "30", "--wait"
    ).out.strip()
    ended = qjobs("result", *words)
    assert ended.code == 6
    assert "2 of 30 circuits" in ended.err
    assert f"qjobs error {set_id}" in ended.err
    assert qjobs("result", "@last:0-6", *words).code == 0


def test_result_says_that_there_is_no_memory_where_none_was_kept(qjobs, bell):
    submitted(qjobs, bell, "--wait", circuits=1)
    assert "without --memory" in qjobs("result", "--memory").err
    assert qjobs("result").err == ""


def test_cancel_duplicates_stops_what_the_provider_made_too_often(qjobs, bell):
    submitted(qjobs, bell, script="lose=1,double=1,delay=3600")
    jobs = qjobs("status", "--json").document("status")["sets"][0]["jobs"]
    (duplicate,) = [job_id for job in jobs for job_id in job["duplicates"]]
    assert duplicate in qjobs("show").out

    ended = qjobs("cancel", "--duplicates", "--json")

    assert ended.code == 0
    assert [
        (row["job_id"], row["outcome"], row["duplicate"])
        for row in ended.document("cancel")["jobs"]
    ] == [(duplicate, "cancelled", True)]
    again = qjobs("cancel", "--duplicates")
    assert again.out.split("\t")[4:] == ["already final", duplicate, "yes\n"]
    jobs = qjobs("status", "--json").document("status")["sets"][0]["jobs"]
    assert {job["state"] for job in jobs} == {"running"}


def test_a_set_with_jobs_that_were_too_large_is_submitted_whole_and_gives_all_results(qjobs, bell):
    script = "fake:circuits=2,stated=no,jobs=1"
    ended = qjobs("run", *[bell] * 7, "-b", script, "--json")

    assert ended.code == 0
    assert [row["index"] for row in ended.document("result")["circuits"]] == list(range(7))
    jobs = qjobs("status", "--json").document("status")["sets"][0]["jobs"]
    assert [job["experiments_count"] for job in jobs] == [1, 2, 2, 2]
    assert qjobs("error").out == ""
    assert qjobs("error", "--all-attempts").out.count("may have 2 circuits") == 3


@pytest.mark.parametrize("verb", ["status", "wait", "result", "error", "cancel", "resume", "retry"])
@pytest.mark.parametrize("written", ["", "\n \n"])
def test_no_address_on_standard_input_is_nothing_to_do(qjobs, bell, monkeypatch, verb, written):
    qjobs("submit", bell, "-b", "fake:delay=3600")  # which is not meant
    for more in ([], ["--json"], ["--format", "table"]):
        monkeypatch.setattr(sys, "stdin", StringIO(written))
        ended = qjobs(verb, "-", *more)
        assert ended.code == 0, ended.err
        assert "no address on standard input" in ended.err
        if verb == "result":  # which writes a document a set
            assert ended.out == ""
        elif more == ["--json"]:
            assert [] in json.loads(ended.out).values()
    assert qjobs("status", "--cached").out.split("\t")[5] == "queued"


def test_what_failed_is_retried_in_one_line_whether_or_not_anything_did(qjobs, bell, monkeypatch):
    qjobs("submit", *[bell] * 3, "-b", "fake:fail=1", "--per-job", "1", "--wait", "-n", "20261130")
    for failed in (1, 0):
        listed = qjobs("status", "20261130", "--failed", "-q").out
        assert len(listed.splitlines()) == failed
        monkeypatch.setattr(sys, "stdin", StringIO(listed))
        assert qjobs("retry", "-", "--wait").code == 0
    assert qjobs("wait", "20261130").code == 0


@pytest.mark.parametrize("script", ["double=1", "double=1,lose=1", "double=1,lose=1,find_error=1"])
def test_all_that_the_provider_made_of_a_job_is_cancelled_with_it_and_said(qjobs, bell, script):
    qjobs("submit", bell, "-b", f"fake:{script},delay=3600")

    ended = qjobs("cancel", "--format", "tsv")

    assert ended.code == 0
    assert sorted(line.split("\t")[4:6] for line in ended.out.splitlines()) == [
        ["cancelled", "fake-1"], ["cancelled", "fake-2"],
    ]  # fmt: skip
    assert "1 duplicate" in ended.err
    again = qjobs("cancel", "--json").document("cancel")["jobs"]
    assert {job["outcome"] for job in again} == {"already final"}
