"""Archives have the same bytes for the same files, and none of them writes outside of its folder."""

import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from envsnap.errors import BundleError
from envsnap.host.archive import TarMember, check_links, read_members, unpack, write_tar

LONG = "/".join(["folder" * 8] * 8) + "/file"


def hostile(path: Path, *members: tarfile.TarInfo, data: bytes = b"x") -> Path:
    """Write an archive as no honest program does."""
    with tarfile.open(path, "w:") as archive:
        for member in members:
            member.size = len(data) if member.isreg() else 0
            archive.addfile(member, io.BytesIO(data))
    return path


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    """One header."""
    header = tarfile.TarInfo(name)
    header.type, header.linkname = kind, link
    return header


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder with a neighbour that nobody may touch."""
    (tmp_path / "outside").write_text("untouched")
    (tmp_path / "here").mkdir()
    return tmp_path / "here"


def everything(folder: Path) -> dict[str, str]:
    """Every file and link below a folder."""
    return {
        path.relative_to(folder).as_posix(): f"-> {path.readlink()}" if path.is_symlink() else path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def test_what_was_written_is_unpacked(tmp_path: Path, folder: Path) -> None:
    """Long names, names that are not UTF-8, empty and executable files, links."""
    (tmp_path / "source").write_text("from a file")
    odd = os.fsdecode(b"odd-\xff")
    members = [
        TarMember(name="a/run.sh", contents=b"#!/bin/sh\n", size=10, executable=True),
        TarMember(name="a/empty"),
        TarMember(name=LONG, contents=tmp_path / "source", size=11),
        TarMember(name=odd, contents=b"1", size=1),
        TarMember(name="a/deep/link", link="../run.sh"),
    ]

    write_tar(tmp_path / "a.tar", members)
    unpack(tmp_path / "a.tar", folder)

    expected = {"a/run.sh": "#!/bin/sh\n", "a/empty": "", LONG: "from a file", odd: "1", "a/deep/link": "-> ../run.sh"}
    assert expected == everything(folder)
    assert os.access(folder / "a/run.sh", os.X_OK)
    assert not os.access(folder / "a/empty", os.X_OK)
    assert [member.name for member in members] == [member.name for member in read_members(tmp_path / "a.tar")]


def test_equal_members_give_equal_bytes(tmp_path: Path) -> None:
    """Whenever, and by whomever, the files were made; no file of an earlier try is left."""
    (tmp_path / "one").write_text("x")
    (tmp_path / "other").write_text("x")
    os.utime(tmp_path / "other", (1, 1))
    (tmp_path / "other").chmod(0o600)

    for name in ("one", "other"):
        write_tar(tmp_path / f"{name}.tar", [TarMember(name="f", contents=tmp_path / name, size=1)])

    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "other.tar").read_bytes()
    assert {"one", "other", "one.tar", "other.tar"} == {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize(
    ("size", "message"), [(9, "unexpected end of data"), (3, "f is longer than 3 bytes: it was changed meanwhile")]
)
def test_failed_write_leaves_the_former_archive(tmp_path: Path, size: int, message: str) -> None:
    """A file that is shorter or longer than it is said to be."""
    (tmp_path / "a.tar").write_text("former")
    (tmp_path / "file").write_text("five.")

    with pytest.raises(OSError, match=message):
        write_tar(tmp_path / "a.tar", [TarMember(name="f", contents=tmp_path / "file", size=size)])

    assert {"a.tar": "former", "file": "five."} == everything(tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "../outside", "/etc/outside", "a/../../outside", "a//b", "./a", "a/.", "..", "", "a\nb",
        ".git/config", "a/.GIT/hooks/x", "git~1/x",
    ],
)  # fmt: skip
def test_name_that_leaves_its_folder_is_refused(name: str, tmp_path: Path, folder: Path) -> None:
    """Nothing at all is written; git's own folder counts as outside, for git runs what it finds there."""
    path = hostile(tmp_path / "a.tar", entry("good"), entry(name))

    with pytest.raises(BundleError, match=r"a\.tar holds .*, a name that leaves its folder; nothing was taken"):
        unpack(path, folder)

    assert {} == everything(folder)
    assert "untouched" == (tmp_path / "outside").read_text()


