"""A rendered build context on disk, and the secrets that serve the build and stay out of the image."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from envsnap.build.wheels import CopyWheel
from envsnap.errors import BuildError
from envsnap.host.index.config import IndexConfig, reachable_elsewhere
from envsnap.manifest.build_spec import BuildSpec
from envsnap.manifest.package import Artefact

UV_PATH = "tools/uv"


def write_context(
    texts: Mapping[str, str], wheels: Mapping[str, Artefact], *, folder: Path, copy_wheel: CopyWheel, uv: Path
) -> None:
    """Write a build context into ``folder``, over one that was there.

    Args:
        texts: contents by path in the context.
        wheels: artefacts by path in the context.
        folder: the context.
        copy_wheel: has the wheels.
        uv: the executable that installs inside the builder stages.

    Raises:
        BuildError: a wheel is not to be found.
    """
    shutil.rmtree(folder, ignore_errors=True)
    for path, text in texts.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    for path, wheel in wheels.items():
        copy_wheel(wheel, folder / path)
    (folder / UV_PATH).parent.mkdir(parents=True)
    shutil.copy2(uv, folder / UV_PATH)


def write_secrets(config: IndexConfig, build: BuildSpec, *, folder: Path, home: Path) -> dict[str, Path]:
    """Write what the builder stages need to reach the indexes that this machine reaches.

    Returns:
        Files by secret name: ``uv.toml``, ``certificates`` and ``netrc``; those that there is no need for are absent.
    """
    import tomli_w

    secrets: dict[str, Path] = {}
    settings = _settings(reachable_elsewhere(config), build)
    if settings:
        secrets["uv.toml"] = folder / "uv.toml"
        secrets["uv.toml"].unlink(missing_ok=True)
        secrets["uv.toml"].touch(mode=0o600, exist_ok=False)
        secrets["uv.toml"].write_text(tomli_w.dumps(settings), encoding="utf-8")
    if config.certificates is not None:
        secrets["certificates"] = config.certificates
    if (home / ".netrc").is_file():
        secrets["netrc"] = home / ".netrc"
    return secrets


def _settings(config: IndexConfig, build: BuildSpec) -> dict[str, object]:
    """Put this machine's indexes first; the ones that served at freeze come after them."""
    if config.is_default:
        return {}
    default = config.index_url or build.index_url
    extra = dict.fromkeys((*config.extra_index_urls, *build.extra_index_urls))
    indexes: list[dict[str, object]] = [{"url": url} for url in extra]
    if default:
        indexes.append({"url": default, "default": True})
    settings: dict[str, object] = {
        "index": indexes,
        "find-links": list(config.find_links),
        "allow-insecure-host": list(config.trusted_hosts),
        "no-index": config.no_index,
    }
    return {key: value for key, value in settings.items() if value}


def uv_for(arch: str, uv: Path, *, host_system: str, host_arch: str) -> Path:
    """Return the uv executable for a container of architecture ``arch``.

    Raises:
        BuildError: this machine's uv does not run there.
    """
    if (host_system, host_arch) != ("Linux", arch):
        raise BuildError(
            f"the lock is for Linux on {arch}, this machine is {host_system} on {host_arch}: "
            "build the image on a machine of the lock's platform"
        )
    return uv
