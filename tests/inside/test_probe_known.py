"""A description is used again only while nothing that it was read from has changed."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from envsnap.inside.probe import _probe_known, _probe_packages

INFO = {
    "METADATA": "Name: demo\nVersion: 1.0\n",
    "WHEEL": "Tag: py3-none-any\n",
    "RECORD": "demo.py,sha256=a,1\n",
    "INSTALLER": "pip",
    "sboms/a.json": "{}",
}
EDIT = "Name: demo\nVersion: 2.0\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The ``.dist-info`` of the only distribution on the search path."""
    root = tmp_path / "site"
    info = root / "demo-1.0.dist-info"
    for name, text in INFO.items():
        (info / name).parent.mkdir(parents=True, exist_ok=True)
        (info / name).write_text(text)
    (root / "demo.py").touch()
    monkeypatch.setattr(sys, "path", [str(root)])
    return info


def known(folder: Path) -> _probe_known.Known:
    """Keep what the probe says now, under a version that no file tells: it shows where it is used again."""
    packages = {str(folder): {**_probe_packages.packages()[0], "version": "kept"}}
    path = folder.parent.parent / "packages.json"
    path.write_text(json.dumps({"version": _probe_known.VERSION, "packages": packages}))
    return _probe_known.Known(str(path))


def probed(known: _probe_known.Known) -> dict[str, Any]:
    """Return the only description."""
    (found,) = _probe_packages.packages(known)
    return found


def test_an_unchanged_distribution_is_not_read_again(folder: Path) -> None:
    """That is what makes a second freeze quick."""
    assert "kept" == probed(known(folder))["version"]


def in_place(folder: Path) -> None:
    """Give a file other contents of the same size, and its own times back."""
    path = folder / "METADATA"
    times = path.stat()
    path.write_text(EDIT)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def replaced(folder: Path) -> None:
    """Give a new file the place of another, with its times."""
    path, new = folder / "RECORD", folder / "new"
    shutil.copy2(path, new)
    new.replace(path)


@pytest.mark.parametrize(
    "change",
    [
        in_place,
        replaced,
        lambda folder: (folder / "INSTALLER").unlink(),
        lambda folder: (folder / "REQUESTED").touch(),
        lambda folder: (folder / "direct_url.json").write_text("{}"),
        lambda folder: (folder / "WHEEL").chmod(0o600),
        lambda folder: (folder / "sboms" / "b.json").touch(),
        lambda folder: (folder / "sboms" / "a.json").write_text("[]"),
        lambda folder: (folder.parent / "demo.py").unlink(),
    ],
    ids=["edited", "replaced", "removed", "requested", "new-file", "mode", "new-bill", "edited-bill", "no-module"],
)
def test_any_change_is_seen(folder: Path, change: Callable[[Path], object]) -> None:
    """A kept description of another distribution would be a lock that pretends."""
    kept = known(folder)

    change(folder)

    assert "kept" != probed(kept)["version"]


def test_a_distribution_that_is_gone_is_not_there(folder: Path) -> None:
    """Only what stands on the search path is looked up."""
    kept = known(folder)

    shutil.rmtree(folder)

    assert [] == _probe_packages.packages(kept)


def test_bills_in_folders_of_their_own_have_no_state(folder: Path) -> None:
    """A new one below would not be seen."""
    (folder / "sboms" / "more").mkdir()
    (folder / "sboms" / "more" / "c.json").touch()

    assert "" == _probe_packages.packages()[0]["state"]


@pytest.mark.parametrize(
    "text", ["", "no JSON", "[]", '{"other": {}}', '{"version": 0, "packages": 1}', '{"version": 1}', "\x00", "item"]
)
def test_a_damaged_cache_is_as_good_as_none(folder: Path, text: str) -> None:
    """It says nothing of any distribution."""
    path = folder / "packages.json"
    item = json.dumps({"version": _probe_known.VERSION, "packages": {str(folder): {"version": "kept"}}})
    path.write_text(text.replace("item", item))

    assert "1.0" == probed(_probe_known.Known(str(path)))["version"]
    assert "1.0" == probed(_probe_known.Known(str(folder / "nowhere")))["version"]
