"""An index's page is read as what the standards say; what is no such page is refused."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsnap.errors import CaptureError
from envsnap.host.index.config import IndexConfig
from envsnap.host.index.file import IndexFile
from envsnap.host.index.http import IndexConnections
from envsnap.host.index.page import parse_page, read_page

PAGE = "https://index.example/simple/demo/"
WHEEL = "demo-1.0-py3-none-any.whl"
WHAT = ("demo", "https://index.example/simple")


def read(text: str | bytes, kind: str = "text/html") -> tuple[IndexFile, ...]:
    return parse_page(text if isinstance(text, bytes) else text.encode(), kind, PAGE, what=WHAT)


def read_json(*files: dict[str, Any]) -> tuple[IndexFile, ...]:
    return read(json.dumps({"files": list(files)}), "application/vnd.pypi.simple.v1+json")


def test_html_and_json_say_the_same() -> None:
    """Name, place, hash, METADATA's hash and the reason of a withdrawal."""
    expected = IndexFile(
        filename=WHEEL,
        url=f"https://index.example/files/{WHEEL}",
        hashes={"sha256": "ab" * 32},
        yanked='it "breaks" & more',
        core_metadata={"sha256": "cd" * 32},
    )
    html = (
        f'<a href="../../files/{WHEEL}#sha256={"ab" * 32}" data-yanked="it &quot;breaks&quot; &amp; more"'
        f' data-core-metadata="sha256={"cd" * 32}">{WHEEL}</a>'
    )
    entry = {
        "filename": WHEEL,
        "url": f"/files/{WHEEL}",
        "hashes": {"sha256": "ab" * 32},
        "yanked": 'it "breaks" & more',
        "core-metadata": {"sha256": "cd" * 32},
    }

    assert (expected,) == read(html) == read_json(entry)


@pytest.mark.parametrize(
    ("yanked", "expected"), [(False, None), (True, "no reason given"), ("", "no reason given"), ("bad", "bad")]
)
def test_a_withdrawal_may_have_no_reason(yanked: object, expected: str | None) -> None:
    """PEP 691: true, or the reason."""
    assert [expected] == [file.yanked_reason for file in read_json({"filename": WHEEL, "url": WHEEL, "yanked": yanked})]


@pytest.mark.parametrize("key", ["core-metadata", "dist-info-metadata"])
@pytest.mark.parametrize(("value", "expected"), [({"sha256": "ab"}, "ab"), (True, ""), (False, ""), ({"md5": "x"}, "")])
def test_the_hash_of_metadata_has_two_names(key: str, value: object, expected: str) -> None:
    """PEP 714 renamed it; without a hash it proves nothing."""
    assert [expected] == [file.metadata_sha256 for file in read_json({"filename": WHEEL, "url": WHEEL, key: value})]


@pytest.mark.parametrize("name", ["../demo-1.0.whl", "/etc/demo.whl", "demo\n-1.0.whl", "..", ""])
def test_a_file_whose_name_is_none_is_not_there(name: str) -> None:
    """A name becomes that of a file here."""
    assert () == read_json({"filename": name, "url": WHEEL})
    assert () == read(f'<meta name="pypi:repository-version" content="1.0"><a href="..%2F{WHEEL}">x</a>')


def test_links_count_from_the_base_of_the_page() -> None:
    """HTML's own rule."""
    html = f'<base href="https://files.example/x/"><a href="{WHEEL}">a</a><a href="/login">no file</a>'

    assert [f"https://files.example/x/{WHEEL}"] == [file.url for file in read(html)]


def test_a_page_without_files_says_that_it_is_one() -> None:
    """Else it is a login form or an error page."""
    assert () == read('<meta name="pypi:repository-version" content="1.0">')
    assert () == read_json()
    for text in ("", "<a href='/login'>log in</a>", "<h1>It works!</h1>"):
        with pytest.raises(CaptureError, match=r"demo: the index https://index\.example/simple answers with no page"):
            read(text)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"files": 1}', b'{"files": [{"url": 1}]}', b"\xff"])
def test_json_that_is_no_page_is_refused(text: bytes) -> None:
    """It comes from a network."""
    with pytest.raises(CaptureError, match="no page of a package index"):
        read(text, "application/json")


@given(st.binary(max_size=200), st.sampled_from(["text/html", "application/json", ""]))
def test_nothing_that_a_server_sends_is_worse_than_refused(data: bytes, kind: str) -> None:
    """Whatever the bytes."""
    with contextlib.suppress(CaptureError):
        assert isinstance(read(data, kind), tuple)


def test_an_index_can_be_a_folder(tmp_path: Path) -> None:
    """pip and uv read file:// indexes."""
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "index.html").write_text(f'<a href="../{WHEEL}">{WHEEL}</a>')
    http = IndexConnections(IndexConfig())

    assert [(tmp_path / WHEEL).as_uri()] == [file.url for file in read_page(http, tmp_path.as_uri(), "demo")]
    assert not read_page(http, tmp_path.as_uri(), "other")


def test_an_index_that_is_down_is_named_without_its_login(monkeypatch: pytest.MonkeyPatch) -> None:
    """Project, index, reason and way out."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("urllib3.util.retry.Retry.sleep", lambda *_: None)
    http = IndexConnections(IndexConfig())

    with pytest.raises(CaptureError, match=r"demo: the index http://127\S+/simple answers with MaxRetry.*--off"):
        read_page(http, "http://u:s3cret@127.0.0.1:1/simple", "demo")
