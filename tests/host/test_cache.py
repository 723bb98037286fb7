"""What is kept comes back; what cannot be read, or means something else, does not."""

from pathlib import Path

import pytest

from envsnap.host.cache import CacheFile


def numbers(path: Path, version: int = 1) -> CacheFile[dict[str, int]]:
    """A cache of numbers by name."""
    return CacheFile(path, dict[str, int], version)


def test_the_next_command_gets_what_was_kept(tmp_path: Path) -> None:
    """Folders are made."""
    path = tmp_path / "below" / "numbers.json"
    numbers(path).save({"one": 1})

    assert {"one": 1} == numbers(path).load()
    assert numbers(path, version=2).load() is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"version":1}',
        b'{"version":1,"content":{"one":"1"}}',
        b'{"version":"1","content":{}}',
    ],
)
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, data: bytes) -> None:
    """It can be written anew."""
    path = tmp_path / "numbers.json"
    path.write_bytes(data)
    cache = numbers(path)

    assert cache.load() is None
    cache.save({})
    assert {} == numbers(path).load()


def test_what_is_kept_already_is_not_written_again(tmp_path: Path) -> None:
    """Nor after it was saved."""
    path = tmp_path / "numbers.json"
    numbers(path).save({"one": 1})
    cache = numbers(path)
    value = cache.load()
    assert value is not None
    path.unlink()

    cache.save(dict(value))
    assert not path.exists()
    cache.save({"two": 2})
    assert {"two": 2} == numbers(path).load()
