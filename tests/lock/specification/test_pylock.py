"""pylock.toml: what PEP 751 says of the captured interpreter is taken, and nothing of another one."""

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import uv

from envsnap.errors import CaptureError, InvalidFileError

pytestmark = pytest.mark.processes


def versions(resolved: Any) -> dict[str, str]:
    """Name and version of each package."""
    return {package.name: package.installed_version for package in resolved.packages}


def entry(index: Any, name: str, *, marker: str = "", sha256: str = "") -> str:
    """One package as PEP 751 spells it."""
    wheel = index.folder / f"{name}-1.0-py3-none-any.whl"
    digest = sha256 or hashlib.sha256(wheel.read_bytes()).hexdigest()
    url = index.url.replace("/simple", f"/files/{wheel.name}")
    condition = f'marker = "{marker}"\n' if marker else ""
    return (
        f'[[packages]]\nname = "{name}"\nversion = "1.0"\n{condition}'
        f'wheels = [{{ name = "{wheel.name}", url = "{url}", hashes = {{ sha256 = "{digest}" }} }}]\n'
    )


HEAD = 'lock-version = "1.0"\ncreated-by = "somebody"\nextras = ["fast"]\ndependency-groups = ["dev"]\n\n'


def test_what_uv_exports_is_read_without_an_index(served: Any, place: Any, resolve: Any) -> None:
    """uv's own file, for every platform."""
    place.write("requirements.in", "alpha[fast]\n")
    command = (uv.find_uv_bin(), "pip", "compile", "-q", "requirements.in", "-o", "pylock.toml", "--universal")
    subprocess.run((*command, "--default-index", served.url, "--python", sys.executable), cwd=place.folder, check=True)
    served.asked.clear()

    found = resolve(place.folder / "pylock.toml")

    assert {"alpha": "1.0", "beta": "2.0", "gamma": "1.0"} == versions(found)
    assert not [path for path in served.asked if path.startswith("/simple")]


def test_markers_extras_and_groups_choose(served: Any, place: Any, resolve: Any) -> None:
    """Those of PEP 751, which name extras and groups too."""
    text = HEAD + "".join(
        (
            entry(served, "alpha"),
            entry(served, "winonly", marker="sys_platform == 'win32'"),
            entry(served, "gamma", marker="'fast' in extras"),
            entry(served, "beta", marker="'dev' in dependency_groups"),
        )
    )
    path = place.write("pylock.toml", text)

    assert {"alpha"} == set(versions(resolve(path)))
    assert {"alpha", "gamma"} == set(versions(resolve(path, extras=("fast",))))
    assert {"alpha", "beta"} == set(versions(resolve(path, groups=("dev",))))
    with pytest.raises(CaptureError, match="Undeclared extras: nope"):
        resolve(path, extras=("nope",))


def test_a_wheel_beside_the_lock_is_held_against_its_hash(place: Any, resolve: Any, make_wheel: Any) -> None:
    """And kept for the build."""
    wheel: Path = make_wheel("near", "1.0", folder=place.folder / "wheels")
    sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
    text = HEAD + (
        '[[packages]]\nname = "near"\nversion = "1.0"\n'
        f'wheels = [{{ path = "wheels/{wheel.name}", hashes = {{ sha256 = "{sha256}" }} }}]\n'
    )

    assert "local-file" == resolve(place.write("pylock.toml", text)).packages[0].installed.evidence
    with pytest.raises(CaptureError, match=r"near: .* it is another file"):
        resolve(place.write("pylock.toml", text.replace(sha256, "0" * 64)))
    wheel.unlink()
    with pytest.raises(CaptureError, match="which is not there"):
        resolve(place.write("pylock.toml", text))


def test_a_package_without_a_wheel_is_recorded_without_an_artefact(place: Any, resolve: Any) -> None:
    """Nothing is built; what would rebuild it is said."""
    text = HEAD + (
        '[[packages]]\nname = "old"\nversion = "1.0"\n'
        f'sdist = {{ url = "https://index.example/old-1.0.tar.gz", hashes = {{ sha256 = "{"0" * 64}" }} }}\n'
    )

    package = resolve(place.write("pylock.toml", text)).packages[0]

    assert ("none", None, "old-1.0.tar.gz") == (package.installed.evidence, package.wheel, package.sdist.name)
    assert "envsnap builds none" in package.installed.reason


def test_no_wheel_for_this_interpreter_is_an_error(place: Any, resolve: Any) -> None:
    """The package is named."""
    text = HEAD + (
        '[[packages]]\nname = "other"\nversion = "1.0"\nwheels = [{ '
        'url = "https://index.example/other-1.0-cp37-cp37m-win32.whl", '
        f'hashes = {{ sha256 = "{"0" * 64}" }} }}]\n'
    )

    with pytest.raises(CaptureError, match=r"does not fit the captured interpreter: .*other"):
        resolve(place.write("pylock.toml", text))


def test_a_commit_is_not_built(place: Any, resolve: Any) -> None:
    """Its version is not known without a build."""
    text = HEAD + (
        '[[packages]]\nname = "fresh"\n'
        f'vcs = {{ type = "git", url = "https://index.example/fresh.git", commit-id = "{"0" * 40}" }}\n'
    )

    with pytest.raises(CaptureError, match="fresh: the specification resolves to a git repository"):
        resolve(place.write("pylock.toml", text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lock-version = \n", r"pylock\.toml: not valid TOML: .*line 1"),
        ('lock-version = "9.0"\ncreated-by = "x"\npackages = []\n', "9.0"),
        (HEAD + '[[packages]]\nname = "x"\nversion = "1"\nwheels = [{ url = "u" }]\n', r"packages\[0\]\.wheels\[0\]"),
        (HEAD + '[[packages]]\nversion = "1"\n', r"packages\[0\]\.name"),
    ],
)
def test_what_is_no_lock_is_refused_with_the_place(text: str, message: str, place: Any, resolve: Any) -> None:
    """Line or key."""
    with pytest.raises(InvalidFileError, match=message):
        resolve(place.write("pylock.toml", text))


def test_a_wheel_of_another_project_is_refused(served: Any, place: Any, resolve: Any) -> None:
    """A lock is untrusted: its name says one package, its file another."""
    text = HEAD + entry(served, "alpha").replace('name = "alpha"\nversion', 'name = "numpy"\nversion')

    with pytest.raises((CaptureError, InvalidFileError), match="numpy"):
        resolve(place.write("pylock.toml", text))
