"""What differs between the environment that a manifest records and one that was rebuilt."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

import msgspec

from envsnap.manifest.accelerator import AcceleratorLibrary
from envsnap.manifest.installed import InstalledPackage
from envsnap.manifest.interpreter import Interpreter
from envsnap.manifest.job import Job
from envsnap.manifest.manifest import Contents
from envsnap.manifest.observation import (
    JaxSettings,
    LoadedLibrary,
    NumpySettings,
    Observation,
    TensorflowSettings,
    ThreadPool,
    TorchSettings,
)
from envsnap.manifest.package import Package


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One fact that is not the same: what, as the lock has it, as it was found."""

    what: str
    locked: str
    found: str


def diff_interpreter(locked: Interpreter, found: Interpreter) -> tuple[Difference, ...]:
    """Compare what decides which wheels fit and how Python computes; the builder's date stamp does not count."""
    names = ("implementation", "version", "soabi")
    return tuple(
        Difference(
            what=name if name != "version" else "python",
            locked=getattr(locked, name),
            found=getattr(found, name),
        )
        for name in names
        if getattr(locked, name) != getattr(found, name)
    )


def diff_packages(locked: Iterable[Package], found: Iterable[InstalledPackage]) -> tuple[Difference, ...]:
    """Compare every package by version and by content digest; a missing and an extra one differ too.

    Where :func:`has_unread_content` the version alone counts: installing held the wheel's hash against the lock. So it
    does for the project's own code where it is installed otherwise than by the lock.
    """
    expected = {package.name: package for package in locked}
    installed = {package.name: package for package in found}
    differences = (
        _diff_package(name, expected.get(name), installed.get(name))
        for name in sorted(expected.keys() | installed.keys())
    )
    return tuple(difference for difference in differences if difference is not None)


def has_unread_content(package: Package) -> bool:
    """Whether a specification named the package, and RECORD of its wheel could not be read where it is served."""
    return package.installed.evidence == "index-inferred" and not package.expected_digest and package.wheel is not None


def _diff_package(name: str, locked: Package | None, found: InstalledPackage | None) -> Difference | None:
    if locked is None or found is None:
        return Difference(
            what=name,
            locked="not there" if locked is None else locked.installed_version,
            found="not there" if found is None else found.version,
        )
    if locked.installed_version != found.version:
        return Difference(what=name, locked=locked.installed_version, found=found.version)
    is_elsewhere = locked.is_own_code and not locked.expected_digest
    if not (is_elsewhere or has_unread_content(locked)) and locked.expected_digest != found.record.content_digest:
        return Difference(
            what=name,
            locked=f"{found.version}, content {locked.expected_digest[:12] or 'unknown'}",
            found=f"{found.version}, content {found.record.content_digest[:12] or 'unknown'}",
        )
    return None


def diff_job(locked: Job, current: Job) -> tuple[str, ...]:
    """Name each setting of the job that is not as locked."""
    names = (name for name in Job.__struct_fields__ if getattr(locked, name) != getattr(current, name))
    return tuple(f"{name.replace('_', '-')} was {_show(locked, name)}, is {_show(current, name)}" for name in names)


def diff_observation(locked: Contents, seen: Observation) -> tuple[str, ...]:
    """Name what was in force inside the job and is not as it was when the baseline was recorded."""
    numerics = locked.numerics
    in_use = [library for library in locked.accelerator.libraries if library.loaded]
    before = {
        "variable": numerics.env,
        "thread pool": _pools(numerics.pools),
        "torch": _settings(numerics.torch),
        "tensorflow": _settings(numerics.tensorflow),
        "jax": _settings(numerics.jax),
        "numpy": _settings(numerics.numpy),
        "library": _libraries(in_use),
    }
    after = settings_in_force(seen)
    pairs = [pair for kind, values in before.items() for pair in _pairs(kind, values, after[kind])]
    return tuple(f"{what}: {ours} when frozen, {theirs} now" for what, ours, theirs in pairs)


def settings_in_force(seen: Observation) -> dict[str, Mapping[str, str]]:
    """Return what was in force inside the job, by kind and name."""
    return {
        "variable": seen.variables,
        "thread pool": _pools(seen.thread_pools),
        "torch": _settings(seen.torch),
        "tensorflow": _settings(seen.tensorflow),
        "jax": _settings(seen.jax),
        "numpy": _settings(seen.numpy),
        "library": _libraries(library for library in seen.libraries if library.family == "accelerator"),
    }


def _pairs(kind: str, before: Mapping[str, str], after: Mapping[str, str]) -> list[tuple[str, str, str]]:
    names = sorted(before.keys() | after.keys())
    return [
        (f"{kind} {name}", before.get(name, "not there"), after.get(name, "not there"))
        for name in names
        if before.get(name) != after.get(name)
    ]


def _pools(pools: Iterable[ThreadPool]) -> dict[str, str]:
    return {f"{pool.implementation} ({PurePosixPath(pool.path).name})": _pool(pool) for pool in pools}


def _pool(pool: ThreadPool) -> str:
    threads = "?" if pool.num_threads is None else pool.num_threads
    return " ".join(word for word in (pool.version or "no version", pool.architecture, f"{threads} threads") if word)


def _settings(settings: TorchSettings | TensorflowSettings | JaxSettings | NumpySettings | None) -> dict[str, str]:
    if settings is None:
        return {}
    values = {name.replace("_", "-"): getattr(settings, name) for name in settings.__struct_fields__}
    return {name: _setting(value) for name, value in values.items() if value is not None}


def _setting(value: object) -> str:
    return (" ".join(value) or "none") if isinstance(value, tuple) else str(value)


def _libraries(libraries: Iterable[LoadedLibrary | AcceleratorLibrary]) -> dict[str, str]:
    return {library.name: f"{library.version} sha256 {library.sha256[:12]}".strip() for library in libraries}


def _show(job: Job, name: str) -> str:
    return json.dumps(msgspec.to_builtins(getattr(job, name)))
