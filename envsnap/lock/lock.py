"""Every installed distribution -> the exact artefact that was installed, with its hash and how sure that is."""

import tempfile
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

from envsnap.errors import UnsatisfiableError, WheelUnreadableError
from envsnap.host.index.config import local_path
from envsnap.host.index.uv import UvFile, UvPackage
from envsnap.host.index.wheel import read_local_record
from envsnap.inside.probe.record import content_digest
from envsnap.lock.artefact_sources import Sources
from envsnap.lock.direct_url import DirectUrl, parse_direct_url
from envsnap.lock.entry import CONTEXT_WHEELS, artefact, as_source_tree, entry, on_machine, without_artefact
from envsnap.lock.from_index import lock_served
from envsnap.lock.indexes import find_confusable
from envsnap.lock.listed import Listed, lock_by_pages
from envsnap.lock.local_wheels import find_wheel, list_wheels
from envsnap.lock.locked import Locked, in_order
from envsnap.lock.made_here import lock_tree, repacked
from envsnap.lock.resolve import is_version, resolve
from envsnap.manifest.package import Installed, Package

__all__ = ["CONTEXT_WHEELS", "Locked", "Sources", "describe_unlocked", "lock_environment", "lock_packages"]

THREADS = 16


def lock_environment(installed: Sequence[Installed], sources: Sources) -> Locked:
    """Lock every distribution to its artefact.

    Raises:
        CaptureError: the indexes could not be asked or lie, or a wheel cannot be made from what is installed.
    """
    known = {package.name: sources.memo.find(package) for package in installed}
    asked = [package for package in installed if known[package.name] is None]
    sources.wheels.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        indexed = [package for package in installed if _comes_from_index(package)]
        finding = pool.submit(find_confusable, indexed, sources.indexes, sources.memo)
        found = _lock_all(asked, sources, pool)
        confusable = finding.result()
    sources.memo.remember((package, found[package.name]) for package in asked)
    entries = (known[package.name] or found[package.name] for package in installed)
    return in_order(entries, confusable)


def _lock_all(packages: Sequence[Installed], sources: Sources, pool: Executor) -> dict[str, Package]:
    """Lock each package; a wheel in a folder here is known without an index, and hashed while those are asked."""
    wheels = list_wheels(sources.folders)
    indexed = [package for package in packages if _comes_from_index(package)]
    here = {package.name: path for package in indexed if (path := find_wheel(package, wheels))}
    served: dict[str, UvPackage | UnsatisfiableError] = {}

    def lock(package: Installed) -> Package:
        if package.name in here:
            return on_machine(package, here[package.name], sources.wheels)
        return _lock(package, served.get(package.name), sources)

    begun = {package.name: pool.submit(lock, package) for package in packages if package.name in here}
    remote = [package for package in indexed if package.name not in here]
    listed = lock_by_pages(remote, sources.remote) if sources.read_pages else Listed()
    left = [package for package in remote if package.name not in listed.packages]
    served |= _have_no_wheel(left) if listed.is_whole else _ask(left, sources)
    known = here.keys() | listed.packages.keys()
    begun |= {package.name: pool.submit(lock, package) for package in packages if package.name not in known}
    return listed.packages | {name: locking.result() for name, locking in begun.items()}


def _have_no_wheel(packages: Sequence[Installed]) -> dict[str, UvPackage]:
    """Answer in uv's place, where every page was read."""
    return {package.name: UvPackage(name=package.name) for package in packages}


def lock_packages(installed: Sequence[Installed], sources: Sources) -> tuple[Package, ...]:
    """Do what :func:`lock_environment` does, for whoever needs no findings."""
    return lock_environment(installed, sources).packages


def describe_unlocked(installed: Sequence[Installed]) -> tuple[Package, ...]:
    """Describe every distribution without looking for its artefact, in order of name; nothing is read or written."""
    return tuple(sorted((_describe_unlocked(package) for package in installed), key=lambda entry: entry.name))


def _describe_unlocked(package: Installed) -> Package:
    locked, direct = without_artefact(package, "not looked for"), parse_direct_url(package.direct_url)
    return as_source_tree(locked, package, vcs=direct.vcs) if direct is not None and direct.vcs is not None else locked


def _comes_from_index(package: Installed) -> bool:
    return not (package.conda or _problem(package) or parse_direct_url(package.direct_url))


def _problem(package: Installed) -> str:
    """Say why nothing can be asked or made for a package; "" where something can."""
    if package.problem or is_version(package.version):
        return package.problem
    return f"its version {package.version!r} is none that installers accept; install a release with a PEP 440 version"


def _ask(packages: Sequence[Installed], sources: Sources) -> dict[str, UvPackage | UnsatisfiableError]:
    if sources.locker is None:
        return {}
    with tempfile.TemporaryDirectory(dir=sources.wheels.parent, prefix="lock-") as folder:
        return dict(resolve(packages, sources.locker, python=sources.python, folder=Path(folder)))


def _lock(package: Installed, served: UvPackage | UnsatisfiableError | None, sources: Sources) -> Package:
    if package.conda:
        return without_artefact(package, "conda owns it; the conda record pins it")
    if _problem(package):
        return without_artefact(package, _problem(package))
    direct = parse_direct_url(package.direct_url)
    if direct is not None:
        return _lock_direct(package, direct, sources)
    if served is None:
        return without_artefact(package, "frozen offline, and no earlier freeze had found its artefact")
    return lock_served(package, served, sources)


def _lock_direct(package: Installed, direct: DirectUrl, sources: Sources) -> Package:
    if direct.dir_info is not None:
        return lock_tree(package, direct, sources)
    if direct.vcs is not None:
        locked = repacked(package, sources, reason="installed from version control")
        return as_source_tree(locked, package, vcs=direct.vcs)
    path = local_path(direct.url)
    if path is not None and path.suffix == ".whl" and _holds(path, package.content_digest):
        return on_machine(package, path, sources.wheels)
    sha256 = direct.archive_info.sha256 if direct.archive_info else ""
    if direct.url.startswith("https://") and direct.url.partition("#")[0].endswith(".whl") and sha256:
        file = UvFile(hashes={"sha256": sha256}, url=direct.url.partition("#")[0])
        if "@" not in direct.url.split("/")[2]:
            return entry(package, "direct-url", wheel=artefact(file))
    return repacked(package, sources, reason="the file that it was installed from is not there any more")


def _holds(wheel: Path, content: str) -> bool:
    try:
        return content_digest(read_local_record(wheel))[0] == content
    except WheelUnreadableError:
        return False
