"""A file of an index tells its name, its place and why it was withdrawn."""

from pathlib import Path

import pytest
from packaging.pylock import PackageWheel

from envsnap.host.index.file import IndexFile, Release, file_of_pylock

WHEEL = "demo-1.0-py3-none-any.whl"


@pytest.mark.parametrize(
    ("url", "path", "expected"),
    [
        ("https://index.example/demo-1.0%2Bcpu-py3-none-any.whl?x=1#y", None, "demo-1.0+cpu-py3-none-any.whl"),
        (None, "wheels/demo-1.0-py3-none-any.whl", WHEEL),
        (f"file:///wheels/{WHEEL}", None, WHEEL),
    ],
)
def test_file_names_come_from_url_or_path(url: str | None, path: str | None, expected: str) -> None:
    """Escapes in URLs are undone; a path starts from the lock's own folder."""
    file = file_of_pylock(PackageWheel(url=url, path=path, hashes={"sha256": "ab"}), Path("/lock"))

    is_here = url is None or url.startswith("file:")
    assert (expected, is_here) == (file.filename, file.path is not None)
    assert "ab" == file.sha256


def test_a_release_has_wheels_and_a_source_archive() -> None:
    """Told apart by their names."""
    wheel = IndexFile(filename=WHEEL, url=f"https://index.example/{WHEEL}")
    archive = IndexFile(filename="demo-1.0.tar.gz", url="https://index.example/demo-1.0.tar.gz")

    release = Release("demo", (archive, wheel))

    assert ((wheel,), archive) == (release.wheels, release.sdist)
    assert Release("demo").sdist is None
