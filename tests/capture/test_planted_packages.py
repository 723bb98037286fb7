"""Real environments in which something went wrong: each is captured, and what is wrong is found and named."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from envsnap.capture.environment import capture_environment
from envsnap.environment.local import LocalEnvironment
from envsnap.manifest.finding import Finding

pytestmark = pytest.mark.processes


def kinds(findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    """Return kind and subject of each."""
    return [(finding.kind, finding.subject) for finding in findings]


def site(place: Any) -> str:
    """Spell an environment's site-packages as the lock does."""
    return f"{{prefix}}/{place.site.relative_to(place.prefix)}"


def test_a_sound_environment_has_nothing_to_find(make_place: Any, make_wheel: Any) -> None:
    """Packages of pip and of uv, requested or not."""
    place = make_place()
    place.uv(str(make_wheel("alpha", "1.0")))
    place.pip("install", "--no-index", "--no-deps", str(make_wheel("beta", "2.0")))

    found = place.capture()

    assert ((), ()) == (found.findings, found.not_captured)
    assert {"alpha": ("uv", True), "beta": ("pip", True)}.items() <= {
        item.name: (item.record.owner, item.record.requested) for item in found.packages
    }.items()


def test_a_half_removed_package(make_place: Any, make_wheel: Any) -> None:
    """pip was killed: when it had renamed the folder, when it had removed the modules, in the middle of the folder."""
    place = make_place()
    for name in ("alpha", "beta", "gamma", "delta"):
        place.uv(str(make_wheel(name, "1.0")))
    (place.site / "alpha-1.0.dist-info").rename(place.site / "~lpha-1.0.dist-info")
    (place.site / "beta.py").unlink()
    (place.site / "gamma-1.0.dist-info/RECORD").unlink()
    (place.site / "delta-1.0.dist-info/METADATA").unlink()

    found = place.capture()

    assert [
        ("partial-package", f"{site(place)}/{name}-1.0.dist-info") for name in ("beta", "delta", "gamma", "~lpha")
    ] == kinds(found.findings)
    assert ["beta", "delta", "gamma"] == [item.name for item in found.packages]


def test_a_doubled_dist_info(make_place: Any, make_wheel: Any) -> None:
    """The older record was not removed; the files are those of the newer one, although its name stands behind."""
    place = make_place()
    place.uv(str(make_wheel("alpha", "10.0")))
    shutil.copytree(place.site / "alpha-10.0.dist-info", place.prefix / "kept")
    place.uv(str(make_wheel("alpha", "9.0")))
    shutil.copytree(place.prefix / "kept", place.site / "alpha-10.0.dist-info")

    found = place.capture()

    assert ["9.0"] == [item.version for item in found.packages]
    assert [("doubled-package", "alpha")] == kinds(found.findings)
    assert "alpha-9.0.dist-info stands beside alpha-10.0.dist-info" in found.findings[0].detail


def test_packages_of_the_system_and_a_shadowed_one(make_place: Any, make_wheel: Any) -> None:
    """A virtual environment that sees another one's packages, as ``--system-site-packages`` does."""
    base, place = make_place(name="base"), make_place()
    for name in ("alpha", "beta"):
        base.uv(str(make_wheel(name, "1.0")))
    place.uv(str(make_wheel("alpha", "2.0")))
    (place.site / "base.pth").write_text(f"{base.site}\n")

    found = place.capture()

    assert [("alpha", "2.0", "site-packages"), ("beta", "1.0", "pth")] == [
        (item.name, item.version, item.record.origin) for item in found.packages
    ]
    assert [("outside-package", str(base.site)), ("shadowed-package", "alpha")] == kinds(found.findings)


def test_the_base_interpreters_packages(make_place: Any) -> None:
    """``--system-site-packages``: each says that it is the base's, and one finding names them."""
    found = make_place("--system-site-packages").capture()

    assert found.packages, "the interpreter that runs the tests has no pip"
    assert {"base"} == {item.record.origin for item in found.packages}
    assert {"outside-package"} == {finding.kind for finding in found.findings if finding.subject.startswith("{base}")}


