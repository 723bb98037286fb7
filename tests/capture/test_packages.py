"""One distribution for each name, each with its place and owner; what is doubtful about the others is found."""

from typing import Any

import msgspec
import pytest

from envsnap.capture.conda_records import ProbedConda
from envsnap.capture.interpreter import ProbedInterpreter
from envsnap.capture.packages import ProbedPackage, ProbedRoot, describe_packages
from envsnap.manifest.finding import KINDS, Finding
from envsnap.manifest.installed import DirectUrl, InstalledPackage

SITE = "/venv/lib/python3.11/site-packages"
SYSTEM = "/usr/lib/python3/dist-packages"
PLACE = "{prefix}/lib/python3.11/site-packages"
INTERPRETER = msgspec.convert(
    {
        "implementation": "cpython", "version": "3.11.7", "build": "main", "compiler": "GCC", "soabi": "cpython-311",
        "executable": "/venv/bin/python", "prefix": "/venv", "base-prefix": "/usr", "conda": False,
    },
    ProbedInterpreter,
)  # fmt: skip
EDITABLE = '{"url": "file:///home/u/src/a", "dir_info": {"editable": true}}'


def package(folder: str, *, root: str = SITE, **fields: Any) -> ProbedPackage:
    """Return a distribution as the probe describes it."""
    name, _, version = folder.removesuffix(".dist-info").rpartition("-")
    given = {"name": name, "version": version, "root": root, "folder": folder} | fields
    return ProbedPackage(**given)


def describe(
    *packages: ProbedPackage, conda: tuple[ProbedConda, ...] = (), roots: tuple[ProbedRoot, ...] = ()
) -> tuple[tuple[InstalledPackage, ...], tuple[Finding, ...]]:
    """Describe packages of one environment; every finding's kind must be known."""
    found, findings = describe_packages(packages, conda, roots, INTERPRETER)
    assert {finding.kind for finding in findings} <= KINDS.keys()
    return found, findings


def test_packages_are_named_and_placed() -> None:
    """Names are normalised; places are relative to the environment, or to the user's home, which tells a name."""
    home = "/home/alice/.local/lib/python3.11/site-packages"
    roots = (
        ProbedRoot(path=SITE, origin="site-packages"),
        ProbedRoot(path=home, origin="user-site", below_home=".local/lib/python3.11/site-packages"),
    )

    found, _ = describe(
        package("Foo.Bar-1.0.dist-info"),
        package("x-1.dist-info", root=SYSTEM),
        package("y-1.dist-info", root=home),
        roots=roots,
    )

    assert [
        ("foo-bar", PLACE, "site-packages"),
        ("x", "{base}/lib/python3/dist-packages", None),
        ("y", "~/.local/lib/python3.11/site-packages", "user-site"),
    ] == [(item.name, item.record.location, item.record.origin) for item in found]


@pytest.mark.parametrize(
    ("fields", "owner"),
    [
        ({"installer": "pip"}, "pip"), ({"installer": "uv\n"}, "uv"), ({"installer": "Poetry 1.8.2"}, "unknown"),
        ({}, "unknown"), ({"installer": "\x1b[2Jpip"}, "unknown"), ({"installer": "conda"}, "conda"),
        ({"installer": "pip", "owner": "dpkg", "owner_package": "python3-a"}, "dpkg"),
    ],
)  # fmt: skip
def test_the_owner_is_who_has_a_record_of_it(fields: dict[str, Any], owner: str) -> None:
    """INSTALLER is any text that a package brings, and counts least."""
    found, _ = describe(package("a-1.dist-info", **fields))

    assert owner == found[0].record.owner
    assert found[0].record.installer.isprintable()


def test_the_first_on_the_path_is_the_one_that_is_imported() -> None:
    """The others are findings: shadowed by another folder, or left from an interrupted installation."""
    found, findings = describe(
        package("a-1.dist-info"), package("a-2.dist-info"), package("a-3.dist-info", root=SYSTEM)
    )

    assert ["1"] == [item.version for item in found]
    assert (
        Finding(
            kind="doubled-package",
            subject="a",
            detail="a-1.dist-info stands beside a-2.dist-info: an interrupted installation; install it anew",
        ),
        Finding(
            kind="shadowed-package",
            subject="a",
            detail=f"a==3 in {{base}}/lib/python3/dist-packages: 1 in {PLACE} comes before it",
        ),
    ) == findings


def test_of_two_records_the_one_that_tells_of_the_files_counts() -> None:
    """The order of the names says nothing about which version is imported."""
    found, findings = describe(
        package("a-1.dist-info", sampled=8, matching=2), package("a-2.dist-info", sampled=9, matching=9)
    )

    assert ["2"] == [item.version for item in found]
    assert "and the files are those of a-2.dist-info: 9 of 9, 2 of 8" in findings[0].detail


def test_what_stands_for_no_package_is_found() -> None:
    """pip leaves ``~name`` behind when it is killed."""
    found, findings = describe(package("~a-1.dist-info", name="a"), package("-.dist-info", name="-"))

    assert () == found
    assert [
        (f"{PLACE}/-.dist-info", "-.dist-info names no project; remove it"),
        (f"{PLACE}/~a-1.dist-info", "~a-1.dist-info is left from an interrupted pip uninstall; remove it"),
    ] == [(finding.subject, finding.detail) for finding in findings]


