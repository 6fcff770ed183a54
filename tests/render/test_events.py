"""The lines for programs: by them one knows at any moment how every job is."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.schemas import validate

from qjobs.engine.report import JobReport, SetReport, State
from qjobs.model import JobSet, Slice
from qjobs.render.events import Events

SCHEMAS = Path(__file__).parents[2] / "qjobs" / "schemas"


class Clock:
    def __init__(self):
        self.now = datetime(2026, 12, 1, tzinfo=UTC)

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def look(clock):
    events = Events(clock, warn=lambda _: None)

    def look(*reports, after_s=0.0):
        clock.now += timedelta(seconds=after_s)
        lines = [*events.of(reports)]
        for line in lines:
            validate(line, "event")
        return [
            (line["set"], line["index"], line["before"], line["state"])
            if line["event"] == "job"
            else (line["set"], line["state"], line["circuits_ended"])
            for line in lines
        ]

    return look


def report(*states, set_id="9f3c1a7e2b40", run=None):
    slices = tuple(Slice(4 * index, 4) for index in range(len(states)))
    created = datetime(2026, 12, 1, tzinfo=UTC)
    job_set = JobSet(set_id, "", created, "fake", "x", 4 * len(states), slices)
    jobs = tuple(
        JobReport(index, part, 1, State(state), f"id-{index}", circuits_run=run)
        for index, (state, part) in enumerate(zip(states, slices, strict=True))
    )
    return SetReport(job_set, jobs)


ID = "9f3c1a7e2b40"


def test_first_all_jobs_are_told_then_what_changes_and_after_it_the_set(look):
    assert look(report("queued", "queued")) == [
        (ID, 0, None, "queued"), (ID, 1, None, "queued"), (ID, "queued", 0),
    ]  # fmt: skip
    assert look(report("queued", "queued"), after_s=60) == []
    assert look(report("done", "queued")) == [(ID, 0, "queued", "done"), (ID, "queued", 4)]
    assert look(report("done", "error")) == [(ID, 1, "queued", "error"), (ID, "error", 8)]


def test_each_set_has_its_own_lines(look):
    other = "0123456789ab"
    look(report("queued"), report("queued", set_id=other))
    assert look(report("queued"), report("done", set_id=other)) == [
        (other, 0, "queued", "done"), (other, "done", 4),
    ]  # fmt: skip


def test_circuits_alone_are_told_once_a_second_at_most(look):
    look(report("running", run=0))
    assert look(report("running", run=1), after_s=0.5) == []
    assert look(report("running", run=2), after_s=0.5) == [(ID, "running", 2)]
    assert look(report("running", run=2), after_s=5) == []
    assert look(report("running", run=3)) == [(ID, "running", 3)]


def test_a_retry_and_circuits_that_failed_are_changes(look):
    first = report("done")
    look(first)
    (job,) = first.jobs
    assert look(first._replace(jobs=(replace(job, failed=(Slice(1, 1),)),))) == [
        (ID, 0, "done", "done"), (ID, "error", 4),
    ]  # fmt: skip
    again = replace(job, attempt=2, state=State.QUEUED)
    assert look(first._replace(jobs=(again,))) == [(ID, 0, "done", "queued"), (ID, "queued", 0)]


def test_the_schema_says_of_jobs_and_sets_what_that_of_status_does():
    event, status = (json.loads((SCHEMAS / f"{n}.json").read_text()) for n in ("event", "status"))
    of_job, of_set = event["$defs"]["of_job"], event["$defs"]["of_set"]
    job, one_set = status["$defs"]["job"], status["properties"]["sets"]["items"]

    assert job["properties"].items() <= of_job["properties"].items()
    assert {*job["required"]} <= {*of_job["required"]}
    elsewhere = {"id", "jobs"}
    kept = {k: v for k, v in one_set["properties"].items() if k not in elsewhere}
    assert kept.items() <= of_set["properties"].items()
    assert {*one_set["required"]} - elsewhere <= {*of_set["required"]}
