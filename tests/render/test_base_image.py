import pytest

from envsnap.manifest.interpreter import Interpreter, Platform
from envsnap.render.base_image import choose_base_image

OLD = "manylinux_2_17_x86_64.manylinux2014_x86_64"


def choose(distribution: str, glibc: str, *tags: str, version: str = "3.11.7") -> str:
    python = Interpreter(
        implementation="cpython", version=version, build="", compiler="", soabi="", provenance="unknown"
    )
    platform = Platform(
        system="Linux", arch="x86_64", libc="glibc", libc_version=glibc, distribution=distribution, kernel=""
    )
    return choose_base_image(python, platform, tags)


@pytest.mark.parametrize(
    ("distribution", "glibc", "tags", "suite"),
    [
        ("debian 11 bullseye", "2.31", (), "bullseye"),
        ("debian 12 bookworm", "2.36", (f"cp311-cp311-{OLD}",), "bookworm"),
        ("debian 13 trixie", "2.41", (), "trixie"),
        # Ubuntu and others: the oldest Debian whose glibc is new enough.
        ("ubuntu 20.04 focal", "2.31", (), "bullseye"),
        ("ubuntu 22.04 jammy", "2.35", (), "bookworm"),
        ("ubuntu 24.04 noble", "2.39", (), "trixie"),
        ("amzn 2", "2.26", (), "bullseye"),
        # A wheel that asks for more than the captured glibc was installed by force: it decides.
        ("debian 11 bullseye", "2.31", ("cp311-cp311-manylinux_2_34_x86_64",), "bookworm"),
        # A wheel with several tags runs on the oldest of them.
        ("debian 11 bullseye", "2.31", ("cp311-cp311-manylinux_2_17_x86_64.manylinux_2_39_x86_64",), "bullseye"),
        # Newer than any suite: the newest there is.
        ("fedora 44", "2.43", (), "trixie"),
        # Not captured, or no glibc.
        ("", "", (), "bullseye"),
        ("debian 12 bookworm", "", ("py3-none-any",), "bookworm"),
    ],
)
def test_suite_is_the_oldest_that_runs_what_was_captured(
    distribution: str, glibc: str, tags: tuple[str, ...], suite: str
) -> None:
    assert f"python:3.11.7-slim-{suite}" == choose(distribution, glibc, *tags)


@pytest.mark.parametrize("version", ["3.8.18", "3.12.3", "3.14.0rc2"])
def test_python_is_exactly_the_captured_one(version: str) -> None:
    """A patch release may change numbers: hashing, float printing, random."""
    assert f"python:{version}-slim-bookworm" == choose("debian 12 bookworm", "2.36", version=version)
