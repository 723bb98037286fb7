"""An editable installation says which commit it is imported from, and whether all of it is committed."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from installed_package import make_installed

from envsnap.capture.checkouts import describe_checkouts
from envsnap.manifest.installed import InstalledPackage

pytestmark = pytest.mark.processes

Git = Callable[..., str]


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Git:
    """A repository in ``tmp_path / 'a'``, asked by git itself."""
    monkeypatch.setenv("HOME", str(tmp_path))

    def run(*arguments: str) -> str:
        command = ("git", "-c", "user.name=n", "-c", "user.email=e@example.org", *arguments)
        done = subprocess.run(command, cwd=tmp_path / "a", capture_output=True, text=True, check=True)
        return done.stdout.strip()

    (tmp_path / "a").mkdir()
    (tmp_path / "a/a.py").write_text("x = 1\n")
    run("init", "-q")
    run("add", ".")
    run("commit", "-q", "-m", "first")
    return run


def editable(folder: Path) -> InstalledPackage:
    """Return an editable installation of a folder."""
    url = f'{{"url": "{folder.as_uri()}", "dir_info": {{"editable": true}}}}'
    return make_installed("a", "1", direct_url=url, editable=True)


def test_a_clean_tree_has_a_commit(git: Git, tmp_path: Path) -> None:
    """What the installation itself writes there is no change."""
    for name in ("a.egg-info/PKG-INFO", "__pycache__/a.cpython-311.pyc", "build/lib/a.py"):
        (tmp_path / "a" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "a" / name).write_text("x")

    packages, findings, problems = describe_checkouts((editable(tmp_path / "a"),))

    assert [(git("rev-parse", "HEAD"), False)] == [
        (item.record.checkout.commit, item.record.checkout.dirty) for item in packages if item.record.checkout
    ]
    assert ((), ()) == (findings, problems)


def test_uncommitted_changes_are_found_and_named(git: Git, tmp_path: Path) -> None:
    """Changed and new files, of the package's own folder alone, however deep in the repository it lies."""
    (tmp_path / "a/deep").mkdir()
    (tmp_path / "a/deep/pyproject.toml").write_text("")
    git("add", ".")
    git("commit", "-q", "-m", "second")
    (tmp_path / "a/a.py").write_text("x = 2\n")
    (tmp_path / "a/new.py").write_text("")

    packages, findings, _ = describe_checkouts((editable(tmp_path / "a"), editable(tmp_path / "a/deep")))

    assert [True, False] == [item.record.checkout.dirty for item in packages if item.record.checkout]
    assert [("dirty-package", "a")] == [(finding.kind, finding.subject) for finding in findings]
    assert f"at commit {git('rev-parse', 'HEAD')[:12]}, with uncommitted changes: a.py, new.py" in findings[0].detail


def test_what_envsnap_and_the_job_write_is_no_change(git: Git, tmp_path: Path) -> None:
    """A project that is itself installed editable is not dirty for the lock of it, nor for the job's outputs."""
    git("status")
    (tmp_path / "a/envsnap.baseline/x").mkdir(parents=True)
    for name in ("envsnap.lock", "envsnap.baseline/x/metrics.json", "[odd].json"):
        (tmp_path / "a" / name).write_text("")
    own = [tmp_path / "a" / name for name in ("envsnap.lock", "envsnap.baseline", "[odd].json")]

    packages, findings, _ = describe_checkouts((editable(tmp_path / "a"),), [*own, tmp_path / "elsewhere"])

    assert ([False], ()) == ([item.record.checkout.dirty for item in packages if item.record.checkout], findings)


def test_a_tree_that_its_repository_ignores_has_no_commit(git: Git, tmp_path: Path) -> None:
    """The commit of the repository around it says nothing about it."""
    (tmp_path / "a/.gitignore").write_text("vendored/\n")
    (tmp_path / "a/vendored").mkdir()
    (tmp_path / "a/vendored/b.py").write_text("")
    git("add", ".")
    git("commit", "-q", "-m", "second")

    packages, findings, problems = describe_checkouts((editable(tmp_path / "a/vendored"),))

    assert (None, (), ()) == (packages[0].record.checkout, findings, problems)


@pytest.mark.parametrize("folder", ["gone", "plain", "empty"])
def test_what_is_no_checkout_has_no_commit(tmp_path: Path, folder: str) -> None:
    """No folder, no repository, no commit."""
    for name in ("plain", "empty"):
        (tmp_path / name).mkdir()
    subprocess.run(("git", "init", "-q", str(tmp_path / "empty")), check=True)

    packages, findings, problems = describe_checkouts((editable(tmp_path / folder),))

    assert (None, (), ()) == (packages[0].record.checkout, findings, problems)
