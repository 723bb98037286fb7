"""A bundle becomes a project folder, whole or not at all, and writes nowhere else."""

import shutil
from pathlib import Path

import pytest

from envsnap.bundle.reader import open_bundle
from envsnap.bundle.unpack import unpack_bundle
from envsnap.errors import BundleError, MissingToolError
from envsnap.host.archive import TarMember
from envsnap.manifest.bundle_index import INDEX
from envsnap.manifest.lockfile import dump_manifest

from .conftest import NAME, PATCH, SOURCE, WHEEL, MakeBundle, digest, make_manifest

pytestmark = pytest.mark.processes

LINK_PATCH = (
    b"diff --git a/deep/out b/deep/out\nnew file mode 120000\n--- /dev/null\n+++ b/deep/out\n"
    b"@@ -0,0 +1 @@\n+../../../etc\n\\ No newline at end of file\n"
)


def names(folder: Path) -> list[str]:
    """What lies in a folder."""
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("name", ["bundle", "bundle.tar"])
@pytest.mark.parametrize("there", [True, False])
def test_project_is_as_it_was_frozen(name: str, there: bool, make_bundle: MakeBundle, tmp_path: Path) -> None:
    """Source with the uncommitted changes, the bundle's lock in place of an older one, baseline, wheels of no index."""
    target = tmp_path / "reader" / "folder"
    if there:
        target.mkdir(parents=True)
    manifest = make_manifest()

    project = unpack_bundle(open_bundle(make_bundle(name)), manifest, target)

    assert target / "deep" == project
    assert "two\n" == (project / "train.py").read_text()
    assert Path("train.py") == (project / "link").readlink()
    assert "hello" == (target / "README").read_text()
    assert dump_manifest(manifest) == (project / "envsnap.lock").read_text()
    assert PATCH == (project / f"envsnap.baseline/patches/{digest(PATCH)}.patch").read_bytes()
    assert WHEEL == (project / ".envsnap/wheels" / NAME).read_bytes()
    assert "*\n" == (project / ".envsnap/.gitignore").read_text()
    assert [target.name] == [path.name for path in target.parent.iterdir()]


def test_project_shares_no_file_with_the_bundle(make_bundle: MakeBundle, tmp_path: Path) -> None:
    """An edit in one does not damage the other."""
    bundle = make_bundle("bundle")
    project = unpack_bundle(open_bundle(bundle), make_manifest(), tmp_path / "reader")
    for path in filter(Path.is_file, project.rglob("*")):
        path.write_text("edited")

    open_bundle(bundle).copy_wheel(make_manifest().contents.packages[0].wheels[0], tmp_path / "wheel")

    assert make_manifest() == open_bundle(bundle).manifest()[0]


def test_folder_that_holds_something_is_left_alone(make_bundle: MakeBundle, tmp_path: Path) -> None:
    """Be it a file only."""
    (tmp_path / "reader").mkdir()
    (tmp_path / "reader/mine").write_text("mine")

    with pytest.raises(BundleError, match="is not empty: name another folder"):
        unpack_bundle(open_bundle(make_bundle("bundle")), make_manifest(), tmp_path / "reader")

    assert ["mine"] == names(tmp_path / "reader")


@pytest.mark.parametrize(
    ("member", "project", "patch", "message"),
    [
        (TarMember(name="out", link="../outside"), "deep", PATCH, "a link out of its folder"),
        (TarMember(name="out", link="/etc"), "deep", PATCH, "a link out of its folder"),
        (TarMember(name="linked", link="deep"), "linked", PATCH, "the project's folder linked is no folder"),
        (TarMember(name="linked", link="deep"), "linked/deeper", PATCH, "is no folder in the source"),
        (TarMember(name="../outside", contents=b"x", size=1), "deep", PATCH, "a name that leaves its folder"),
        (TarMember(name=".git/config", contents=b"x", size=1), "deep", PATCH, "a name that leaves its folder"),
        (TarMember(name="more", contents=b"x", size=1), "deep", LINK_PATCH, "'deep/out' is a link out of its folder"),
        (TarMember(name="more", contents=b"x", size=1), "deep", b"no patch", "the uncommitted changes do not fit"),
    ],
)
def test_source_that_leaves_its_folder_is_refused(
    *, member: TarMember, project: str, patch: bytes, message: str, make_bundle: MakeBundle, tmp_path: Path
) -> None:
    """By name, by link, or by a link that the patch makes: no project, and nothing outside."""
    bundle = make_bundle("bundle", (*SOURCE, member), patch=patch, project=project)
    before = names(tmp_path)

    with pytest.raises(BundleError, match=message):
        unpack_bundle(open_bundle(bundle), make_manifest(patch), tmp_path / "reader")

    assert before == names(tmp_path)


@pytest.mark.parametrize("name", ["envsnap.lock", "envsnap.baseline", ".envsnap"])
def test_link_of_the_source_is_not_written_through(name: str, make_bundle: MakeBundle, tmp_path: Path) -> None:
    """What envsnap writes takes the link's place."""
    source = (*(member for member in SOURCE if not member.name.endswith(name)), TarMember(name="victim/f", size=0))
    bundle = make_bundle("bundle", (*source, TarMember(name=f"deep/{name}", link="../victim")))

    project = unpack_bundle(open_bundle(bundle), make_manifest(), tmp_path / "reader")

    assert ["f"] == names(tmp_path / "reader/victim")
    assert not (project / name).is_symlink()


def test_missing_git_is_told(make_bundle: MakeBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is needed for the uncommitted changes alone."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(MissingToolError, match="'git' not found"):
        unpack_bundle(open_bundle(make_bundle("bundle")), make_manifest(), tmp_path / "reader")
    clean = make_bundle("clean", patch=b"")
    shutil.rmtree(tmp_path / "reader", ignore_errors=True)
    unpack_bundle(open_bundle(clean), make_manifest(b""), tmp_path / "reader")

    assert "one\n" == (tmp_path / "reader/deep/train.py").read_text()


def test_other_changes_than_the_lock_names_are_refused(make_bundle: MakeBundle, tmp_path: Path) -> None:
    """Though bundle.toml names them: the lock is what was reviewed."""
    bundle, other = make_bundle("bundle"), PATCH.replace(b"+two", b"+six")
    (bundle / f"envsnap.baseline/patches/{digest(PATCH)}.patch").write_bytes(other)
    index = bundle / INDEX
    index.write_text(index.read_text().replace(f'sha256 = "{digest(PATCH)}"', f'sha256 = "{digest(other)}"'))

    with pytest.raises(BundleError, match="holds other changes than its lock names"):
        unpack_bundle(open_bundle(bundle), make_manifest(), tmp_path / "reader")

    assert not (tmp_path / "reader").exists()


def test_source_of_another_commit_is_refused(make_bundle: MakeBundle, tmp_path: Path) -> None:
    """By its own word."""
    bundle = make_bundle("bundle")
    index = bundle / INDEX
    index.write_text(index.read_text().replace("1" * 40, "2" * 40))

    with pytest.raises(BundleError, match="is not of the commit that its lock records"):
        unpack_bundle(open_bundle(bundle), make_manifest(), tmp_path / "reader")
