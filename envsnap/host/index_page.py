"""The page that an index has for a project: PEP 691 JSON or PEP 503 HTML -> the files that it serves."""

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.parse import urldefrag, urljoin

import msgspec

from envsnap.errors import CaptureError, UnreachableError
from envsnap.host.credentials import without_credentials
from envsnap.host.index_config import local_path
from envsnap.host.index_http import IndexConnections, address
from envsnap.host.wheel_file import file_name

ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
PAGE_LIMIT = 256 * 2**20
ARCHIVES = (".whl", ".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".tgz", ".egg")
NO_REASON = "no reason given"
NO_PAGE = "no page of a package index"
OK = 200
NOT_THERE = frozenset([403, 404, 410])
"""An index on an object store answers 403 for a project that it does not have; a login that is refused is 401."""


class IndexFile(msgspec.Struct, frozen=True):
    """One file on a page.

    Args:
        filename: its name.
        url: where it is served.
        hashes: digests by algorithm; none where the index announces none.
        size: in bytes, where the index tells it.
        upload_time: when the index received it, where it tells it.
        yanked: why the release was withdrawn; None where it was not.
        metadata_sha256: of the METADATA in a wheel (PEP 714), "" where the index does not serve it.
    """

    filename: str
    url: str
    hashes: dict[str, str] = {}
    size: int | None = None
    upload_time: str | None = None
    yanked: str | None = None
    metadata_sha256: str = ""


class Page(ABC):
    """What an index has for a project; false where that is nothing."""

    @abstractmethod
    def __bool__(self) -> bool:
        """Whether there is any file."""

    @property
    @abstractmethod
    def files(self) -> tuple[IndexFile, ...]:
        """All files."""

    @abstractmethod
    def select(self, wanted: Callable[[str], bool]) -> tuple[IndexFile, ...]:
        """Return the files whose name is wanted."""


class _Described(Page):
    """A page whose files were all read."""

    def __init__(self, files: Sequence[IndexFile] = ()) -> None:
        self._files = tuple(files)

    def __bool__(self) -> bool:
        return bool(self._files)

    @property
    def files(self) -> tuple[IndexFile, ...]:
        return self._files

    def select(self, wanted: Callable[[str], bool]) -> tuple[IndexFile, ...]:
        return tuple(file for file in self._files if wanted(file.filename))


class PageReader(Protocol):
    """Whoever reads an index's pages."""

    def read(self, index: str, name: str) -> Page:
        """Return the page of a project, an empty one where the index does not know it."""


class IndexPages:
    """Reads pages over HTTP, or from a folder that ``file://`` names."""

    def __init__(self, connections: IndexConnections) -> None:
        self._http = connections

    def read(self, index: str, name: str) -> Page:
        """Return what ``index`` serves for the project of this normalised name.

        Raises:
            CaptureError: the index is down, or what it answers is no such page; the message names no login.
        """
        folder = local_path(index)
        if folder is not None:
            return _read_folder(folder, name)
        url = f"{index.rstrip('/')}/{name}/"
        clean = without_credentials(index)
        try:
            with self._http.get(url, {"Accept": ACCEPT, "Accept-Encoding": "gzip"}) as answer:
                if answer.status in NOT_THERE:
                    return _Described()
                if answer.status != OK:
                    raise _unusable(name, clean, f"HTTP status {answer.status}")
                data = answer.read(PAGE_LIMIT, decode_content=True)
                kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
                return parse_page(data, kind, address(answer, url), what=(name, clean))
        except UnreachableError as error:
            raise _unusable(name, clean, str(error)) from error


def parse_page(data: bytes, kind: str, url: str, *, what: tuple[str, str]) -> Page:
    """Read a page.

    Args:
        data: its text.
        kind: its media type.
        url: where it was served, which relative links count from.
        what: project and index, for the message.

    Raises:
        CaptureError: it is not a page of an index: a login form, an error page, something else.
    """
    if kind.endswith("json"):
        return _Undescribed(data, url, what)
    files = _parse_html(data.decode("utf-8", "replace"), url)
    if files is None:
        raise _unusable(*what, NO_PAGE)
    return _Described(files)


def _unusable(name: str, index: str, reason: str) -> CaptureError:
    return CaptureError(
        f"{name}: the index {index} answers with {reason}. "
        "Check the network and the index settings of pip and uv, or freeze with --offline"
    )


class _JsonFile(msgspec.Struct, frozen=True):
    """https://packaging.python.org/en/latest/specifications/simple-repository-api/#project-detail."""

    filename: str
    url: str
    hashes: dict[str, str] = {}
    size: int | None = None
    upload_time: str | None = msgspec.field(name="upload-time", default=None)
    yanked: bool | str = False
    core_metadata: bool | dict[str, str] = msgspec.field(name="core-metadata", default=False)
    dist_info_metadata: bool | dict[str, str] = msgspec.field(name="dist-info-metadata", default=False)


_T = TypeVar("_T")


class _Named(msgspec.Struct, frozen=True, gc=False):
    filename: str


class _NamedFiles(msgspec.Struct, frozen=True):
    files: tuple[_Named, ...]


class _RawFiles(msgspec.Struct, frozen=True):
    files: tuple[msgspec.Raw, ...]


class _Undescribed(Page):
    """A page of JSON. It can list thousands of files, and takes ten times as long to read as to find one's name in."""

    def __init__(self, data: bytes, url: str, what: tuple[str, str]) -> None:
        self._data, self._url, self._what = data, url, what
        self._names = [file.filename for file in self._decode(_NAMES, data).files]

    def __bool__(self) -> bool:
        return bool(self._names)

    @property
    def files(self) -> tuple[IndexFile, ...]:
        return tuple(map(self._describe, self._raw))

    def select(self, wanted: Callable[[str], bool]) -> tuple[IndexFile, ...]:
        places = [place for place, name in enumerate(self._names) if wanted(name)]
        return tuple(self._describe(self._raw[place]) for place in places) if places else ()

    @functools.cached_property
    def _raw(self) -> tuple[msgspec.Raw, ...]:
        return self._decode(_RAW, self._data).files

    def _describe(self, raw: msgspec.Raw) -> IndexFile:
        return _of_json(self._decode(_FILE, raw), self._url)

    def _decode(self, decoder: msgspec.json.Decoder[_T], data: bytes | msgspec.Raw) -> _T:
        try:
            return decoder.decode(data)
        except (msgspec.DecodeError, ValueError) as error:
            raise _unusable(*self._what, NO_PAGE) from error


_FILE = msgspec.json.Decoder(_JsonFile)
_NAMES = msgspec.json.Decoder(_NamedFiles)
_RAW = msgspec.json.Decoder(_RawFiles)


def _of_json(file: _JsonFile, url: str) -> IndexFile:
    metadata = file.core_metadata or file.dist_info_metadata
    reason = file.yanked if isinstance(file.yanked, str) and file.yanked else NO_REASON
    return IndexFile(
        filename=file.filename,
        url=file.url if file.url.startswith(("https://", "http://")) else urljoin(url, file.url),
        hashes=file.hashes,
        size=file.size,
        upload_time=file.upload_time,
        yanked=reason if file.yanked or file.yanked == "" else None,
        metadata_sha256=metadata.get("sha256", "") if isinstance(metadata, dict) else "",
    )


def _parse_html(text: str, url: str) -> tuple[IndexFile, ...] | None:
    page = _Links(url)
    page.feed(text)
    page.close()
    return tuple(page.files) if page.files or page.is_index else None


class _Links(HTMLParser):
    """The anchors of a PEP 503 page, with what PEPs 592, 629 and 714 add."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.files: list[IndexFile] = []
        self.is_index = False
        self._base = url

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "base" and found.get("href"):
            self._base = urljoin(self._base, found["href"])
        elif tag == "meta" and found.get("name") == "pypi:repository-version":
            self.is_index = True
        elif tag == "a" and found.get("href"):
            self._add(found)

    def _add(self, found: Mapping[str, str]) -> None:
        url, fragment = urldefrag(urljoin(self._base, found["href"].strip()))
        filename = file_name(url)
        if not filename.endswith(ARCHIVES):
            return
        algorithm, _, digest = fragment.partition("=")
        metadata = found.get("data-core-metadata") or found.get("data-dist-info-metadata") or ""
        self.files.append(
            IndexFile(
                filename=filename,
                url=url,
                hashes={algorithm: digest} if digest else {},
                yanked=(found["data-yanked"] or NO_REASON) if "data-yanked" in found else None,
                metadata_sha256=metadata.removeprefix("sha256=") if metadata.startswith("sha256=") else "",
            )
        )


def _read_folder(folder: Path, name: str) -> Page:
    page = folder / name / "index.html"
    try:
        text = page.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return _Described()
    return _Described(_parse_html(text, page.resolve().as_uri()) or ())