def test_the_users_own_packages(make_place: Any, make_wheel: Any, tmp_path: Path) -> None:
    """They are imported from the home folder, whose name is left out."""
    place = make_place("--system-site-packages")
    user = tmp_path / "home/.local" / place.site.relative_to(place.prefix)
    place.uv("--target", str(user), str(make_wheel("alpha", "1.0")))

    found = place.capture()

    alpha = {item.name: item for item in found.packages}["alpha"]
    assert ("user-site", f"~/.local/{place.site.relative_to(place.prefix)}") == (
        alpha.record.origin,
        alpha.record.location,
    )
    assert ("outside-package", alpha.record.location) in kinds(found.findings)
    assert not any(str(tmp_path) in finding.detail + finding.subject for finding in found.findings)


@pytest.mark.parametrize("is_dirty", [False, True])
def test_an_editable_installation(make_place: Any, tmp_path: Path, *, is_dirty: bool) -> None:
    """The commit is recorded; uncommitted changes are found."""
    project = tmp_path / "demo"
    (project / "src/demo").mkdir(parents=True)
    (project / "src/demo/__init__.py").write_text("x = 1\n")
    (project / "pyproject.toml").write_text(
        '[project]\nname = "demo"\nversion = "1.0"\n'
        '[build-system]\nrequires = ["uv_build>=0.9,<1"]\nbuild-backend = "uv_build"\n'
    )
    commit = commit_all(project)
    place = make_place()
    place.uv("--editable", str(project))
    (project / "src/demo/__init__.py").write_text("x = 2\n" if is_dirty else "x = 1\n")

    found = place.capture()

    demo = found.packages[0]
    assert (True, "uv") == (demo.record.editable, demo.record.owner)
    assert demo.record.checkout is not None
    assert (commit, is_dirty) == (demo.record.checkout.commit, demo.record.checkout.dirty)
    assert ([("dirty-package", "demo")] if is_dirty else []) == kinds(found.findings)


