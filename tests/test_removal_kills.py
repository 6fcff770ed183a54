"""Whoever removes a set dies at any moment: it is whole, or nobody sees it and `gc` ends it."""

import shutil
from pathlib import Path

import pytest
from support.deeds import chance_of, times
from support.dying import Shell, contents

from qjobs.contract import Forgets, ProviderContext
from qjobs.engine import gc
from qjobs.engine.workspace import Workspace
from qjobs.providers.fake.provider import FakeProvider
from qjobs.providers.local.folder import Folder
from qjobs.providers.local.provider import LocalProvider
from qjobs.providers.local.supervision import stop
from qjobs.testing.contract import steady

pytestmark = [pytest.mark.slow, pytest.mark.timeout(times(600, 3600))]

KILLS = times(24, 400)


def kept(home: Path) -> set[str]:
    """The sets of which providers still keep something."""
    found: set[str] = set()
    for name, make in (("fake", FakeProvider), ("local", LocalProvider)):
        provider = make(ProviderContext(home / name))
        assert isinstance(provider, Forgets)
        found |= set(provider.kept())
    return found


def test_a_death_at_any_moment_leaves_a_whole_set_or_one_that_gc_ends(tmp_path: Path) -> None:
    from qiskit import qpy

    with (tmp_path / "steady.qpy").open("wb") as file:
        qpy.dump([steady(index) for index in range(2)], file)
    calm = Shell(tmp_path, tmp_path / "calm")
    words = ("submit", "steady.qpy", "--per-job", "1", "--wait")
    sets = [calm.qjobs(*words, "-b", backend).strip() for backend in ("fake", "local:aer") * 2]
    for set_id in sets:
        calm.qjobs("result", set_id, "--json")
    going, staying = sets[:2], sets[2:]
    stop(Folder(calm.home / "local"), timeout_s=60)
    before = {set_id: contents(calm.home / "sets" / set_id) for set_id in sets}

    shutil.copytree(calm.home, tmp_path / "counted")
    assert not Shell(tmp_path, tmp_path / "counted").kill_at(0, "rm", *going)
    moments = int((tmp_path / "moments").read_text())
    assert moments > 60

    whole, hidden = 0, 0
    chance = chance_of("removals")
    for moment in sorted(chance.sample(range(1, moments + 1), min(KILLS, moments))):
        home = tmp_path / "state"
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(calm.home, home)
        assert Shell(tmp_path, home).kill_at(moment, "rm", *going)

        workspace = Workspace.at(home)
        seen = [header.set_id for header in workspace.store.listing().headers]
        assert set(staying) <= set(seen) <= set(sets)
        assert workspace.store.listing().errors == ()
        assert {f"qj-{set_id}" for set_id in seen} <= kept(home), moment
        for set_id in seen:
            assert contents(home / "sets" / set_id) == before[set_id], moment
        whole += len(seen) - len(staying)
        hidden += sum(path.name.startswith(".") for path in (home / "sets").iterdir())

        problems: list[str] = []
        left = [*gc.collect(workspace, problems)]
        assert problems == []
        assert {one.kind for one in left} <= {"removed set"}, left
        assert sorted(path.name for path in (home / "sets").iterdir()) == sorted(seen), moment
        assert kept(home) == {f"qj-{set_id}" for set_id in seen}, moment
        results = {path.stem for path in (home / "local" / "results").iterdir()}
        local = [
            set_id for set_id in seen if workspace.store.open(set_id).job_set.provider != "fake"
        ]
        jobs = [job for set_id in local for job in workspace.store.open(set_id).jobs()]
        assert results == {job_id for job in jobs for job_id in job.job_ids}
    assert whole
    assert hidden
