"""Pictures from the library are those of the command line."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from support.backends_of_objects import ScriptedBackend, numbered

from qjobs.cli.main import run
from qjobs.errors import InputError, UsageError


def test_a_picture_of_the_library_is_that_of_the_command_line(manager, tmp_path: Path) -> None:
    job_set = manager.run(numbered(3), ScriptedBackend(), name="three")

    picture = job_set.results().picture()
    picture.save(tmp_path / "ours.svg")

    assert run(["result", job_set.job_set_id(), "--plot", str(tmp_path / "theirs.svg")]) == 0
    assert (tmp_path / "ours.svg").read_bytes() == (tmp_path / "theirs.svg").read_bytes()
    assert ET.fromstring(picture._repr_svg_()).tag.endswith("svg")
    assert "3 panels" in repr(picture)


def test_other_results_or_an_ideal_distribution_stand_beside(manager) -> None:
    results = [manager.run(numbered(2), ScriptedBackend(), name="one").results() for _ in "ab"]

    panel = results[0].picture(against=results[1], order="outcome").picture.panels[0]
    (outcome,) = results[0].get_counts(0)
    ideal = results[0].picture(against={outcome: 1.0}).picture.panels[0]

    assert len(set(panel.series)) == 2
    assert ideal.series == ("one", "ideal")
    assert ideal.bars[0].shares[1].value == 1


def test_what_cannot_be_drawn_is_said(manager, tmp_path: Path) -> None:
    results = manager.run(numbered(1), ScriptedBackend()).results()

    with pytest.raises(UsageError, match="count or outcome"):
        results.picture(order="size")
    with pytest.raises(UsageError, match="no sweep"):
        results.picture(x="theta")
    with pytest.raises(InputError, match="is no number"):
        results.picture(against={"0": "half"})
    with pytest.raises(UsageError, match="what kind of picture"):
        results.picture().save(tmp_path / "a.jpeg")
    with pytest.raises(UsageError, match="cannot write"):
        results.picture().save(tmp_path / "not there" / "a.svg")
    assert not list(tmp_path.glob("*.svg"))
