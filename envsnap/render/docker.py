"""Manifest -> Dockerfile and the rest of its build context. The same manifest gives the same bytes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from envsnap.manifest.build_spec import BuildSpec
from envsnap.manifest.manifest import Manifest
from envsnap.manifest.package import Artefact, Package
from envsnap.render.requirements_file import render_requirements

PACKAGE = Path(__file__).parent.parent


def render_template(name: str, **values: Any) -> str:  # noqa: ANN401 - a template takes values of any kind
    """Fill in one template; a value that it needs and does not get is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([PACKAGE / "templates", PACKAGE.parent / "templates"]),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - plain text; values are held to patterns when the manifest is read
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(name).render(**values)


HEAVY_BYTES = 20 * 2**20
"""A wheel of this size goes into the lower layer: it is the one that is dear to transfer and seldom changes."""
TITLES = {
    "heavy": "Large wheels, in a lower layer: a change of a small package leaves it as it is.",
    "light": "The others.",
}


@dataclass(frozen=True, slots=True)
class Layer:
    """Packages that share a layer."""

    name: str
    packages: tuple[Package, ...]

    @property
    def title(self) -> str:
        """What to say of the group in the Dockerfile."""
        return TITLES[self.name]

    @property
    def wheels(self) -> tuple[Artefact, ...]:
        """The wheels that travel in the context."""
        wheels = (package.wheel for package in self.packages)
        return tuple(wheel for wheel in wheels if wheel is not None and wheel.path)

    @property
    def has_wheels(self) -> bool:
        """Whether any wheel travels in the context."""
        return bool(self.wheels)


@dataclass(frozen=True, slots=True)
class DockerContext:
    """A build context: ``texts`` by path in it, and ``wheels`` by path, to be copied there; uv goes to tools/uv."""

    texts: Mapping[str, str]
    wheels: Mapping[str, Artefact]


def render_docker(manifest: Manifest, *, base_image: str, buildkit: bool, offline: bool = False) -> DockerContext:
    """Render the context.

    Args:
        manifest: read and checked; each value that reaches the text is held to a pattern by its type.
        base_image: the reference to build on: a tag, or a tag with its digest.
        buildkit: whether the builder understands ``RUN --mount``.
        offline: whether no index is asked: then every wheel travels in the context.
    """
    groups = _groups(manifest.contents.packages)
    texts = {f"requirements/{group.name}.txt": render_requirements(group.packages) for group in groups}
    texts["Dockerfile"] = render_template(
        "Dockerfile.j2",
        python=manifest.contents.interpreter.version,
        package_count=len(manifest.contents.packages),
        base_image=base_image,
        buildkit=buildkit,
        groups=groups,
        apt=sorted(set(manifest.contents.build.apt)),
        variables=_variables(manifest),
        digest=manifest.snapshot.digest,
    )
    texts["install.sh"] = render_template(
        "install.sh.j2", index_settings=_index_settings(manifest.contents.build), offline=offline
    )
    wheels = {f"wheels/{group.name}/{wheel.name}": wheel for group in groups for wheel in group.wheels}
    return DockerContext(texts=dict(sorted(texts.items())), wheels=dict(sorted(wheels.items())))


def _groups(packages: tuple[Package, ...]) -> tuple[Layer, ...]:
    served = [package for package in packages if package.wheel is not None]
    heavy = tuple(package for package in served if _size(package) >= HEAVY_BYTES)
    light = tuple(package for package in served if _size(package) < HEAVY_BYTES)
    return tuple(Layer(name, members) for name, members in (("heavy", heavy), ("light", light)) if members)


def _size(package: Package) -> int:
    return (package.wheel.size if package.wheel else None) or 0


def _index_settings(build: BuildSpec) -> list[tuple[str, str]]:
    settings = (("UV_DEFAULT_INDEX", build.index_url or ""), ("UV_INDEX", " ".join(build.extra_index_urls)))
    return [(name, value) for name, value in settings if value]


def _variables(manifest: Manifest) -> list[tuple[str, str]]:
    variables = {}
    if manifest.contents.job is not None:
        variables["PYTHONHASHSEED"] = str(manifest.contents.job.seed)
    if manifest.contents.hardware.gpus or manifest.contents.accelerator.framework_cuda:
        variables["NVIDIA_VISIBLE_DEVICES"] = "all"
        variables["NVIDIA_DRIVER_CAPABILITIES"] = "compute,utility"
    return sorted(variables.items())
