"""A lock that was resolved from a specification: whether the file changed since, and what cannot be built of it."""

from collections.abc import Iterator

from envsnap.checkup.rebuild import listed
from envsnap.manifest.checkup import Check
from envsnap.manifest.machine import Holdings
from envsnap.manifest.manifest import Contents

AGAIN = "the lock does not know of the change: run 'envsnap freeze --from {path}' again"
NO_CONDA = "neither an image nor a virtual environment is built from them: install them with conda, and freeze that"


def check_specification(contents: Contents, holdings: Holdings) -> Iterator[Check]:
    """Say whether the specification is still the one that was locked, and whether something can be built from it."""
    specification = contents.specification
    if specification is None:
        return
    changed = holdings.changed
    yield Check(
        name="specification",
        status="warn" if changed else "ok",
        found=f"changed or gone: {listed(changed)}" if changed else "as it was locked",
        needed=specification.path,
        advice=AGAIN.format(path=specification.path) if changed else "",
    )
    count = len(contents.conda.packages) if contents.conda else 0
    if count:
        yield Check(name="conda packages", status="fail", found=f"{count} in the lock", advice=NO_CONDA)
