"""Requirements files are read as pip reads them, and resolved for the captured interpreter."""

import hashlib
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from envsnap.errors import CaptureError, InvalidFileError, UsageError
from envsnap.host.index.config import IndexConfig
from envsnap.host.index.uv import find_uv
from envsnap.lock.indexes import Indexes
from envsnap.lock.resolver import target_python
from envsnap.lock.specification.requirements import read_requirements
from envsnap.lock.specification.resolution import SpecificationTools, resolve_specification
from envsnap.lock.specification.specification_file import read_source
from envsnap.lock.specification.target import Target

pytestmark = pytest.mark.processes


def versions(resolved: Any) -> dict[str, str]:
    """Name and version of each package."""
    return {package.name: package.installed_version for package in resolved.packages}


@pytest.mark.usefixtures("served")
def test_what_is_needed_is_added_and_what_another_platform_needs_is_not(place: Any, resolve: Any) -> None:
    """An extra brings what it needs; the marker of another platform keeps a package out."""
    found = resolve(
        place.write("requirements.in", "Alpha[fast]>=0.5  # the newest\nwinonly ; sys_platform == 'win32'\n")
    )

    assert {"alpha": "1.0", "beta": "2.0", "gamma": "1.0"} == versions(found)
    assert {"alpha": True, "beta": False, "gamma": False} == {
        package.name: package.installed.requested for package in found.packages
    }


def test_each_package_is_the_wheel_on_the_index_with_the_content_that_its_record_tells(
    served: Any, place: Any, resolve: Any, venv: Any
) -> None:
    """The digest is the one that the installed wheel shows."""
    wheel = served.folder / "beta-2.0-py3-none-any.whl"

    package = resolve(place.write("requirements.in", "beta\n")).packages[0]
    venv.install(str(wheel))

    assert "index-verified" == package.installed.evidence
    assert venv.probe()["beta"].record.content_digest == package.expected_digest
    assert hashlib.sha256(wheel.read_bytes()).hexdigest() == package.wheel.hashes["sha256"]
    assert (wheel.stat().st_size, ("py3-none-any",)) == (package.wheel.size, package.installed.tags)


@pytest.mark.usefixtures("served")
def test_files_that_are_brought_in_count_and_are_recorded(place: Any, resolve: Any) -> None:
    """-r adds, -c narrows; both paths start from the file that names them."""
    place.write("deep/more.in", "-c ../limits.txt\nbeta\n")
    place.write("limits.txt", "beta<2\ngamma==1.0\n")

    found = resolve(place.write("requirements.in", "-r deep/more.in\n"))

    assert {"beta": "1.0"} == versions(found)


@pytest.mark.usefixtures("served")
def test_a_circle_of_files_ends(place: Any, resolve: Any) -> None:
    """Each is read once."""
    place.write("b.txt", "-r requirements.in\nbeta==1.0\n")

    assert {"beta": "1.0"} == versions(resolve(place.write("requirements.in", "-r b.txt\n")))


def test_the_wheel_with_an_allowed_hash_is_taken(served: Any, place: Any, resolve: Any) -> None:
    """Lines go on behind a backslash."""
    sha256 = hashlib.sha256((served.folder / "beta-1.0-py3-none-any.whl").read_bytes()).hexdigest()
    text = f"beta==1.0 \\\n    --hash=sha256:{'0' * 64} \\\n    --hash=sha256:{sha256}\n"

    assert sha256 == resolve(place.write("requirements.txt", text)).packages[0].wheel.hashes["sha256"]


@pytest.mark.usefixtures("served")
def test_a_hash_that_the_index_does_not_have_is_refused(place: Any, resolve: Any) -> None:
    """The package is named; the exit code is that of capture."""
    with pytest.raises(
        CaptureError, match=r"beta 1\.0: no file of it .* has a hash which the specification allows"
    ) as raised:
        resolve(place.write("requirements.txt", f"beta==1.0 --hash=sha256:{'0' * 64}\n"))

    assert 4 == raised.value.exit_code


def test_a_constraint_narrows_the_hashes_too(served: Any, place: Any, resolve: Any) -> None:
    """As pip has it: what one of the files does not allow is not taken."""
    sha256 = hashlib.sha256((served.folder / "beta-1.0-py3-none-any.whl").read_bytes()).hexdigest()
    place.write("audited.txt", f"beta==1.0 --hash=sha256:{'0' * 64}\n")
    requirements = place.write("requirements.txt", f"-c audited.txt\nbeta==1.0 --hash=sha256:{sha256}\n")

    with pytest.raises(CaptureError, match=r"beta 1\.0: no file of it .* has a hash which the specification allows"):
        resolve(requirements)


