"""Conda's records carry no secret, and say what was overwritten since."""

from typing import Any

import pytest
from installed_package import make_installed
from msgspec.structs import replace

from envsnap.capture.conda_records import ProbedConda, describe_conda
from envsnap.host.credentials import without_channel_token
from envsnap.manifest.finding import UncapturedFact
from envsnap.manifest.installed import InstalledPackage

NUMPY = ProbedConda(name="numpy", version="1.0", owns=("numpy-1.0.dist-info",))


def installed(name: str, version: str, **fields: Any) -> InstalledPackage:
    """Return a distribution in the prefix."""
    return make_installed(name, version, **{"root": "/p/lib", "location": "{prefix}/lib"} | fields)


def test_tokens_and_logins_are_left_out() -> None:
    """A private channel's token stands in its path."""
    record = ProbedConda(
        name="a",
        url="https://u:p@conda.example/t/to-ken/ch/linux-64/a.conda",
        channel="https://conda.example/t/to-ken/ch",
    )

    packages, findings, problems = describe_conda((record,), ())

    assert [("https://conda.example/ch/linux-64/a.conda", "https://conda.example/ch", None)] == [
        (item.url, item.channel, item.overwritten_by) for item in packages
    ]
    assert ((), ()) == (findings, problems)


def test_a_channels_name_is_no_url() -> None:
    """``conda-forge/t/x`` has no host that could want a token."""
    assert "conda-forge/t/x" == without_channel_token("conda-forge/t/x")


def test_a_damaged_record_is_not_captured() -> None:
    """Which package it stood for is unknown."""
    record = ProbedConda(name="b.json", problem="its record in conda-meta is not JSON")

    expected = (UncapturedFact(what="conda b.json", reason="its record in conda-meta is not JSON"),)

    assert expected == describe_conda((record,), ())[2]


@pytest.mark.parametrize("lost", ["gone", "changed"])
def test_what_pip_put_in_the_place_of_a_package_marks_its_record(lost: str) -> None:
    """Another version, or the same one installed anew."""
    version = "2.0" if lost == "gone" else "1.0"
    record = replace(NUMPY, **{lost: NUMPY.owns})

    packages, findings, _ = describe_conda((record,), (installed("numpy", version, owner="pip"),))

    assert [f"pip: numpy=={version}"] == [item.overwritten_by for item in packages]
    assert [("overwritten-package", "numpy")] == [(finding.kind, finding.subject) for finding in findings]
    assert f"and pip put numpy=={version} in its place" in findings[0].detail


def test_a_package_that_another_program_removed_marks_its_record() -> None:
    """``pip uninstall`` takes away what conda still names; a copy elsewhere on the path took nobody's place."""
    record = ProbedConda(name="numpy", version="1.0", owns=NUMPY.owns, gone=NUMPY.owns)
    elsewhere = installed("numpy", "2.0", owner="pip", location="~/.local/lib")

    packages, findings, _ = describe_conda((record,), (elsewhere,))

    assert ["removed"] == [item.overwritten_by for item in packages]
    assert "another program removed it" in findings[0].detail


@pytest.mark.parametrize("folder", ["a_b-1.0.dist-info", "a_b-1.0-py3.11.egg-info", "a_b.egg-info"])
def test_a_record_that_stands_beside_pips_is_marked(folder: str) -> None:
    """The finding is that of the two records in one folder."""
    record = ProbedConda(name="a-b", version="1.0", owns=(folder,))

    packages, findings, _ = describe_conda((record,), (installed("a-b", "2.0", owner="pip"),))

    assert (["pip: a-b==2.0"], ()) == ([item.overwritten_by for item in packages], findings)


def test_what_is_as_conda_installed_it_is_not_marked() -> None:
    """The usual case."""
    packages, findings, _ = describe_conda((NUMPY,), (installed("numpy", "1.0", is_conda=True, owner="conda"),))

    assert ([None], ()) == ([item.overwritten_by for item in packages], findings)
