"""The configured indexes: their pages, which of them serves a package, and the wheels that they serve."""

import functools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from msgspec.structs import replace
from packaging.version import InvalidVersion, Version

from envsnap.host.credentials import without_credentials
from envsnap.host.index.config import IndexConfig, is_remote
from envsnap.host.index.file import IndexFile
from envsnap.host.index.http import IndexConnections
from envsnap.host.index.page import Page, read_page
from envsnap.manifest.finding import Finding
from envsnap.manifest.package import Package

READERS = 8


@dataclass(frozen=True, slots=True)
class ProjectPage:
    """What one index has for a project: ``index`` is its URL without a login."""

    index: str
    files: Page

    def of_version(self, version: str) -> tuple[IndexFile, ...]:
        """Return the wheels and source archives of one release."""
        wanted = Version(version)
        return tuple(file for file in self.files if _parse(_version(file.filename)) == wanted)

    def find(self, file: IndexFile) -> IndexFile | None:
        """Return what the page says of a file, which is there under its name, or under another one."""
        named = [one for one in self.files if one.filename == file.filename]
        return _same(named, file) or _same(self.files, file)


class Indexes:
    """The configured indexes; each page is read once. Several threads may ask.

    Args:
        config: names them.
        default: names them with logins where the settings name none: it may have to ask uv.

    Raises:
        CaptureError: the configured certificates cannot be read.
    """

    def __init__(self, config: IndexConfig, default: Callable[[], tuple[str, ...]]) -> None:
        self.http = IndexConnections(config)
        self.several = bool(config.extra_index_urls) and not config.no_index
        self.alone = not any("://" in place and not place.startswith("file:") for place in config.find_links)
        """Whether nothing else on a network serves files."""
        self._default = default
        self._reading: dict[str, threading.Lock] = {}
        self._known: dict[str, tuple[ProjectPage, ...]] = {}
        self._urls: tuple[str, ...] | None = None
        self._asking, self._beginning = threading.Lock(), threading.Lock()

    @property
    def urls(self) -> tuple[str, ...]:
        """The indexes, each once; logins included, so never print one."""
        with self._asking:
            if self._urls is None:
                self._urls = tuple({without_credentials(url).rstrip("/"): url for url in self._default()}.values())
            return self._urls

    @property
    def clean_urls(self) -> tuple[str, ...]:
        """The indexes without logins, as a lock names them."""
        return tuple(map(without_credentials, self.urls))

    def pin(self, package: Package, file: IndexFile) -> Package:
        """Name the index, without a login, that serves a package's file, and why it withdrew the release if it did.

        None is named where a folder or a page of links serves the file.
        """
        if self.alone and len(self.urls) == 1:
            index: str | None = self.clean_urls[0]
        else:
            index = next((page.index for page in self.read(package.name) if page.find(file)), None)
        announced = self.announced(package.name, file) if self.several else None
        record = replace(package.installed, yanked=(announced or file).yanked_reason)
        return replace(package, index=index if index and is_remote(index) else package.index, installed=record)

    def announced(self, name: str, file: IndexFile) -> IndexFile | None:
        """Return what the indexes' pages say of a file."""
        return next(filter(None, (page.find(file) for page in self.read(name))), None)

    def release(self, package: Package) -> Iterator[IndexFile]:
        """Give the files of the installed version, of each index in turn."""
        for page in self.read(package.name):
            yield from page.of_version(package.installed_version)

    def read(self, name: str) -> tuple[ProjectPage, ...]:
        """Return what each index has for a project; whoever asks for a page that is being read waits for it.

        Raises:
            CaptureError: an index is down, or answers nonsense.
        """
        with self._beginning:
            reading = self._reading.setdefault(name, threading.Lock())
        with reading:
            if name not in self._known:
                pages = ((without_credentials(url), read_page(self.http, url, name)) for url in self.urls)
                self._known[name] = tuple(ProjectPage(index, files) for index, files in pages)
            return self._known[name]


def ask_about(packages: Sequence[Package], indexes: Indexes) -> dict[str, Finding | None]:
    """Ask every index about every package; a name that two of them serve is a finding.

    Whoever may upload to one of them decides what the next installation gets:
    https://docs.astral.sh/uv/concepts/indexes/#searching-across-multiple-indexes. They are asked anew each time, for
    a name can be taken at any time.

    Returns:
        By label.

    Raises:
        CaptureError: an index is down, or answers nonsense.
    """
    with ThreadPoolExecutor(max_workers=READERS) as pool:
        found = pool.map(lambda package: _confusable(package, indexes.read(package.name)), packages)
        return dict(zip((package.label for package in packages), found, strict=True))


def _confusable(package: Package, pages: Sequence[ProjectPage]) -> Finding | None:
    holding = [page for page in pages if page.files]
    if len(holding) < 2:  # noqa: PLR2004 - one cannot be mistaken for another
        return None
    version = package.installed_version
    releases = [page.of_version(version) for page in holding]
    having = [page.index for page, files in zip(holding, releases, strict=True) if files]
    hashes = [frozenset(file.sha256 or file.filename for file in files) for files in releases if files]
    if len(having) < 2:  # noqa: PLR2004
        told = f"{version} stands on {having[0]} alone" if having else f"{version} stands on none"
    elif frozenset.intersection(*hashes):
        told = f"both have {version}, with the same files"
    else:
        told = f"both have {version}, with other files"
    return Finding(
        kind="two-indexes",
        subject=package.name,
        detail=f"{' and '.join(page.index for page in holding)} serve it: {told}",
    )


def _same(files: Iterable[IndexFile], file: IndexFile) -> IndexFile | None:
    return next((one for one in files if _is_same(one, file)), None)


def _is_same(announced: IndexFile, file: IndexFile) -> bool:
    return announced.url == file.url or (bool(file.sha256) and announced.sha256 == file.sha256)


def _version(filename: str) -> str:
    """Return the version as a file's name spells it; a page has thousands of names, and few versions."""
    if filename.endswith(".whl"):
        return filename.split("-", 2)[1] if filename.count("-") > 1 else ""
    stem = filename.removesuffix(".zip").removesuffix(".gz").removesuffix(".tar")
    return stem.rpartition("-")[2]


@functools.lru_cache(maxsize=100_000)
def _parse(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None
