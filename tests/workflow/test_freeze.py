"""A freeze tells which packages cannot be rebuilt, and removes no recording that a lock still names."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from envsnap.manifest.job import Job
from envsnap.manifest.manifest import Manifest
from envsnap.manifest.package import Package
from envsnap.workflow.freeze import _locks, _without_artefact
from envsnap.workflow.project import own_paths


def lacking(package: Package, name: str, reason: str) -> Package:
    """The package under another name, without an artefact."""
    installed = msgspec.structs.replace(package.installed, evidence="none", reason=reason)
    return msgspec.structs.replace(package, name=name, wheels=(), installed=installed)


def test_packages_that_cannot_be_rebuilt_are_told_by_reason(make_manifest: Callable[..., Manifest]) -> None:
    """One line a reason, in the order of the packages; those that can be rebuilt are not named."""
    (tool,) = make_manifest().contents.packages
    packages = [lacking(tool, "a", "offline"), tool, lacking(tool, "b", "no tags"), lacking(tool, "c", "offline")]

    assert [("offline", ["a", "c"]), ("no tags", ["b"])] == _without_artefact(packages)


def test_every_lock_of_the_project_counts(project: Path) -> None:
    """The one that was written may lie elsewhere; what only looks like a lock is passed over."""
    written = project.parent / "elsewhere.lock"
    for path in (written, project / "envsnap.lock", project / "gpu.lock"):
        path.write_text(path.name)
    (project / "folder.lock").mkdir()
    (project / ".#editor.lock").symlink_to("nowhere")

    assert {"elsewhere.lock", "envsnap.lock", "gpu.lock"} == set(_locks(project, written))


def test_what_envsnap_and_the_job_write_is_no_change_of_the_code(job: Job) -> None:
    """The lock, the baseline, the work folder and the outputs."""
    assert ("envsnap.lock", "envsnap.baseline", ".envsnap", "metrics.json") == own_paths(job)
    assert ("envsnap.lock", "envsnap.baseline", ".envsnap") == own_paths(None)
