"""What a rerun reads is here, or is named."""

from collections.abc import Callable

import msgspec
import pytest

from envsnap.checkup.rerun import check_job
from envsnap.manifest.machine import FoundFile, Holdings
from envsnap.manifest.manifest import Contents


@pytest.mark.parametrize("name", ["inputs", "baseline"])
def test_files_that_are_missing_or_cut_short_are_named(contents: Contents, name: str) -> None:
    """By name and size; of a folder the size is not asked."""
    good = (FoundFile(path="d", there=True, size=4096), FoundFile(path="e", there=True, size=5, expected=5))
    bad = (FoundFile(path="a", there=False, expected=7), FoundFile(path="b", there=True, size=3, expected=7))

    (fine,) = check_job(contents, msgspec.structs.replace(Holdings(), **{name: good}))
    (broken,) = check_job(contents, msgspec.structs.replace(Holdings(), **{name: (*good, *bad)}))

    assert (name, "ok", "2 files") == (fine.name, fine.status, fine.needed)
    assert "verify compares digests" in fine.found
    assert ("fail", "a is missing, b has 3 bytes, not 7") == (broken.status, broken.found)


def test_variables_that_the_job_wants_must_be_set(contents: Contents) -> None:
    """Their names are told; values are nobody's business."""
    job = contents.job
    assert job is not None
    lock = msgspec.structs.replace(contents, job=msgspec.structs.replace(job, pass_env=("HF_TOKEN", "KEY")))

    (unset,) = check_job(lock, Holdings(unset=("KEY",)))
    (all_set,) = check_job(lock, Holdings())

    assert ("fail", "not set: KEY", "HF_TOKEN, KEY") == (unset.status, unset.found, unset.needed)
    assert "ok" == all_set.status


@pytest.mark.parametrize("missing", ["job", "baseline"])
def test_lock_with_nothing_to_verify_says_so(contents: Contents, missing: str) -> None:
    """It can still be rebuilt."""
    changed: Callable[..., Contents] = msgspec.structs.replace
    (check,) = check_job(changed(contents, **{missing: None}), Holdings())

    assert ("warn", f"no {missing}") == (check.status, check.found)
