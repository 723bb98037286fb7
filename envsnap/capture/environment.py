"""One environment as it stands: interpreter, platform and installed distributions, put together from the probe."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from envsnap.capture.checkouts import describe_checkouts
from envsnap.capture.conda_records import describe_conda
from envsnap.capture.hardware import ProbedMachine
from envsnap.capture.interpreter import describe_interpreter, interpreter_problems
from envsnap.capture.packages import describe_packages
from envsnap.capture.probe import ProbedEnvironment, probe_environment
from envsnap.environment import Completed, Environment
from envsnap.environment.local import LocalEnvironment
from envsnap.inside.observer._envsnap.placeholders import BASE, PREFIX
from envsnap.manifest.accelerator import Accelerator
from envsnap.manifest.finding import Finding, UncapturedFact
from envsnap.manifest.installed import InstalledPackage
from envsnap.manifest.interpreter import Interpreter, Platform
from envsnap.manifest.manifest import CondaPackage


@dataclass(frozen=True, kw_only=True, slots=True)
class CapturedEnvironment:
    """What stands in one environment.

    Args:
        prefix: the environment's folder; ``base_prefix`` that of the interpreter under it.
        packages: one for each project name: the first on the search path, which is the one that is imported.
        findings: what looks wrong with the packages.
        system_state: stays equal as long as the same system libraries are found there, with the same owners.
        accelerator: nvcc, frameworks and CUDA libraries as they are seen from inside.
        machine: processor and memory as they are seen from inside; None: the probe did not say.
    """

    interpreter: Interpreter
    platform: Platform
    packages: tuple[InstalledPackage, ...]
    conda: tuple[CondaPackage, ...]
    executable: Path
    prefix: Path
    base_prefix: Path
    not_captured: tuple[UncapturedFact, ...]
    findings: tuple[Finding, ...] = ()
    system_state: tuple[str, ...] = ()
    accelerator: Accelerator
    machine: ProbedMachine | None

    @property
    def folders(self) -> Mapping[str, Path]:
        """Its own folder and that of its base, by the placeholders that stand for them in paths."""
        return {PREFIX: self.prefix, BASE: self.base_prefix}


def capture_environment(
    environment: Environment,
    folder: Path,
    answer: Completed | None = None,
    *,
    own: Iterable[str] = (),
) -> CapturedEnvironment:
    """Run the probe in ``environment``, in the working folder ``folder``; or read its ``answer``, where it ran already.

    Args:
        environment: what to capture.
        folder: the project's.
        answer: of the probe.
        own: paths in the project that envsnap or the job write; they make no editable installation dirty.

    Raises:
        CaptureError: the interpreter does not start, is older than 3.8, or gives no sound answer.
    """
    captured = _describe(probe_environment(environment, folder, answer))
    if not isinstance(environment, LocalEnvironment):
        return captured
    return _with_checkouts(captured, [folder.resolve() / path for path in own])


def _describe(probed: ProbedEnvironment) -> CapturedEnvironment:
    packages, findings = describe_packages(probed.packages, probed.conda, probed.roots, probed.interpreter)
    conda, overwritten, unreadable = describe_conda(probed.conda, packages)
    return CapturedEnvironment(
        interpreter=describe_interpreter(probed.interpreter),
        platform=probed.platform,
        packages=packages,
        conda=conda,
        executable=Path(probed.interpreter.executable),
        prefix=Path(probed.interpreter.prefix),
        base_prefix=Path(probed.interpreter.base_prefix),
        system_state=probed.system_state,
        accelerator=probed.accelerator,
        machine=probed.machine,
        findings=tuple(sorted((*findings, *overwritten))),
        not_captured=(*unreadable, *interpreter_problems(probed.interpreter)),
    )


def _with_checkouts(captured: CapturedEnvironment, own: Iterable[Path]) -> CapturedEnvironment:
    """Ask git of this machine about the editable installations; those of a container lie in its image."""
    packages, findings, problems = describe_checkouts(captured.packages, own)
    return replace(
        captured,
        packages=packages,
        findings=tuple(sorted((*captured.findings, *findings))),
        not_captured=(*captured.not_captured, *problems),
    )
