from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from envsnap.manifest.manifest import Manifest
from envsnap.render.docker import HEAVY_BYTES, render_docker

Golden = Callable[[str, str], str]
Case = tuple[str, Manifest]
BASE = "python:3.11.7-slim-bookworm"
GOLDEN = Path(__file__).parent.parent / "golden"


def dockerfile(manifest: Manifest, *, buildkit: bool = True) -> str:
    return render_docker(manifest, base_image=BASE, buildkit=buildkit).texts["Dockerfile"]


def with_sizes(manifest: Manifest, *sizes: int | None) -> Manifest:
    packages = tuple(
        replace(package, wheels=(replace(package.wheels[0], size=size),))
        for package, size in zip(manifest.contents.packages, sizes, strict=True)
    )
    return replace(manifest, contents=replace(manifest.contents, packages=packages))


@pytest.mark.parametrize("builder", ["buildkit", "classic"])
def test_context_is_the_golden_one(case: Case, builder: str, golden: Golden) -> None:
    """The same manifest gives the same bytes, in every file of the context."""
    name, manifest = case

    context = render_docker(manifest, base_image=BASE, buildkit=builder == "buildkit")

    assert {path: golden(f"{name}/{builder}/{path}", text) for path, text in context.texts.items()} == context.texts


def test_golden_files_are_all_rendered(manifests: dict[str, Manifest]) -> None:
    """No golden file outlives the case that it belongs to."""
    rendered = {
        f"{name}/{builder}/{path}"
        for name, manifest in manifests.items()
        for builder in ("buildkit", "classic")
        for path in render_docker(manifest, base_image=BASE, buildkit=builder == "buildkit").texts
    }

    written = {str(file.relative_to(GOLDEN)) for file in GOLDEN.rglob("*") if file.is_file()}
    assert rendered == {path for path in written if not path.startswith("export/")}


def test_change_of_a_small_package_leaves_the_heavy_layer_alone(manifests: dict[str, Manifest]) -> None:
    """What the heavy stage reads is the same text, so the builder's cache keeps gigabytes."""
    before = manifests["heavy"]
    packages = tuple(
        replace(package, version="4.67.0") if package.name == "tqdm" else package
        for package in before.contents.packages
    )
    after = replace(before, contents=replace(before.contents, packages=packages))

    contexts = [render_docker(manifest, base_image=BASE, buildkit=True) for manifest in (before, after)]

    assert contexts[0].texts["requirements/heavy.txt"] == contexts[1].texts["requirements/heavy.txt"]
    assert contexts[0].texts["requirements/light.txt"] != contexts[1].texts["requirements/light.txt"]
    assert contexts[0].texts["Dockerfile"] == contexts[1].texts["Dockerfile"]


def test_size_decides_over_the_layer(manifests: dict[str, Manifest]) -> None:
    """From HEAVY_BYTES on a wheel is heavy; one of unknown size is not."""
    texts = render_docker(with_sizes(manifests["small"], HEAVY_BYTES, None), base_image=BASE, buildkit=True).texts
    heavy, light = texts["requirements/heavy.txt"], texts["requirements/light.txt"]

    assert ("tqdm==4.66.5", "numpy==2.1.0") == (heavy.split(" ")[0], light.split(" ")[0])
    assert (
        "requirements/heavy.txt"
        not in render_docker(with_sizes(manifests["small"], HEAVY_BYTES - 1, 0), base_image=BASE, buildkit=True).texts
    )


def test_wheels_of_no_index_travel_in_the_context(manifests: dict[str, Manifest]) -> None:
    """Each beside the group that installs it; wheels that an index or a URL serves do not travel."""
    wheels = render_docker(manifests["everything"], base_image=BASE, buildkit=True).wheels

    assert [
        "wheels/heavy/mkl-2024.2-py3-none-any.whl",
        "wheels/light/own_tools-0.3-py3-none-any.whl",
    ] == list(wheels)


def test_image_tells_which_manifest_it_was_built_from(manifests: dict[str, Manifest]) -> None:
    manifest = manifests["small"]

    assert f"LABEL dev.envsnap.manifest={manifest.snapshot.digest}" == dockerfile(manifest).splitlines()[-1]


def test_base_image_is_the_one_that_was_resolved(manifests: dict[str, Manifest]) -> None:
    """A digest that a registry gave goes into the Dockerfile, whatever the manifest says."""
    pinned = f"{BASE}@sha256:{'ab' * 32}"

    text = render_docker(manifests["small"], base_image=pinned, buildkit=True).texts["Dockerfile"]

    assert f"FROM {pinned} AS base" in text.splitlines()


def test_image_of_a_cpu_machine_asks_for_no_gpu(manifests: dict[str, Manifest]) -> None:
    """A framework compiled for CUDA asks for one even where none was seen: the job falls back by itself."""
    cpu = manifests["small"]
    accelerator = replace(cpu.contents.accelerator, framework_cuda="12.1")
    cuda = replace(cpu, contents=replace(cpu.contents, accelerator=accelerator))

    assert "NVIDIA" not in dockerfile(cpu)
    assert "NVIDIA_VISIBLE_DEVICES=all" in dockerfile(cuda)


def test_hash_seed_is_the_jobs(manifests: dict[str, Manifest]) -> None:
    """Without a job there is no seed to set."""
    manifest = manifests["small"]
    idle = replace(manifest, contents=replace(manifest.contents, job=None))

    assert "PYTHONHASHSEED=1234" in dockerfile(manifest)
    assert "PYTHONHASHSEED" not in dockerfile(idle)


@pytest.mark.parametrize("buildkit", [True, False])
def test_secrets_stay_in_stages_that_are_thrown_away(manifests: dict[str, Manifest], *, buildkit: bool) -> None:
    """The last stage neither mounts nor copies them, and copies from others only what they installed."""
    last = dockerfile(manifests["everything"], buildkit=buildkit).rpartition("\nFROM ")[2]

    assert "secret" not in last
    assert {"/opt/venv/", "/layer/"} == {line.split()[2] for line in last.splitlines() if line.startswith("COPY")}


def test_classic_builder_gets_nothing_that_it_does_not_know(manifests: dict[str, Manifest]) -> None:
    assert "--mount" in dockerfile(manifests["heavy"])
    assert "--mount" not in dockerfile(manifests["heavy"], buildkit=False)
