"""envsnap export: where the file goes, what is said, and when nothing is written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from envsnap.errors import UsageError
from envsnap.manifest.lockfile import dump_manifest
from envsnap.manifest.manifest import Conda, CondaPackage, Manifest
from envsnap.manifest.package import Artefact, InstalledRecord, Package
from envsnap.workflow.export import NAMES, ExportRequest, ExportResult, Format, export
from envsnap.workflow.progress import Progress

LOST = Package(
    name="lost",
    version="0.1",
    installed=InstalledRecord(tags=(), evidence="none", content_digest="", location="", reason="no index serves it"),
)
OWN = Package(
    name="own",
    version="1.0",
    wheels=(
        Artefact(
            name="own-1.0-py3-none-any.whl",
            path=".envsnap/wheels/own-1.0-py3-none-any.whl",
            hashes={"sha256": "ab" * 32},
        ),
    ),
    installed=InstalledRecord(tags=("py3-none-any",), evidence="local-file", content_digest="cd" * 32, location=""),
)


@pytest.fixture
def call(project: Path, make_manifest: Callable[..., Manifest], progress: Progress) -> Callable[..., ExportResult]:
    """Write a lock of these contents, and export it."""

    def run(
        wanted: Format, output: Path | None = None, *, allow_incomplete: bool = False, **contents: Any
    ) -> ExportResult:
        lock = project / "envsnap.lock"
        lock.write_text(dump_manifest(make_manifest(**contents)))
        request = ExportRequest(
            folder=project, lock=lock, format=wanted, output=output, allow_incomplete=allow_incomplete
        )
        return export(request, progress)

    return run


def test_without_a_file_nothing_is_written(call: Callable[..., ExportResult], project: Path) -> None:
    done = call("requirements")

    assert done.path is None
    assert f"tool==1.0 --hash=sha256:{'ab' * 32}" == done.exported.text.splitlines()[-1]
    assert ["envsnap.lock"] == [path.name for path in project.iterdir()]


@pytest.mark.parametrize("wanted", NAMES)
def test_a_folder_gets_the_usual_name(call: Callable[..., ExportResult], tmp_path: Path, wanted: Format) -> None:
    """It is one that the format's readers take."""
    record = CondaPackage(
        name="a", version="1", build="b", url="https://c.example/x/linux-64/a.conda", sha256="ab" * 32, md5="cd" * 16
    )
    contents = {"conda": Conda(packages=(record,)), "packages": ()} if wanted.startswith("conda-") else {}

    done = call(wanted, tmp_path, **contents)

    assert tmp_path / NAMES[wanted].usual == done.path
    assert done.exported.text == (tmp_path / NAMES[wanted].usual).read_text()


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("pylock", "lock.toml"),
        ("pylock", "pylock.a.b.toml"),
        ("environment.yml", "environment.txt"),
        ("conda-explicit", "list"),
        ("conda-lock", "lock.yml"),
        ("cyclonedx", "bill.xml"),
    ],
)
def test_a_name_that_no_reader_takes_is_refused(
    call: Callable[..., ExportResult], tmp_path: Path, wanted: Format, name: str
) -> None:
    with pytest.raises(UsageError, match=f"who reads {wanted} wants a file named"):
        call(wanted, tmp_path / name)


def test_a_pylock_may_have_a_name(call: Callable[..., ExportResult], tmp_path: Path) -> None:
    assert tmp_path / "pylock.train.toml" == call("pylock", tmp_path / "pylock.train.toml").path


def test_the_lock_is_not_overwritten(call: Callable[..., ExportResult], project: Path) -> None:
    with pytest.raises(UsageError, match="is the lock itself"):
        call("requirements", project / "envsnap.lock")


@pytest.mark.parametrize("wanted", ["pylock", "requirements", "environment.yml"])
def test_what_cannot_be_held_is_named_and_nothing_is_written(
    call: Callable[..., ExportResult], make_manifest: Callable[..., Manifest], tmp_path: Path, wanted: Format
) -> None:
    """The former file stays."""
    tool = make_manifest().contents.packages[0]
    file = tmp_path / NAMES[wanted].usual
    file.write_text("former")

    with pytest.raises(
        UsageError, match=r"(?s)cannot hold 1 of the lock's 2 packages:\n  lost 0.1: no index serves it"
    ):
        call(wanted, file, packages=(tool, LOST))
    assert "former" == file.read_text()


def test_the_user_can_have_the_rest(
    call: Callable[..., ExportResult], make_manifest: Callable[..., Manifest], told: list[str]
) -> None:
    """What is missing is said all the same."""
    tool = make_manifest().contents.packages[0]

    done = call("requirements", packages=(tool, LOST), allow_incomplete=True)

    assert (1, ["lost"]) == (done.exported.packages, [one.name for one in done.exported.left_out])
    assert [
        "warning: requirements cannot hold 1 of the lock's 2 packages; these are left out:",
        "warning: lost 0.1: no index serves it",
    ] == told


@pytest.mark.parametrize("wanted", ["conda-explicit", "conda-lock"])
def test_a_lock_without_conda_has_nothing_for_conda(call: Callable[..., ExportResult], wanted: Format) -> None:
    with pytest.raises(UsageError, match=f"records no conda environment, and {wanted} describes nothing else"):
        call(wanted, allow_incomplete=True)


def test_kept_wheels_that_are_not_there_are_named(
    call: Callable[..., ExportResult], project: Path, tmp_path: Path, told: list[str]
) -> None:
    """They are named by path from the file to the lock; another machine needs them too."""
    file = tmp_path / "elsewhere" / "pylock.toml"

    done = call("pylock", file, packages=(OWN,))

    assert 'path = "../My Project/.envsnap/wheels/own-1.0-py3-none-any.whl"' in done.exported.text
    assert [
        "warning: not in .envsnap/wheels beside the lock, and needed there to install: own-1.0-py3-none-any.whl"
    ] == told
    (project / ".envsnap/wheels").mkdir(parents=True)
    (project / ".envsnap/wheels/own-1.0-py3-none-any.whl").touch()
    told.clear()
    call("pylock", file, packages=(OWN,))
    assert [] == told


def test_a_place_that_cannot_be_written_is_a_usage_error(call: Callable[..., ExportResult], tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(UsageError, match="cannot be written"):
        call("requirements", tmp_path / "file" / "requirements.txt")


def test_there_must_be_a_lock(project: Path, progress: Progress) -> None:
    request = ExportRequest(folder=project, lock=project / "envsnap.lock", format="pylock")

    with pytest.raises(UsageError, match="write it with 'envsnap freeze'"):
        export(request, progress)


def test_the_environment_is_called_as_the_locks_folder(call: Callable[..., ExportResult]) -> None:
    """As the image is."""
    assert "name: my-project\n" in call("environment.yml").exported.text


def test_packages_of_conda_count_once(
    call: Callable[..., ExportResult], make_manifest: Callable[..., Manifest]
) -> None:
    """A Python package that conda installed is pinned by conda's record."""
    tool = make_manifest().contents.packages[0]
    condas = replace(tool, wheels=(), installed=replace(tool.installed, evidence="none", owner="conda"))
    record = CondaPackage(
        name="tool", version="1.0", build="b_0", url="https://c.example/x/linux-64/tool-1.0-b_0.conda"
    )

    done = call("environment.yml", packages=(condas,), conda=Conda(packages=(record,)))

    assert (1, ()) == (done.exported.packages, done.exported.left_out)
    assert "tool=1.0=b_0" in done.exported.text
