"""The bill of materials: valid by the standard's own schema, and as deterministic as the rest."""

import json
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from msgspec.structs import replace

from envsnap.errors import InvalidFileError
from envsnap.manifest.manifest import CondaPackage, Manifest
from envsnap.manifest.system import System, SystemPackage
from envsnap.render.cyclonedx import render_cyclonedx
from envsnap.render.export_file import ExportPlace


def document(manifest: Manifest) -> dict[str, Any]:
    """The bill, which the schema accepts."""
    text = render_cyclonedx(manifest, ExportPlace(name="project")).text
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    read: dict[str, Any] = json.loads(text)
    return read


def by_purl(manifest: Manifest) -> dict[str, dict[str, Any]]:
    """The components."""
    return {component["purl"]: component for component in document(manifest)["components"]}


@pytest.mark.parametrize("case", ["small", "everything", "conda", "mixed"])
def test_every_bill_is_valid(case: str, exports: dict[str, Manifest]) -> None:
    assert "1.6" == document(exports[case])["specVersion"]


def test_package_urls_are_those_of_the_specification(exports: dict[str, Manifest]) -> None:
    """A plus is escaped, a commit and a file's URL are qualifiers, conda's build, channel and platform too."""
    contents = exports["mixed"].contents
    owned = SystemPackage(manager="dpkg", name="libstdc++6", version="12.2.0-14", arch="amd64")
    manifest = replace(exports["mixed"], contents=replace(contents, system=System(packages=(owned,))))

    assert {
        "pkg:conda/libblas@3.9.0?build=20_mkl&channel=main&subdir=linux-64&type=conda",
        "pkg:conda/numpy@2.1.0?build=py311h_0&channel=forge&subdir=linux-64&type=conda",
        "pkg:conda/python@3.11.7?build=h_1_cpython&channel=forge&subdir=linux-64&type=conda",
        "pkg:conda/tzdata@2025a?build=h_0&channel=forge&subdir=noarch&type=conda",
        "pkg:deb/debian/libstdc%2B%2B6@12.2.0-14?arch=amd64",
        "pkg:generic/python@3.11.7",
        "pkg:pypi/extra@1.1%2Bcu121?download_url=https://files.example/extra-1.1%252Bcu121-py3-none-any.whl",
        "pkg:pypi/numpy@2.1.0",
        f"pkg:pypi/own-tools@0.3?vcs_url=git%2Bhttps://git.example/own-tools%40{'0' * 40}",
        "pkg:pypi/tqdm@4.66.5",
    } == by_purl(manifest).keys()


def test_a_component_has_hash_place_and_evidence(exports: dict[str, Manifest]) -> None:
    components = by_purl(exports["everything"])
    tqdm = components["pkg:pypi/tqdm@4.66.5"]
    facts = {one["name"]: one["value"] for one in tqdm["properties"]}

    assert [{"alg": "SHA-256", "content": "1a" * 32}] == tqdm["hashes"]
    assert "https://index.example/files/tqdm-4.66.5-py3-none-any.whl" == tqdm["externalReferences"][0]["url"]
    assert ("index-verified", "c0" * 32) == (facts["envsnap:evidence"], facts["envsnap:content-digest"])
    lost = {one["name"]: one["value"] for one in components["pkg:pypi/lost@0.1"]["properties"]}
    assert ("none", "no index serves it") == (lost["envsnap:evidence"], lost["envsnap:reason"])


def test_serial_number_and_time_come_from_the_lock(exports: dict[str, Manifest]) -> None:
    """Another lock has another number; the clock counts for nothing."""
    small, other = document(exports["small"]), document(exports["everything"])

    assert "2026-01-02T03:04:05+00:00" == small["metadata"]["timestamp"]
    assert small["serialNumber"] != other["serialNumber"]
    assert small["serialNumber"] == document(exports["small"])["serialNumber"]


def test_damaged_records_are_listed_all_the_same(exports: dict[str, Manifest]) -> None:
    """Without what no bill could hold."""
    odd = CondaPackage(name="", version="1 \n", url="no url", sha256="x", channel="\x1b[0m")
    contents = exports["conda"].contents
    assert contents.conda is not None
    conda = replace(contents.conda, packages=(odd,))

    names = [
        one["name"] for one in by_purl(replace(exports["conda"], contents=replace(contents, conda=conda))).values()
    ]

    assert "unknown" in names


def test_a_lock_without_a_time_is_not_valid(exports: dict[str, Manifest]) -> None:
    snapshot = replace(exports["small"].snapshot, created_at="yesterday")

    with pytest.raises(InvalidFileError, match=r"\[snapshot\].created-at of the lock is no time: 'yesterday'"):
        render_cyclonedx(replace(exports["small"], snapshot=snapshot), ExportPlace())
