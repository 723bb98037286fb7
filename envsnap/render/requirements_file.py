"""Manifest -> requirements.txt for ``pip install --require-hashes`` and ``uv pip sync --require-hashes``."""

import re
from collections.abc import Iterable

from envsnap.errors import UsageError
from envsnap.manifest.manifest import Manifest
from envsnap.manifest.package import Artefact, Package
from envsnap.render.export_file import ExportFile, ExportPlace, header, omit, omit_conda_packages, python_packages

WHEELS = ".envsnap/wheels"
USE = "# pip install --no-deps --require-hashes -r THIS_FILE\n"
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_./+@-]+")
"""What pip and uv read alike after an option; both split or expand the rest in ways of their own."""


def render_requirements_file(manifest: Manifest, place: ExportPlace) -> ExportFile:
    """Render one hashed line a package.

    Wheels that no index serves are found by ``--find-links``, which both pip and uv take relative to the file; a path
    as a requirement would be relative to where pip is started. Further indexes only add: a hash decides what is taken.
    The main index is a comment, so that the reader's own configuration, which may hold a login, is used.

    Raises:
        UsageError: the way from the file to the lock cannot be written into one.
    """
    packages = python_packages(manifest.contents)
    held = tuple(package for package in packages if package.wheel is not None)
    lines = [header(manifest), USE, *index_lines(manifest), *_find_links(held, place), render_requirements(held)]
    lacking = [omit(package, _reason(package)) for package in packages if package.wheel is None]
    return ExportFile(
        text="".join(lines),
        packages=len(held),
        left_out=tuple(sorted([*lacking, *omit_conda_packages(manifest.contents)])),
    )


def render_requirements(packages: Iterable[Package]) -> str:
    """Write one line a package, in order of name; packages without a wheel have none and are left out."""
    lines = sorted(_line(package, package.wheel) for package in packages if package.wheel is not None)
    return "".join(f"{line}\n" for line in lines)


def _line(package: Package, wheel: Artefact) -> str:
    hashes = " ".join(f"--hash={name}:{value}" for name, value in sorted(wheel.hashes.items()))
    if package.installed.evidence == "direct-url":
        return f"{package.name} @ {wheel.url} {hashes}"
    return f"{package.name}=={package.installed_version} {hashes}"


def index_lines(manifest: Manifest) -> list[str]:
    """Tell which indexes served the packages; the lock holds no credentials of theirs."""
    build = manifest.contents.build
    main = [f"# --index-url {build.index_url}\n"] if build.index_url else []
    return [*main, *(f"--extra-index-url {url}\n" for url in build.extra_index_urls)]


def _find_links(packages: tuple[Package, ...], place: ExportPlace) -> list[str]:
    if not any(package.wheel and package.wheel.path for package in packages):
        return []
    folder = place.beside_lock(WHEELS)
    if not _PLAIN_PATH.fullmatch(folder):
        raise UsageError(
            f"a requirements file cannot name the folder {folder!r}, where wheels that no index serves lie: "
            "write it beside the lock, or name folders by letters and digits"
        )
    return [f"--find-links {folder if folder.startswith('.') else f'./{folder}'}\n"]


def _reason(package: Package) -> str:
    reason = package.installed.reason or "the lock has no artefact of it"
    return f"{reason}; a commit or a folder has no hash" if package.vcs or package.directory else reason
