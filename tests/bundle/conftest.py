"""A small bundle, as a folder and as an archive."""

import hashlib
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from envsnap.bundle.store import BlobStore
from envsnap.bundle.write import place_of, write_bundle
from envsnap.host.archive import TarMember
from envsnap.manifest.accelerator import Accelerator
from envsnap.manifest.bundle_index import BundleEntry, BundleIndex
from envsnap.manifest.hardware import Cpu, Hardware
from envsnap.manifest.interpreter import Interpreter, Platform
from envsnap.manifest.lockfile import dump_manifest, seal
from envsnap.manifest.manifest import Contents, Manifest
from envsnap.manifest.numerics import Numerics
from envsnap.manifest.package import Artefact, InstalledRecord, Package
from envsnap.manifest.working_tree import Code

WHEEL = b"not really a wheel, and nobody here opens it"
NAME = "demo-1.0-py3-none-any.whl"
PATCH = b"--- a/deep/train.py\n+++ b/deep/train.py\n@@ -1 +1 @@\n-one\n+two\n"
SOURCE = (
    TarMember(name="deep/train.py", contents=b"one\n", size=4),
    TarMember(name="deep/link", link="train.py"),
    TarMember(name="deep/envsnap.lock", contents=b"old", size=3),
    TarMember(name="README", contents=b"hello", size=5),
)


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def make_manifest(patch: bytes = PATCH) -> Manifest:
    """A lock of one wheel that no index serves."""
    wheel = Artefact(name=NAME, path=f".envsnap/wheels/{NAME}", hashes={"sha256": digest(WHEEL)}, size=len(WHEEL))
    record = InstalledRecord(tags=(), evidence="local-file", content_digest="cd" * 32, location="{prefix}/lib")
    contents = Contents(
        interpreter=Interpreter(
            implementation="cpython", version="3.11.7", build="", compiler="", soabi="", provenance="system"
        ),
        platform=Platform(
            system="Linux", arch="x86_64", libc="glibc", libc_version="2.36", distribution="debian 12", kernel="6.1"
        ),
        hardware=Hardware(cpu=Cpu(vendor="v", model="m", cores=1)),
        accelerator=Accelerator(),
        numerics=Numerics(threads=1),
        packages=(Package(name="demo", version="1.0", wheels=(wheel,), installed=record),),
        code=Code(vcs="git", commit="1" * 40, dirty=bool(patch), kept_patch=digest(patch) if patch else ""),
    )
    return seal(contents, created_by="envsnap 0", created_at="2026-01-02T03:04:05Z")


MakeBundle = Callable[..., Path]


@pytest.fixture
def make_bundle(tmp_path: Path) -> MakeBundle:
    """Make a bundle at a place; ``source`` are the files of its source."""

    def make(
        name: str, source: tuple[TarMember, ...] = SOURCE, *, patch: bytes = PATCH, project: str | None = "deep"
    ) -> Path:
        manifest = make_manifest(patch)
        place = place_of(tmp_path / name)
        store = BlobStore(place.root)
        store.blobs.mkdir(parents=True)
        (store.blobs / digest(WHEEL)).write_bytes(WHEEL)
        archived = store.archive(source, "the source")
        text = dump_manifest(manifest).encode()
        (tmp_path / "patch").write_bytes(patch)
        patch_name = f"patches/{digest(patch)}.patch"
        index = BundleIndex(
            created_by="envsnap 0",
            lock=manifest.snapshot.digest,
            entries=(
                BundleEntry(kind="lock", name="envsnap.lock", sha256=digest(text), size=len(text)),
                BundleEntry(kind="baseline", name=patch_name, sha256=digest(patch), size=len(patch)),
                BundleEntry(kind="wheel", name=NAME, sha256=digest(WHEEL), size=len(WHEEL)),
                BundleEntry(kind="source", name="source.tar", sha256=archived[0], size=archived[1]),
            ),
            commit="1" * 40,
            project=project,
        )
        write_bundle(place, index, text, {patch_name: tmp_path / "patch"})
        return place.path

    return make


def rewrite(path: Path, change: Callable[[list[tuple[tarfile.TarInfo, bytes]]], None]) -> None:
    """Change the members of an archive."""
    with tarfile.open(path) as archive:
        members = [(member, (archive.extractfile(member) or io.BytesIO()).read()) for member in archive]
    change(members)
    with tarfile.open(path, "w:") as archive:
        for member, data in members:
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
