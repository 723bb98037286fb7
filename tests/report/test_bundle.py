"""A bundle is told in a few lines: what is in it, what is not, and what stands for what is lost."""

from envsnap.manifest.bundle_index import BundleEntry, BundleIndex, ReplacedWheel
from envsnap.report.bundle import render_bundled, render_unpacked

A, B = "a" * 64, "b" * 64
ENTRIES = (
    BundleEntry(kind="lock", name="envsnap.lock", sha256=A, size=1),
    BundleEntry(kind="wheel", name="one.whl", sha256="1" * 64, size=1000),
    BundleEntry(kind="wheel", name="two.whl", sha256="2" * 64, size=2000),
    BundleEntry(kind="baseline", name="m.json", sha256="3" * 64, size=4),
)


def test_bundle_is_counted_by_kind() -> None:
    """One of a kind, and several."""
    index = BundleIndex(created_by="e", lock=A, entries=ENTRIES, commit="1" * 40)

    assert [
        "bundle out.tar",
        (
            "lock aaaaaaaaaaaa: the lock, 2 wheels, 1 file of the baseline, the source at commit 111111111111; "
            "3,005 bytes, 2,000 of them fetched"
        ),
    ] == render_bundled("out.tar", index, 2000, 0).splitlines()


def test_what_differs_from_the_lock_is_said() -> None:
    """The wheels that were made, the other digest, and the inputs that are not there."""
    index = BundleIndex(
        created_by="e",
        lock=A,
        entries=ENTRIES,
        original_lock=B,
        replaced=(
            ReplacedWheel(package="one", reason="gone", wheel="one-1.whl", sha256=B),
            ReplacedWheel(package="x", reason=""),
        ),
    )

    lines = render_bundled("\x1b[2J", index, 0, 3).splitlines()

    assert r"bundle \x1b[2J" == lines[0]
    assert [
        "one: a wheel made from the installed files stands for one-1.whl",
        "x: a wheel made from the installed files stands for the one that is missing",
        "its lock pins those wheels, so its digest is not that of bbbbbbbbbbbb",
        "the job's inputs (3 in the lock) are not in a bundle: bring them along; verify checks their hashes",
    ] == lines[2:]


def test_project_of_a_bundle_is_named() -> None:
    """With what it lacks."""
    assert "project here, lock aaaaaaaaaaaa\n" == render_unpacked("here", A, 0)
    assert "inputs (1 in the lock)" in render_unpacked("here", A, 1)
