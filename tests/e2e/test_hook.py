"""The hook of this repository, installed and run by pre-commit as in anybody's repository."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import ROOT
from .test_old_locks import LOCKS

pytestmark = [pytest.mark.slow, pytest.mark.network]


def pre_commit(folder: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pre-commit; its environments lie in ``home``."""
    env = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"} | {"PRE_COMMIT_HOME": str(home)}
    command = [sys.executable, "-m", "pre_commit", *arguments]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def test_the_hook_lets_a_lock_of_its_project_pass_and_no_other(tmp_path: Path) -> None:
    """It is asked only where a file that counts is committed."""
    source, project, home = tmp_path / "envsnap", tmp_path / "project", tmp_path / "home"
    kept = shutil.ignore_patterns(".*", "!.pre-commit-hooks.yaml", "dist", "mutants", "tests", "__pycache__")
    shutil.copytree(ROOT, source, ignore=kept)
    shutil.copy(ROOT / ".pre-commit-hooks.yaml", source)
    project.mkdir()
    for name in ("data.csv", "envsnap.toml", "train.py.txt"):
        shutil.copy(LOCKS / name, project / name.removesuffix(".txt"))
    shutil.copy(LOCKS / "envsnap-1.3.lock", project / "envsnap.lock")
    shutil.copytree(LOCKS / "baseline", project / "envsnap.baseline")
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@host.example"]
    for folder in (source, project):
        for arguments in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "start"]):
            subprocess.run([*git, *arguments], cwd=folder, check=True)
    rev = subprocess.run([*git, "rev-parse", "HEAD"], cwd=source, check=True, capture_output=True, text=True).stdout
    hook = {"repo": str(source), "rev": rev.strip(), "hooks": [{"id": "envsnap-lock-check"}]}
    (project / ".pre-commit-config.yaml").write_text(json.dumps({"repos": [hook]}))
    subprocess.run([*git, "add", ".pre-commit-config.yaml"], cwd=project, check=True)
    run = ("run", "--files")

    fits = pre_commit(project, home, *run, "envsnap.toml")
    (project / "envsnap.toml").write_text((project / "envsnap.toml").read_text().replace("seed = 7", "seed = 8"))
    refused = pre_commit(project, home, *run, "envsnap.toml")
    skipped = pre_commit(project, home, *run, "train.py")

    assert [0, 1, 0] == [fits.returncode, refused.returncode, skipped.returncode], fits.stdout + fits.stderr
    assert "- exit code: 5" in refused.stdout
    assert "job.seed was 7, is 8" in " ".join(refused.stdout.split())
    assert "Skipped" in skipped.stdout


def test_the_hooks_file_is_valid(tmp_path: Path) -> None:
    """By pre-commit's own schema."""
    done = pre_commit(tmp_path, tmp_path, "validate-manifest", str(ROOT / ".pre-commit-hooks.yaml"))

    assert (0, "") == (done.returncode, done.stdout + done.stderr)
