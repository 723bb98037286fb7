"""The space that a rebuild takes is reckoned from the lock, and held against each file system once."""

from collections.abc import Callable

import msgspec
import pytest

from envsnap.checkup.room import check_room, room_needed, spell_bytes
from envsnap.manifest.checkup import Check
from envsnap.manifest.machine import DiskSpace, Inventory, Machine, Purpose
from envsnap.manifest.manifest import Contents

Make = Callable[..., Machine]
MIB = 1024**2


def room(purpose: Purpose, device: int, free: int) -> DiskSpace:
    """Return room at a place."""
    return DiskSpace(purpose=purpose, path=f"/{purpose}", device=device, free=free)


def test_need_grows_with_the_wheels(contents: Contents) -> None:
    """200 MiB of wheels: fourteen times that in an engine, 3.5 times in an environment and in the cache."""
    here = Inventory(base_image=True)

    assert {"engine": 2900 * MIB, "work": 100 * MIB + 20} == room_needed(contents, here, docker=True)
    assert {"work": 800 * MIB + 20, "cache": 700 * MIB} == room_needed(contents, here, docker=False)


def test_base_image_that_must_be_pulled_takes_room_too(contents: Contents) -> None:
    """And what was rebuilt already takes none."""
    assert 3100 * MIB == room_needed(contents, Inventory(), docker=True)["engine"]
    assert {"work": 100 * MIB + 20} == room_needed(contents, Inventory(rebuilt="image p:1"), docker=True)


def test_wheels_of_unknown_size_count_nothing(contents: Contents) -> None:
    """An index that tells no sizes is no reason to fail."""
    wheel = msgspec.structs.replace(contents.packages[0].wheels[0], size=None)
    lock = msgspec.structs.replace(contents, packages=(msgspec.structs.replace(contents.packages[0], wheels=(wheel,)),))

    assert 0 == room_needed(lock, Inventory(), docker=False)["cache"]


@pytest.mark.parametrize(("free", "status"), [(2999, "fail"), (3100, "warn"), (6100, "ok")])
def test_places_on_one_file_system_share_it(make_machine: Make, contents: Contents, free: int, status: str) -> None:
    """Images and work folder need 3000 MiB together: below that it fails, below twice that it warns."""
    rooms = (room("engine", 1, free * MIB), room("work", 1, free * MIB), room("cache", 2, 0))

    (check,) = check_room(make_machine(rooms=rooms), contents, Inventory(base_image=True), None)

    assert (status, "about 2.9 GiB") == (check.status, check.needed)
    assert check.found.endswith("free for images, .envsnap")
    assert ("free some space under /engine" in check.advice) == (status != "ok")


def test_places_on_two_file_systems_are_two_checks(make_machine: Make, contents: Contents) -> None:
    """A virtual environment needs its folder and uv's cache; the engine's disk is not looked at."""
    rooms = (room("engine", 1, 0), room("work", 1, 9000 * MIB), room("cache", 2, 10 * MIB))
    checks: tuple[Check, ...] = tuple(check_room(make_machine(rooms=rooms), contents, Inventory(), "venv"))

    assert [("ok", "8.8 GiB free for .envsnap"), ("fail", "10 MiB free for uv's cache")] == [
        (check.status, check.found) for check in checks
    ]


def test_without_a_lock_free_space_is_only_told(make_machine: Make) -> None:
    """Nothing is needed yet."""
    rooms = (room("engine", 1, 5 * MIB),)

    (check,) = check_room(make_machine(rooms=rooms), None, Inventory(), None)

    assert ("ok", "5 MiB free for images", "") == (check.status, check.found, check.needed)


def test_sizes_are_spelled_for_people() -> None:
    """MiB below one GiB."""
    assert ("1023 MiB", "1.5 GiB") == (spell_bytes(1023 * MIB), spell_bytes(1536 * MIB))
