"""The installed distributions: one for each project name, who owns it, and what is wrong with the others."""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from packaging.utils import is_normalized_name

from envsnap.capture.interpreter import ProbedInterpreter
from envsnap.host.index_config import without_credentials
from envsnap.manifest.finding import NotCaptured
from envsnap.manifest.manifest import CondaPackage
from envsnap.manifest.model import Model
from envsnap.manifest.package import Installed, normalised

CHANNEL_TOKEN = re.compile(r"/t/[^/]+/")


class ProbedPackage(Model, frozen=True):
    """One distribution as the probe found it."""

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


class ProbedConda(Model, frozen=True):
    """One record of conda-meta as the probe found it."""

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


def describe_packages(
    probed: Iterable[ProbedPackage], conda: Iterable[ProbedConda], interpreter: ProbedInterpreter
) -> tuple[tuple[Installed, ...], tuple[NotCaptured, ...]]:
    """Return the distribution of each name that an import finds, and what to say of the others."""
    owned = frozenset(folder for record in conda for folder in record.owns)
    return _first_of_each(_installed(package, owned, interpreter) for package in probed)


def describe_conda(records: Iterable[ProbedConda]) -> tuple[tuple[CondaPackage, ...], tuple[NotCaptured, ...]]:
    """Return conda's records without logins and tokens, and those that cannot be read."""
    kept = tuple(records)
    return tuple(_conda_package(record) for record in kept), _conda_problems(kept)


def _installed(package: ProbedPackage, owned: frozenset[str], interpreter: ProbedInterpreter) -> Installed:
    in_prefix = PurePosixPath(package.root).is_relative_to(interpreter.prefix)
    is_conda = in_prefix and package.folder in owned
    return Installed(
        name=normalised(package.name),
        version=package.version,
        root=package.root,
        folder=package.folder,
        location=_location(package.root, interpreter),
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


def _location(root: str, interpreter: ProbedInterpreter) -> str:
    path = PurePosixPath(root)
    for name, folder in (("{prefix}", interpreter.prefix), ("{base}", interpreter.base_prefix)):
        if path.is_relative_to(folder):
            return str(name / path.relative_to(folder))
    return str(path)


def _first_of_each(packages: Iterable[Installed]) -> tuple[tuple[Installed, ...], tuple[NotCaptured, ...]]:
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


def _conda_package(record: ProbedConda) -> CondaPackage:
    kept = {name: getattr(record, name) for name in CondaPackage.__struct_fields__}
    return CondaPackage(**kept | {name: without_channel_token(kept[name]) for name in ("channel", "url")})


def without_channel_token(url: str) -> str:
    """Remove a login and a token from a conda channel's URL.

    A private channel's token stands in its path, as ``/t/TOKEN/``:
    https://www.anaconda.com/docs/tools/anaconda-org/user-guide/howto#tokens
    """
    return CHANNEL_TOKEN.sub("/", without_credentials(url)) if "://" in url else url


def _conda_problems(records: tuple[ProbedConda, ...]) -> tuple[NotCaptured, ...]:
    return tuple(
        NotCaptured(what=f"conda {record.name}", reason=record.problem) for record in records if record.problem
    )
