"""uv and pip-tools lock the same packages to the same files."""

import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace as changed

from envsnap.errors import CaptureError, MissingToolError
from envsnap.host.index.config import IndexConfig
from envsnap.host.index.pip_tools import PipTools, find_pip_tools
from envsnap.lock.lock import Locked, Sources, lock_environment
from envsnap.lock.memo import Memo
from envsnap.manifest.package import Package

pytestmark = pytest.mark.processes


def lock_with_pip_tools(venv: Any, made: Sources, config: IndexConfig, folder: Path) -> Locked:
    """Lock what is installed, from nothing known."""
    sources = Sources(
        python=made.python, files=made.files, project=made.project, wheels=made.wheels, records=made.records,
        builder=made.builder, indexes=made.indexes, locker=PipTools(config), memo=Memo(folder / "memo", made.wheels),
    )  # fmt: skip
    return lock_environment(tuple(venv.probe().values()), sources)


def without_time(package: Package) -> Package:
    """Leave out what only uv's answer tells: size and time of upload."""
    wheels = tuple(changed(wheel, size=None, upload_time=None) for wheel in package.wheels)
    sdist = changed(package.sdist, size=None, upload_time=None) if package.sdist else None
    return changed(package, wheels=wheels, sdist=sdist)


@pytest.mark.parametrize(("pages", "hashes"), [("json", True), ("html", True), ("html", False)])
def test_both_lockers_give_the_same_files(
    index: Any, venv: Any, make_wheel: Any, sources: Any, pages: str, hashes: bool
) -> None:
    """By login, with and without announced hashes: proven, yanked, packed and local ones alike."""
    for name in ("one", "two", "gone"):
        make_wheel(name, "1.0", folder=index.folder)
    linked = make_wheel("linked", "1.0")
    index.pages, index.hashes, index.login = pages, hashes, "someone:s3cret"
    index.announced["two-1.0-py3-none-any.whl"] = {"yanked": "it deletes files"}
    venv.install_from(index, "one", "two==1.0", "gone")
    venv.install("--no-index", "--find-links", str(linked.parent), "linked")
    (index.folder / "gone-1.0-py3-none-any.whl").unlink()
    config = IndexConfig(index_url=index.config.index_url, find_links=(str(linked.parent),))
    made = sources(config)

    by_uv = lock_environment(tuple(venv.probe().values()), made)
    by_pip_tools = lock_with_pip_tools(venv, made, config, linked.parent)

    assert list(map(without_time, by_uv.packages)) == list(map(without_time, by_pip_tools.packages))
    assert by_uv.findings == by_pip_tools.findings
    assert {"gone": "repacked", "linked": "local-file", "one": "index-verified", "two": "index-verified"} == {
        package.name: package.installed.evidence for package in by_uv.packages
    }


def test_pip_tools_that_fails_is_an_error_without_a_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own words are kept."""
    monkeypatch.setenv("PIP_TIMEOUT", "never")

    with pytest.raises(CaptureError, match=r"pip-tools could not ask the package indexes: .*timeout") as raised:
        PipTools(IndexConfig(index_url="http://u:s3cret@127.0.0.1:1/simple")).lock(
            ["demo==1.0"], python=Path(sys.executable), folder=tmp_path
        )

    assert "s3cret" not in str(raised.value)


def test_pip_tools_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    with pytest.raises(MissingToolError, match=r"pip install 'envsnap\[pip-tools\]'"):
        find_pip_tools(IndexConfig())
