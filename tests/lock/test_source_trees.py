"""An editable source tree: another file in it is a difference, another build backend is not."""

from pathlib import Path

from msgspec.structs import replace
from package_index import MakeWheel

from envsnap.lock.source_trees import diff_sources, source_digest
from envsnap.lock.wheels import BuildWheel
from envsnap.manifest.package import Directory, InstalledRecord, Package

RECORD = "own.py,sha256=aa,1\nown-1.0.dist-info/WHEEL,sha256=bb,2\nown-1.0.dist-info/RECORD,,\n"


def building(make_wheel: MakeWheel, text: str) -> BuildWheel:
    """Build the same wheel from whatever tree."""

    def build(source: Path, target: Path) -> Path:
        assert source.is_dir()
        return make_wheel("own", "1.0", {"own.py": text}, folder=target)

    return build


def locked(digest: str) -> Package:
    """A package that was installed editable from the folder ``tree``."""
    record = InstalledRecord(
        tags=("py3-none-any",), evidence="repacked", content_digest="", location="", version="1.0", source_digest=digest
    )
    return Package(name="own", installed=record, directory=Directory(path="tree", editable=True))


def test_backend_does_not_count_and_the_source_does() -> None:
    """WHEEL names the backend's version, which changes with time."""
    assert source_digest(RECORD) == source_digest(RECORD.replace("bb", "cc"))
    assert source_digest(RECORD) != source_digest(RECORD.replace("aa", "cc"))


def test_changed_source_is_named(make_wheel: MakeWheel, tmp_path: Path) -> None:
    """The same tree differs in nothing; a changed one, and a missing one, are differences."""
    (tmp_path / "tree").mkdir()
    seen = diff_sources([locked("ab" * 32)], tmp_path, building(make_wheel, "x = 1\n"), tmp_path)
    digest = seen[0].found
    package = locked("ab" * 32)
    missing = replace(package, directory=Directory(path="gone", editable=True))

    gone = diff_sources([missing], tmp_path, building(make_wheel, "x = 1\n"), tmp_path)

    assert ["own"] == [difference.what for difference in seen]
    assert "source abababababab" == seen[0].locked
    assert 12 == len(digest)
    assert "no source folder" == gone[0].found