def test_with_hashes_every_package_needs_one(served: Any, place: Any, resolve: Any) -> None:
    """As pip has it: what is needed beside the listed ones is not let through."""
    sha256 = hashlib.sha256((served.folder / "alpha-1.0-py3-none-any.whl").read_bytes()).hexdigest()

    with pytest.raises(CaptureError, match=r"these have none: beta 2\.0"):
        resolve(place.write("requirements.txt", f"alpha==1.0 --hash=sha256:{sha256}\n"))


@pytest.mark.usefixtures("served")
def test_an_unknown_package_is_named(place: Any, resolve: Any) -> None:
    """With the file, and the exit code of capture."""
    with pytest.raises(CaptureError, match=r"requirements\.in cannot be resolved: .*nosuch") as raised:
        resolve(place.write("requirements.in", "nosuch\n"))

    assert 4 == raised.value.exit_code


@pytest.mark.usefixtures("served")
def test_a_contradiction_is_told(place: Any, resolve: Any) -> None:
    """What uv says of it stands in the message."""
    with pytest.raises(CaptureError, match=r"beta==1.0 and beta==2.0"):
        resolve(place.write("requirements.in", "beta==1.0\nbeta==2.0\n"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("beta\n\nalpha >>> 3\n", r"requirements\.in:3: 'alpha >>> 3' is no requirement"),
        ("beta \\\n  >= 1 oops\n", r"requirements\.in:1: "),
        ("--frobnicate\n", r"requirements\.in:1: envsnap does not know the option --frobnicate"),
        ("beta --hash=md5:00\n", r"requirements\.in:1: 'md5:00' is no hash"),
        ("-r\n", r"requirements\.in:1: --requirement names nothing"),
        ("-r nowhere.txt\n", r"requirements\.in:1: nowhere\.txt is not there"),
        ("-r https://index.example/r.txt\n", r"requirements\.in:1: https is not followed"),
        ("./nowhere\n", r"requirements\.in:1: \./nowhere is not there"),
        ("beta 'unbalanced\n", r"requirements\.in:1: "),
    ],
)
def test_a_line_that_is_none_is_refused_with_its_number(text: str, message: str, place: Any, resolve: Any) -> None:
    """Before an index is asked."""
    with pytest.raises(InvalidFileError, match=message) as raised:
        resolve(place.write("requirements.in", text))

    assert 2 == raised.value.exit_code


