"""How much space a rebuild takes, and whether the disks here have it."""

from collections.abc import Iterator, Mapping
from itertools import groupby

from envsnap.manifest.build_spec import BuildTarget
from envsnap.manifest.checkup import Check, CheckStatus
from envsnap.manifest.machine import DiskSpace, Inventory, Machine, Purpose
from envsnap.manifest.manifest import Contents

UNPACKED = 3.5
"""Bytes on disk for a byte of wheel. Measured over 888 wheels of 843 projects, in blocks of 4 KiB: 3.97 GB became
13.9 GB; single large ones range from 2.2 to 5.0."""

IN_ENGINE = 14
"""Bytes in an engine for a byte of wheel: uv's cache (3.5), the layer of the stage that installs and the image itself,
both with bytecode (4.5 each), and the build context (up to 1 or 2, where no index serves the wheels). Measured with
examples/digits: 66 MB of wheels took 1.0 GB."""

BASE_IMAGE = 200 * 1024**2
"""A slim Python image, unpacked: 152 MB for python:3.11.7-slim-bookworm."""

SCRATCH = 100 * 1024**2
"""uv's own executable in the build context (60 MB), logs, and notes."""

PLACES: Mapping[Purpose, str] = {"engine": "images", "work": ".envsnap", "cache": "uv's cache"}


def room_needed(contents: Contents, inventory: Inventory, *, docker: bool) -> Mapping[Purpose, int]:
    """Return the bytes that rebuilding and rerunning takes at each place.

    Args:
        contents: the lock; a wheel whose size it does not record counts as nothing.
        inventory: where the rebuilt environment is there already, only the rerun takes space.
        docker: whether an image is built, else a virtual environment.
    """
    packed = sum(package.wheel.size or 0 for package in contents.packages if package.wheel)
    recorded = [one.baseline for one in contents.each_job if one.baseline is not None]
    outputs = max((sum(output.size for output in baseline.outputs) for baseline in recorded), default=0)
    rerun = 2 * outputs + SCRATCH
    unpacked = int(packed * UNPACKED)
    if inventory.rebuilt:
        return {"work": rerun}
    if docker:
        base = 0 if inventory.base_image else BASE_IMAGE
        return {"engine": IN_ENGINE * packed + SCRATCH + base, "work": rerun}
    return {"work": unpacked + rerun, "cache": unpacked}


def check_room(
    machine: Machine, contents: Contents | None, inventory: Inventory, target: BuildTarget | None
) -> Iterator[Check]:
    """Hold the free space of each file system against what goes there."""
    docker = target == "docker" or (target is None and machine.engine is not None)
    needs = room_needed(contents, inventory, docker=docker) if contents is not None else {}
    used = [room for room in machine.rooms if contents is None or room.purpose in needs]
    for _device, rooms in groupby(sorted(used, key=lambda room: room.device), key=lambda room: room.device):
        yield _check_rooms(tuple(rooms), needs)


def _check_rooms(rooms: tuple[DiskSpace, ...], needs: Mapping[Purpose, int]) -> Check:
    free = min(room.free for room in rooms)
    needed = sum(needs.get(room.purpose, 0) for room in rooms)
    status: CheckStatus = "fail" if free < needed else "warn" if free < 2 * needed else "ok"
    places = ", ".join(dict.fromkeys(PLACES[room.purpose] for room in rooms))
    return Check(
        name="disk",
        status=status,
        found=f"{spell_bytes(free)} free for {places}",
        needed=f"about {spell_bytes(needed)}" if needed else "",
        advice=f"{ADVICE[status]}: free some space under {rooms[0].path}" if status != "ok" else "",
    )


ADVICE: Mapping[CheckStatus, str] = {"fail": "not enough for a rebuild", "warn": "hardly enough for a rebuild"}


def spell_bytes(count: int) -> str:
    """Write a size as a person does: ``850 MiB``, ``12.5 GiB``."""
    return f"{count / 1024**3:.1f} GiB" if count >= 1024**3 else f"{count / 1024**2:.0f} MiB"