def commit_all(folder: Path) -> str:
    """Make a repository of a folder, and return its commit."""
    git = ("git", "-C", str(folder), "-c", "user.name=n", "-c", "user.email=e@example.org")
    subprocess.run((*git, "init", "-q"), check=True)
    subprocess.run((*git, "add", "."), check=True)
    subprocess.run((*git, "commit", "-q", "-m", "all"), check=True)
    return subprocess.run((*git, "rev-parse", "HEAD"), check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize("version", ["2.0", "1.0"])
def test_a_package_of_conda_that_pip_overwrote(conda_prefix: Any, make_wheel: Any, version: str) -> None:
    """Another version, or the same one by ``--force-reinstall``: the package is pip's, and conda's record is marked."""
    conda_prefix.pip("install", "--no-index", "--no-deps", "--force-reinstall", str(make_wheel("alpha", version)))

    found = conda_prefix.capture()

    assert {"alpha": (version, "pip", False), "beta": ("2.0", "conda", True)}.items() <= {
        item.name: (item.version, item.record.owner, item.is_conda) for item in found.packages
    }.items()
    assert [("overwritten-package", "alpha")] == kinds(found.findings)
    assert {"alpha": f"pip: alpha=={version}", "beta": None, "python": None} == {
        record.name: record.overwritten_by for record in found.conda
    }


def test_a_package_of_conda_that_pip_did_not_see(conda_prefix: Any, make_wheel: Any) -> None:
    """``--ignore-installed`` leaves conda's record beside pip's, and the files are pip's."""
    conda_prefix.pip("install", "--no-index", "--no-deps", "--ignore-installed", str(make_wheel("alpha", "2.0")))

    found = conda_prefix.capture()

    assert {"alpha": ("2.0", "pip")}.items() <= {
        item.name: (item.version, item.record.owner) for item in found.packages
    }.items()
    assert [("overwritten-package", "alpha")] == kinds(found.findings)
    assert "pip: alpha==2.0" in {record.overwritten_by for record in found.conda}


@pytest.mark.parametrize("leftover", [False, True])
def test_a_package_of_conda_that_pip_removed(conda_prefix: Any, *, leftover: bool) -> None:
    """Conda still takes it for installed; pip leaves what RECORD did not name."""
    if leftover:
        (conda_prefix.site / "alpha-1.0.dist-info/LICENSE").write_text("")
    conda_prefix.pip("uninstall", "--yes", "alpha")

    found = conda_prefix.capture()

    remains = [("partial-package", f"{site(conda_prefix)}/alpha-1.0.dist-info")] if leftover else []
    assert [("overwritten-package", "alpha"), *remains] == kinds(found.findings)
    assert leftover == ("alpha" in {item.name for item in found.packages})
    assert {"alpha": "removed"}.items() <= {record.name: record.overwritten_by for record in found.conda}.items()


def test_metadata_that_is_not_utf_8(make_place: Any, make_wheel: Any) -> None:
    """The file is named; the package is captured all the same."""
    place = make_place()
    place.uv(str(make_wheel("alpha", "1.0")))
    with (place.site / "alpha-1.0.dist-info/METADATA").open("ab") as file:
        file.write(b"Author: Jos\xe9\n")

    found = place.capture()

    assert ["alpha==1.0"] == [item.label for item in found.packages]
    assert [("unreadable", f"{site(place)}/alpha-1.0.dist-info")] == kinds(found.findings)
    assert "METADATA is not UTF-8: byte 0xe9" in found.findings[0].detail


def test_a_version_that_is_not_utf_8(make_place: Any, make_wheel: Any) -> None:
    """No lock could hold it: the package says why it has none."""
    place = make_place()
    place.uv(str(make_wheel("alpha", "1.0")))
    (place.site / "alpha-1.0.dist-info/METADATA").write_bytes(b"Name: alpha\nVersion: 1.\xe9\n")

    found = place.capture()

    assert [("alpha", "")] == [(item.name, item.version) for item in found.packages]
    assert "is none: its METADATA is damaged" in found.packages[0].problem
    assert ["unreadable"] == [finding.kind for finding in found.findings]


@pytest.mark.parametrize(
    ("target", "reason"), [("nowhere", "broken link"), ("site-packages", "levels of symbolic links")]
)
def test_site_packages_that_are_a_broken_link(make_place: Any, target: str, reason: str) -> None:
    """Python says nothing and imports nothing; the capture does not pretend that nothing is installed."""
    place = make_place()
    place.site.rmdir()
    place.site.symlink_to(target)

    found = place.capture()

    assert [("unreadable", site(place))] == kinds(found.findings)
    assert reason in found.findings[0].detail


@pytest.mark.skipif(os.geteuid() == 0 and shutil.which("setpriv") is None, reason="setpriv is missing")
def test_site_packages_that_may_not_be_read(make_place: Any, make_wheel: Any, tmp_path: Path) -> None:
    """The finding has the system's own words. Root reads everything, unless it gave its capabilities up."""
    place = make_place()
    place.uv(str(make_wheel("alpha", "1.0")))
    python = tmp_path / "python"
    prelude = "setpriv --bounding-set=-all --inh-caps=-all" if os.geteuid() == 0 else ""
    python.write_text(f'#!/bin/sh\nexec {prelude} {place.python} "$@"\n')
    python.chmod(0o755)
    place.site.chmod(0o000)

    try:
        found = capture_environment(LocalEnvironment(python), tmp_path)
    finally:
        place.site.chmod(0o755)

    assert [("unreadable", site(place))] == kinds(found.findings)
    assert "Permission denied" in found.findings[0].detail
