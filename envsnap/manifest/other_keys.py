"""Keys of package entries that envsnap does not know: gathered when a lock is read, put back when it is written."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from envsnap.manifest.model import OpenModel
from envsnap.manifest.package import Artefact, Directory, InstalledRecord, Package, Vcs
from envsnap.manifest.toml import Plain

INNER: Mapping[type[msgspec.Struct], Mapping[str, type[msgspec.Struct]]] = {
    Package: {
        "wheels": Artefact,
        "sdist": Artefact,
        "vcs": Vcs,
        "directory": Directory,
        "installed": InstalledRecord,
    },
    InstalledRecord: {"wheel": Artefact},
}
"""A package's table and those in it; all but ``installed``, which is envsnap's own, may hold other keys.

``marker``, ``dependencies``, ``archive``, ``attestation-identities`` and ``tool`` of PEP 751 are among them: what
envsnap has no use for it does not lose. https://packaging.python.org/en/latest/specifications/pylock-toml/
"""
FIELD = "other-keys"


def gather(document: Plain) -> Plain:
    """Return a document whose package entries hold their unknown keys under one known key."""
    packages = document.get("packages")
    if not isinstance(packages, list):
        return document
    return document | {"packages": [_gather(entry, Package) for entry in packages]}


def restore(packages: Sequence[Package], made: Sequence[object]) -> None:
    """Move what :func:`gather` moved back to where it stood, in the plain data ``made`` of the packages.

    It comes after the known keys, sorted: TOML gives no order a meaning, and equal values give equal text.
    """
    for package, entry in zip(packages, made, strict=True):
        if any(model.other_keys for model in _open_models(package)):
            restore_in(package, entry)


def _open_models(package: Package) -> Iterator[OpenModel]:
    yield package
    yield from package.wheels
    yield from (one for one in (package.sdist, package.vcs, package.directory, package.installed.wheel) if one)


def restore_in(value: object, made: object) -> None:
    """Do it in the plain data ``made`` of one value."""
    if isinstance(value, tuple) and isinstance(made, list):
        for item, plain in zip(value, made, strict=True):
            restore_in(item, plain)
    elif isinstance(value, msgspec.Struct) and isinstance(made, dict):
        for field, key in zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True):
            restore_in(getattr(value, field), made.get(key))
        other = made.pop(FIELD, {}) if isinstance(value, OpenModel) else {}
        made.update((key, other[key]) for key in sorted(other) if key not in made)


def _gather(data: object, kind: type[msgspec.Struct]) -> object:
    """Do it for one table; what is not one is left to the conversion, which refuses it."""
    if isinstance(data, list):
        return [_gather(item, kind) for item in data]
    if not isinstance(data, dict):
        return data
    inner = INNER.get(kind, {})
    known = frozenset(kind.__struct_encode_fields__) - {FIELD}
    table = {key: _gather(value, inner[key]) if key in inner else value for key, value in data.items()}
    other = {key: table.pop(key) for key in data if key not in known} if issubclass(kind, OpenModel) else {}
    return table | {FIELD: other} if other else table
