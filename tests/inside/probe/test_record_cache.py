"""What a RECORD came to is taken from an earlier probe only while the file is in the same state."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from envsnap.inside.probe.packages import wheel_distribution
from envsnap.inside.probe.record_cache import RecordCache

Probe = Callable[[], dict[str, Any]]
INFO = "demo-1.0.dist-info"
ROWS = f"demo.py,sha256=aa,1\n{INFO}/METADATA,sha256=bb,2\n{INFO}/RECORD,,\n"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """An import root with one distribution, installed a while ago."""
    info = tmp_path / "site" / INFO
    info.mkdir(parents=True)
    (tmp_path / "site" / "demo.py").write_text("x")
    (info / "METADATA").write_text("Name: demo\nVersion: 1.0\n")
    (info / "WHEEL").write_text("Tag: py3-none-any\n")
    (info / "RECORD").write_text(ROWS)
    return tmp_path / "site"


@pytest.fixture
def probe(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Probe:
    """Describe the distribution with what earlier probes kept, an hour after the last one."""
    hours = iter(range(1, 100))

    def run() -> dict[str, Any]:
        later = max(path.stat().st_ctime_ns for path in site.rglob("*")) + next(hours) * 3_600_000_000_000
        monkeypatch.setattr("time.time_ns", lambda: later)
        cache = RecordCache(str(tmp_path / "cache" / "records.json"))
        found = wheel_distribution(str(site), INFO, cache)
        cache.save()
        return found

    return run


def forge(tmp_path: Path) -> None:
    """Mark what is kept, so that it shows where it is used."""
    path = tmp_path / "cache" / "records.json"
    kept = json.loads(path.read_text())
    for row in kept["records"].values():
        row[5] = "kept"
    path.write_text(json.dumps(kept))


def test_a_record_in_the_same_state_is_not_taken_apart_again(probe: Probe, tmp_path: Path) -> None:
    """The rest of the description is read anew."""
    first = probe()
    forge(tmp_path)

    assert first | {"content-digest": "kept"} == probe()


@pytest.mark.parametrize(
    "change",
    [
        lambda site: (site / INFO / "RECORD").write_text(ROWS.replace("aa", "cc")),
        lambda site: os.utime(site / INFO / "RECORD", ns=(1, 1)),
        lambda site: (site / "demo.py").unlink(),
        lambda site: (site / INFO / "RECORD").unlink(),
    ],
    ids=["same-size", "older-time", "module-gone", "record-gone"],
)
def test_any_change_has_it_read_again(
    probe: Probe, site: Path, tmp_path: Path, change: Callable[[Path], object]
) -> None:
    """What is there counts, not what was."""
    probe()
    forge(tmp_path)

    change(site)

    assert probe() == wheel_distribution(str(site), INFO)


def test_a_record_that_was_written_just_now_is_not_kept(site: Path, tmp_path: Path) -> None:
    """It may change again within one tick of the clock."""
    cache = RecordCache(str(tmp_path / "records.json"))

    wheel_distribution(str(site), INFO, cache)
    cache.save()

    assert not (tmp_path / "records.json").exists()


@pytest.mark.parametrize("text", ["", "[", "[]", '{"version": 9}', '{"version": 1, "records": {"a": [1]}}', "null"])
def test_a_damaged_cache_is_as_good_as_none(probe: Probe, site: Path, tmp_path: Path, text: str) -> None:
    """Whatever stands there."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "records.json").write_text(text)

    assert wheel_distribution(str(site), INFO) == probe()


def test_a_place_that_cannot_be_written_is_no_error(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was found is right all the same."""
    (tmp_path / "file").touch()
    monkeypatch.setattr("time.time_ns", lambda: 2**62)
    cache = RecordCache(str(tmp_path / "file" / "records.json"))

    wheel_distribution(str(site), INFO, cache)
    cache.save()
