"""envsnap doctor: this machine + envsnap.lock -> whether it can rebuild and rerun it. Nothing is written or started."""

import msgspec

from envsnap.checkup import examine, survey
from envsnap.host.own_places import LOCK
from envsnap.manifest.checkup import Checkup
from envsnap.manifest.manifest import Manifest
from envsnap.workflow.doctor.inventory import take_inventory
from envsnap.workflow.doctor.machine import DoctorRequest, describe_machine, open_tools
from envsnap.workflow.progress import Progress
from envsnap.workflow.project import Lock, ProjectFolder, job_to_verify, read_lock, read_project


def examine_machine(request: DoctorRequest, progress: Progress) -> Checkup:
    """Gather what this machine has and hold it against the lock; without a lock, look at the machine alone.

    Raises:
        UsageError: the project or the lock that was named is not there.
        InvalidFileError: the settings or the lock are not valid.
    """
    project = read_project(request.folder)
    lock = _lock(request, progress)
    manifest = _effective(project, lock.manifest) if lock else None
    version = manifest.contents.interpreter.version if manifest else ""
    with open_tools(request, version) as tools:
        machine = describe_machine(tools, request)
        if manifest is None or lock is None:
            return Checkup(checks=survey(machine, request.target))
        inventory = take_inventory(manifest, tools, request)
    checks = examine(machine, manifest.contents, inventory, request.target)
    return Checkup(checks=checks, lock=lock.path.name, digest=manifest.snapshot.digest)


def _lock(request: DoctorRequest, progress: Progress) -> Lock | None:
    if request.lock is not None:
        return read_lock(request.lock, progress)
    usual = request.folder / LOCK
    return read_lock(usual, progress) if usual.exists() else None


def _effective(project: ProjectFolder, manifest: Manifest) -> Manifest:
    """Put the working tree's job in the locked one's place, as verify does."""
    contents = manifest.contents
    if contents.job is None or not contents.job.command:
        return manifest
    job = job_to_verify(project, manifest)
    return msgspec.structs.replace(manifest, contents=msgspec.structs.replace(contents, job=job))
