"""A context holds what was rendered and nothing of before; secrets lie outside of it, for their owner alone."""

import hashlib
import tomllib
from functools import partial
from pathlib import Path

import pytest

from envsnap.build.context import uv_for, write_context, write_secrets
from envsnap.build.wheels import copy_kept_wheel
from envsnap.errors import BuildError
from envsnap.host.index.config import IndexConfig
from envsnap.manifest.build_spec import BuildSpec
from envsnap.manifest.package import Artefact

WITH_LOGIN = "https://u:s3cret@index.example/simple"


def test_a_context_is_written_anew(tmp_path: Path) -> None:
    """Texts, wheels and uv; what an earlier one left is gone."""
    (tmp_path / "uv").write_text("binary")
    (tmp_path / "store").mkdir()
    (tmp_path / "store/a-1-py3-none-any.whl").write_bytes(b"w")
    (tmp_path / "context/old").mkdir(parents=True)
    wheel = Artefact(name="a-1-py3-none-any.whl", hashes={"sha256": hashlib.sha256(b"w").hexdigest()})

    write_context(
        {"Dockerfile": "FROM x\n", "deep/file": "é"}, {"wheels/a-1-py3-none-any.whl": wheel},
        folder=tmp_path / "context", uv=tmp_path / "uv",
        copy_wheel=partial(copy_kept_wheel, folders=(tmp_path / "store",)),
    )  # fmt: skip

    files = {path.relative_to(tmp_path / "context").as_posix() for path in (tmp_path / "context").rglob("*.*")}
    assert {"wheels/a-1-py3-none-any.whl"} == files
    assert ("FROM x\n", "é", "binary") == tuple(
        (tmp_path / "context" / name).read_text("utf-8") for name in ("Dockerfile", "deep/file", "tools/uv")
    )
    assert not (tmp_path / "context/old").exists()


def test_credentials_lie_in_a_file_of_their_owner(tmp_path: Path) -> None:
    """Nobody else reads it; this machine's indexes come before those of the freeze."""
    config = IndexConfig(index_url=WITH_LOGIN, extra_index_urls=("file:///srv",), trusted_hosts=("h",))
    build = BuildSpec(index_url="https://other.example/", extra_index_urls=("https://extra.example/simple",))

    secrets = write_secrets(config, build, folder=tmp_path, home=tmp_path)

    assert ["uv.toml"] == list(secrets)
    assert 0o600 == secrets["uv.toml"].stat().st_mode & 0o777
    assert {
        "index": [{"url": "https://extra.example/simple"}, {"url": WITH_LOGIN, "default": True}],
        "allow-insecure-host": ["h"],
    } == tomllib.loads(secrets["uv.toml"].read_text())


def test_a_file_that_others_could_read_is_replaced(tmp_path: Path) -> None:
    """The mode of a file that was there does not count."""
    (tmp_path / "uv.toml").touch(mode=0o644)

    write_secrets(IndexConfig(index_url=WITH_LOGIN), BuildSpec(), folder=tmp_path, home=tmp_path)

    assert 0o600 == (tmp_path / "uv.toml").stat().st_mode & 0o777


def test_secrets_that_nobody_needs_are_absent(tmp_path: Path) -> None:
    """Without settings of this machine the image's own index serves; certificates and .netrc are handed on."""
    build = BuildSpec(index_url="https://index.example/simple")
    assert {} == write_secrets(IndexConfig(), build, folder=tmp_path, home=tmp_path)

    (tmp_path / ".netrc").touch()
    config = IndexConfig(certificates=tmp_path / "ca.pem")

    expected = {"certificates": tmp_path / "ca.pem", "netrc": tmp_path / ".netrc"}

    assert expected == write_secrets(config, build, folder=tmp_path, home=tmp_path)


def test_uv_must_run_in_the_image(tmp_path: Path) -> None:
    """Another architecture is refused before anything is built."""
    assert tmp_path == uv_for("x86_64", tmp_path, host_system="Linux", host_arch="x86_64")
    for system, arch in (("Darwin", "arm64"), ("Linux", "aarch64")):
        with pytest.raises(BuildError, match=f"Linux on x86_64, this machine is {system} on {arch}"):
            uv_for("x86_64", tmp_path, host_system=system, host_arch=arch)
