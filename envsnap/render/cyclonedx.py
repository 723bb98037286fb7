"""Manifest -> a CycloneDX 1.6 bill of materials: https://cyclonedx.org/docs/1.6/json/."""

import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from envsnap.errors import InvalidFileError
from envsnap.manifest.manifest import CondaPackage, Contents, Manifest
from envsnap.manifest.package import Package
from envsnap.manifest.system import SystemPackage
from envsnap.render.conda_packages import archive_url, channel_of
from envsnap.render.export_file import ExportFile, ExportPlace

if TYPE_CHECKING:
    from cyclonedx.model import HashType, Property
    from cyclonedx.model.component import Component

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:envsnap:manifest")
"""Serial numbers are names of locks in it (RFC 9562, version 5): the same lock has the same one."""
SYSTEM_KINDS = {"dpkg": "deb", "rpm": "rpm", "apk": "apk"}
"""Package URL types: https://github.com/package-url/purl-spec/blob/main/PURL-TYPES.rst."""
_HEX = re.compile(r"[0-9a-f]{32}([0-9a-f]{32,96})?")


def render_cyclonedx(manifest: Manifest, place: ExportPlace) -> ExportFile:
    """Render what the environment consists of; every package has a component, with an artefact or without.

    Raises:
        InvalidFileError: the lock's time of writing is none.
    """
    from cyclonedx.model.bom import Bom, BomMetaData
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.model.tool import ToolRepository
    from cyclonedx.output.json import JsonV1Dot6

    components = _unique(_components(manifest.contents))
    whole = Component(name=place.name, type=ComponentType.APPLICATION, bom_ref="environment")
    tools = ToolRepository(components=[_tool(manifest)])
    metadata = BomMetaData(timestamp=_time(manifest), tools=tools, component=whole)
    bom = Bom(serial_number=uuid.uuid5(NAMESPACE, manifest.snapshot.digest), metadata=metadata, components=components)
    bom.properties.add(_property("manifest", manifest.snapshot.digest))
    bom.register_dependency(whole, components)  # which of them needs which is not recorded
    return ExportFile(text=JsonV1Dot6(bom).output_as_string(indent=2) + "\n", packages=len(components))


def _unique(components: "Iterable[Component]") -> "list[Component]":
    """Leave out a second component of one reference: those of a bill must differ."""
    return list({component.bom_ref.value: component for component in components}.values())


def _components(contents: Contents) -> "Iterator[Component]":
    yield _interpreter(contents)
    for package in contents.packages:
        yield _python_package(package)
    for record in contents.conda.packages if contents.conda else ():
        yield _conda_package(record)
    for owned in contents.system.packages if contents.system else ():
        yield _system_package(owned, contents.platform.distribution)


def _interpreter(contents: Contents) -> "Component":
    interpreter = contents.interpreter
    facts = {"implementation": interpreter.implementation, "build": interpreter.build, "soabi": interpreter.soabi}
    return _component("python", interpreter.version, kind="platform", purl=("generic", None, {}), properties=facts)


def _python_package(package: Package) -> "Component":
    installed = package.installed
    properties = {
        "evidence": installed.evidence,
        "content-digest": installed.content_digest,
        "reason": installed.reason,
        "installer": installed.installer,
        "owner": installed.owner,
        "owner-package": installed.owner_package or "",
        "requested": "true" if installed.requested else "false",
        "wheel": package.wheel.name if package.wheel else "",
    }
    return _component(
        package.name,
        package.installed_version,
        purl=("pypi", None, _pypi_qualifiers(package)),
        properties=properties | {f"sbom:{item.name}": item.sha256 for item in installed.sboms or ()},
        hashes=package.wheel.hashes if package.wheel else {},
        url=package.wheel.url if package.wheel else None,
        repository=package.vcs.url if package.vcs else None,
    )


def _pypi_qualifiers(package: Package) -> dict[str, str]:
    """Say where it came from, where that is not the usual index."""
    if package.vcs is not None:
        return {"vcs_url": f"{package.vcs.type}+{package.vcs.url}@{package.vcs.commit_id}"}
    if package.installed.evidence == "direct-url" and package.wheel is not None and package.wheel.url:
        return {"download_url": package.wheel.url}
    return {"repository_url": package.index} if package.index else {}


def _conda_package(record: CondaPackage) -> "Component":
    qualifiers = {
        "build": record.build,
        "channel": channel_of(record).rpartition("/")[2],
        "subdir": record.subdir,
        "type": "conda" if record.url.endswith(".conda") else "tar.bz2" if record.url.endswith(".tar.bz2") else "",
    }
    hashes = {"sha256": record.sha256, "md5": record.md5}
    return _component(
        record.name,
        record.version,
        purl=("conda", None, qualifiers),
        properties={"overwritten-by": record.overwritten_by or ""},
        hashes={name: value for name, value in hashes.items() if value},
        url=archive_url(record),
    )


def _system_package(owned: SystemPackage, distribution: str) -> "Component":
    vendor = distribution.partition(" ")[0].lower() or None
    return _component(
        owned.name,
        owned.version,
        purl=(SYSTEM_KINDS[owned.manager], vendor, {"arch": owned.arch}),
        properties={"libraries": " ".join(owned.libraries)},
    )


def _component(  # noqa: PLR0913 - one parameter a fact
    name: str,
    version: str,
    *,
    purl: tuple[str, str | None, Mapping[str, str]],
    properties: Mapping[str, str],
    kind: str = "library",
    hashes: Mapping[str, str] | None = None,
    url: str | None = None,
    repository: str | None = None,
) -> "Component":
    from cyclonedx.model import ExternalReference, ExternalReferenceType, XsUri
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    scheme, namespace, qualifiers = purl
    given = {key: value for key, value in qualifiers.items() if value}
    address = PackageURL(scheme, namespace, name or "unknown", version or None, given)
    references = [(ExternalReferenceType.DISTRIBUTION, url), (ExternalReferenceType.VCS, repository)]
    return Component(
        name=name or "unknown",
        version=version or None,
        type=ComponentType(kind),
        bom_ref=address.to_string(),
        purl=address,
        hashes=_hashes(hashes or {}),
        external_references=[ExternalReference(type=what, url=XsUri(place)) for what, place in references if place],
        properties=[_property(key, value) for key, value in properties.items() if value],
    )


def _hashes(hashes: Mapping[str, str]) -> "list[HashType]":
    from cyclonedx.model import HashAlgorithm, HashType

    algorithms = {
        "md5": HashAlgorithm.MD5,
        "sha256": HashAlgorithm.SHA_256,
        "sha384": HashAlgorithm.SHA_384,
        "sha512": HashAlgorithm.SHA_512,
    }
    known = ((algorithms.get(name), value) for name, value in sorted(hashes.items()) if _HEX.fullmatch(value))
    return [HashType(alg=algorithm, content=value) for algorithm, value in known if algorithm is not None]


def _property(name: str, value: str) -> "Property":
    from cyclonedx.model import Property

    return Property(name=f"envsnap:{name}", value=value)


def _tool(manifest: Manifest) -> "Component":
    from cyclonedx.model.component import Component, ComponentType

    name, _, version = manifest.snapshot.created_by.partition(" ")
    return Component(name=name or "envsnap", version=version or None, type=ComponentType.APPLICATION, bom_ref="tool")


def _time(manifest: Manifest) -> datetime:
    """Return when the lock was written: a bill made of it later tells the same."""
    text = manifest.snapshot.created_at
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError as error:
        raise InvalidFileError(f"[snapshot].created-at of the lock is no time: {text!r}") from error
