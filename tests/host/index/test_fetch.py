"""Files come whole and proven, or not at all; what came of one is not asked for again."""

import hashlib
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from file_server import FileServer

from envsnap.errors import BundleError
from envsnap.host.index.config import IndexConfig
from envsnap.host.index.fetch import fetch
from envsnap.host.index.file import IndexFile
from envsnap.host.index.http import IndexConnections
from envsnap.host.index.transfer import TRIES

DATA = random.Random(0).randbytes(3_000_000)  # noqa: S311 - bytes that no server compresses
NAME = "demo-1.0-py3-none-any.whl"


def download(server: FileServer, name: str = NAME, data: bytes = DATA, *, sized: bool = True) -> IndexFile:
    """Ask for a file with the digest of ``data``."""
    return IndexFile(
        filename=name,
        url=f"{server.url}/{name}",
        hashes={"sha256": hashlib.sha256(data).hexdigest()},
        size=len(data) if sized else None,
    )


@pytest.fixture
def get(tmp_path: Path, file_server: FileServer) -> Callable[..., Mapping[str, str]]:
    """Fetch into a folder, without a pause between tries."""
    file_server.files[NAME] = DATA

    def ask(*files: IndexFile, **options: Callable[[int], object]) -> Mapping[str, str]:
        (tmp_path / "blobs").mkdir(exist_ok=True)
        http = IndexConnections(IndexConfig())
        labelled = {f"{file.filename.partition('-')[0]}: {file.filename}": file for file in files}
        return fetch(labelled, tmp_path / "blobs", http, pause=lambda _seconds: None, **options)

    return ask


def there(folder: Path) -> dict[str, int]:
    """What lies in the folder, with sizes."""
    return {path.name: path.stat().st_size for path in (folder / "blobs").iterdir()}


def test_files_lie_under_their_digests(
    get: Callable[..., Mapping[str, str]], file_server: FileServer, tmp_path: Path
) -> None:
    """Thirty at once, and nothing else is left; every byte is told once."""
    contents = {f"p{number}-1-py3-none-any.whl": bytes([number]) * (1000 + number) for number in range(30)}
    file_server.files |= contents
    told: list[int] = []

    refused = get(*(download(file_server, name, data) for name, data in contents.items()), on_bytes=told.append)

    assert {} == refused
    assert {hashlib.sha256(data).hexdigest(): len(data) for data in contents.values()} == there(tmp_path)
    assert sum(map(len, contents.values())) == sum(told)


@pytest.mark.parametrize("sized", [True, False])
@pytest.mark.parametrize("tags", [True, False])
def test_download_that_breaks_off_is_continued(
    sized: bool, tags: bool, get: Callable[..., Mapping[str, str]], file_server: FileServer, tmp_path: Path
) -> None:
    """Twice in one call: each byte is sent once."""
    file_server.cut[NAME], file_server.tags = [1_000_000, 500_000], tags

    get(download(file_server, sized=sized))

    asked = [(answer.asked, answer.condition is not None) for answer in file_server.log]
    assert [(None, False), ("bytes=1000000-", tags), ("bytes=1500000-", tags)] == asked
    assert len(DATA) == file_server.sent(NAME)
    assert DATA == (tmp_path / "blobs" / download(file_server).sha256).read_bytes()


def test_next_call_fetches_only_what_is_missing(
    get: Callable[..., Mapping[str, str]], file_server: FileServer, tmp_path: Path
) -> None:
    """A server that breaks off at every try is an error that names package and file; the part stays."""
    wanted = download(file_server)
    file_server.cut[NAME] = [500_000] * TRIES

    with pytest.raises(BundleError, match=f"demo: {NAME} could not be fetched in {TRIES} tries.*goes on where it"):
        get(wanted)
    left = there(tmp_path)
    file_server.log.clear()
    get(wanted)

    assert 500_000 * TRIES == left[f"{wanted.sha256}.part"]
    assert len(DATA) - 500_000 * TRIES == file_server.sent(NAME)
    assert {wanted.sha256: len(DATA)} == there(tmp_path)


