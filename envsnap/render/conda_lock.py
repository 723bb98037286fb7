"""Manifest -> conda-lock.yml, version 1, through conda-lock's own models: conda's packages and pip's in one file."""

from typing import Any

from envsnap.errors import MissingToolError
from envsnap.manifest.manifest import CondaPackage, Manifest
from envsnap.manifest.package import Package
from envsnap.render.conda_packages import channels_of, dependencies, lockable, overwritten, subdir_of
from envsnap.render.export_file import ExportFile, header, omit, python_packages

NO_URL = (
    "no index serves its wheel, and conda-lock's format names a file by URL alone; "
    "pylock and environment.yml name one by path"
)
NO_SHA256 = "its wheel is pinned by another hash than SHA-256, and conda-lock's format holds no other for pip"


def render_conda_lock(manifest: Manifest) -> ExportFile:
    """Render the lock of one platform; ``conda-lock install`` gives pip its packages with ``--no-deps``.

    Raises:
        MissingToolError: conda-lock is not installed.
    """
    import yaml

    models = _models()
    records, damaged = lockable(manifest.contents)
    packages = python_packages(manifest.contents)
    held = tuple(package for package in packages if not _problem(package))
    platform = subdir_of(manifest.contents, records)
    locked = [
        *(_conda_entry(models, record, platform) for record in records),
        *(_pip_entry(models, package, platform) for package in held),
    ]
    lockfile = models.Lockfile(package=locked, metadata=_metadata(models, manifest, records, platform))
    text = yaml.safe_dump(lockfile.dict_for_output(), sort_keys=False, allow_unicode=True, width=10_000)
    return ExportFile(
        text=header(manifest) + text,
        packages=len(locked),
        left_out=tuple(
            sorted([*damaged, *(omit(item, _problem(item)) for item in packages if _problem(item))]),
        ),
        remarks=tuple(overwritten(records)),
    )


def _models() -> Any:  # noqa: ANN401 - it brings no types
    try:
        from conda_lock.lockfile.v1 import models
    except ImportError as error:
        raise MissingToolError(
            f"conda-lock's format is written by conda-lock itself, which is not installed here ({error}): "
            "pip install 'envsnap[conda]'"
        ) from error
    return models


def _conda_entry(models: Any, record: CondaPackage, platform: str) -> object:  # noqa: ANN401 - it brings no types
    return models.LockedDependency(
        name=record.name,
        version=record.version,
        manager="conda",
        platform=platform,
        dependencies=dict(sorted(dependencies(record).items())),
        url=record.url,
        hash=models.HashModel(md5=record.md5, **({"sha256": record.sha256} if record.sha256 else {})),
        category="main",
        optional=False,
    )


def _pip_entry(models: Any, package: Package, platform: str) -> object:  # noqa: ANN401 - it brings no types
    wheel = package.wheel
    assert wheel is not None  # noqa: S101 - the caller kept those that have one
    return models.LockedDependency(
        name=package.name,
        version=package.installed_version,
        manager="pip",
        platform=platform,
        dependencies={},
        url=wheel.url,
        hash=models.HashModel(sha256=wheel.hashes["sha256"]),
        category="main",
        optional=False,
    )


def _metadata(models: Any, manifest: Manifest, records: tuple[CondaPackage, ...], platform: str) -> object:  # noqa: ANN401 - it brings no types
    from conda_lock.models.channel import Channel

    return models.LockMeta(
        content_hash={platform: manifest.snapshot.digest},
        channels=[Channel(url=url, used_env_vars=()) for url in channels_of(records)],
        platforms=[platform],
        sources=[],
        time_metadata=models.TimeMeta(created_at=manifest.snapshot.created_at),
        custom_metadata={"created-by": "envsnap", "envsnap-manifest": manifest.snapshot.digest},
    )


def _problem(package: Package) -> str:
    """Say why the format has no entry for a package of pip's; "" where it has one."""
    if package.wheel is None:
        return package.installed.reason or "the lock has no artefact of it"
    if package.wheel.url is None:
        return NO_URL
    return "" if "sha256" in package.wheel.hashes else NO_SHA256
