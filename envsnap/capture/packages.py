"""The installed distributions: one for each project name, who owns it, and what is wrong with the others."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from packaging.utils import is_normalized_name

from envsnap.capture.answer import quote
from envsnap.capture.conda_records import ProbedConda, owned_folders
from envsnap.capture.direct_url import parse_direct_url, parse_provenance
from envsnap.capture.interpreter import ProbedInterpreter
from envsnap.host.index.config import local_path
from envsnap.inside.observer._envsnap.placeholders import BASE, PREFIX
from envsnap.manifest.finding import Finding
from envsnap.manifest.installed import DirectUrl, InstalledPackage
from envsnap.manifest.model import Model
from envsnap.manifest.package import InstalledRecord, Origin, Package, Sbom, normalise_name
from envsnap.manifest.phrases import join_names

VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]{0,255}")
OWNER = re.compile(r"[a-z0-9][a-z0-9._+-]{0,63}")
"""INSTALLER may hold any text; only a plain word is taken for a program's name."""
NAMED_IN_A_FINDING = 20


class ProbedRoot(Model, frozen=True):
    """One folder on the search path as the probe found it; ``below_home`` is its path in the user's home folder."""

    path: str
    origin: Origin
    below_home: str = ""
    problem: str = ""


class ProbedPackage(Model, frozen=True):
    """One distribution as the probe found it.

    Of two records in one folder, ``matching`` of ``sampled`` files are as each one says.
    """

    name: str
    version: str
    root: str
    folder: str
    tags: tuple[str, ...] = ()
    build: str = ""
    metadata_sha256: str = ""
    content_digest: str = ""
    installer: str = ""
    requested: bool = False
    direct_url: str = ""
    provenance_url: str = ""
    sboms: tuple[Sbom, ...] = ()
    owner: str = ""
    owner_package: str = ""
    problem: str = ""
    partial: bool = False
    unreadable: tuple[str, ...] = ()
    sampled: int = 0
    matching: int = 0


@dataclass(frozen=True, slots=True)
class _Seen:
    """A distribution with what the probe said of it."""

    package: InstalledPackage
    probed: ProbedPackage

    @property
    def share(self) -> float:
        """How much of what its record names is there; 0 where nobody looked."""
        return self.probed.matching / self.probed.sampled if self.probed.sampled else 0.0


def describe_packages(
    probed: Iterable[ProbedPackage],
    conda: Iterable[ProbedConda],
    roots: Iterable[ProbedRoot],
    interpreter: ProbedInterpreter,
) -> tuple[tuple[InstalledPackage, ...], tuple[Finding, ...]]:
    """Return the distribution of each name that an import finds, and what is wrong with these and the others."""
    places = tuple(roots)
    describe = _Describe(interpreter, {root.path: root for root in places}, owned_folders(conda))
    seen = [_Seen(describe.installed(package), package) for package in probed]
    chosen, findings = _first_of_each(_without_sources(seen))
    kept = [item.package for item in chosen]
    findings += [finding for item in seen for finding in _unreadable(item)]
    findings += [finding for item in chosen for finding in _partial(item)]
    findings += [
        Finding(
            kind="unreadable", subject=describe.location(root.path), detail=f"{root.problem}: nothing in it is known"
        )
        for root in places
        if root.problem
    ]
    return tuple(kept), tuple(sorted((*findings, *_outside(kept, interpreter))))


@dataclass(frozen=True, slots=True)
class _Describe:
    """Turns what the probe says into what the other stages read."""

    interpreter: ProbedInterpreter
    roots: dict[str, ProbedRoot]
    owned: frozenset[str]

    def installed(self, package: ProbedPackage) -> InstalledPackage:
        """Return the distribution, with its owner and its place."""
        root = self.roots.get(package.root)
        is_conda = package.folder in self.owned and self._in_prefix(package.root)
        version = package.version if VERSION.fullmatch(package.version) else ""
        direct = None if is_conda else parse_direct_url(package.direct_url)
        is_editable = _editable_folder(direct) is not None or self._is_developed(package)
        record = InstalledRecord(
            tags=tuple(sorted(package.tags)),
            evidence="none",
            content_digest=package.content_digest,
            location=self.location(package.root),
            installer=quote(package.installer)[:64],
            requested=package.requested,
            build=package.build,
            origin=root.origin if root else None,
            owner="conda" if is_conda else package.owner or _named_owner(package.installer),
            owner_package=package.owner_package or None,
            editable=is_editable or None,
            provenance=None if is_conda else parse_provenance(package.provenance_url),
            sboms=package.sboms or None,
        )
        return InstalledPackage(
            package=Package(name=normalise_name(package.name), version=version or None, installed=record),
            root=package.root,
            folder=package.folder,
            metadata_sha256=package.metadata_sha256,
            direct_url=direct,
            is_conda=is_conda,
            problem=package.problem or _no_version(package, version),
        )

    def location(self, root: str) -> str:
        """Name an import root without the folders that are this machine's own."""
        path = PurePosixPath(root)
        for name, folder in ((PREFIX, self.interpreter.prefix), (BASE, self.interpreter.base_prefix)):
            if path.is_relative_to(folder):
                return str(name / path.relative_to(folder))
        below_home = self.roots[root].below_home if root in self.roots else ""
        return f"~/{below_home}" if below_home else str(path)

    def _in_prefix(self, root: str) -> bool:
        return PurePosixPath(root).is_relative_to(self.interpreter.prefix)

    def _is_developed(self, package: ProbedPackage) -> bool:
        """Whether ``setup.py develop`` put its source tree on the search path."""
        root = self.roots.get(package.root)
        return root is not None and root.origin == "pth" and package.folder.endswith(".egg-info")