@pytest.mark.parametrize("change", ["tag", "no-tag", "no-ranges", "shifted", "longer", "damaged"])
def test_part_that_does_not_fit_is_dropped(
    change: str, get: Callable[..., Mapping[str, str]], file_server: FileServer, tmp_path: Path
) -> None:
    """The file changed on the server, or the server cannot continue it, or the disk lost bytes of it."""
    wanted = download(file_server)
    (tmp_path / "blobs").mkdir()
    part = tmp_path / "blobs" / f"{wanted.sha256}.part"
    part.write_bytes({"longer": DATA + b"x", "no-ranges": DATA[:10], "shifted": DATA[:10]}.get(change, b"x" * 1000))
    if change == "tag":
        (tmp_path / "blobs" / f"{wanted.sha256}.etag").write_text('"of another file"')
    file_server.ranges = change != "no-ranges"
    file_server.shifted = 7 if change == "shifted" else 0
    told: list[int] = []

    get(wanted, on_bytes=told.append)

    assert DATA == (tmp_path / "blobs" / wanted.sha256).read_bytes()
    assert {wanted.sha256: len(DATA)} == there(tmp_path)
    assert len(DATA) == sum(told)


def test_part_that_is_whole_is_not_asked_for(
    get: Callable[..., Mapping[str, str]], file_server: FileServer, tmp_path: Path
) -> None:
    """A kill between the last byte and the rename costs nothing."""
    wanted = download(file_server)
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / f"{wanted.sha256}.part").write_bytes(DATA)

    get(wanted)

    assert [] == file_server.log
    assert {wanted.sha256: len(DATA)} == there(tmp_path)


@pytest.mark.parametrize("status", [404, 410])
def test_file_that_is_gone_is_told_and_the_others_come(
    status: int, get: Callable[..., Mapping[str, str]], file_server: FileServer, tmp_path: Path
) -> None:
    """It is not asked for twice."""
    gone = download(file_server, "gone-1.0-py3-none-any.whl", b"gone")
    file_server.status[gone.filename] = [status]

    refused = get(gone, download(file_server))

    assert {gone.sha256: f"gone: {gone.filename} is not served any more (HTTP status {status})"} == refused
    assert 1 == len([answer for answer in file_server.log if answer.path == gone.filename])
    assert download(file_server).sha256 in there(tmp_path)


@pytest.mark.parametrize("served", [DATA[:-1] + b"x", DATA + b"more"])
def test_another_file_under_the_name_is_told_with_both_hashes(
    served: bytes, get: Callable[..., Mapping[str, str]], file_server: FileServer, tmp_path: Path
) -> None:
    """Nothing of it stays."""
    wanted = download(file_server)
    file_server.files[NAME] = served

    (reason,) = get(wanted).values()

    assert reason.startswith(f"demo: {NAME}: ")
    if len(served) == len(DATA):
        assert hashlib.sha256(served).hexdigest() in reason
        assert wanted.sha256 in reason
    assert 0 == sum(there(tmp_path).values())


