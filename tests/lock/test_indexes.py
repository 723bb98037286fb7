"""A name that two configured indexes serve is a finding: whoever may upload to one decides what is installed."""

from typing import Any

import pytest

from envsnap.errors import CaptureError
from envsnap.host.index.config import IndexConfig
from envsnap.lock.lock import Locked, lock_environment
from envsnap.manifest.finding import Finding

pytestmark = pytest.mark.processes


def both(first: Any, second: Any) -> IndexConfig:
    """Configure two indexes, as pip's and uv's settings name them."""
    return IndexConfig(index_url=first.config.index_url, extra_index_urls=(second.config.index_url,))


def lock_all(venv: Any, sources: Any) -> Locked:
    """Lock all that is installed."""
    return lock_environment(tuple(venv.probe().values()), sources)


@pytest.mark.parametrize(
    ("planted", "told"),
    [
        (("1.0",), "both have 1.0, with the same files"),
        (("1.0", {"demo.py": "EVIL = 1\n"}), "both have 1.0, with other files"),
        (("99.0",), "1.0 stands on {first} alone"),
    ],
)
def test_a_name_on_two_indexes_is_a_finding(
    make_index: Any, venv: Any, make_wheel: Any, sources: Any, planted: Any, told: str
) -> None:
    """It names the package and both indexes without their logins; the wheel that was installed stays locked."""
    first, second = make_index("first"), make_index("second")
    make_wheel("demo", "1.0", folder=first.folder)
    make_wheel("own", "1.0", folder=first.folder)
    make_wheel("demo", *planted, folder=second.folder)
    venv.install_from(first, "demo==1.0", "own==1.0")
    second.login = "someone:s3cret"

    locked = lock_all(venv, sources(both(first, second)))

    detail = f"{first.url} and {second.url} serve it: {told.format(first=first.url)}"
    assert (Finding(kind="two-indexes", subject="demo", detail=detail),) == locked.findings
    assert ["index-verified", "index-verified"] == [package.installed.evidence for package in locked.packages]


def test_the_index_that_has_the_installed_file_is_pinned(
    make_index: Any, venv: Any, make_wheel: Any, sources: Any
) -> None:
    """Each package names its own, whichever of them a locker prefers."""
    first, second = make_index("first"), make_index("second")
    make_wheel("demo", "1.0", {"demo.py": "WRONG = 1\n"}, folder=first.folder)
    make_wheel("demo", "1.0", {"demo.py": "RIGHT = 1\n"}, folder=second.folder)
    make_wheel("own", "1.0", folder=first.folder)
    venv.install_from(first, "own")
    venv.install_from(second, "demo")

    for config in (both(first, second), both(second, first)):
        locked = lock_all(venv, sources(config))

        assert {"demo": second.url, "own": first.url} == {package.name: package.index for package in locked.packages}


def test_a_name_that_is_taken_later_is_found_by_the_next_freeze(
    make_index: Any, venv: Any, make_wheel: Any, sources: Any
) -> None:
    """What the pages said before proves nothing now; offline, what they said last is told."""
    first, second = make_index("first"), make_index("second")
    make_wheel("demo", "1.0", folder=first.folder)
    venv.install_from(first, "demo")

    before = lock_all(venv, sources(both(first, second)))
    make_wheel("demo", "9.0", folder=second.folder)
    after = lock_all(venv, sources(both(first, second)))
    offline = lock_all(venv, sources(IndexConfig(), offline=True))

    assert (0, 1) == (len(before.findings), len(after.findings))
    assert after == offline
    assert before.packages == after.packages


def test_another_index_is_asked_about_what_is_known_already(
    make_index: Any, venv: Any, make_wheel: Any, sources: Any
) -> None:
    """A package that was proven before the index was configured can be on it all the same."""
    first, second = make_index("first"), make_index("second")
    for index in (first, second):
        make_wheel("demo", "1.0", folder=index.folder)
    venv.install_from(first, "demo")

    alone = lock_all(venv, sources(first.config))
    together = lock_all(venv, sources(both(first, second)))

    assert ((), 1) == (alone.findings, len(together.findings))
    assert alone.packages == together.packages


def test_one_index_under_two_spellings_is_one(make_index: Any, venv: Any, make_wheel: Any, sources: Any) -> None:
    """A slash at the end and a login make no other index."""
    first = make_index("first")
    make_wheel("demo", "1.0", folder=first.folder)
    venv.install_from(first, "demo")
    spelled = first.url.replace("://", "://someone:s3cret@") + "/"

    locked = lock_all(venv, sources(IndexConfig(index_url=first.url, extra_index_urls=(spelled,))))

    assert () == locked.findings


def test_one_index_of_two_that_is_down_is_an_error(
    make_index: Any, venv: Any, make_wheel: Any, sources: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it serves is not known, and nothing is concluded."""
    monkeypatch.setenv("UV_HTTP_TIMEOUT", "5")
    first, second = make_index("first"), make_index("second")
    make_wheel("demo", "1.0", folder=first.folder)
    venv.install_from(first, "demo")
    second.login, second.status = "someone:s3cret", 500

    with pytest.raises(CaptureError, match="--offline") as raised:
        lock_all(venv, sources(both(first, second)))

    assert "s3cret" not in str(raised.value)


def test_a_package_that_one_index_has_costs_one_question_an_index(
    make_index: Any, venv: Any, make_wheel: Any, sources: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its page serves both: to find the package's file, and to tell whether two indexes have the name."""
    monkeypatch.setenv("UV_NO_CACHE", "1")
    first, second = make_index("first"), make_index("second")
    names = [f"demo-{number}" for number in range(5)]
    for name in names:
        make_wheel(name, "1.0", folder=first.folder)
    venv.install_from(first, *names)
    second.asked.clear()

    lock_all(venv, sources(both(first, second)))

    assert sorted(f"/simple/{name}/" for name in names) == sorted(second.asked)


def test_an_index_that_forbids_what_it_does_not_have_is_no_error(
    make_index: Any, venv: Any, make_wheel: Any, sources: Any
) -> None:
    """Object stores without a listing answer so."""
    first, second = make_index("first"), make_index("second")
    make_wheel("demo", "1.0", folder=first.folder)
    venv.install_from(first, "demo")
    second.status = 403

    locked = lock_all(venv, sources(both(first, second)))

    assert ((), "index-verified") == (locked.findings, locked.packages[0].installed.evidence)
