"""Every installed distribution -> the exact artefact that was installed, with its hash and how sure that is."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

from envsnap.errors import UnsatisfiableError
from envsnap.host.index.file import Release
from envsnap.lock.artefacts import as_checkout, without_artefact
from envsnap.lock.from_index import lock_by_pages, lock_served
from envsnap.lock.indexes import ask_about
from envsnap.lock.locked_packages import LockedPackages, in_order, known_findings
from envsnap.lock.made_here import WheelMaker, checkout_of
from envsnap.lock.memo import Memo
from envsnap.lock.own_code import is_own_code
from envsnap.lock.resolver import Resolver
from envsnap.lock.wheel_fit import is_version
from envsnap.lock.wheels import LocalWheels, find_wheel
from envsnap.manifest.finding import Finding
from envsnap.manifest.installed import InstalledPackage
from envsnap.manifest.package import Package

THREADS = 16


def lock_environment(
    installed: Sequence[InstalledPackage], memo: Memo, maker: WheelMaker, local: LocalWheels, resolver: Resolver | None
) -> LockedPackages:
    """Lock every distribution to its artefact.

    Args:
        installed: the distributions.
        memo: what earlier freezes proved.
        maker: makes and keeps the wheels that no index serves.
        local: wheels in the folders that installers are configured with.
        resolver: finds what the indexes serve; None offline.

    Raises:
        CaptureError: the indexes could not be asked or lie, or a wheel cannot be made from what is installed.
    """
    known = {package.name: memo.find(package) for package in installed}
    asked = [package for package in installed if known[package.name] is None]
    maker.wheels.path.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        indexed = [package.package for package in installed if _comes_from_index(package)]
        finding = pool.submit(_find_confusable, indexed, memo, resolver)
        found = _lock_all(asked, maker, local, resolver, pool)
        confusable = finding.result()
    memo.remember((package, found[package.name]) for package in asked)
    packages = (known[package.name] or found[package.name] for package in installed)
    return in_order(packages, confusable)


def describe_unlocked(installed: Sequence[InstalledPackage]) -> tuple[Package, ...]:
    """Describe every distribution without looking for its artefact, in order of name; nothing is read or written."""
    return tuple(sorted(map(_describe_unlocked, installed), key=lambda package: package.name))


def _describe_unlocked(package: InstalledPackage) -> Package:
    locked = without_artefact(package.package, "not looked for")
    vcs = checkout_of(package.direct_url) if package.direct_url else None
    return as_checkout(locked, vcs) if vcs is not None else locked


def _find_confusable(packages: Sequence[Package], memo: Memo, resolver: Resolver | None) -> tuple[Finding, ...]:
    """Return a finding for each name that two indexes serve; offline, what the last freeze found is told."""
    if resolver is None:
        return tuple(known_findings(packages, memo))
    if not resolver.indexes.several:
        return ()
    memo.answers = ask_about(packages, resolver.indexes)
    return tuple(finding for finding in memo.answers.values() if finding is not None)


def _lock_all(
    packages: Sequence[InstalledPackage],
    maker: WheelMaker,
    local: LocalWheels,
    resolver: Resolver | None,
    pool: Executor,
) -> dict[str, Package]:
    """Lock each package; a wheel in a folder here is known without an index, and hashed while those are asked."""
    indexed = [package for package in packages if _comes_from_index(package)]
    here = {package.name: path for package in indexed if (path := find_wheel(package, local))}
    keeping = [pool.submit(maker.keep, package, here[package.name]) for package in indexed if package.name in here]
    remote = [package for package in indexed if package.name not in here]
    proven, releases = _ask(remote, resolver, maker)
    left = [package for package in packages if package.name not in here.keys() | proven.keys()]
    locked = pool.map(lambda package: _lock(package, releases, resolver, maker), left)
    return proven | {package.name: package for package in (*(one.result() for one in keeping), *locked)}


def _ask(
    packages: Sequence[InstalledPackage], resolver: Resolver | None, maker: WheelMaker
) -> tuple[dict[str, Package], Mapping[str, Release | UnsatisfiableError]]:
    """Return the packages that the indexes' pages prove, and what the locker says of the others."""
    if resolver is None:
        return {}, {}
    if not resolver.pages_first:
        return {}, resolver.resolve(packages)
    proven, is_whole = lock_by_pages(packages, resolver.indexes, maker)
    left = [package for package in packages if package.name not in proven]
    return proven, {} if is_whole else resolver.resolve(left)  # where every page was read, the locker knows no more


def _comes_from_index(package: InstalledPackage) -> bool:
    return not (package.is_conda or _problem(package) or package.direct_url)


def _problem(package: InstalledPackage) -> str:
    """Say why nothing can be asked or made for a package; "" where something can."""
    if package.problem or is_version(package.version):
        return package.problem
    return f"its version {package.version!r} is none that installers accept; install a release with a PEP 440 version"


def _lock(
    package: InstalledPackage,
    releases: Mapping[str, Release | UnsatisfiableError],
    resolver: Resolver | None,
    maker: WheelMaker,
) -> Package:
    if package.is_conda:
        return without_artefact(package.package, "conda owns it; the conda record pins it")
    if package.is_developed and is_own_code(Path(package.root), maker.wheels.project):
        return maker.lock_own_code(package, Path(package.root))
    if _problem(package):
        return without_artefact(package.package, _problem(package))
    if package.direct_url is not None:
        return maker.lock_direct(package, package.direct_url)
    if resolver is None:
        return without_artefact(package.package, "frozen offline, and no earlier freeze had found its artefact")
    answer = releases.get(package.name)
    release = answer if isinstance(answer, Release) else Release(package.name)
    return lock_served(package, release, resolver.indexes, maker)
