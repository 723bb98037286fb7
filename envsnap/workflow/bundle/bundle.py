"""envsnap bundle: envsnap.lock -> one folder or archive with everything that build and verify need, and back."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from envsnap import __version__
from envsnap.bundle.collect import Collection, collect, wanted_conda, wanted_wheels
from envsnap.bundle.reader import open_bundle
from envsnap.bundle.store import BlobStore
from envsnap.bundle.unpack import kept_patch, unpack_bundle
from envsnap.bundle.write import BundlePlace, place_of, write_bundle
from envsnap.capture.environment import CapturedEnvironment, capture_environment
from envsnap.environment.local import LocalEnvironment
from envsnap.errors import BundleError
from envsnap.host.files import exclusive, free_space, sha256_bytes, sha256_file, work_folder
from envsnap.host.git_tree import commit_members, holds_commit, top_and_place
from envsnap.host.index.config import IndexConfig, read_index_config
from envsnap.host.index.fetch import fetch
from envsnap.host.index.file import IndexFile
from envsnap.manifest.bundle_index import BASELINE, LOCK, BundleEntry, BundleIndex
from envsnap.manifest.lockfile import dump_manifest
from envsnap.manifest.manifest import Manifest
from envsnap.run.baseline import baseline_files
from envsnap.workflow.bundle.replacements import CompleteLock, replace_lost
from envsnap.workflow.interpreters import check_folder, choose_python
from envsnap.workflow.progress import Progress
from envsnap.workflow.project import Lock, read_lock

UNPINNED_CONDA = "conda packages that no SHA-256 pins are left out: {names}"
NO_SOURCE = "the lock records no commit: the bundle holds no source; bring the project's files along yourself"
PATCH_LEFT_OUT = "the lock's uncommitted changes were not kept at the freeze: the source is that of the commit alone"


@dataclass(frozen=True, kw_only=True, slots=True)
class BundleRequest:
    """What the user asked for.

    Args:
        folder: the project.
        env: the caller's environment.
        lock: what to bundle.
        output: where to; None for the project's work folder.
        python: the captured interpreter, or ``prefix`` its environment: asked for what no index has any more.
    """

    folder: Path
    env: Mapping[str, str]
    lock: Path
    output: Path | None = None
    python: Path | None = None
    prefix: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class BundleResult:
    """A complete bundle.

    Args:
        path: where it stands.
        index: what it holds.
        fetched: how many bytes came from a server this time.
        inputs: how many inputs the lock records: a bundle does not hold them.
    """

    path: Path
    index: BundleIndex
    fetched: int
    inputs: int


@dataclass(frozen=True, slots=True)
class UnpackResult:
    """A project folder that was made out of a bundle, and how many inputs it lacks."""

    project: Path
    lock: str
    inputs: int


def bundle(request: BundleRequest, progress: Progress) -> BundleResult:
    """Collect the artefacts, make those that are lost, add source and baseline, and write; the index comes last.

    Raises:
        UsageError: there is no lock.
        InvalidFileError: the lock or the baseline is not valid.
        BundleError: an artefact cannot be had, or there is no room; what was fetched stays for the next try.
    """
    check_folder(request.folder)
    lock = read_lock(request.lock, progress)
    with exclusive(request.folder):
        place = place_of((request.output or work_folder(request.folder) / "bundle").absolute())
        place.store.blobs.mkdir(parents=True, exist_ok=True)
        collected = _collect(lock.manifest, request, place, progress)
        complete = replace_lost(lock.manifest, collected, partial(_probe, request), place.store)
        for replaced in complete.replaced:
            progress.warn(f"{replaced.reason}; a wheel made from the installed files stands for it")
        return _write(request, lock, place, collected, complete, progress)


def _collect(manifest: Manifest, request: BundleRequest, place: BundlePlace, progress: Progress) -> Collection:
    contents = manifest.contents
    wheels, without = wanted_wheels(contents.packages)
    conda, unpinned = wanted_conda(contents.conda)
    if unpinned:
        progress.warn(UNPINNED_CONDA.format(names=", ".join(unpinned)))
    config = read_index_config(request.env)
    folders = (work_folder(request.folder) / "wheels", *config.local_folders)
    wanted = (*wheels, *conda)
    progress.stage(f"collecting {len(wanted)} packages")
    total = sum(item.file.size or 0 for item in wanted)
    found = collect(wanted, place.store, folders, partial(_fetch, place, total, config, progress))
    return replace(found, lost=(*without, *found.lost))


def _probe(request: BundleRequest) -> CapturedEnvironment:
    """Probe the environment that was captured, where it still is."""
    python = choose_python(request.folder, request.env, request.python, request.prefix)
    return capture_environment(LocalEnvironment(python, caller=request.env), request.folder.absolute())


def _fetch(
    place: BundlePlace,
    total: int,
    config: IndexConfig,
    progress: Progress,
    files: Mapping[str, IndexFile],
    folder: Path,
) -> Mapping[str, str]:
    from envsnap.host.index.http import IndexConnections

    if not files:
        return {}
    _check_room(place, total if place.is_archive else 0, files)
    http = IndexConnections(config)
    size = sum(file.size or 0 for file in files.values())
    with progress.transfer(f"fetching {len(files)} files, {size:,} bytes", size) as advance:
        return fetch(files, folder, http, on_bytes=advance)


def _check_room(place: BundlePlace, archive: int, files: Mapping[str, IndexFile]) -> None:
    """Refuse before the first byte what cannot fit; ``archive`` bytes are needed a second time for the archive."""
    label, largest = max(files.items(), key=lambda item: item[1].size or 0)
    needed = archive + sum((file.size or 0) - place.store.part_of(file.sha256) for file in files.values())
    space = free_space(place.root)
    if space is not None and space[1] < needed:
        raise BundleError(
            f"the bundle needs {needed:,} bytes more at {place.path.parent}, where {space[1]:,} are free; the largest "
            f"file is {label}, {largest.size or 0:,} bytes. Make room, or name another place with --output"
        )


def _write(
    request: BundleRequest,
    lock: Lock,
    place: BundlePlace,
    collected: Collection,
    complete: CompleteLock,
    progress: Progress,
) -> BundleResult:
    manifest = complete.manifest
    text = dump_manifest(manifest).encode() if complete.replaced else lock.path.read_bytes()
    baseline = _baseline(manifest, request.folder)
    source, project = _source(manifest, request.folder, place.store, progress)
    entries = (
        BundleEntry(kind="lock", name=LOCK, sha256=sha256_bytes(text), size=len(text)),
        *(_entry_of(name, path) for name, path in baseline.items()),
        *source,
        *collected.entries,
        *complete.entries,
    )
    index = BundleIndex(
        created_by=f"envsnap {__version__}",
        lock=manifest.snapshot.digest,
        entries=tuple(sorted(entries, key=lambda entry: (entry.kind, entry.name))),
        original_lock=lock.manifest.snapshot.digest if complete.replaced else None,
        replaced=complete.replaced,
        commit=manifest.contents.code.commit if source and manifest.contents.code else None,
        project=project or None,
    )
    progress.stage(f"writing {place.path}")
    write_bundle(place, index, text, baseline)
    return BundleResult(path=place.path, index=index, fetched=collected.fetched, inputs=len(manifest.contents.data))


def _baseline(manifest: Manifest, folder: Path) -> dict[str, Path]:
    """Return the files of the baselines that this lock names, by their place in it, after checking them against it."""
    root = folder / BASELINE
    jobs = manifest.contents.each_job
    found: dict[str, Path] = {}
    for baseline in (job.baseline for job in jobs if job.baseline is not None):
        for paths in baseline_files(baseline, folder).values():
            found |= {path.relative_to(root).as_posix(): path for path in paths}
    listings = [f"inputs/{datum.sha256}.txt" for job in jobs for datum in job.data if datum.files]
    found |= {name: root / name for name in listings if (root / name).is_file()}
    patch = kept_patch(manifest)
    if patch:
        _check_patch(root / patch)
        found[patch] = root / patch
    return dict(sorted(found.items()))


def _check_patch(path: Path) -> None:
    if not path.is_file() or sha256_file(path)[0] != path.stem:
        raise BundleError(
            f"the uncommitted changes that the lock names are not in {path}, or are others: restore the file from "
            "version control, or run 'envsnap freeze'"
        )


def _entry_of(name: str, path: Path) -> BundleEntry:
    sha256, size = sha256_file(path)
    return BundleEntry(kind="baseline", name=name, sha256=sha256, size=size)


def _source(
    manifest: Manifest, folder: Path, store: BlobStore, progress: Progress
) -> tuple[tuple[BundleEntry, ...], str]:
    """Archive the source at the recorded commit; return its entry, and where the project lies in it."""
    code = manifest.contents.code
    if code is None:
        progress.warn(NO_SOURCE)
        return (), ""
    if code.dirty and not code.kept_patch:
        progress.warn(PATCH_LEFT_OUT)
    found = top_and_place(folder)
    if found is None or not holds_commit(found[0], code.commit):
        raise BundleError(
            f"the source at commit {code.commit[:12]} is not in the repository of {folder}: run this in the clone that "
            "was frozen, or fetch the commit"
        )
    progress.stage(f"archiving the source at commit {code.commit[:12]}")
    members = commit_members(found[0], code.commit, progress.warn)
    sha256, size = store.archive(members, f"the source at commit {code.commit[:12]}")
    return (BundleEntry(kind="source", name="source.tar", sha256=sha256, size=size),), found[1]


def unpack(path: Path, folder: Path, progress: Progress) -> UnpackResult:
    """Make a project folder out of a bundle.

    Raises:
        BundleError: see :func:`envsnap.bundle.unpack.unpack_bundle`.
    """
    opened = open_bundle(path)
    manifest, warnings = opened.manifest()
    for warning in warnings:
        progress.warn(warning)
    progress.stage(f"unpacking into {folder}")
    project = unpack_bundle(opened, manifest, folder.absolute())
    return UnpackResult(project=project, lock=manifest.snapshot.digest, inputs=len(manifest.contents.data))
