"""Runs the probe in an environment and reads its answer, which is as untrusted as what is installed there."""

from pathlib import Path

import msgspec

from envsnap import inside
from envsnap.capture.interpreter import ProbedInterpreter
from envsnap.capture.packages import ProbedConda, ProbedPackage
from envsnap.environment import Environment, Execution
from envsnap.errors import CaptureError, InvalidFileError
from envsnap.inside.probe._probe_document import MARKER
from envsnap.manifest.interpreter import Platform
from envsnap.manifest.model import Model, convert

OLDEST = (3, 8)
TIMEOUT_SECONDS = 300.0
PROBE = Path(inside.__file__).parent / "probe" / "probe.py"


class Probed(Model, frozen=True):
    """The probe's document; each section's type stands in the module that describes it."""

    interpreter: ProbedInterpreter
    platform: Platform
    packages: tuple[ProbedPackage, ...]
    conda: tuple[ProbedConda, ...]
    torch_build: dict[str, str]


def probe_environment(environment: Environment, folder: Path) -> Probed:
    """Run the probe in ``environment``, in the working folder ``folder``.

    Raises:
        CaptureError: the interpreter does not start, is older than 3.8, or gives no sound answer.
    """
    done = environment.execute(
        Execution(
            argv=(environment.python, str(PROBE)),
            workdir=folder,
            read_only=(PROBE.parent,),
            timeout=TIMEOUT_SECONDS,
        )
    )
    # The document stands on one line, so that neither it nor what is printed after it can be taken for the marker.
    _, marker, text = done.stdout.decode("utf-8", "replace").rpartition(f"\n{MARKER}\n")
    if done.exit_code or not marker:
        tail = " ".join(done.stderr.decode("utf-8", "replace").strip().splitlines()[-3:])
        raise CaptureError(
            f"the {environment.name} could not be probed (exit code {done.exit_code}): {tail or 'it printed nothing'}. "
            "envsnap needs a CPython of version 3.8 or newer there"
        )
    return _parse(text.partition("\n")[0], environment.name)


def _parse(text: str, name: str) -> Probed:
    try:
        probed = convert(msgspec.json.decode(text), Probed, source=f"the probe of the {name}")
    except msgspec.DecodeError as error:
        raise CaptureError(f"the {name} gave an answer to the probe that is not JSON: {error}") from error
    except InvalidFileError as error:
        raise CaptureError(f"{error}; is something in that environment printing over the probe?") from error
    version = tuple(int(part) for part in probed.interpreter.version.split(".")[:2])
    if probed.interpreter.implementation != "cpython" or version < OLDEST:
        raise CaptureError(
            f"the {name} is {probed.interpreter.implementation} {probed.interpreter.version}; "
            "envsnap captures CPython 3.8 and newer"
        )
    return probed
