"""A lock that was resolved from a file is held against that file."""

from msgspec.structs import replace

from envsnap.checkup.specification import check_specification
from envsnap.manifest.machine import Holdings
from envsnap.manifest.manifest import Conda, CondaPackage, Contents
from envsnap.manifest.specification import Specification

FILE = Specification(path="requirements.in", format="requirements", sha256="ab" * 32)


def test_a_lock_of_an_environment_has_no_such_check(contents: Contents, holdings: Holdings) -> None:
    """It was resolved from nothing."""
    assert [] == list(check_specification(contents, holdings))


def test_a_file_that_changed_since_is_a_warning(contents: Contents, holdings: Holdings) -> None:
    """The lock still rebuilds; it only does not know."""
    locked = replace(contents, specification=FILE)

    same = next(check_specification(locked, holdings))
    other = next(check_specification(locked, replace(holdings, changed=("requirements.in", "limits.txt"))))

    assert ("ok", "as it was locked") == (same.status, same.found)
    assert ("warn", "changed or gone: requirements.in, limits.txt") == (other.status, other.found)
    assert "freeze --from requirements.in" in other.advice


def test_conda_packages_of_a_file_cannot_be_rebuilt(contents: Contents, holdings: Holdings) -> None:
    """Said before a build is tried."""
    conda = Conda(packages=(CondaPackage(name="python"),))

    found = list(check_specification(replace(contents, specification=FILE, conda=conda), holdings))

    assert [("conda packages", "fail", "1 in the lock")] == [
        (check.name, check.status, check.found) for check in found[1:]
    ]