def _no_version(package: ProbedPackage, version: str) -> str:
    return "" if version else f"its version {quote(package.version)!r} is none: its METADATA is damaged"


def _named_owner(installer: str) -> str:
    word = installer.strip().lower()
    return word if OWNER.fullmatch(word) else "unknown"


def source_folder(package: InstalledPackage) -> PurePosixPath | None:
    """Return the source tree that an editable installation is imported from; None for any other one."""
    if not package.record.editable:
        return None
    return _editable_folder(package.direct_url) or PurePosixPath(package.root)


def _editable_folder(direct: DirectUrl | None) -> PurePosixPath | None:
    """Return the source tree that direct_url.json names as installed editable."""
    path = local_path(direct.url) if direct is not None and direct.is_editable else None
    return PurePosixPath(path) if path is not None else None


def _without_sources(seen: list[_Seen]) -> Iterator[_Seen]:
    """Leave out the egg-info in the source tree of an editable installation: the same package seen twice."""
    trees = [(item.package.name, _editable_folder(item.package.direct_url)) for item in seen]
    editable = {(name, tree) for name, tree in trees if tree is not None}
    for item in seen:
        root = PurePosixPath(item.package.root)
        is_source = item.package.folder.endswith(".egg-info") and any(
            name == item.package.name and root.is_relative_to(tree) for name, tree in editable
        )
        if not is_source:
            yield item


def _first_of_each(seen: Iterable[_Seen]) -> tuple[list[_Seen], list[Finding]]:
    """Keep the distribution that an import finds; of two records in one folder the one that tells of the files."""
    groups: dict[str, list[_Seen]] = {}
    findings = []
    for item in seen:
        reason = _no_package(item.package)
        if reason:
            findings.append(Finding(kind="partial-package", subject=_place(item.package), detail=reason))
        else:
            groups.setdefault(item.package.name, []).append(item)
    chosen = []
    for group in groups.values():
        beside = [item for item in group if item.package.root == group[0].package.root]
        kept = max(beside, key=lambda item: item.share)
        chosen.append(kept)
        findings += [_left_out(item, kept) for item in group if item is not kept and not _is_same(item, kept)]
    return chosen, findings


def _no_package(package: InstalledPackage) -> str:
    """Say why a folder stands for no installed package; "" where it does.

    pip renames what it is about to remove to ``~name``, and leaves it there if it is killed:
    https://pip.pypa.io/en/stable/news/#v19-1
    """
    if package.folder.startswith("~"):
        return f"{package.folder} is left from an interrupted pip uninstall; remove it"
    return "" if is_normalized_name(package.name) else f"{package.folder} names no project; remove it"


def _is_same(item: _Seen, kept: _Seen) -> bool:
    """Whether both are one package of the system: Debian puts an egg-info beside a dist-info."""
    owner = item.package.record.owner_package
    return bool(owner) and owner == kept.package.record.owner_package and item.package.version == kept.package.version


def _left_out(item: _Seen, kept: _Seen) -> Finding:
    package, other = item.package, kept.package
    if other.root != package.root:
        detail = (
            f"{package.label} in {package.record.location}: {other.version} in {other.record.location} comes before it"
        )
        return Finding(kind="shadowed-package", subject=package.name, detail=detail)
    detail = f"{other.folder} stands beside {package.folder}"
    if item.probed.sampled and kept.share != item.share:
        detail += (
            f", and the files are those of {other.folder}: {kept.probed.matching} of {kept.probed.sampled}, "
            f"{item.probed.matching} of {item.probed.sampled}"
        )
    if package.is_conda != other.is_conda:
        detail += f": {other.record.owner} overwrote what {package.record.owner} had installed"
        return Finding(kind="overwritten-package", subject=package.name, detail=detail)
    detail += ": an interrupted installation; install it anew"
    return Finding(kind="doubled-package", subject=package.name, detail=detail)


def _unreadable(item: _Seen) -> Iterator[Finding]:
    for reason in item.probed.unreadable:
        yield Finding(kind="unreadable", subject=_place(item.package), detail=reason)


def _partial(item: _Seen) -> Iterator[Finding]:
    """Report what an interruption left; the system and conda have records of their own, and need none in RECORD."""
    if item.probed.partial and not (item.package.is_conda or item.package.record.owner_package):
        yield Finding(kind="partial-package", subject=_place(item.package), detail=item.probed.problem)


def _place(package: InstalledPackage) -> str:
    return f"{package.record.location}/{quote(package.folder)}"


def _outside(kept: Iterable[InstalledPackage], interpreter: ProbedInterpreter) -> Iterator[Finding]:
    """Name for each folder outside of the environment what is imported from it."""
    groups: dict[tuple[str, Origin | None], list[str]] = {}
    for package in kept:
        if not (package.record.editable or PurePosixPath(package.root).is_relative_to(interpreter.prefix)):
            groups.setdefault((package.record.location, package.record.origin), []).append(package.label)
    for (location, origin), labels in groups.items():
        named = join_names(sorted(labels), NAMED_IN_A_FINDING)
        detail = f"{named} are imported from there: {_way(origin)}"
        yield Finding(kind="outside-package", subject=location, detail=detail)


def _way(origin: Origin | None) -> str:
    match origin:
        case "base":
            return "the environment sees the packages of the interpreter under it (system-site-packages)"
        case "user-site":
            return "it is the user's own folder"
        case "pythonpath":
            return "PYTHONPATH names it"
        case "pth":
            return "a .pth file names it"
        case _:
            return "it is on the search path"
