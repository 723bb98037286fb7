"""Indexes' pages prove what is installed before uv is asked."""

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from installed_package import change_installed

from envsnap.errors import CaptureError
from envsnap.lock.indexes import Indexes
from envsnap.lock.locked_packages import LockedPackages

pytestmark = pytest.mark.processes

NAMES = tuple(f"demo-{number}" for number in range(6))


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that are started from here on."""
    started: list[list[str]] = []
    start = subprocess.Popen.__init__

    def note(popen: Any, args: Any, *rest: Any, **options: Any) -> None:
        started.append(list(args))
        start(popen, args, *rest, **options)

    monkeypatch.setattr(subprocess.Popen, "__init__", note)
    return started


@pytest.fixture
def installed(index: Any, venv: Any, make_wheel: Any) -> Any:
    """Packages of an index with a login; it withdrew one, and has another no more."""
    for name in (*NAMES, "gone"):
        make_wheel(name, "1.0", folder=index.folder)
    index.login = "someone:s3cret"
    index.announced["demo_1-1.0-py3-none-any.whl"] = {"yanked": "it deletes files"}
    venv.install_from(index, *(f"{name}==1.0" for name in (*NAMES, "gone")))
    (index.folder / "gone-1.0-py3-none-any.whl").unlink()
    index.asked.clear()
    return tuple(venv.probe().values())


def evidence(locked: LockedPackages) -> dict[str, str]:
    """Give each package's evidence."""
    return {package.name: package.installed.evidence for package in locked.packages}


def test_pages_that_were_all_read_leave_nothing_to_ask_uv(
    index: Any, installed: Any, sources: Any, commands: list[list[str]]
) -> None:
    """Each package costs its page and its RECORD; one that no index has is packed."""
    locked = sources(index.config).lock(installed)

    assert dict.fromkeys(NAMES, "index-verified") | {"gone": "repacked"} == evidence(locked)
    assert ["it deletes files"] == [one.installed.yanked for one in locked.packages if one.installed.yanked]
    assert ["yanked-release"] == [finding.kind for finding in locked.findings]
    assert {f"/simple/{name}/" for name in (*NAMES, "gone")} == {path for path in index.asked if "simple" in path}
    assert len(index.asked) == len(set(index.asked))
    assert [] == commands


def test_where_a_page_cannot_be_read_uv_is_asked(index: Any, installed: Any, sources: Any, commands: Any) -> None:
    """Its index has a login that only uv knows, from a keyring for one; here the whole index is down."""
    index.status = 500

    with pytest.raises(CaptureError, match="uv could not ask the package indexes"):
        sources(index.config).lock(installed)

    assert [["pip", "compile"]] == [command[1:3] for command in commands]


@pytest.mark.parametrize("version", ["1.0.0", "1", "01.0"])
def test_a_version_that_a_file_spells_otherwise_is_the_same(
    index: Any, venv: Any, make_wheel: Any, sources: Any, version: str
) -> None:
    """METADATA and the file's name need not agree on zeros."""
    make_wheel("demo", "1.0", folder=index.folder)
    venv.install_from(index, "demo")
    (found,) = venv.probe().values()

    (locked,) = sources(index.config).lock([change_installed(found, version=version)]).packages

    assert "index-verified" == locked.installed.evidence


def test_a_page_that_cannot_be_read_is_asked_for_once(index: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking again would take as long, and say the same."""
    monkeypatch.setattr("envsnap.host.index.http.RETRIED", ())
    index.status = 500
    indexes = Indexes(index.config, lambda: (index.config.index_url,))

    for _ in range(3):
        with pytest.raises(CaptureError, match="answers with HTTP status 500"):
            indexes.read("demo")

    assert ["/simple/demo/"] == index.asked


def test_certificates_are_read_where_something_is_asked(index: Any, tmp_path: Path) -> None:
    """A freeze whose packages are all known asks nothing, and needs none."""
    (tmp_path / "ca.pem").write_text("no certificate")
    indexes = Indexes(replace(index.config, certificates=tmp_path / "ca.pem"), lambda: (index.config.index_url,))

    with pytest.raises(CaptureError, match=r"the certificates in .*ca\.pem cannot be read"):
        indexes.read("demo")

    assert [] == index.asked
