"""Markers and tags that are derived from the probe's facts are those that the interpreter itself has."""

import pytest
from msgspec.structs import replace
from packaging.markers import default_environment
from packaging.tags import sys_tags

from envsnap.capture.environment import CapturedEnvironment
from envsnap.host.index.uv import TargetPython
from envsnap.lock.specification.target import Target

pytestmark = pytest.mark.processes


def test_the_tags_are_those_of_packaging_in_the_same_order(target: Target) -> None:
    """The order decides which of two wheels is taken."""
    assert tuple(sys_tags()) == target.tags


def test_the_markers_are_those_of_packaging(target: Target) -> None:
    """But for the text of the kernel's build, which no marker in use asks for."""
    expected = {**default_environment(), "platform_version": ""}

    assert expected == dict(target.environment)


def test_an_older_libc_takes_newer_wheels_away(captured: CapturedEnvironment) -> None:
    """An image's wheels are chosen by the image's own C library."""
    older = replace(captured.platform, libc_version="2.17", arch="x86_64")
    found = Target(
        python=TargetPython("3.11.7", "x86_64-manylinux_2_17"), interpreter=captured.interpreter, platform=older
    )
    platforms = {tag.platform for tag in found.tags}

    assert {"manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux1_x86_64", "linux_x86_64"} <= platforms
    assert "manylinux_2_18_x86_64" not in platforms


def test_musl_takes_musllinux_alone(captured: CapturedEnvironment) -> None:
    """An image of Alpine."""
    musl = replace(captured.platform, libc="", libc_version="", arch="x86_64")
    found = Target(
        python=TargetPython("3.11.7", "x86_64-unknown-linux-musl"), interpreter=captured.interpreter, platform=musl
    )

    assert {"musllinux_1_2_x86_64", "musllinux_1_1_x86_64", "linux_x86_64", "any"} == {
        tag.platform for tag in found.tags
    }


def test_a_free_threaded_python_takes_its_own_wheels_and_lies_in_its_own_folder(captured: CapturedEnvironment) -> None:
    """Its ABI has a letter, and so has its library folder."""
    free = replace(captured.interpreter, version="3.13.1", free_threaded=True)
    found = Target(python=TargetPython("3.13.1", "x86_64-manylinux_2_36"), interpreter=free, platform=captured.platform)

    assert "cp313t" == found.tags[0].abi
    assert not any(tag.abi in {"cp313", "abi3"} for tag in found.tags)
    assert "{prefix}/lib/python3.13t/site-packages" == found.location
