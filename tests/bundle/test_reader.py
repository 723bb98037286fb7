"""A bundle is believed as far as its hashes go: folder or archive, damaged or made to harm."""

import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from envsnap.bundle.reader import LONGEST_INDEX, open_bundle
from envsnap.errors import BundleError
from envsnap.manifest.package import Artefact

from .conftest import NAME, PATCH, WHEEL, MakeBundle, digest, make_manifest, rewrite

PINNED = Artefact(name=NAME, hashes={"sha256": digest(WHEEL)})
BLOB = f"blobs/sha256/{digest(WHEEL)}"
Members = list[tuple[tarfile.TarInfo, bytes]]


@pytest.mark.parametrize("name", ["bundle", "bundle.tar"])
def test_bundle_gives_what_was_put_into_it(name: str, make_bundle: MakeBundle, tmp_path: Path) -> None:
    """The lock, and the wheel by its digest; nothing else is written beside the target."""
    opened = open_bundle(make_bundle(name))

    opened.copy_wheel(PINNED, tmp_path / "out" / NAME)

    assert (make_manifest(), ()) == opened.manifest()
    assert WHEEL == (tmp_path / "out" / NAME).read_bytes()
    assert [NAME] == [path.name for path in (tmp_path / "out").iterdir()]


def test_archive_has_the_same_bytes_each_time(make_bundle: MakeBundle) -> None:
    """Made twice; the folder of its parts is gone."""
    one, other = make_bundle("one.tar"), make_bundle("other.tar")

    assert one.read_bytes() == other.read_bytes()
    assert not one.with_name("one.tar.parts").exists()


@pytest.mark.parametrize("name", ["bundle", "bundle.tar"])
def test_wheel_of_another_lock_is_an_error(name: str, make_bundle: MakeBundle, tmp_path: Path) -> None:
    """It names the file and its digest."""
    other = Artefact(name=NAME, hashes={"sha256": "0" * 64})

    with pytest.raises(BundleError, match=f"holds no {NAME} with sha256 0000.*made from another lock"):
        open_bundle(make_bundle(name)).copy_wheel(other, tmp_path / "out")


def damage_folder(path: Path) -> None:
    """Same size, other bytes."""
    (path / BLOB).write_bytes(WHEEL[::-1])


def damage_archive(path: Path) -> None:
    """Same size, other bytes."""
    path.write_bytes(path.read_bytes().replace(WHEEL, WHEEL[::-1]))


@pytest.mark.parametrize(("name", "damage"), [("bundle", damage_folder), ("bundle.tar", damage_archive)])
def test_damaged_wheel_is_never_copied(
    name: str, damage: Callable[[Path], None], make_bundle: MakeBundle, tmp_path: Path
) -> None:
    """The message names the file and both hashes."""
    path = make_bundle(name)
    damage(path)

    with pytest.raises(BundleError, match=f"{NAME} is damaged: its sha256 is {digest(WHEEL[::-1])}.*{digest(WHEEL)}"):
        open_bundle(path).copy_wheel(PINNED, tmp_path / "out" / NAME)

    assert [] == list((tmp_path / "out").iterdir())


def cut_blob(path: Path) -> None:
    os.truncate(path / BLOB, 3)


def lose_blob(path: Path) -> None:
    (path / BLOB).unlink()


def link_blob(path: Path) -> None:
    (path / BLOB).unlink()
    (path / BLOB).symlink_to("/etc/passwd")


def pipe_blob(path: Path) -> None:
    (path / BLOB).unlink()
    os.mkfifo(path / BLOB)


def lose_index(path: Path) -> None:
    (path / "bundle.toml").unlink()


def huge_index(path: Path) -> None:
    with (path / "bundle.toml").open("ab") as file:
        file.truncate(LONGEST_INDEX + 1)


