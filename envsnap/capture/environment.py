"""One environment as it stands: interpreter, platform and installed distributions, put together from the probe."""

from dataclasses import dataclass
from pathlib import Path

from envsnap.capture.interpreter import describe_interpreter
from envsnap.capture.packages import describe_conda, describe_packages
from envsnap.capture.probe import Probed, probe_environment
from envsnap.environment import Environment
from envsnap.manifest.finding import NotCaptured
from envsnap.manifest.interpreter import Interpreter, Platform
from envsnap.manifest.manifest import CondaPackage
from envsnap.manifest.package import Installed


@dataclass(frozen=True, kw_only=True, slots=True)
class CapturedEnvironment:
    """What stands in one environment.

    Args:
        prefix: the environment's folder; ``base_prefix`` that of the interpreter under it.
        packages: one for each project name: the first on the search path, which is the one that is imported.
        torch_build: what torch/version.py says, without importing it.
    """

    interpreter: Interpreter
    platform: Platform
    packages: tuple[Installed, ...]
    conda: tuple[CondaPackage, ...]
    torch_build: dict[str, str]
    executable: Path
    prefix: Path
    base_prefix: Path
    not_captured: tuple[NotCaptured, ...]


def capture_environment(environment: Environment, folder: Path) -> CapturedEnvironment:
    """Run the probe in ``environment``, in the working folder ``folder``.

    Raises:
        CaptureError: the interpreter does not start, is older than 3.8, or gives no sound answer.
    """
    return _understand(probe_environment(environment, folder))


def _understand(probed: Probed) -> CapturedEnvironment:
    packages, left_out = describe_packages(probed.packages, probed.conda, probed.interpreter)
    conda, unreadable = describe_conda(probed.conda)
    return CapturedEnvironment(
        interpreter=describe_interpreter(probed.interpreter),
        platform=probed.platform,
        packages=packages,
        conda=conda,
        torch_build=probed.torch_build,
        executable=Path(probed.interpreter.executable),
        prefix=Path(probed.interpreter.prefix),
        base_prefix=Path(probed.interpreter.base_prefix),
        not_captured=(*left_out, *unreadable),
    )