def test_an_index_that_the_file_names_counts_and_its_login_stays_unwritten(
    served: Any, place: Any, resolve: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    """The login comes from a variable, opens page and wheel, and reaches nothing that is kept."""
    served.login = "someone:s3cret"
    scheme, _, rest = served.url.partition("://")
    line = f"--index-url {scheme}://someone:${{TOKEN}}@{rest}\nbeta\n"

    found = resolve(
        place.write("requirements.in", line),
        env={"TOKEN": "s3cret"},
        machine=IndexConfig(index_url="http://127.0.0.1:1/"),
    )

    assert "index-verified" == found.packages[0].installed.evidence
    assert b"s3cret" not in msgspec.json.encode(found.packages)
    assert "s3cret" not in "".join(capfd.readouterr())


@pytest.mark.usefixtures("served")
def test_a_login_in_a_line_that_is_none_stays_unsaid(place: Any, resolve: Any) -> None:
    """The message shows the line without it."""
    with pytest.raises(InvalidFileError, match="is no requirement") as raised:
        resolve(
            place.write("requirements.in", "beta @ https://u:${TOKEN}@index.example/x >>\n"), env={"TOKEN": "s3cret"}
        )

    assert "s3cret" not in str(raised.value)


def test_an_index_that_does_not_answer_is_told_without_its_login(
    served: Any, place: Any, resolve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is concluded from its silence."""
    del served
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    closed = IndexConfig(index_url="http://u:s3cret@127.0.0.1:1/simple")

    with pytest.raises(CaptureError, match=r"requirements\.in cannot be resolved: ") as raised:
        resolve(place.write("requirements.in", "beta\n"), machine=closed)

    assert "s3cret" not in str(raised.value)


def test_an_interpreter_elsewhere_gets_the_wheels_of_its_platform(
    index: Any, place: Any, captured: Any, make_wheel: Any
) -> None:
    """As for an image with an older C library than this machine's."""
    for tag in ("py3-none-manylinux_2_17_x86_64", "py3-none-manylinux_2_28_x86_64"):
        make_wheel("native", "1.0", folder=index.folder, tag=tag)
    older = replace(captured.platform, libc="glibc", libc_version="2.17", arch="x86_64")
    python, work = target_python(captured.interpreter, older), place.folder / ".envsnap"
    tools = SpecificationTools(
        machine=index.config,
        project=place.folder,
        uv=find_uv,
        indexes=lambda config: Indexes(config, lambda: find_uv(config).index_urls(python, work)),
        conda=lambda _: (),
    )
    elsewhere = Target(python=python, interpreter=captured.interpreter, platform=older)
    source = read_source(place.write("requirements.in", "native\n"))

    package = resolve_specification(read_requirements(source, {}), tools, elsewhere).packages[0]

    assert ("py3-none-manylinux_2_17_x86_64",) == package.installed.tags


def test_a_folder_of_wheels_serves_and_its_wheel_is_kept(place: Any, resolve: Any, make_wheel: Any) -> None:
    """The folder's path starts from the file."""
    make_wheel("local", "1.0", folder=place.folder / "wheels")

    package = resolve(place.write("requirements.in", "--no-index\n--find-links wheels\nlocal\n")).packages[0]

    assert ("local-file", ".envsnap/wheels/local-1.0-py3-none-any.whl") == (
        package.installed.evidence,
        package.wheel.path,
    )
    assert (place.folder / package.wheel.path).is_file()


def test_a_wheel_by_its_url_is_locked_with_the_hash_that_it_has(served: Any, place: Any, resolve: Any) -> None:
    """No index is asked for it."""
    url = served.url.replace("/simple", "/files/beta-1.0-py3-none-any.whl")

    package = resolve(place.write("requirements.in", f"beta @ {url}\n")).packages[0]

    assert ("direct-url", url, True) == (package.installed.evidence, package.wheel.url, package.installed.requested)


@pytest.mark.usefixtures("served")
def test_a_source_folder_is_built_into_a_wheel(place: Any, resolve: Any) -> None:
    """The user names it, so it is built, as one that is installed editable is."""
    place.write("own/own.py", "VERSION = 1\n")
    backend = BACKEND
    place.write("own/backend.py", backend)
    place.write("own/pyproject.toml", OWN)

    found = resolve(place.write("requirements.in", "-e ./own\n"))

    own = next(package for package in found.packages if package.name == "own")
    assert {"own": "1.0", "beta": "2.0"} == versions(found)
    assert ("repacked", "own", True) == (own.installed.evidence, own.directory.path, own.directory.editable)
    assert (place.folder / own.wheel.path).is_file()


def test_a_package_with_a_source_archive_alone_is_not_built(served: Any, place: Any, resolve: Any) -> None:
    """A specification never runs foreign code: the message says what to do."""
    (served.folder / "sdonly-1.0.tar.gz").write_bytes(b"never read")

    with pytest.raises(CaptureError, match=r"sdonly==1\.0 has no usable wheels") as raised:
        resolve(place.write("requirements.in", "sdonly\n"))

    assert "building from source is disabled" in str(raised.value)


def test_an_index_without_ranges_leaves_the_content_unread_and_says_so(served: Any, place: Any, resolve: Any) -> None:
    """The wheel's hash still pins it."""
    served.ranges = False

    package = resolve(place.write("requirements.in", "beta\n")).packages[0]

    assert ("index-inferred", "") == (package.installed.evidence, package.expected_digest)
    assert "compared by version" in package.installed.reason


@pytest.mark.usefixtures("served")
def test_what_must_be_resolved_is_not_resolved_offline(place: Any, resolve: Any) -> None:
    """No index may be asked then."""
    with pytest.raises(UsageError, match=r"requirements.in has to be resolved"):
        resolve(place.write("requirements.in", "beta\n"), offline=True)


def test_the_project_is_asked_once(served: Any, place: Any, resolve: Any) -> None:
    """One question a package to the index, and one look into each wheel."""
    resolve(place.write("requirements.in", "alpha[fast]\n"))

    pages = [path for path in served.asked if path.startswith("/simple")]
    assert len(set(pages)) == len(pages)


OWN = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "own"
version = "1.0"
dependencies = ["beta"]
"""
BACKEND = """\
import pathlib
import zipfile

NAME = "own-1.0-py3-none-any.whl"


def build_wheel(folder, config_settings=None, metadata_directory=None):
    with zipfile.ZipFile(pathlib.Path(folder) / NAME, "w") as archive:
        archive.writestr("own.py", pathlib.Path("own.py").read_text())
        archive.writestr("own-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: own\\nVersion: 1.0\\n")
        archive.writestr("own-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
        archive.writestr("own-1.0.dist-info/RECORD", "own.py,,\\nown-1.0.dist-info/RECORD,,\\n")
    return NAME


def build_sdist(folder, config_settings=None):
    raise NotImplementedError
"""