@pytest.mark.parametrize(
    ("status", "page", "message"),
    [
        ([500] * 99, False, "HTTP status 500"),
        ([418] * 99, False, "HTTP status 418"),
        ([], True, "the server answers with a web page"),
    ],
)
def test_server_out_of_order_is_an_error_with_package_and_file(
    *,
    status: list[int],
    page: bool,
    message: str,
    get: Callable[..., Mapping[str, str]],
    file_server: FileServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """After several tries; no part of a web page is kept."""
    monkeypatch.setattr("urllib3.util.retry.Retry.sleep", lambda *_: None)
    file_server.status[NAME], file_server.page = status, page

    with pytest.raises(BundleError, match=f"demo: {NAME} could not be fetched in {TRIES} tries: .*{message}"):
        get(download(file_server))

    assert 0 == sum(there(tmp_path).values())


def test_server_that_recovers_is_no_error(
    get: Callable[..., Mapping[str, str]],
    file_server: FileServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """One 503, one 500."""
    monkeypatch.setattr("urllib3.util.retry.Retry.sleep", lambda *_: None)
    file_server.status[NAME] = [503, 500]

    get(download(file_server))

    assert {download(file_server).sha256: len(DATA)} == there(tmp_path)


def test_truncated_file_on_the_server_is_an_error(
    get: Callable[..., Mapping[str, str]], file_server: FileServer, tmp_path: Path
) -> None:
    """It says how many bytes came of how many."""
    wanted = download(file_server)
    file_server.files[NAME] = DATA[:1000]

    with pytest.raises(BundleError, match=f"demo: {NAME} could not be fetched"):
        get(wanted)

    assert wanted.sha256 not in there(tmp_path)


def test_login_that_lacks_says_where_to_set_it(get: Callable[..., Mapping[str, str]], file_server: FileServer) -> None:
    """No further try."""
    file_server.status[NAME] = [403]

    with pytest.raises(
        BundleError, match=rf"demo: {NAME} may not be fetched \(HTTP status 403\): set the index's login"
    ):
        get(download(file_server))

    assert 1 == len(file_server.log)


def test_server_that_is_gone_is_an_error(
    get: Callable[..., Mapping[str, str]], file_server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names package and file, and no login."""
    monkeypatch.setattr("urllib3.util.retry.Retry.sleep", lambda *_: None)
    file_server.url = "http://user:secret@127.0.0.1:1"

    with pytest.raises(BundleError, match=f"demo: {NAME} could not be fetched") as failed:
        get(download(file_server))

    assert "secret" not in str(failed.value)


def test_full_disk_names_package_file_and_what_to_do(
    get: Callable[..., Mapping[str, str]], file_server: FileServer, tmp_path: Path
) -> None:
    """A limit on the size of files, the kernel's own, stands for the disk; the part is continued once there is room."""
    wanted = download(file_server)
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, former[1]))
        with pytest.raises(BundleError, match=f"demo: {NAME} cannot be written to .*: .*; make room, or name another"):
            get(wanted)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
    left = there(tmp_path)[f"{wanted.sha256}.part"]
    file_server.log.clear()

    get(wanted)

    assert 1_500_000 == left
    assert len(DATA) - left == file_server.sent(NAME)
    assert DATA == (tmp_path / "blobs" / wanted.sha256).read_bytes()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_killed_fetch_is_continued(
    number: signal.Signals, get: Callable[..., Mapping[str, str]], file_server: FileServer, tmp_path: Path
) -> None:
    """While the server is silent: an interruption ends at once, and the next call fetches the missing bytes alone."""
    wanted = download(file_server)
    file_server.cut[NAME], file_server.silent = [2_000_000], True
    (tmp_path / "blobs").mkdir()
    script = (
        "import signal, sys\nfrom pathlib import Path\nfrom envsnap.host.index.fetch import fetch\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background jobs ignore it
        "from envsnap.host.index.config import IndexConfig\nfrom envsnap.host.index.http import IndexConnections\n"
        "from envsnap.host.index.file import IndexFile\n"
        "hashes, size = {'sha256': sys.argv[2]}, int(sys.argv[3])\n"
        "wanted = IndexFile(filename='d', url=sys.argv[1], hashes=hashes, size=size)\n"
        "fetch({'demo: d': wanted}, Path(sys.argv[4]), IndexConnections(IndexConfig()))\n"
    )
    arguments = [wanted.url, wanted.sha256, str(wanted.size), str(tmp_path / "blobs")]
    process = subprocess.Popen([sys.executable, "-c", script, *arguments], stderr=subprocess.DEVNULL)
    part = tmp_path / "blobs" / f"{wanted.sha256}.part"
    wait_for(lambda: part.exists() and part.stat().st_size >= 1_000_000)

    os.kill(process.pid, number)
    process.wait(timeout=20)
    left = part.stat().st_size
    file_server.released.set()
    file_server.log.clear()
    get(wanted)

    assert DATA == (tmp_path / "blobs" / wanted.sha256).read_bytes()
    assert len(DATA) - left == file_server.sent(NAME)


def wait_for(holds: Callable[[], bool]) -> None:
    """Wait until it does."""
    ends = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < ends, "it never did"
        time.sleep(0.01)