@pytest.mark.parametrize(
    "kind", [tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE, tarfile.CONTTYPE]
)
def test_what_is_no_file_is_refused(kind: bytes, tmp_path: Path, folder: Path) -> None:
    """Hard links, devices, pipes; a folder of its own too: files make theirs."""
    path = hostile(tmp_path / "a.tar", entry("good"), entry("bad", kind, "good"))

    with pytest.raises(BundleError, match=r"holds 'bad/?', which is neither a plain file nor a symbolic link"):
        unpack(path, folder)

    assert {} == everything(folder)


@pytest.mark.parametrize(
    ("name", "link"),
    [("l", "/etc/passwd"), ("l", "../outside"), ("a/l", "../../outside"), ("l", "a/../../outside"), ("a/l", "../.git")],
)  # fmt: skip
def test_link_out_of_the_folder_is_refused(name: str, link: str, tmp_path: Path, folder: Path) -> None:
    """Absolute, or by too many steps upwards, wherever in the link they stand."""
    path = hostile(tmp_path / "a.tar", entry("good"), entry(name, tarfile.SYMTYPE, link))

    with pytest.raises(BundleError, match="a link out of its folder"):
        unpack(path, folder)

    assert {} == everything(folder)


@pytest.mark.parametrize("order", [1, -1])
def test_file_under_a_link_is_refused(order: int, tmp_path: Path, folder: Path) -> None:
    """Though the link stays inside: it could be turned elsewhere by the next one."""
    members = [entry("l", tarfile.SYMTYPE, "a"), entry("l/file"), entry("a/good")]
    path = hostile(tmp_path / "a.tar", *members[::order])

    with pytest.raises(BundleError, match="holds 'l/file', which lies under a link"):
        unpack(path, folder)

    assert {} == everything(folder)


def test_name_that_is_there_twice_is_refused(tmp_path: Path, folder: Path) -> None:
    """Two readers could take two different files for it."""
    with pytest.raises(BundleError, match="holds 'f' twice"):
        unpack(hostile(tmp_path / "a.tar", entry("f"), entry("f")), folder)

    assert {} == everything(folder)


def gnu_long_name(path: Path) -> None:
    """A name of a gigabyte, which is not there."""
    header = entry("long", tarfile.GNUTYPE_LONGNAME)
    header.size = 2**30
    path.write_bytes(header.tobuf(tarfile.GNU_FORMAT) + bytes(10240))


def sparse(path: Path) -> None:
    """A file of holes, by GNU's headers."""
    header = entry("sparse", tarfile.GNUTYPE_SPARSE)
    path.write_bytes(header.tobuf(tarfile.GNU_FORMAT) + bytes(10240))


def common_headers(path: Path) -> None:
    """Headers for all members that follow."""
    with tarfile.open(path, "w:", format=tarfile.PAX_FORMAT, pax_headers={"path": "../outside"}) as archive:
        archive.addfile(entry("f"))


def cut_off(path: Path) -> None:
    """An archive that ends within its first file."""
    write_tar(path, [TarMember(name="f", contents=b"x" * 9000, size=9000)])
    os.truncate(path, 4000)


def compressed(path: Path) -> None:
    """Another format."""
    with tarfile.open(path, "w:gz") as archive:
        archive.addfile(entry("f"))


@pytest.mark.parametrize("make", [gnu_long_name, sparse, common_headers, cut_off, compressed, Path.touch])
def test_archive_that_is_none_is_refused(make: Callable[[Path], None], tmp_path: Path, folder: Path) -> None:
    """Made to break a reader, cut off, of another kind, or empty: one clear error, and nothing is written."""
    make(tmp_path / "a.tar")

    with pytest.raises(BundleError, match=r"a\.tar (is no whole tar archive|holds )"):
        unpack(tmp_path / "a.tar", folder)

    assert {} == everything(folder)


def test_links_in_a_folder_are_held_to_the_same_rule(folder: Path) -> None:
    """A patch can make links too."""
    (folder / "a").mkdir()
    (folder / "a/inside").symlink_to("../b")
    check_links(folder)

    (folder / "a/out").symlink_to("../../outside")

    with pytest.raises(BundleError, match="'a/out' is a link out of its folder"):
        check_links(folder)
