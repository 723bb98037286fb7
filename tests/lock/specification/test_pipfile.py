"""Pipfile.lock, in the form that pipenv 2026.8 wrote for the same index."""

import hashlib
import json
from typing import Any

import pytest

from envsnap.errors import CaptureError, InvalidFileError, UsageError
from envsnap.host.index.config import IndexConfig

pytestmark = pytest.mark.processes


def versions(resolved: Any) -> dict[str, str]:
    """Name and version of each package."""
    return {package.name: package.installed_version for package in resolved.packages}


def document(index: Any, **changes: Any) -> dict[str, Any]:
    """What pipenv writes."""

    def pinned(name: str, version: str, **more: Any) -> dict[str, Any]:
        data = (index.folder / f"{name}-{version}-py3-none-any.whl").read_bytes()
        return {"hashes": [f"sha256:{hashlib.sha256(data).hexdigest()}"], "version": f"=={version}", **more}

    return {
        "_meta": {
            "hash": {"sha256": "0" * 64},
            "pipfile-spec": 6,
            "requires": {"python_version": "3.11"},
            "sources": [{"name": "local", "url": index.url, "verify_ssl": True}],
        },
        "default": {
            "alpha": pinned("alpha", "1.0", extras=["fast"], index="local", markers="python_version >= '3.8'"),
            "beta": pinned("beta", "1.0"),
            "winonly": pinned("winonly", "1.0", markers="sys_platform == 'win32'"),
        },
        "develop": {"gamma": pinned("gamma", "1.0")},
        **changes,
    }


def write(place: Any, content: dict[str, Any]) -> Any:
    """Write the lock."""
    return place.write("Pipfile.lock", json.dumps(content, indent=4))


def test_the_pins_of_the_lock_are_taken_from_its_own_source(served: Any, place: Any, resolve: Any) -> None:
    """No more than it names, and of another platform nothing."""
    found = resolve(write(place, document(served)), machine=IndexConfig(index_url="http://127.0.0.1:1/"))

    assert {"alpha": "1.0", "beta": "1.0"} == versions(found)
    assert {"index-verified"} == {package.installed.evidence for package in found.packages}


def test_the_pipfile_beside_tells_what_was_asked_for(served: Any, place: Any, resolve: Any) -> None:
    """And categories are chosen by name."""
    place.write("Pipfile", '[packages]\nAlpha = "*"\n[dev-packages]\ngamma = "*"\n')

    found = resolve(write(place, document(served)), groups=("develop",))

    assert {"alpha": True, "beta": False, "gamma": True} == {
        package.name: package.installed.requested for package in found.packages
    }


def test_a_lock_that_is_older_than_the_pipfile_is_refused(served: Any, place: Any, resolve: Any) -> None:
    """It would lack a package without a word."""
    place.write("Pipfile", '[packages]\nalpha = "*"\ngamma = "*"\n')

    with pytest.raises(CaptureError, match="is older than Pipfile and lacks gamma: run 'pipenv lock'"):
        resolve(write(place, document(served)))


def test_a_hash_that_the_source_does_not_have_is_refused(served: Any, place: Any, resolve: Any) -> None:
    """The release was replaced, or it is another index."""
    content = document(served)
    content["default"]["beta"]["hashes"] = [f"sha256:{'0' * 64}"]

    with pytest.raises(CaptureError, match=r"beta 1\.0: no file of it"):
        resolve(write(place, content))


def test_a_login_in_a_source_comes_from_a_variable(served: Any, place: Any, resolve: Any) -> None:
    """As pipenv has it."""
    served.login = "someone:s3cret"
    content = document(served)
    content["_meta"]["sources"][0]["url"] = served.url.replace("://", "://someone:${TOKEN}@")

    found = resolve(write(place, content), env={"TOKEN": "s3cret"})

    assert {"index-verified"} == {package.installed.evidence for package in found.packages}
    assert "s3cret" not in str(found.packages)


def test_what_comes_from_git_is_not_built(served: Any, place: Any, resolve: Any) -> None:
    """The key is named."""
    content = document(served, develop={"fresh": {"git": "https://index.example/fresh.git", "ref": "0" * 40}})

    with pytest.raises(CaptureError, match=r"develop\.fresh comes from git"):
        resolve(write(place, content), groups=("develop",))


def test_an_unknown_category_is_named(served: Any, place: Any, resolve: Any) -> None:
    """With those that there are."""
    with pytest.raises(UsageError, match=r"--group docs: .* it has default, develop"):
        resolve(write(place, document(served)), groups=("docs",))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"Pipfile\.lock: not valid JSON"),
        ("[]", r"Pipfile\.lock: not valid JSON"),
        ('{"default": {}}', "_meta: Expected `object`"),
        ('{"_meta": {"pipfile-spec": 7}, "default": {}}', "pipfile-spec is 7"),
        ('{"_meta": {"pipfile-spec": 6}, "default": {"a": {"version": 1}}}', "default: Expected `str"),
        ('{"_meta": {"pipfile-spec": 6}, "default": {"a": {"version": ">>1"}}}', r"default\.a: "),
    ],
)
def test_what_pipenv_does_not_write_is_refused(text: str, message: str, place: Any, resolve: Any) -> None:
    """The key is named."""
    with pytest.raises(InvalidFileError, match=message):
        resolve(place.write("Pipfile.lock", text))
