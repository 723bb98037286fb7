"""Manifest -> environment.yml, which conda, mamba and pixi read: versions and builds, no hashes."""

from envsnap.manifest.manifest import CondaPackage, Manifest
from envsnap.manifest.package import Artefact, Package
from envsnap.render.conda_packages import channels_of, overwritten, specifiable
from envsnap.render.export_file import ExportFile, ExportPlace, header, omit_without_wheel, python_packages

Dependency = str | dict[str, list[str]]
NO_HASHES = "# It pins versions and builds; the formats conda-lock, conda-explicit and requirements hold hashes too.\n"


def render_environment_yml(manifest: Manifest, place: ExportPlace) -> ExportFile:
    """Render conda's packages as ``name=version=build`` and the others under ``pip``.

    Where no conda environment was captured, conda is asked for the captured Python, and pip for all packages. Wheels
    that no index serves are named by path: conda starts pip in the file's folder.
    """
    import yaml

    records, damaged = specifiable(manifest.contents)
    packages = python_packages(manifest.contents)
    held = tuple(package for package in packages if package.wheel is not None)
    document: dict[str, object] = {"name": place.name}
    if records:
        document["channels"] = [*channels_of(records), "nodefaults"]
    document["dependencies"] = _dependencies(manifest, records, held, place)
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, default_flow_style=False, width=10_000)
    return ExportFile(
        text=header(manifest) + NO_HASHES + text,
        packages=len(records) + len(held),
        left_out=tuple(sorted([*damaged, *omit_without_wheel(packages)])),
        remarks=(*_without_conda(manifest), *overwritten(records)),
    )


def _dependencies(
    manifest: Manifest, records: tuple[CondaPackage, ...], held: tuple[Package, ...], place: ExportPlace
) -> list[Dependency]:
    found: list[Dependency] = [f"{record.name}={record.version}={record.build}" for record in records]
    if not records:
        found.append(f"python={manifest.contents.interpreter.version}")
    if held:
        if not any(record.name == "pip" for record in records):
            found.append("pip")
        found.append({"pip": [*_indexes(manifest), *(_requirement(package, place) for package in held)]})
    return found


def _indexes(manifest: Manifest) -> list[str]:
    return [f"--extra-index-url {url}" for url in manifest.contents.build.extra_index_urls]


def _requirement(package: Package, place: ExportPlace) -> str:
    wheel = package.wheel
    assert wheel is not None  # noqa: S101 - the caller kept those that have one
    if wheel.path is not None:
        path = place.beside_lock(wheel.path)
        return path if path.startswith("..") else f"./{path}"
    if package.installed.evidence == "direct-url":
        return f"{package.name} @ {wheel.url}#{_fragment(wheel)}"
    return f"{package.name}=={package.installed_version}"


def _fragment(wheel: Artefact) -> str:
    """Return the hash as pip and uv read it at a URL's end."""
    name = "sha256" if "sha256" in wheel.hashes else min(wheel.hashes)
    return f"{name}={wheel.hashes[name]}"


def _without_conda(manifest: Manifest) -> tuple[str, ...]:
    if manifest.contents.conda is not None and manifest.contents.conda.packages:
        return ()
    version = manifest.contents.interpreter.version
    return (f"no conda environment was captured: Python {version} comes from the channels that conda is set to",)
