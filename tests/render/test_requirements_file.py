import pytest
from msgspec.structs import replace

from envsnap.errors import UsageError
from envsnap.manifest.manifest import Manifest
from envsnap.render.export_file import ExportPlace
from envsnap.render.requirements_file import render_requirements, render_requirements_file


def test_every_line_pins_one_artefact_by_hash(manifests: dict[str, Manifest]) -> None:
    """In order of name: by version from an index or a kept wheel, by URL from anywhere else; no artefact, no line."""
    lines = render_requirements(manifests["everything"].contents.packages).splitlines()

    assert [
        f"extra @ https://files.example/extra-1.1%2Bcu121-py3-none-any.whl --hash=sha256:{'1e' * 32}",
        f"mkl==2024.2 --hash=sha256:{'1f' * 32}",
        f"numpy==2.1.0 --hash=sha256:{'1b' * 32}",
        f"own-tools==0.3 --hash=sha256:{'1d' * 32}",
        f"torch==2.4.1 --hash=sha256:{'1c' * 32}",
        f"tqdm==4.66.5 --hash=sha256:{'1a' * 32}",
    ] == lines


def test_order_of_packages_and_of_hashes_does_not_show(manifests: dict[str, Manifest]) -> None:
    packages = manifests["small"].contents.packages
    wheel = packages[0].wheels[0]
    both = {"sha512": "ab" * 64, "sha256": "cd" * 32}
    one, other = (
        replace(packages[0], wheels=(replace(wheel, hashes=hashes),)) for hashes in (both, dict(sorted(both.items())))
    )

    assert render_requirements((one, packages[1])) == render_requirements((packages[1], other))


def test_no_packages_are_no_lines() -> None:
    assert "" == render_requirements(())


def test_a_folder_that_pip_and_uv_read_differently_is_refused(exports: dict[str, Manifest]) -> None:
    """Both split a line at spaces, each in its own way."""
    with pytest.raises(UsageError, match="write it beside the lock"):
        render_requirements_file(exports["everything"], ExportPlace(lock_folder="../my project"))


@pytest.mark.parametrize(
    ("folder", "line"),
    [
        ("", ".envsnap/wheels"),
        ("..", "../.envsnap/wheels"),
        ("a/b", "./a/b/.envsnap/wheels"),
        ("-x", "./-x/.envsnap/wheels"),
    ],
)
def test_kept_wheels_are_found_from_where_the_file_lies(exports: dict[str, Manifest], folder: str, line: str) -> None:
    text = render_requirements_file(exports["everything"], ExportPlace(lock_folder=folder)).text

    assert [f"--find-links {line}"] == [one for one in text.splitlines() if "find-links" in one]


def test_packages_without_a_wheel_are_named_and_why(exports: dict[str, Manifest]) -> None:
    """A checkout has no hash, so pip's hash mode takes none."""
    contents = exports["everything"].contents
    bare = tuple(
        replace(package, installed=replace(package.installed, wheel=None)) if package.vcs else package
        for package in contents.packages
    )

    exported = render_requirements_file(
        replace(exports["everything"], contents=replace(contents, packages=bare)), ExportPlace()
    )

    assert {
        "lost": "no index serves it",
        "own-tools": "the lock has no artefact of it; a commit or a folder has no hash",
    } == {one.name: one.reason for one in exported.left_out}
