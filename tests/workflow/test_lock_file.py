"""A lock is rendered anew where its contents are new; where they are not, only its time is."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from envsnap.manifest.lockfile import dump_manifest, parse_manifest
from envsnap.manifest.manifest import Manifest
from envsnap.workflow.lock_file import _locks, _render


def at(manifest: Manifest, time: str, **snapshot: str) -> Manifest:
    """The same manifest, written at another time."""
    return msgspec.structs.replace(
        manifest, snapshot=msgspec.structs.replace(manifest.snapshot, created_at=time, **snapshot)
    )


def test_a_lock_with_the_same_contents_gets_its_new_time_only(
    make_manifest: Callable[..., Manifest], tmp_path: Path
) -> None:
    """Byte for byte what would be rendered anew."""
    first, second = at(make_manifest(), "2030-01-01T00:00:00Z"), at(make_manifest(), "2031-01-01T00:00:00Z")

    texts = [_render(manifest, tmp_path) for manifest in (first, second)]

    assert [dump_manifest(first), dump_manifest(second)] == texts
    parse_manifest(texts[1], source="envsnap.lock")


@pytest.mark.parametrize("other", [{"digest": "0" * 64}, {"created_by": "envsnap 99"}], ids=str)
def test_other_contents_and_another_envsnap_are_rendered_anew(
    make_manifest: Callable[..., Manifest], tmp_path: Path, other: dict[str, str]
) -> None:
    """Another version may write the same contents in another way."""
    _render(at(make_manifest(), "2030-01-01T00:00:00Z"), tmp_path)
    manifest = at(make_manifest(), "2031-01-01T00:00:00Z", **other)

    assert dump_manifest(manifest) == _render(manifest, tmp_path)


@pytest.mark.parametrize("kept", [b"", b"{", b'{"version":1,"content":{"snapshot":{}}}', b"\xff"])
def test_a_damaged_rendering_is_not_taken(make_manifest: Callable[..., Manifest], tmp_path: Path, kept: bytes) -> None:
    """A lock is whole, or it is not written."""
    (tmp_path / "lock.json").write_bytes(kept)

    assert dump_manifest(make_manifest()) == _render(make_manifest(), tmp_path)


def test_without_a_place_of_the_users_it_is_rendered(make_manifest: Callable[..., Manifest], tmp_path: Path) -> None:
    """Nor does one that cannot be written stop a freeze."""
    (tmp_path / "file").touch()

    assert (
        dump_manifest(make_manifest()) == _render(make_manifest(), None) == _render(make_manifest(), tmp_path / "file")
    )


def test_every_lock_of_the_project_counts(project: Path) -> None:
    """The one that was written may lie elsewhere; what only looks like a lock is passed over."""
    written = project.parent / "elsewhere.lock"
    for path in (written, project / "envsnap.lock", project / "gpu.lock"):
        path.write_text(path.name)
    (project / "folder.lock").mkdir()
    (project / ".#editor.lock").symlink_to("nowhere")

    assert {"elsewhere.lock", "envsnap.lock", "gpu.lock"} == set(_locks(project, written))
