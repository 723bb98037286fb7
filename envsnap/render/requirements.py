"""Packages -> a requirements file in which every line pins one artefact by hash."""

from collections.abc import Iterable

from envsnap.manifest.package import Artefact, Package


def render_requirements(packages: Iterable[Package]) -> str:
    """Write one line a package, in order of name; packages without a wheel have none and are left out."""
    lines = sorted(_line(package, package.wheel) for package in packages if package.wheel is not None)
    return "".join(f"{line}\n" for line in lines)


def _line(package: Package, wheel: Artefact) -> str:
    hashes = " ".join(f"--hash={name}:{value}" for name, value in sorted(wheel.hashes.items()))
    if package.installed.evidence == "direct-url":
        return f"{package.name} @ {wheel.url} {hashes}"
    return f"{package.name}=={package.installed_version} {hashes}"
