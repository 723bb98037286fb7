"""The project's own packages in a rebuilt environment: a wheel each that finds the source in the working tree."""

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from envsnap import inside
from envsnap.build.wheels import CopyWheel
from envsnap.inside.probe.record import content_digest
from envsnap.manifest.manifest import Manifest
from envsnap.manifest.package import Artefact, EditableSource, Package

KEPT = ".envsnap/wheels"
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The oldest time that a zip file can hold: the same source always gives the same wheel."""
WHEEL = "Wheel-Version: 1.0\nGenerator: envsnap\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


@dataclass(frozen=True, slots=True)
class OwnCode:
    """A manifest in which each of the project's own packages has a wheel, and those wheels by name."""

    manifest: Manifest
    wheels: dict[str, bytes]

    def copying(self, others: CopyWheel) -> CopyWheel:
        """Return what writes these wheels, and has the ``others``."""

        def copy(wheel: Artefact, target: Path) -> None:
            data = self.wheels.get(wheel.name)
            if data is None:
                others(wheel, target)
                return
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)

        return copy


def with_own_code(manifest: Manifest) -> OwnCode:
    """Make the wheels of the project's own packages: how the code is found, and nothing of the code itself."""
    wheels: dict[str, bytes] = {}
    packages = tuple(_with_wheel(package, wheels) for package in manifest.contents.packages)
    return OwnCode(replace(manifest, contents=replace(manifest.contents, packages=packages)), wheels)


def _with_wheel(package: Package, wheels: dict[str, bytes]) -> Package:
    source = package.installed.editable_source
    if source is None:
        return package
    stem = f"{package.name.replace('-', '_')}-{package.installed_version.replace('-', '_')}"
    files = dict(_files(package, source, f"{stem}.dist-info"))
    record = "".join(f"{name},{_digest(data)},{len(data)}\n" for name, data in files.items())
    name = f"{stem}-py3-none-any.whl"
    wheels[name] = _pack(files | {f"{stem}.dist-info/RECORD": f"{record}{stem}.dist-info/RECORD,,\n".encode()})
    hashes = {"sha256": hashlib.sha256(wheels[name]).hexdigest()}
    wheel = Artefact(name=name, path=f"{KEPT}/{name}", hashes=hashes, size=len(wheels[name]))
    return replace(package, installed=replace(package.installed, wheel=wheel, rebuilt_digest=content_digest(record)[0]))


def _files(package: Package, source: EditableSource, info: str) -> Iterator[tuple[str, bytes]]:
    module = f"_envsnap_{package.name.replace('-', '_')}"
    places = {
        "name": package.name,
        "roots": source.roots,
        "modules": source.modules,
        "namespaces": source.namespaces,
        "is-built": source.is_built,
    }
    yield f"{module}.json", (json.dumps(places, indent=1) + "\n").encode()
    yield f"{module}.pth", f"import {module}; {module}.activate({module}.__file__)\n".encode()
    yield f"{module}.py", Path(inside.EDITABLE).read_bytes()
    yield f"{info}/METADATA", "".join(f"{line}\n" for line in source.metadata).encode()
    yield f"{info}/WHEEL", WHEEL.encode()
    if source.entry_points:
        yield f"{info}/entry_points.txt", _entry_points(source).encode()


def _entry_points(source: EditableSource) -> str:
    groups = (
        "".join((f"[{group}]\n", *(f"{name} = {value}\n" for name, value in names.items())))
        for group, names in source.entry_points.items()
    )
    return "\n".join(groups)


def _digest(data: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def _pack(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, data)
    return buffer.getvalue()
