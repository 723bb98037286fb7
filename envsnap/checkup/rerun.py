"""What a lock stands on: the file it was resolved from, the inputs and variables of its job, its baseline."""

from collections.abc import Iterator

from envsnap.checkup.rebuild import is_sound
from envsnap.manifest.checkup import Check
from envsnap.manifest.machine import FoundFile, Inventory
from envsnap.manifest.manifest import Contents
from envsnap.manifest.phrases import join_names, plural

AGAIN = "the lock does not know of the change: run 'envsnap freeze --from {path}' again"
NO_CONDA = "neither an image nor a virtual environment is built from them: install them with conda, and freeze that"


def check_job(contents: Contents, inventory: Inventory) -> Iterator[Check]:
    """Say whether what a rerun reads is here: existence and size only, verify compares digests."""
    if not any(one.job is not None and one.baseline is not None for one in contents.each_job):
        lacks = "job" if contents.job is None else "baseline"
        advice = f"the lock records no {lacks}: it can be rebuilt, and nothing can be verified"
        yield Check(name="baseline", status="warn", found=f"no {lacks}", advice=advice)
    if inventory.inputs:
        yield _check_files("inputs", inventory.inputs, "fetch the data that the lock records")
    if inventory.baseline:
        yield _check_files("baseline", inventory.baseline, "check out envsnap.baseline beside the lock")
    passed = dict.fromkeys(name for one in contents.each_job if one.job is not None for name in one.job.pass_env)
    if passed:
        yield _check_variables(tuple(passed), inventory.unset)


def _check_files(name: str, files: tuple[FoundFile, ...], remedy: str) -> Check:
    bad = [_describe(file) for file in files if not is_sound(file)]
    return Check(
        name=name,
        status="fail" if bad else "ok",
        found=join_names(bad) if bad else f"{len(files)} here, by name and size; verify compares digests",
        needed=plural(len(files), "file"),
        advice=remedy if bad else "",
    )


def _describe(file: FoundFile) -> str:
    return f"{file.path} has {file.size} bytes, not {file.expected}" if file.there else f"{file.path} is missing"


def _check_variables(wanted: tuple[str, ...], unset: tuple[str, ...]) -> Check:
    return Check(
        name="variables",
        status="fail" if unset else "ok",
        found=f"not set: {join_names(unset)}" if unset else "all set",
        needed=", ".join(wanted),
        advice="the job wants them handed through (pass-env): set them" if unset else "",
    )


def check_specification(contents: Contents, inventory: Inventory) -> Iterator[Check]:
    """Say whether the specification is still the one that was locked, and whether something can be built from it."""
    specification = contents.specification
    if specification is None:
        return
    changed = inventory.changed
    yield Check(
        name="specification",
        status="warn" if changed else "ok",
        found=f"changed or gone: {join_names(changed)}" if changed else "as it was locked",
        needed=specification.path,
        advice=AGAIN.format(path=specification.path) if changed else "",
    )
    count = len(contents.conda.packages) if contents.conda else 0
    if count:
        yield Check(name="conda packages", status="fail", found=f"{count} in the lock", advice=NO_CONDA)
