"""What the indexes say of the packages that a specification names is in the lock, as of installed ones."""

import hashlib
from typing import Any

import pytest

from envsnap.host.index.config import IndexConfig
from envsnap.manifest.finding import Finding

pytestmark = pytest.mark.processes


def test_a_name_that_two_indexes_serve_is_a_finding(
    served: Any, make_index: Any, make_wheel: Any, place: Any, resolve: Any
) -> None:
    """Each package names the index that has its file, without the login."""
    second = make_index("second")
    make_wheel("beta", "1.5", folder=second.folder)
    make_wheel("own", "1.0", folder=second.folder)
    second.login = "someone:s3cret"
    machine = IndexConfig(index_url=served.url, extra_index_urls=(second.config.index_url,))

    resolved = resolve(place.write("requirements.in", "beta\nown\n"), machine=machine)

    detail = f"{second.url} and {served.url} serve it: 2.0 stands on {served.url} alone"
    assert {"beta": served.url, "own": second.url} == {package.name: package.index for package in resolved.packages}
    assert ["two-indexes"] == [finding.kind for finding in resolved.findings]
    assert set(detail.split()) == set(resolved.findings[0].detail.split())


@pytest.mark.parametrize("reason", ["it deletes files", ""])
def test_a_release_that_was_withdrawn_is_a_finding(served: Any, place: Any, resolve: Any, reason: str) -> None:
    """Whoever pins it gets it, and is told."""
    served.announced["beta-1.0-py3-none-any.whl"] = {"yanked": reason}
    told = reason or "no reason given"

    resolved = resolve(place.write("requirements.txt", "beta==1.0\n"))

    expected = Finding(kind="yanked-release", subject="beta", detail=f"1.0 was withdrawn by its index: {told}")
    assert (expected,) == resolved.findings
    assert told == resolved.packages[0].installed.yanked


def test_an_index_that_only_the_lock_names_is_not_asked(served: Any, make_index: Any, place: Any, resolve: Any) -> None:
    """And others are not asked in its place: they would say nothing of these files."""
    other, another = make_index("other"), make_index("another")
    wheel = f"{served.url.replace('/simple', '')}/files/beta-2.0-py3-none-any.whl"
    digest = hashlib.sha256((served.folder / "beta-2.0-py3-none-any.whl").read_bytes()).hexdigest()
    text = (
        'lock-version = "1.0"\ncreated-by = "test"\n[[packages]]\nname = "beta"\nversion = "2.0"\n'
        f'index = "https://index.example/simple"\n'
        f'[[packages.wheels]]\nurl = "{wheel}"\nhashes = {{ sha256 = "{digest}" }}\n'
    )
    machine = IndexConfig(index_url=other.url, extra_index_urls=(another.url,))

    resolved = resolve(place.write("pylock.toml", text), machine=machine)

    assert ("index-verified", "https://index.example/simple") == (
        resolved.packages[0].installed.evidence,
        resolved.packages[0].index,
    )
    assert [] == other.asked == another.asked
