"""The workflows of examples/ci do what they say: their steps run, as CI systems run them.

No actions and no images: what these do for the steps is done here. Each job has a fresh checkout,
and nothing of another one but what a cache or an artefact carries.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import junit

ROOT = Path(__file__).parents[1]
BASH = ("bash", "--noprofile", "--norc", "-euo", "pipefail", "-c")
EXPRESSION = re.compile(r"\$\{\{ *(.*?) *\}\}")

pytestmark = pytest.mark.slow


@dataclass
class Runner:
    """Runs pipelines in `folder`, one after another, on a backend of the fake provider."""

    folder: Path
    backend: str = "fake"
    cache: dict[str, Path] = field(default_factory=dict)
    printed: str = ""
    runs: int = 0

    def __post_init__(self) -> None:
        programs = self.folder / "bin"
        programs.mkdir(parents=True)
        (programs / "qjobs").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m qjobs "$@"\n')
        (programs / "qjobs").chmod(0o755)
        (self.folder / "circuits").mkdir()
        for name in ("bell.qasm", "ghz_2_to_11.qpy"):
            shutil.copy(ROOT / "examples" / "circuits" / name, self.folder / "circuits")

    @property
    def checkout(self) -> Path:
        return self.folder / "checkout"

    def check_out(self) -> None:
        shutil.rmtree(self.checkout, ignore_errors=True)
        self.checkout.mkdir()
        shutil.copytree(self.folder / "circuits", self.checkout / "circuits")

    def shell(self, script: str, variables: Mapping[str, str]) -> bool:
        ended = subprocess.run(
            [*BASH, script], check=False, cwd=self.checkout, text=True, capture_output=True,
            stdin=subprocess.DEVNULL, env={
                "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "CI": "true",
                "HOME": str(self.folder), **variables,
            },
        )  # fmt: skip
        self.printed += ended.stdout + ended.stderr
        assert "\x1b" not in ended.stdout + ended.stderr
        return ended.returncode == 0

    def keep(self, key: str, path: str) -> None:
        kept = self.folder / "caches" / key
        shutil.copytree(self.checkout / path, kept)
        self.cache[key] = kept

    def give_back(self, path: str, key: str, prefix: str) -> None:
        found = self.cache.get(key) or next(
            (kept for name, kept in reversed(self.cache.items()) if name.startswith(prefix)), None
        )
        if found:
            shutil.copytree(found, self.checkout / path)


def github(runner: Runner) -> dict[str, bool]:
    """Which jobs of a run of the workflow ended well; those that were not run are not there."""
    workflow = yaml.safe_load((ROOT / "examples" / "ci" / "github.yml").read_text())
    runner.runs += 1
    contexts = {
        "vars.BACKEND": runner.backend, "secrets.QISKIT_IBM_TOKEN": "",
        "github.workspace": str(runner.checkout),
        "github.run_id": "7", "github.run_attempt": str(runner.runs),
    }  # fmt: skip
    ended: dict[str, bool] = {}
    for name, job in workflow["jobs"].items():
        if not ended.get(job.get("needs", name), "needs" not in job):
            continue
        ended[name] = _github_job(runner, job, workflow["env"], contexts)
        for output, value in job.get("outputs", {}).items():
            contexts[f"needs.{name}.outputs.{output}"] = _filled(value, contexts)
    return ended


def _github_job(
    runner: Runner, job: Any, variables: Mapping[str, str], contexts: dict[str, str]
) -> bool:
    good = True
    for step in job["steps"]:
        if not {"": good, "always()": True, "failure()": not good}[step.get("if", "")]:
            continue
        if "uses" in step:
            given = {key: _filled(value, contexts) for key, value in step.get("with", {}).items()}
            _github_action(runner, step["uses"].partition("@")[0], given)
        elif step["name"] == "Install qjobs":
            assert re.search(r"\bpip install '?qiskit-qjobs\b", step["run"])
        else:
            good &= _github_script(runner, step, variables, contexts)
    return good


def _github_action(runner: Runner, action: str, given: Mapping[str, str]) -> None:
    match action:
        case "actions/checkout":
            runner.check_out()
        case "actions/cache/restore":
            runner.give_back(given["path"], given["key"], given["restore-keys"])
        case "actions/cache/save":
            runner.keep(given["key"], given["path"])
        case "actions/upload-artifact":
            for path in given["path"].split():
                if (runner.checkout / path).exists():
                    shutil.copy(runner.checkout / path, runner.folder)
        case _:
            pytest.fail(f"{action} is not known here")


def _github_script(
    runner: Runner, step: Any, variables: Mapping[str, str], contexts: dict[str, str]
) -> bool:
    output = runner.folder / "output"
    output.write_text("")
    own = {**variables, **step.get("env", {})}
    good = runner.shell(step["run"], {
        **{key: _filled(value, contexts) for key, value in own.items()},
        "GITHUB_OUTPUT": str(output), "GITHUB_WORKSPACE": str(runner.checkout),
        "GITHUB_STEP_SUMMARY": str(runner.folder / "summary.md"),
    })  # fmt: skip
    for line in output.read_text().splitlines():
        key, _, value = line.partition("=")
        contexts[f"steps.{step['id']}.outputs.{key}"] = value
    return good


def _filled(text: str, contexts: Mapping[str, str]) -> str:
    return EXPRESSION.sub(lambda found: contexts[found[1]], text)


def gitlab(runner: Runner) -> dict[str, bool]:
    """Which jobs of a pipeline ended well; those that were not run are not there."""
    pipeline = yaml.safe_load((ROOT / "examples" / "ci" / "gitlab.yml").read_text())
    artefacts = runner.folder / "artefacts"
    shutil.rmtree(artefacts, ignore_errors=True)
    variables = {"CI_PROJECT_DIR": str(runner.checkout), "BACKEND": runner.backend}
    for key, value in pipeline["variables"].items():
        variables[key] = value.replace("$CI_PROJECT_DIR", variables["CI_PROJECT_DIR"])
    ended: dict[str, bool] = {}
    for name in sorted(
        (key for key in pipeline if isinstance(pipeline[key], dict) and "stage" in pipeline[key]),
        key=lambda key: pipeline["stages"].index(pipeline[key]["stage"]),
    ):
        job = pipeline[name]
        runner.check_out()
        if "cache" in job:
            runner.give_back(job["cache"]["paths"][0], job["cache"]["key"], "none")
        if artefacts.exists():
            shutil.copytree(artefacts, runner.checkout, dirs_exist_ok=True)
        ended[name] = runner.shell("\n".join(job["script"]), variables)
        if "after_script" in job:
            runner.shell("\n".join(job["after_script"]), variables)
        if "cache" in job:
            shutil.rmtree(runner.folder / "caches", ignore_errors=True)
            runner.keep(job["cache"]["key"], job["cache"]["paths"][0])
        _keep_artefacts(runner, job.get("artifacts", {}), artefacts, variables)
        if not ended[name]:
            break
    return ended


def _keep_artefacts(runner: Runner, kept: Any, artefacts: Path, variables: dict[str, str]) -> None:
    for path in kept.get("paths", ()):
        if (runner.checkout / path).is_dir():
            shutil.copytree(runner.checkout / path, artefacts / path, dirs_exist_ok=True)
        elif (runner.checkout / path).exists():
            shutil.copy(runner.checkout / path, runner.folder)
    reports = kept.get("reports", {})
    if "junit" in reports:
        shutil.copy(runner.checkout / reports["junit"], runner.folder)
    if "dotenv" in reports and (runner.checkout / reports["dotenv"]).exists():
        for line in (runner.checkout / reports["dotenv"]).read_text().splitlines():
            key, _, value = line.partition("=")
            variables[key] = value


SYSTEMS = pytest.mark.parametrize("system", [github, gitlab])
ALL_GOOD = {"lint": True, "submit": True, "results": True}


@SYSTEMS
def test_circuits_are_checked_submitted_and_waited_for(tmp_path, system):
    runner = Runner(tmp_path / "runner")
    assert system(runner) == ALL_GOOD, runner.printed
    counts = json.loads((runner.folder / "counts.json").read_text())
    assert counts["complete"]
    assert len(counts["circuits"]) == 11
    (suite,) = junit.read(runner.folder / "qjobs.xml")
    assert [case.outcome for case in suite.cases] == ["passed"] * 11
    # Another run of the same circuits: what is there is not submitted again.
    assert system(runner) == ALL_GOOD, runner.printed
    again = json.loads((runner.folder / "counts.json").read_text())
    assert again["set"] == counts["set"]
    assert [c["job_id"] for c in again["circuits"]] == [c["job_id"] for c in counts["circuits"]]
    if system is github:
        summary = (runner.folder / "summary.md").read_text()
        assert "2 files, 11 circuits in " in summary
        assert "11/11 circuits" in summary


@SYSTEMS
def test_a_bad_circuit_stops_it_before_anything_is_sent(tmp_path, system):
    runner = Runner(tmp_path / "runner")
    (runner.folder / "circuits" / "bad.qasm").write_text("OPENQASM 2.0;\nqreg q[1];\nfoo q[0];\n")
    assert system(runner) == {"lint": False}
    assert "circuits/bad.qasm:3:1: 'foo' is not defined in this scope" in runner.printed
    if system is github:
        assert "::error file=circuits/bad.qasm,line=3,col=1,title=qjobs::'foo'" in runner.printed


@SYSTEMS
def test_failed_jobs_are_red_and_named(tmp_path, system):
    runner = Runner(tmp_path / "runner", backend="fake:fail=1,connections=1")
    assert system(runner) == {**ALL_GOOD, "results": False}
    (suite,) = junit.read(runner.folder / "qjobs.xml")
    assert suite.cases[0].outcome == "failure"
    assert suite.cases[-1].outcome == "passed"
    assert "the job failed as its script says" in runner.printed
