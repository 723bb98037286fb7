"""The rebuilt environment that a command runs in, built first where it does not stand yet."""

from collections.abc import Mapping
from pathlib import Path

from envsnap.workflow.environments import RebuiltEnvironment, is_built
from envsnap.workflow.lock_source import LockSource
from envsnap.workflow.progress import Progress

BUILDS_FIRST = "nothing stands here that was built from this lock: building it first (--no-build refuses instead)"


def build_first(
    rebuilt: RebuiltEnvironment, source: LockSource, folder: Path, env: Mapping[str, str], progress: Progress
) -> RebuiltEnvironment:
    """Return the environment, built from ``source`` where none was built from it; the caller holds the project.

    A build goes to the target's usual place: a name that the work folder tells is never overwritten.

    Args:
        rebuilt: what to run in.
        source: the lock, and where its wheels come from.
        folder: the project.
        env: the caller's environment.
        progress: is told that something is built, and all that a build tells.

    Raises:
        BuildError: a package has no artefact, or a step fails.
        EnvironmentDiffersError: what was built is not what was captured.
        MissingToolError: no engine answers.
    """
    if is_built(rebuilt, source.manifest, env):
        return rebuilt
    from envsnap.workflow.build import BuildRequest, build_source

    progress.stage(BUILDS_FIRST)
    request = BuildRequest(folder=folder, env=env, lock=None, target=rebuilt.target)
    built = build_source(request, source, progress)
    return RebuiltEnvironment(rebuilt.target, built.reference, source.manifest.snapshot.digest)
