"""The page that an index has for a project: PEP 691 JSON or PEP 503 HTML -> the files that it serves."""

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urldefrag, urljoin

import msgspec
from msgspec.structs import replace

from envsnap.errors import CaptureError, UnreachableError
from envsnap.host.credentials import without_credentials
from envsnap.host.index.config import is_remote, local_path
from envsnap.host.index.file import IndexFile, file_name
from envsnap.host.index.http import OK, IndexConnections, address

ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
PAGE_LIMIT = 256 * 2**20
ARCHIVES = (".whl", ".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".tgz", ".egg")
PLAIN_NAME = re.compile(r"[^/\x00-\x1f\x7f]+\.[^/\x00-\x1f\x7f]+")
NO_PAGE = "no page of a package index"
NOT_THERE = frozenset([403, 404, 410])
"""An index on an object store answers 403 for a project that it does not have; a login that is refused is 401."""
Page = tuple[IndexFile, ...]
"""What an index has for a project; empty where that is nothing."""


def read_page(http: IndexConnections, index: str, name: str) -> Page:
    """Return what ``index``, or the folder that ``file://`` names, serves for the project of this normalised name.

    Raises:
        CaptureError: the index is down, or what it answers is no such page; the message names no login.
    """
    folder = local_path(index)
    if folder is not None:
        return _read_folder(folder, name)
    url = f"{index.rstrip('/')}/{name}/"
    clean = without_credentials(index)
    try:
        with http.get(url, {"Accept": ACCEPT, "Accept-Encoding": "gzip"}) as answer:
            if answer.status in NOT_THERE:
                return ()
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
    try:
        files = _parse_json(data, url) if kind.endswith("json") else _parse_html(data.decode("utf-8", "replace"), url)
    except (msgspec.DecodeError, ValueError) as error:
        raise _unusable(*what, NO_PAGE) from error
    if files is None:
        raise _unusable(*what, NO_PAGE)
    return tuple(file for file in files if PLAIN_NAME.fullmatch(file.filename))  # it becomes a file's name here


def _unusable(name: str, index: str, reason: str) -> CaptureError:
    return CaptureError(
        f"{name}: the index {index} answers with {reason}. "
        "Check the network and the index settings of pip and uv, or freeze with --offline"
    )


class _Project(msgspec.Struct, frozen=True):
    files: Page


_PROJECT = msgspec.json.Decoder(_Project)


def _parse_json(data: bytes, url: str) -> Page:
    return tuple(
        file if is_remote(file.url) else replace(file, url=urljoin(url, file.url))
        for file in _PROJECT.decode(data).files
    )


def _parse_html(text: str, url: str) -> Page | None:
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
                yanked=found.get("data-yanked"),
                core_metadata={"sha256": metadata.removeprefix("sha256=")} if metadata.startswith("sha256=") else False,
            )
        )


def _read_folder(folder: Path, name: str) -> Page:
    page = folder / name / "index.html"
    try:
        text = page.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ()
    return _parse_html(text, page.resolve().as_uri()) or ()
