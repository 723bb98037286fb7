"""The steps of action.yml and of GitLab's component, run by bash as a runner does, on an example of this repository."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import ROOT, Project

pytestmark = [pytest.mark.slow, pytest.mark.network]

Action = Callable[..., tuple[subprocess.CompletedProcess[str], dict[str, str]]]


@pytest.fixture(scope="module")
def frozen(copy_example: Callable[[str], Project]) -> Project:
    """A frozen copy of the example, as it is committed."""
    project = copy_example("digits")
    project.freeze()
    return project


@pytest.fixture
def clone(frozen: Project, tmp_path: Path) -> Path:
    """A clean checkout: the workspace of a runner."""
    ignored = shutil.ignore_patterns(".envsnap")
    return Path(shutil.copytree(frozen.folder, tmp_path / "workspace", ignore=ignored))


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runner's own folder, in which the tool is installed once."""
    folder = tmp_path_factory.mktemp("runner")
    done, _ = run_step("Install envsnap", {}, folder, folder)
    assert done.returncode == 0, done.stderr
    return folder


def run_step(
    name: str, inputs: Mapping[str, str], workspace: Path, runner: Path
) -> tuple[subprocess.CompletedProcess[str], dict[str, str]]:
    """Run one step of the action; return how it ended, and the outputs that it set."""
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    (step,) = (one for one in action["runs"]["steps"] if one["name"] == name)
    values = {key: str(one["default"]) for key, one in action["inputs"].items()} | dict(inputs)
    given = {key: re.sub(r"\$\{\{ inputs\.([a-z-]+) \}\}", lambda found: values[found[1]], text)
             for key, text in step["env"].items()}  # fmt: skip
    output, summary = runner / "output", runner / "summary"
    for file in (output, summary):
        file.write_text("")
    kept = {key: value for key, value in os.environ.items() if key not in {"VIRTUAL_ENV", "COLUMNS"}}
    github = {
        "GITHUB_ACTIONS": "true", "GITHUB_ACTION_PATH": str(ROOT), "GITHUB_OUTPUT": str(output),
        "GITHUB_STEP_SUMMARY": str(summary), "GITHUB_WORKSPACE": str(workspace), "RUNNER_TEMP": str(runner),
    }  # fmt: skip
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    done = subprocess.run(
        command, cwd=workspace, env=kept | github | given, capture_output=True, text=True, check=False, timeout=900
    )
    return done, parse_outputs(output.read_text()) | {"summary": summary.read_text()}


def parse_outputs(text: str) -> dict[str, str]:
    """Read GITHUB_OUTPUT: ``name=value``, or ``name<<delimiter`` with lines up to it."""
    found: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, mark, rest = re.split(r"(=|<<)", line, maxsplit=1)
        found[name] = rest if mark == "=" else "\n".join(iter(lambda: next(lines), rest))
    return found


def test_gate_of_a_clean_checkout_passes(clone: Path, runner: Path) -> None:
    """It builds, verifies, and tells the runner."""
    done, outputs = run_step("Verify", {"target": "venv"}, clone, runner)

    assert done.returncode == 0, done.stderr
    assert ("pass", "0", "[]", "envsnap-report") == tuple(
        outputs[name] for name in ("verdict", "exit-code", "failed-outputs", "report")
    )
    assert re.fullmatch(r"[0-9a-f]{64}", outputs["lock-digest"])
    assert "every output matches the baseline" in outputs["summary"].replace("&#32;", " ")
    assert (clone / "envsnap-report" / "junit.xml").is_file()


@pytest.mark.parametrize(("fail_on", "code"), [("inconclusive", 1), ("never", 0)])
def test_changed_numbers_fail_unless_that_is_not_wanted(clone: Path, runner: Path, fail_on: str, code: int) -> None:
    """The outputs say what came of it in every case."""
    script = clone / "train.py"
    changed = script.read_text().replace("GREY_LEVELS = 16.0", "GREY_LEVELS = 15.0")
    assert changed != script.read_text()
    script.write_text(changed)

    done, outputs = run_step("Verify", {"target": "venv", "fail-on": fail_on}, clone, runner)

    assert code == done.returncode, done.stderr
    assert ("fail", "1") == (outputs["verdict"], outputs["exit-code"])
    assert "metrics.jsonl" in json.loads(outputs["failed-outputs"])
    assert "::error" in done.stderr


@pytest.mark.parametrize(
    ("inputs", "code", "told"),
    [
        ({"project": "$(touch pwned)"}, 2, "$(touch pwned)"),
        ({"lock": '"; touch pwned; "'}, 2, "touch pwned"),
        ({"args": "--no-build $(touch pwned) `touch pwned`"}, 2, "touch"),
        ({"args": "--profile 'a b\n; touch pwned"}, 2, "a quote is not closed"),
        ({"command": "touch pwned"}, 2, "command is build or verify"),
        ({"fail-on": "sometimes"}, 2, "fail-on is inconclusive, differs or never"),
        ({"args": "--no-build", "target": "venv", "fail-on": "never"}, 5, "no virtual environment"),
    ],
)
def test_inputs_are_no_text_of_a_command(
    clone: Path, runner: Path, inputs: dict[str, str], code: int, told: str
) -> None:
    """Whatever they hold; and what is broken fails the step in every case."""
    done, _ = run_step("Verify", inputs, clone, runner)

    assert code == done.returncode, done.stderr
    assert told in done.stderr
    assert not (clone / "pwned").exists()


def test_arguments_are_split_at_blanks_and_quotes(clone: Path, runner: Path) -> None:
    """As a shell would, and no further."""
    done, _ = run_step("Verify", {"args": "--no-build --profile 'a $HOME b'"}, clone, runner)

    assert "has no profile 'a $HOME b'" in done.stderr


def test_gitlab_component_passes_and_leaves_its_reports(clone: Path, tmp_path: Path) -> None:
    """Its lines, as a runner of GitLab's joins them."""
    head, body = yaml.safe_load_all((ROOT / "templates" / "verify" / "template.yml").read_text())
    values = {key: str(one["default"]) for key, one in head["spec"]["inputs"].items()} | {"package": str(ROOT)}
    (job,) = body.values()

    def filled(value: Any) -> str:
        text = value["value"] if isinstance(value, dict) else value
        return re.sub(r"\$\[\[ inputs\.([a-z-]+) \]\]", lambda found: values[found[1]], text)

    kept = {key: value for key, value in os.environ.items() if key not in {"VIRTUAL_ENV", "COLUMNS"}}
    variables = {key: filled(value) for key, value in job["variables"].items()} | {"GITLAB_CI": "true"}
    script = "\n".join(job["script"])
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script], cwd=clone, env=kept | variables | {"TMPDIR": str(tmp_path)},
        capture_output=True, text=True, check=False, timeout=900,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert all((clone / path).is_file() for path in job["artifacts"]["reports"].values())
    assert "envsnap" in (clone / "envsnap-report" / "metrics.txt").read_text()
