"""Which of the configured indexes serves a package, by their own pages; one that two serve is a finding."""

import functools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
from packaging.version import InvalidVersion, Version

from envsnap.host.credentials import without_credentials
from envsnap.host.index_http import IndexConnections
from envsnap.host.index_page import IndexFile, IndexPages, Page, PageReader
from envsnap.host.uv import TargetPython, Uv, UvFile
from envsnap.lock.locked import Release, remembered_findings
from envsnap.lock.memo import Memo
from envsnap.manifest.finding import Finding

READERS = 8


class Served(msgspec.Struct, frozen=True):
    """What one index has for a project: ``index`` is its URL without a login."""

    index: str
    page: Page

    def of_version(self, version: str) -> tuple[IndexFile, ...]:
        """Return the wheels and source archives of one release."""
        wanted = Version(version)
        return self.page.select(lambda name: _parse(_version(name)) == wanted)

    def find(self, file: UvFile) -> IndexFile | None:
        """Return what the page says of a file, which is there under its name, or under another one."""
        named = self.page.select(lambda name: name == file.filename)
        return _same(named, file) or _same(self.page.files, file)


class Indexes:
    """The configured indexes; each page is read once. Several threads may ask.

    Args:
        ask: names their URLs, logins included: it may have to ask uv.
        pages: reads them.
        several: whether more than one is configured.
        alone: whether nothing else on a network serves files.
    """

    def __init__(self, ask: Callable[[], tuple[str, ...]], pages: PageReader, *, several: bool, alone: bool) -> None:
        self._ask, self._pages = ask, pages
        self.several, self.alone = several, alone
        self._reading: dict[str, threading.Lock] = {}
        self._known: dict[str, tuple[Served, ...]] = {}
        self._urls: tuple[str, ...] | None = None
        self._asking, self._beginning = threading.Lock(), threading.Lock()

    @property
    def urls(self) -> tuple[str, ...]:
        """The indexes, each once."""
        with self._asking:
            if self._urls is None:
                self._urls = tuple({without_credentials(url).rstrip("/"): url for url in self._ask()}.values())
            return self._urls

    @property
    def clean_urls(self) -> tuple[str, ...]:
        """The indexes without logins, as a lock names them."""
        return tuple(map(without_credentials, self.urls))

    @property
    def is_sole(self) -> bool:
        """Whether one index is all that serves files."""
        return self.alone and not self.several and len(self.urls) == 1

    def holder(self, name: str, file: UvFile) -> str | None:
        """Return the index, without a login, that serves this file; None where a folder or a page of links does."""
        if self.alone and len(self.urls) == 1:
            return self.clean_urls[0]
        return next((served.index for served in self.read(name) if served.find(file)), None)

    def announced(self, name: str, file: UvFile) -> IndexFile | None:
        """Return what the indexes' pages say of a file."""
        return next(filter(None, (served.find(file) for served in self.read(name))), None)

    def release(self, package: Release) -> Iterator[IndexFile]:
        """Give the files of the installed version, of each index in turn."""
        for served in self.read(package.name):
            yield from served.of_version(package.version)

    def read(self, name: str) -> tuple[Served, ...]:
        """Return what each index has for a project; whoever asks for a page that is being read waits for it.

        Raises:
            CaptureError: an index is down, or answers nonsense.
        """
        with self._beginning:
            reading = self._reading.setdefault(name, threading.Lock())
        with reading:
            if name not in self._known:
                pages = ((without_credentials(url), self._pages.read(url, name)) for url in self.urls)
                self._known[name] = tuple(Served(index, page) for index, page in pages)
            return self._known[name]


def configured_indexes(uv: Uv, http: IndexConnections, python: Path | TargetPython, folder: Path) -> Indexes:
    """Return the indexes that uv is configured with; ``folder`` is for its scratch files."""
    config = uv.config
    return Indexes(
        lambda: uv.index_urls(python, folder),
        IndexPages(http),
        several=bool(config.extra_index_urls) and not config.no_index,
        alone=not any("://" in place and not place.startswith("file:") for place in config.find_links),
    )


def find_confusable(packages: Sequence[Release], indexes: Indexes | None, memo: Memo) -> tuple[Finding, ...]:
    """Return a finding for each name that two indexes serve; offline, what the last freeze found is told.

    Raises:
        CaptureError: an index is down, or answers nonsense.
    """
    if indexes is None:
        return tuple(remembered_findings(packages, memo))
    if not indexes.several:
        return ()
    memo.answers = ask_about(packages, indexes)
    return tuple(finding for finding in memo.answers.values() if finding is not None)


def ask_about(packages: Sequence[Release], indexes: Indexes) -> dict[str, Finding | None]:
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


def _confusable(package: Release, answers: Sequence[Served]) -> Finding | None:
    holding = [served for served in answers if served.page]
    if len(holding) < 2:  # noqa: PLR2004 - one cannot be mistaken for another
        return None
    releases = [served.of_version(package.version) for served in holding]
    having = [served.index for served, files in zip(holding, releases, strict=True) if files]
    hashes = [frozenset(file.hashes.get("sha256", file.filename) for file in files) for files in releases if files]
    if len(having) < 2:  # noqa: PLR2004
        told = f"{package.version} stands on {having[0]} alone" if having else f"{package.version} stands on none"
    elif frozenset.intersection(*hashes):
        told = f"both have {package.version}, with the same files"
    else:
        told = f"both have {package.version}, with other files"
    return Finding(
        kind="two-indexes",
        subject=package.name,
        detail=f"{' and '.join(one.index for one in holding)} serve it: {told}",
    )


def _same(files: Iterable[IndexFile], file: UvFile) -> IndexFile | None:
    return next((one for one in files if _is_same(one, file)), None)


def _is_same(announced: IndexFile, file: UvFile) -> bool:
    sha256 = file.hashes.get("sha256", "")
    return announced.url == file.url or (bool(sha256) and announced.hashes.get("sha256") == sha256)


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
