"""Layouts as they are written down: the texts that are on the disks of users stay readable."""

import json
from pathlib import Path

from qjobs.circuits.layout import Layout
from qjobs.known_jobs.layouts import packed, unpacked
from qjobs.providers.held.known_jobs import KnownJob, KnownJobs

LAYOUTS = [Layout(3, (("c", 2), ("d", 1)), (2, 0, -1))] * 2 + [Layout(0, ())]


def test_equal_layouts_are_written_once_and_read_back() -> None:
    text = '[[2, 3, [["c", 2], ["d", 1]], [2, 0, -1]], [1, 0, [], []]]'

    assert json.dumps(packed(LAYOUTS)) == text
    assert unpacked(json.loads(text)) == LAYOUTS


def test_jobs_of_objects_have_theirs_in_pairs(tmp_path: Path) -> None:
    jobs = KnownJobs(tmp_path)
    entry = KnownJob("a", "t", "b", "p", retrievable=True, shots=1, memory=False)
    number = jobs.add(entry, LAYOUTS)
    assert number is not None

    with jobs._database.open() as connection:
        ((text,),) = connection.execute("SELECT layouts FROM job")
    assert text == '[[2, [3, [["c", 2], ["d", 1]], [2, 0, -1]]], [1, [0, [], []]]]'
    assert jobs.layouts(number) == LAYOUTS
