"""Manifest -> an explicit list of conda archives: https://conda.org/learn/ceps/cep-0023."""

from envsnap.manifest.manifest import CondaPackage, Manifest
from envsnap.manifest.package import Package
from envsnap.render.conda_packages import downloadable, in_order_of_need, overwritten, subdir_of
from envsnap.render.export_file import ExportFile, OmittedPackage, header, omit, python_packages

NOT_CONDAS = "pip or uv installed it, and an explicit list names archives of conda alone: conda-lock holds both"


def render_conda_explicit(manifest: Manifest) -> ExportFile:
    """Render one URL a line with the hash of its archive, in the order in which they can be installed."""
    records, damaged = downloadable(manifest.contents)
    lines = [f"# platform: {subdir_of(manifest.contents, records)}", "@EXPLICIT"]
    lines += [f"{record.url}#{_hash(record)}" for record in in_order_of_need(records)]
    return ExportFile(
        text=header(manifest) + "".join(f"{line}\n" for line in lines),
        packages=len(records),
        left_out=tuple(sorted([*damaged, *map(_omit_python_package, python_packages(manifest.contents))])),
        remarks=tuple(overwritten(records)),
    )


def _hash(record: CondaPackage) -> str:
    """Spell the hash: conda takes SHA-256 with and without its name, rattler and mamba only with it, MD5 bare."""
    return f"sha256:{record.sha256}" if record.sha256 else record.md5


def _omit_python_package(package: Package) -> OmittedPackage:
    return omit(package, NOT_CONDAS)
