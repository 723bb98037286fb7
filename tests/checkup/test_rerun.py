"""What a rerun reads is here, or is named."""

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest

from envsnap.checkup.rerun import check_job, check_specification
from envsnap.manifest.machine import FoundFile, Inventory
from envsnap.manifest.manifest import Conda, CondaPackage, Contents
from envsnap.manifest.specification import Specification

FILE = Specification(path="requirements.in", format="requirements", sha256="ab" * 32)


@pytest.mark.parametrize("name", ["inputs", "baseline"])
def test_files_that_are_missing_or_cut_short_are_named(contents: Contents, name: str) -> None:
    """By name and size; of a folder the size is not asked."""
    good = (FoundFile(path="d", there=True, size=4096), FoundFile(path="e", there=True, size=5, expected=5))
    bad = (FoundFile(path="a", there=False, expected=7), FoundFile(path="b", there=True, size=3, expected=7))

    inventory: Callable[..., Inventory] = Inventory
    (fine,) = check_job(contents, inventory(**{name: good}))
    (broken,) = check_job(contents, inventory(**{name: (*good, *bad)}))

    assert (name, "ok", "2 files") == (fine.name, fine.status, fine.needed)
    assert "verify compares digests" in fine.found
    assert ("fail", "a is missing, b has 3 bytes, not 7") == (broken.status, broken.found)


def test_variables_that_the_job_wants_must_be_set(contents: Contents) -> None:
    """Their names are told; values are nobody's business."""
    job = contents.job
    assert job is not None
    lock = msgspec.structs.replace(contents, job=msgspec.structs.replace(job, pass_env=("HF_TOKEN", "KEY")))

    (unset,) = check_job(lock, Inventory(unset=("KEY",)))
    (all_set,) = check_job(lock, Inventory())

    assert ("fail", "not set: KEY", "HF_TOKEN, KEY") == (unset.status, unset.found, unset.needed)
    assert "ok" == all_set.status


@pytest.mark.parametrize("missing", ["job", "baseline"])
def test_lock_with_nothing_to_verify_says_so(contents: Contents, missing: str) -> None:
    """It can still be rebuilt."""
    changed: Callable[..., Contents] = msgspec.structs.replace
    (check,) = check_job(changed(contents, **{missing: None}), Inventory())

    assert ("warn", f"no {missing}") == (check.status, check.found)


def test_a_lock_of_an_environment_has_no_such_check(contents: Contents, inventory: Inventory) -> None:
    """It was resolved from nothing."""
    assert [] == list(check_specification(contents, inventory))


def test_a_file_that_changed_since_is_a_warning(contents: Contents, inventory: Inventory) -> None:
    """The lock still rebuilds; it only does not know."""
    locked = msgspec.structs.replace(contents, specification=FILE)

    same = next(check_specification(locked, inventory))
    other = next(check_specification(locked, replace(inventory, changed=("requirements.in", "limits.txt"))))

    assert ("ok", "as it was locked") == (same.status, same.found)
    assert ("warn", "changed or gone: requirements.in, limits.txt") == (other.status, other.found)
    assert "freeze --from requirements.in" in other.advice


def test_conda_packages_of_a_file_cannot_be_rebuilt(contents: Contents, inventory: Inventory) -> None:
    """Said before a build is tried."""
    conda = Conda(packages=(CondaPackage(name="python"),))

    found = list(check_specification(msgspec.structs.replace(contents, specification=FILE, conda=conda), inventory))

    assert [("conda packages", "fail", "1 in the lock")] == [
        (check.name, check.status, check.found) for check in found[1:]
    ]
