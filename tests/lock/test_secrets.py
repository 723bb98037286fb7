"""A login that freeze uses is written nowhere: neither in the lock, nor in the work space, nor in what is printed."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.processes

SECRETS = ("s3cret-url", "s3cret-netrc", "s3cret-vcs", "s3cret-links", "s3cret-variable", "some-user")


def freeze(project: Path, venv: Any, *options: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """Freeze for real, as verbose as can be."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_INDEX", "UV_DEFAULT"))}
    command = (sys.executable, "-m", "envsnap", "freeze", "-v", "--no-run", "--json", "--project", str(project))
    return subprocess.run(
        (*command, "--python", str(venv.python), *options),
        env=env | {"PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1", **variables},
        capture_output=True,
        check=False,
    )


def leaks(done: subprocess.CompletedProcess[bytes], project: Path) -> list[str]:
    """Name every place where a secret stands, plain or as a header would hold it."""
    places = {"standard output": done.stdout, "standard error": done.stderr}
    places |= {str(path.relative_to(project)): path.read_bytes() for path in project.rglob("*") if path.is_file()}
    coded = [base64.b64encode(f"some-user:{secret}".encode()) for secret in SECRETS]
    marks = [*(secret.encode() for secret in SECRETS), *coded]
    return [place for place, data in places.items() if any(mark in data for mark in marks)]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty project; the secrets lie outside."""
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


@pytest.mark.parametrize("locker", ["uv", "pip-tools"])
@pytest.mark.parametrize("way", ["url", "netrc", "variable"])
def test_no_login_is_written(make_index: Any, venv: Any, make_wheel: Any, project: Path, way: str, locker: str) -> None:
    """Not that of the index, of a page of links, of a repository, nor of an archive."""
    first, links = make_index("first"), make_index("links")
    make_wheel("demo", "1.0", folder=first.folder)
    make_wheel("linked", "1.0", folder=links.folder)
    links.pages = "html"
    venv.install_from(first, "demo")
    venv.install_from(links, "linked")
    plant(venv, make_wheel)
    first.login, links.login = f"some-user:s3cret-{way}", "some-user:s3cret-links"
    with_login = {"url": first.config.index_url, "netrc": first.url, "variable": f"own={first.url}"}[way]
    variables = {"UV_DEFAULT_INDEX": with_login, "UV_FIND_LINKS": links.config.index_url + "/linked/"}
    if way == "netrc":
        netrc = Path(os.environ["HOME"]) / ".netrc"
        netrc.write_text("machine 127.0.0.1 login some-user password s3cret-netrc\n")
        netrc.chmod(0o600)
    if way == "variable":
        variables |= {"UV_INDEX_OWN_USERNAME": "some-user", "UV_INDEX_OWN_PASSWORD": "s3cret-variable"}

    done = freeze(project, venv, "--locker", locker, **variables)

    assert 0 == done.returncode, done.stderr.decode()
    lock = (project / "envsnap.lock").read_text()
    assert 2 == lock.count('evidence = "index-verified"')
    assert f'index = "{first.url}"' in lock
    assert [] == leaks(done, project)


def test_no_login_of_an_installation_is_written_offline(index: Any, venv: Any, make_wheel: Any, project: Path) -> None:
    """What is installed names it, and no index is asked about it."""
    plant(venv, make_wheel)
    make_wheel("plain", "1.0", folder=index.folder)
    venv.install_from(index, "plain")

    done = freeze(project, venv, "--offline")

    assert 0 == done.returncode, done.stderr.decode()
    assert 'name = "plain"' in (project / "envsnap.lock").read_text()
    assert [] == leaks(done, project)


def plant(venv: Any, make_wheel: Any) -> None:
    """Install what names a login in its direct_url.json."""
    vcs = {"vcs": "git", "commit_id": "c" * 40}
    direct = {
        "checkout": {"url": "https://some-user:s3cret-vcs@git.example/d.git", "vcs_info": vcs},
        "archive": {"url": "https://some-user:s3cret-url@files.example/a.whl?token=s3cret-url", "archive_info": {}},
    }
    for name, contents in direct.items():
        venv.install(str(make_wheel(name, "1.0")))
        (venv.site / f"{name}-1.0.dist-info" / "direct_url.json").write_text(json.dumps(contents))


@pytest.mark.parametrize(
    "trouble", [{"status": 500}, {"pages": "portal"}, {"login": "some-user:another"}, {"announced": "a lie"}]
)
def test_trouble_tells_no_login_and_leaves_the_former_lock(
    index: Any, venv: Any, make_wheel: Any, project: Path, trouble: dict[str, Any]
) -> None:
    """Exit code 4, a message with the package or the index, and the project as it was."""
    wheel = make_wheel("demo", "1.0", folder=index.folder)
    venv.install_from(index, "demo")
    former = freeze(project, venv, "--offline")
    lock = (project / "envsnap.lock").read_bytes()
    configured = index.url.replace("://", "://some-user:s3cret-url@")
    index.login = "some-user:s3cret-url"
    for name, value in trouble.items():
        setattr(index, name, {wheel.name: {"hashes": {"sha256": "0" * 64}}} if name == "announced" else value)

    done = freeze(project, venv, UV_DEFAULT_INDEX=configured, UV_NO_CACHE="1")

    assert (0, 4) == (former.returncode, done.returncode)
    assert lock == (project / "envsnap.lock").read_bytes()
    assert index.url in done.stderr.decode() or "demo" in done.stderr.decode()
    assert [] == leaks(done, project)
    assert [] == [path.name for path in (project / ".envsnap").rglob("*") if path.name.startswith(("lock-", "fetch-"))]