def test_a_partial_package_is_found_unless_another_record_tells_of_it() -> None:
    """Debian leaves RECORD out, and conda may: both have lists of their own."""
    partial: dict[str, Any] = {"partial": True, "problem": "it has no RECORD"}
    conda = (ProbedConda(name="b", owns=("b-1.dist-info",)),)

    _, findings = describe(
        package("a-1.dist-info", **partial),
        package("b-1.dist-info", **partial),
        package("c-1.dist-info", owner="dpkg", owner_package="python3-c", **partial),
        conda=conda,
    )

    assert [("partial-package", f"{PLACE}/a-1.dist-info", "it has no RECORD")] == [
        (finding.kind, finding.subject, finding.detail) for finding in findings
    ]


@pytest.mark.parametrize("version", ["1.0", "0.9"])
@pytest.mark.parametrize("is_source_first", [True, False])
def test_an_editable_package_is_one_package(version: str, *, is_source_first: bool) -> None:
    """The egg-info in its source tree is no second installation, wherever it stands on the path."""
    installed = package("a-1.0.dist-info", direct_url=EDITABLE)
    source = package("a.egg-info", name="a", version=version, root="/home/u/src/a/src", problem="p")
    pair = (source, installed) if is_source_first else (installed, source)

    found, findings = describe(*pair)

    assert [("a", "1.0", True)] == [(item.name, item.version, item.record.editable) for item in found]
    assert () == findings


def test_an_editable_package_of_old_is_its_egg_info() -> None:
    """``setup.py develop`` leaves no dist-info, but a ``.pth`` file that names the source tree."""
    root = "/home/u/src/a"

    found, findings = describe(
        package("a.egg-info", name="a", version="1", root=root), roots=(ProbedRoot(path=root, origin="pth"),)
    )

    assert (True, ()) == (found[0].record.editable, findings)


def test_debian_may_put_two_records_of_one_package_into_a_folder() -> None:
    """python3-cryptography has a dist-info and an egg-info."""
    fields = {"root": SYSTEM, "owner": "dpkg", "owner_package": "python3-c", "version": "38"}

    found, findings = describe(package("c-38.dist-info", **fields), package("c.egg-info", name="c", **fields))

    assert ["c-38.dist-info"] == [item.folder for item in found]
    assert ["outside-package"] == [finding.kind for finding in findings]


def test_what_comes_from_outside_is_named_once_for_each_folder() -> None:
    """A base with hundreds of packages is one finding, which names some and counts the others."""
    packages = [package(f"a{number:02}-1.dist-info", root=SYSTEM) for number in range(25)]

    _, findings = describe(*packages, roots=(ProbedRoot(path=SYSTEM, origin="base"),))

    assert [("outside-package", "{base}/lib/python3/dist-packages")] == [
        (finding.kind, finding.subject) for finding in findings
    ]
    assert "a19==1 and 5 more are imported from there" in findings[0].detail
    assert "system-site-packages" in findings[0].detail


def test_what_cannot_be_read_is_found() -> None:
    """A folder on the path, and files of a package."""
    broken = ProbedRoot(path=SITE, origin="site-packages", problem="Permission denied")

    _, findings = describe(package("a-1.dist-info", unreadable=("METADATA is not UTF-8",)), roots=(broken,))

    assert [
        ("unreadable", PLACE, "Permission denied: nothing in it is known"),
        ("unreadable", f"{PLACE}/a-1.dist-info", "METADATA is not UTF-8"),
    ] == [(finding.kind, finding.subject, finding.detail) for finding in findings]


@pytest.mark.parametrize("version", ["", "1.0\ufffd", "1 0", "-1"])
def test_a_version_that_no_lock_could_hold_is_a_problem(version: str) -> None:
    """The package stays in the list, without a version, and says why."""
    found, _ = describe(package("a-1.dist-info", version=version))

    assert "" == found[0].version
    assert "is none: its METADATA is damaged" in found[0].problem


def test_conda_owns_what_its_records_name() -> None:
    """Only in its own prefix, and only as it installed it; the builder's direct_url is dropped."""
    conda = (ProbedConda(name="a", owns=("a-1.dist-info", "b-1.dist-info"), changed=("b-1.dist-info",)),)
    fields = {"direct_url": '{"url": "file:///home/builder"}', "installer": "pip"}
    direct = DirectUrl(url="file:///home/builder")

    found, _ = describe(
        package("a-1.dist-info", **fields),
        package("b-1.dist-info", **fields),
        package("a-1.dist-info", name="c", root="/home/u/.local/lib", **fields),
        conda=conda,
    )

    assert [("a", "conda", None), ("b", "pip", direct), ("c", "pip", direct)] == [
        (item.name, item.record.owner, item.direct_url) for item in found
    ]
    assert [True, False, False] == [item.is_conda for item in found]


def test_a_record_of_conda_beside_one_of_pip_is_overwritten() -> None:
    """The files say who came last."""
    conda = (ProbedConda(name="a", owns=("a-1.dist-info",)),)

    found, findings = describe(
        package("a-1.dist-info", sampled=9, matching=1),
        package("a-2.dist-info", sampled=9, matching=9, installer="pip"),
        conda=conda,
    )

    assert [("2", "pip")] == [(item.version, item.record.owner) for item in found]
    assert ["overwritten-package"] == [finding.kind for finding in findings]
    assert findings[0].detail.endswith("9 of 9, 1 of 9: pip overwrote what conda had installed")
