"""One file from a server to its place: continued after an earlier try, and there only once its hash is right."""

import contextlib
import hashlib
import os
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING

from envsnap.errors import BrokenError, BundleError, RefusedError, UnreachableError, WrongBytesError
from envsnap.host.files import FULL
from envsnap.host.index.file import IndexFile
from envsnap.host.index.http import OK, PARTIAL_CONTENT, IndexConnections

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

BLOCK_BYTES = 1024 * 1024
PAUSES = (0.5, 1.0, 2.0)
"""Seconds before the second and later tries; the connection's own retries come on top."""
TRIES = len(PAUSES) + 1
LARGEST = 64 * 2**30
"""Where the lock knows no size: a server must not fill the disk."""
GONE = frozenset({404, 410})
FORBIDDEN = frozenset({401, 403, 407})
RANGE_NOT_SATISFIABLE = 416
CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
STRONG_TAG = re.compile(r'"[\x21\x23-\x7e]{1,200}"')
"""Only a strong validator promises equal bytes: https://www.rfc-editor.org/rfc/rfc9110#section-8.8.1"""


class Transfer:
    """One file on its way into ``folder``, where it is called by its digest.

    Args:
        label: how a message names the file.
        file: the file; its index announces a SHA-256.
        folder: where it goes; what is not complete yet lies there as ``DIGEST.part``.
        http: asks the server.
        on_bytes: told how many bytes more are there; a negative number, where a part had to be dropped.
        stop: set where nobody waits for the file any more.
    """

    def __init__(
        self,
        label: str,
        file: IndexFile,
        folder: Path,
        http: IndexConnections,
        *,
        on_bytes: Callable[[int], object],
        stop: threading.Event,
    ) -> None:
        self._label, self._file, self._http, self._on_bytes, self._stop = label, file, http, on_bytes, stop
        self._target = folder / file.sha256
        self._part = folder / f"{file.sha256}.part"
        self._tag = folder / f"{file.sha256}.etag"
        self._told = 0

    def run(self, pause: Callable[[float], object]) -> None:
        """Fetch it, in several tries if need be; ``pause`` waits between two.

        Raises:
            RefusedError: the server has it no longer, or has another file.
            BundleError: it cannot be fetched, or not be written.
        """
        wrong = 0
        for number in range(TRIES):
            try:
                return self._try()
            except OSError as error:
                raise self._unwritable(error) from error
            except WrongBytesError as error:
                wrong += 1
                if wrong > 1:  # one may come of an earlier try's part, or of a bad line
                    raise RefusedError(f"{self._label}: {error}") from error
            except (UnreachableError, BrokenError) as error:
                if number == TRIES - 1:
                    raise self._given_up(error) from error
            if self._stop.is_set():
                return None
            pause(PAUSES[min(number, len(PAUSES) - 1)])
        raise self._given_up(BrokenError("its bytes were wrong"))

    def _given_up(self, error: Exception) -> BundleError:
        return BundleError(
            f"{self._label} could not be fetched in {TRIES} tries: {error}. Check the network and the index "
            "settings of pip and uv, and run the command again; it goes on where it stopped"
        )

    def _unwritable(self, error: OSError) -> BundleError:
        advice = "make room, or name another place with --output" if error.errno in FULL else "correct that"
        return BundleError(
            f"{self._label} cannot be written to {self._target.parent}: {error.strerror}; {advice}, and run "
            "the command again; it goes on where it stopped"
        )

    def _try(self) -> None:
        with open(self._part, "ab", buffering=0) as file:  # noqa: PTH123 - unbuffered: what is counted is written
            start, digest = self._read_part()
            if self._file.size is None or start < self._file.size:
                digest = self._receive(file, start, digest)
        if self._stop.is_set():
            return
        if digest.hexdigest() != self._file.sha256:
            self._forget()
            raise WrongBytesError(
                f"its sha256 on the server is {digest.hexdigest()}, the lock pins {self._file.sha256}"
            )
        self._part.replace(self._target)
        self._tag.unlink(missing_ok=True)

    def _read_part(self) -> "tuple[int, hashlib._Hash]":
        """Hash what an earlier try left; a part that is longer than the file is none of it."""
        size = self._part.stat().st_size
        if self._file.size is not None and size > self._file.size:
            self._forget()
            size = 0
        digest = hashlib.sha256()
        with self._part.open("rb", buffering=0) as file:
            while block := file.read(BLOCK_BYTES):
                digest.update(block)
        self._tell(size)
        return size, digest

    def _receive(self, file: IO[bytes], start: int, digest: "hashlib._Hash") -> "hashlib._Hash":
        """Append what the server sends from ``start`` on, or the whole file where it does not continue."""
        with self._http.get(self._file.url, self._headers(start)) as answer:
            self._check(answer)
            offset = _offset(answer)
            if offset not in {0, start}:
                self._forget()
                raise BrokenError("the server does not continue where it was asked to")
            if offset < start:
                self._forget()
                digest = hashlib.sha256()
            self._note_tag(answer)
            self._append(answer, file, offset, digest)
        return digest

    def _headers(self, start: int) -> dict[str, str]:
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
            with contextlib.suppress(OSError, UnicodeDecodeError):
                tag = self._tag.read_text(encoding="ascii")
                headers |= {"If-Range": tag} if STRONG_TAG.fullmatch(tag) else {}
        return headers

    def _check(self, answer: "BaseHTTPResponse") -> None:
        """Tell what no other try would change from what one may."""
        if answer.status in GONE:
            raise RefusedError(f"{self._label} is not served any more (HTTP status {answer.status})")
        if answer.status in FORBIDDEN:
            raise BundleError(
                f"{self._label} may not be fetched (HTTP status {answer.status}): set the index's login in "
                "the settings of pip or uv, or in ~/.netrc"
            )
        if answer.status not in {OK, PARTIAL_CONTENT, RANGE_NOT_SATISFIABLE}:
            raise BrokenError(f"the server answers with HTTP status {answer.status}")
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            raise BrokenError("the server answers with a web page")

    def _note_tag(self, answer: "BaseHTTPResponse") -> None:
        tag = answer.headers.get("ETag", "")
        if STRONG_TAG.fullmatch(tag):
            self._tag.write_text(tag, encoding="ascii")
        else:
            self._tag.unlink(missing_ok=True)

    def _append(self, answer: "BaseHTTPResponse", file: IO[bytes], offset: int, digest: "hashlib._Hash") -> None:
        size = self._file.size
        # read1 gives what is there: read would wait for a whole block, and lose it where the answer breaks off
        while block := answer.read1(BLOCK_BYTES, decode_content=False):
            if self._stop.is_set():
                return
            offset += len(block)
            if offset > (LARGEST if size is None else size):
                self._forget()
                raise WrongBytesError(f"the server has a larger file than the {size or LARGEST:,} bytes of the lock")
            write_all(file, block)
            digest.update(block)
            self._tell(offset)
        if size is not None and offset < size:
            raise BrokenError(f"the answer broke off after {offset:,} of {size:,} bytes")

    def _forget(self) -> None:
        os.truncate(self._part, 0)
        self._tag.unlink(missing_ok=True)
        self._tell(0)

    def _tell(self, there: int) -> None:
        self._on_bytes(there - self._told)
        self._told = there


def write_all(file: IO[bytes], block: bytes) -> None:
    """Write a block to an unbuffered file: the last write before a disk is full may be a short one."""
    view = memoryview(block)
    while view:
        view = view[file.write(view) :]


def _offset(answer: "BaseHTTPResponse") -> int:
    """Return where the answer's bytes belong in the file; -1 where it does not say."""
    if answer.status == OK:
        return 0
    span = CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    return int(span[1]) if span and answer.status == PARTIAL_CONTENT else -1
