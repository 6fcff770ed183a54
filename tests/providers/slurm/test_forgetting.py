"""What is left of a set in the shared folder goes with it, and nothing that others need."""

import os
from pathlib import Path

import pytest

from qjobs.contract import ProviderContext
from qjobs.errors import NotNow
from qjobs.model import RunOptions
from qjobs.providers.slurm.provider import SlurmProvider
from qjobs.providers.slurm.shared import Array, Shared
from qjobs.simulators.job import SimulatorJob


@pytest.fixture
def shared(tmp_path: Path) -> Shared:
    shared = Shared(tmp_path / "shared")
    (tmp_path / "shared").mkdir()
    shared.check()
    return shared


@pytest.fixture
def circuits(tmp_path: Path) -> dict[str, Path]:
    paths = {name: tmp_path / f"{name}.qpy" for name in ("one", "two")}
    for name, path in paths.items():
        path.write_text(name * 5000)
    return paths


def begin(shared: Shared, set_id: str, key: str, *copies: Path) -> Array:
    """An array with a task for each copy of circuits."""
    options = SimulatorJob.encode_options(RunOptions())
    jobs = [
        SimulatorJob(f"{key}/{task}", "aer", str(copy), 1, 1, 0, 1, 1, options)
        for task, copy in enumerate(copies)
    ]
    tags = [f"qj-{set_id}-{task}-1" for task in range(len(copies))]
    return shared.begin(f"qj-{set_id}.{key}", tags, jobs)


def test_the_arrays_of_a_set_go_and_circuits_that_no_other_is_run_from(
    shared: Shared, circuits: dict[str, Path], tmp_path: Path
) -> None:
    one, two = (shared.copy(path) for path in circuits.values())
    begin(shared, "0abc", "k1", one, two)
    begin(shared, "0abc", "k2", two)
    other = begin(shared, "0abcd", "k3", one)
    provider = SlurmProvider(ProviderContext(tmp_path, {"shared": str(tmp_path / "shared")}))
    assert set(provider.kept()) == {"qj-0abc", "qj-0abcd"}
    assert not any(kept.spare for kept in provider.kept().values())

    assert provider.forget("qj-0abc", []) > 0

    assert set(provider.kept()) == {"qj-0abcd"}
    assert [*shared.arrays.iterdir()] == [other.folder]
    assert [*one.parent.iterdir()] == [one]
    assert one.read_text() == "one" * 5000
    assert provider.forget("qj-0abc", []) == 0
    provider.forget("qj-0abcd", [])
    assert [*one.parent.iterdir()] == []


def test_an_array_that_is_begun_while_its_circuits_go_is_not_submitted_without_them(
    shared: Shared, circuits: dict[str, Path]
) -> None:
    copy = shared.copy(circuits["one"])
    begin(shared, "0abc", "k1", copy)
    another = Shared(copy.parents[2])
    assert another.copy(circuits["one"]) == copy
    shared.forget("qj-0abc")

    with pytest.raises(NotNow):
        begin(another, "0abd", "k2", copy)

    assert another.copy(circuits["one"]).read_text() == "one" * 5000
    begin(another, "0abd", "k3", copy)


def test_what_a_death_left_of_a_set_is_removed_the_next_time(
    shared: Shared, circuits: dict[str, Path]
) -> None:
    copy = shared.copy(circuits["one"])
    begin(shared, "0abc", "k1", copy)
    (shared.arrays / "qj-0abc.k0").mkdir()  # before its manifest was written
    copy.rename(copy.with_name(f"{copy.name}.removed"))

    shared.forget("qj-0abc")

    assert [*shared.arrays.iterdir()] == [*copy.parent.iterdir()] == []


def test_where_slurm_counted_anew_a_job_keeps_its_id_when_the_first_of_that_name_goes(
    shared: Shared, circuits: dict[str, Path]
) -> None:
    copy = shared.copy(circuits["one"])
    arrays = [begin(shared, set_id, "k", copy) for set_id in ("0abc", "0abd", "0abe")]
    for age_s, array in zip((3, 2, 1), arrays, strict=True):
        array.tell("7" if array is not arrays[2] else "8")
        (array.folder / "0.jsonl").write_text("results")
        os.utime(array.folder / "id", (1_000_000 - age_s,) * 2)
    first, second, third = (shared.name_of(array) for array in arrays)
    assert (first, second, third) == ("7", "7@k", "8")

    assert shared.forget("qj-0abc") > 0
    shared.forget("qj-0abe")

    for names in (shared.by_name(), Shared(copy.parents[2]).by_name()):
        assert names[second].folder == arrays[1].folder
        assert not names[first].tasks
        assert third not in names
    assert not (arrays[0].folder / "0.jsonl").exists()
    assert shared.forget("qj-0abc") == 0
    assert set(shared.sizes()) == {"qj-0abd"}