def odd_index(path: Path) -> None:
    (path / "bundle.toml").write_bytes(b"\xff")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (cut_blob, f"{NAME} has 3 bytes, bundle.toml says {len(WHEEL)}"),
        (lose_blob, f"lacks {NAME}"),
        (link_blob, f"lacks {NAME}"),
        (pipe_blob, f"lacks {NAME}"),
        (lose_index, "is no bundle, or one that is not complete: it has no bundle.toml"),
        (huge_index, "bundle.toml has more than 16,777,216 bytes"),
        (odd_index, "this is no bundle"),
    ],
)
def test_folder_that_is_not_whole_is_refused(
    change: Callable[[Path], None], message: str, make_bundle: MakeBundle
) -> None:
    """Before anything is taken from it."""
    path = make_bundle("bundle")
    change(path)

    with pytest.raises(BundleError, match=message):
        open_bundle(path)


def add(name: str, kind: bytes = tarfile.REGTYPE) -> Callable[[Members], None]:
    """Add a member."""

    def change(members: Members) -> None:
        header = tarfile.TarInfo(name)
        header.type, header.linkname = kind, "envsnap.lock"
        members.append((header, b""))

    return change


def replace_index(data: bytes) -> Callable[[Members], None]:
    """Put another index in its place."""
    return lambda members: members.__setitem__(0, (members[0][0], data))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (add("../outside"), "a name that leaves its folder"),
        (add("/etc/outside"), "a name that leaves its folder"),
        (add("stranger"), "holds 'stranger', which bundle.toml does not name"),
        (add("stranger", tarfile.SYMTYPE), "holds 'stranger', which bundle.toml does not name"),
        (add("stranger", tarfile.LNKTYPE), "neither a plain file nor a symbolic link"),
        (add("stranger", tarfile.CHRTYPE), "neither a plain file nor a symbolic link"),
        (add(BLOB), "twice"),
        (lambda members: members.reverse(), "does not begin with bundle.toml"),
        (list.pop, "lacks "),
        (list.clear, "does not begin with bundle.toml"),
        (replace_index(b" " * (LONGEST_INDEX + 1)), "bundle.toml has more than 16,777,216 bytes"),
        (replace_index(b"x = "), "this is no bundle: bundle.tar: bundle.toml: not valid TOML"),
        (lambda members: members.__setitem__(2, (members[2][0], b"longer" * 999)), "bytes, bundle.toml says"),
    ],
)
def test_archive_that_is_not_what_its_index_says_is_refused(
    change: Callable[[Members], None], message: str, make_bundle: MakeBundle, tmp_path: Path
) -> None:
    """Before anything is taken from it; nothing is written anywhere."""
    path = make_bundle("bundle.tar")
    rewrite(path, change)
    before = {entry.name for entry in tmp_path.iterdir()}

    with pytest.raises(BundleError, match=message):
        open_bundle(path)

    assert before == {entry.name for entry in tmp_path.iterdir()}


def test_archive_that_is_cut_off_is_refused(make_bundle: MakeBundle) -> None:
    """Anywhere."""
    path = make_bundle("bundle.tar")
    data = path.read_bytes()

    for end in (0, 100, 600, 3000, len(data) // 2, len(data) - 10240 - 512):
        path.write_bytes(data[:end])
        with pytest.raises(BundleError):
            open_bundle(path)


def test_lock_that_the_index_does_not_name_is_refused(make_bundle: MakeBundle, tmp_path: Path) -> None:
    """A bundle put together of two."""
    path = make_bundle("bundle")
    text = (path / "bundle.toml").read_text()
    (path / "bundle.toml").write_text(text.replace(make_manifest().snapshot.digest, "0" * 64))

    with pytest.raises(BundleError, match=r"its lock is not the one that bundle\.toml names"):
        open_bundle(path).manifest()
    with pytest.raises(BundleError, match="there is no bundle"):
        open_bundle(tmp_path / "nowhere")


@pytest.mark.parametrize("name", [".git/config", "deep/.GIT/hooks", "git~1/x"])
def test_names_of_gits_own_folder_are_refused_in_a_folder_too(make_bundle: MakeBundle, name: str) -> None:
    """Git runs what it finds there."""
    bundle = make_bundle("bundle")
    index = bundle / "bundle.toml"
    index.write_text(index.read_text().replace(f'"patches/{digest(PATCH)}.patch"', f'"{name}"'))

    with pytest.raises(BundleError, match="which no bundle may hold"):
        open_bundle(bundle)
