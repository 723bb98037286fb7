"""All checks, in the order in which they are told."""

from envsnap.checkup.gpus import check_driver, check_gpu_runtime, check_gpus
from envsnap.checkup.processor import check_cores, check_memory, check_processor
from envsnap.checkup.rebuild import (
    Target,
    check_base_image,
    check_engine,
    check_interpreter,
    check_packages,
    check_platform,
    check_tools,
)
from envsnap.checkup.rerun import check_job, check_specification
from envsnap.checkup.room import check_room
from envsnap.manifest.checkup import Check
from envsnap.manifest.machine import Inventory, Machine
from envsnap.manifest.manifest import Contents


def examine(machine: Machine, contents: Contents, inventory: Inventory, target: Target | None) -> tuple[Check, ...]:
    """Hold a machine against a lock.

    Args:
        machine: what it has.
        contents: the lock.
        inventory: what of the lock lies on the machine.
        target: the way to rebuild that must be possible; None where one of them is enough.
    """
    return (
        *check_platform(machine, contents, inventory, target),
        *check_engine(machine, inventory, target),
        *check_base_image(machine, contents, inventory, target),
        *check_interpreter(machine, contents, inventory, target),
        *check_tools(machine),
        *check_packages(contents, inventory),
        *check_specification(contents, inventory),
        *check_room(machine, contents, inventory, target),
        *check_processor(machine, contents),
        *check_cores(machine, contents),
        *check_memory(machine, contents),
        *check_gpus(machine, contents),
        *check_driver(machine, contents),
        *check_gpu_runtime(machine, contents, inventory, target),
        *check_job(contents, inventory),
    )


def survey(machine: Machine, target: Target | None) -> tuple[Check, ...]:
    """Look at what every project needs of a machine, where there is no lock."""
    return (
        *check_engine(machine, None, target),
        *check_tools(machine),
        *check_room(machine, None, Inventory(), target),
        *check_gpus(machine, None),
    )
