"""The probe's answer from one environment: interpreter, platform and installed distributions."""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated

import msgspec
from packaging.utils import is_normalized_name

from envsnap import inside
from envsnap.environment import Environment, Execution
from envsnap.errors import CaptureError, InvalidFileError
from envsnap.host.index_config import without_credentials
from envsnap.inside.probe import MARKER
from envsnap.manifest.facts import Interpreter, NotCaptured, Platform, Provenance
from envsnap.manifest.manifest import CondaPackage
from envsnap.manifest.model import Model, convert
from envsnap.manifest.package import Installed, normalised

OLDEST = (3, 8)
TIMEOUT_SECONDS = 300.0
CHANNEL_TOKEN = re.compile(r"/t/[^/]+/")
PROBE = Path(inside.__file__).with_name("probe.py")


class _ProbedInterpreter(Model, frozen=True):
    implementation: str
    version: Annotated[str, msgspec.Meta(pattern=r"^\d+\.\d+\.\d+")]
    build: str
    compiler: str
    soabi: str
    executable: str
    prefix: str
    base_prefix: str
    conda: bool
    venv: bool
    uv: bool
    path: tuple[str, ...]


class _ProbedPackage(Model, frozen=True):
    name: str
    version: str
    root: str
    folder: str
    tags: tuple[str, ...] = ()
    build: str = ""
    metadata_sha256: str = ""
    content_digest: str = ""
    files: int = 0
    installer: str = ""
    requested: bool = False
    direct_url: str = ""
    problem: str = ""


class _ProbedConda(Model, frozen=True):
    name: str
    version: str = ""
    build: str = ""
    channel: str = ""
    subdir: str = ""
    url: str = ""
    sha256: str = ""
    md5: str = ""
    size: int = 0
    owns: tuple[str, ...] = ()
    problem: str = ""


class _Probed(Model, frozen=True):
    interpreter: _ProbedInterpreter
    platform: Platform
    packages: tuple[_ProbedPackage, ...]
    conda: tuple[_ProbedConda, ...]
    torch_build: dict[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class CapturedInterpreter:
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


def capture_interpreter(environment: Environment, folder: Path) -> CapturedInterpreter:
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
    return _understand(_parse(text.partition("\n")[0], environment.name))


def _parse(text: str, name: str) -> _Probed:
    try:
        probed = convert(msgspec.json.decode(text), _Probed, source=f"the probe of the {name}")
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


def _understand(probed: _Probed) -> CapturedInterpreter:
    packages, shadowed = _first_of_each(tuple(_installed(package, probed) for package in probed.packages))
    base = probed.interpreter
    return CapturedInterpreter(
        interpreter=Interpreter(
            implementation=base.implementation,
            version=base.version,
            build=base.build,
            compiler=base.compiler,
            soabi=base.soabi,
            provenance=provenance(base.base_prefix, conda=base.conda),
        ),
        platform=probed.platform,
        packages=packages,
        conda=tuple(_conda_package(record) for record in probed.conda),
        torch_build=probed.torch_build,
        executable=Path(base.executable),
        prefix=Path(base.prefix),
        base_prefix=Path(base.base_prefix),
        not_captured=(*shadowed, *_conda_problems(probed.conda)),
    )


def provenance(base_prefix: str, *, conda: bool) -> Provenance:
    """Tell from its folder where an interpreter came from."""
    parts = PurePosixPath(base_prefix).parts
    if conda:
        return "conda"
    if ".pyenv" in parts or "pyenv" in parts:
        return "pyenv"
    if "uv" in parts:
        return "uv"
    return {"/usr": "system", "/usr/local": "local"}.get(base_prefix, "unknown")  # type: ignore[return-value]


def _installed(package: _ProbedPackage, probed: _Probed) -> Installed:
    owned = {folder for record in probed.conda for folder in record.owns}
    in_prefix = PurePosixPath(package.root).is_relative_to(probed.interpreter.prefix)
    is_conda = in_prefix and package.folder in owned
    return Installed(
        name=normalised(package.name),
        version=package.version,
        root=package.root,
        folder=package.folder,
        location=_location(package.root, probed.interpreter),
        tags=tuple(sorted(package.tags)),
        build=package.build,
        metadata_sha256=package.metadata_sha256,
        content_digest=package.content_digest,
        files=package.files,
        installer=package.installer,
        requested=package.requested,
        direct_url="" if is_conda else package.direct_url,
        conda=is_conda,
        problem=package.problem,
    )


def _location(root: str, interpreter: _ProbedInterpreter) -> str:
    path = PurePosixPath(root)
    for name, folder in (("{prefix}", interpreter.prefix), ("{base}", interpreter.base_prefix)):
        if path.is_relative_to(folder):
            return str(name / path.relative_to(folder))
    return str(path)


def _first_of_each(packages: tuple[Installed, ...]) -> tuple[tuple[Installed, ...], tuple[NotCaptured, ...]]:
    """Keep the distribution that an import finds; the others of that name are reported, not guessed about."""
    first: dict[str, Installed] = {}
    left_out = []
    for package in packages:
        reason = _no_package(package)
        if not reason:
            kept = first.setdefault(package.name, package)
            reason = "" if kept is package or _is_source_of(package, kept) else _shadowed(package, kept)
        if reason:
            left_out.append(NotCaptured(what=f"package {package.label} in {package.location}", reason=reason))
    return tuple(first.values()), tuple(left_out)


def _no_package(package: Installed) -> str:
    """Say why a folder stands for no installed package; "" where it does.

    pip renames what it is about to remove to ``~name``, and leaves it there if it is killed:
    https://pip.pypa.io/en/stable/news/#v19-1
    """
    if package.folder.startswith("~"):
        return f"{package.folder} is left from an interrupted pip uninstall; remove it"
    return "" if is_normalized_name(package.name) else f"{package.folder} names no project; remove it"


def _is_source_of(package: Installed, kept: Installed) -> bool:
    """Whether this is the egg-info in the source tree of an editable installation: the same package seen twice."""
    return package.folder.endswith(".egg-info") and package.version == kept.version and '"editable"' in kept.direct_url


def _shadowed(package: Installed, kept: Installed) -> str:
    if kept.root != package.root:
        return f"{kept.version} in {kept.location} comes before it"
    return f"{kept.folder} stands beside {package.folder}: an interrupted installation; install it anew"


def _conda_package(record: _ProbedConda) -> CondaPackage:
    kept = {name: getattr(record, name) for name in CondaPackage.__struct_fields__}
    return CondaPackage(**kept | {name: without_channel_token(kept[name]) for name in ("channel", "url")})


def without_channel_token(url: str) -> str:
    """Remove a login and a token from a conda channel's URL.

    A private channel's token stands in its path, as ``/t/TOKEN/``:
    https://www.anaconda.com/docs/tools/anaconda-org/user-guide/howto#tokens
    """
    return CHANNEL_TOKEN.sub("/", without_credentials(url)) if "://" in url else url


def _conda_problems(records: tuple[_ProbedConda, ...]) -> tuple[NotCaptured, ...]:
    return tuple(
        NotCaptured(what=f"conda {record.name}", reason=record.problem) for record in records if record.problem
    )
