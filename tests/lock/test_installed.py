"""Every installed distribution is locked to what was installed, and to nothing that only looks like it."""

import dataclasses
import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from installed_package import make_installed
from msgspec.structs import replace

from envsnap.errors import CaptureError
from envsnap.host.index.config import IndexConfig
from envsnap.lock.installed import describe_unlocked
from envsnap.manifest.installed import InstalledPackage
from envsnap.manifest.package import Checkout, Package, Provenance, Sbom

pytestmark = pytest.mark.processes


def lock_one(installed: InstalledPackage, sources: Any) -> Package:
    """Lock one distribution."""
    (locked,) = sources.lock([installed]).packages
    return cast("Package", locked)


def test_wheel_on_the_index_is_verified_by_its_record(index: Any, venv: Any, make_wheel: Any, sources: Any) -> None:
    """The index's URL and hash are taken once the RECORD inside that wheel equals the installed one."""
    wheel = make_wheel("demo", "1.0", folder=index.folder)
    venv.install(str(wheel))
    venv.site.joinpath("demo-1.0.dist-info/direct_url.json").unlink()

    locked = lock_one(venv.probe()["demo"], sources(index.config))

    assert "index-verified" == locked.installed.evidence
    assert index.url.replace("/simple", f"/files/{wheel.name}") == (locked.wheel.url if locked.wheel else None)


def test_wheel_of_the_same_name_and_other_contents_is_not_taken(
    index: Any, venv: Any, make_wheel: Any, sources: Any
) -> None:
    """Name, version and tags fit, the files do not: the installed files are packed instead."""
    venv.install(str(make_wheel("demo", "1.0", {"demo.py": "INSTALLED = 1\n"})))
    venv.site.joinpath("demo-1.0.dist-info/direct_url.json").unlink()
    make_wheel("demo", "1.0", {"demo.py": "SERVED = 1\n"}, folder=index.folder)

    locked = lock_one(venv.probe()["demo"], sources(index.config))

    assert ("repacked", ".envsnap/wheels/demo-1.0-py3-none-any.whl") == (
        locked.installed.evidence,
        locked.wheel.path if locked.wheel else None,
    )
    assert "no wheel on the configured indexes has the installed files" == locked.installed.reason


def test_version_that_no_index_serves_is_repacked(index: Any, venv: Any, make_wheel: Any, sources: Any) -> None:
    """One such package does not keep the others from being found."""
    venv.install(str(make_wheel("gone", "1.0")), str(make_wheel("demo", "1.0", folder=index.folder)))
    for name in ("gone", "demo"):
        venv.site.joinpath(f"{name}-1.0.dist-info/direct_url.json").unlink()

    locked = sources(index.config).lock(tuple(venv.probe().values())).packages

    assert {"demo": "index-verified", "gone": "repacked"} == {item.name: item.installed.evidence for item in locked}


def test_index_that_gives_no_file_is_inferred_and_says_so(index: Any, venv: Any, make_wheel: Any, sources: Any) -> None:
    """What could not be compared is not called verified."""
    venv.install(str(make_wheel("demo", "1.0", folder=index.folder)))
    venv.site.joinpath("demo-1.0.dist-info/direct_url.json").unlink()
    index.file_status = 403

    locked = lock_one(venv.probe()["demo"], sources(index.config))

    assert "index-inferred" == locked.installed.evidence
    assert "content not compared: the index answers a range request with HTTP status 403" == locked.installed.reason


def test_credentials_reach_the_index_and_nothing_else(
    index: Any, venv: Any, make_wheel: Any, sources: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    """The login is used for page and wheel; it stands neither in the entry nor in what is printed."""
    venv.install(str(make_wheel("demo", "1.0", folder=index.folder)))
    venv.site.joinpath("demo-1.0.dist-info/direct_url.json").unlink()
    index.login = "someone:s3cret"

    locked = lock_one(venv.probe()["demo"], sources(index.config))

    assert "index-verified" == locked.installed.evidence
    assert b"s3cret" not in msgspec.json.encode(locked)
    assert b"someone" not in msgspec.json.encode(locked)
    assert "s3cret" not in "".join(capfd.readouterr())


def test_index_that_does_not_answer_is_an_error_without_credentials(
    venv: Any, make_wheel: Any, sources: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network that fails is not taken for 'no such package'; the exit code is that of capture."""
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    venv.install(str(make_wheel("demo", "1.0")))
    venv.site.joinpath("demo-1.0.dist-info/direct_url.json").unlink()
    closed = IndexConfig(index_url="http://someone:s3cret@127.0.0.1:1/simple")

    with pytest.raises(CaptureError, match="could not ask the package indexes") as raised:
        lock_one(venv.probe()["demo"], sources(closed))

    assert 4 == raised.value.exit_code
    assert "s3cret" not in str(raised.value)


def test_wheel_in_a_find_links_folder_is_kept_beside_the_lock(
    index: Any, venv: Any, make_wheel: Any, sources: Any
) -> None:
    """No other machine can ask this machine's folder."""
    wheel = make_wheel("demo", "1.0")
    venv.install("--no-index", "--find-links", str(wheel.parent), "demo")
    config = IndexConfig(index_url=index.url, find_links=(str(wheel.parent),))

    locked = lock_one(venv.probe()["demo"], sources(config))

    assert "local-file" == locked.installed.evidence
    assert (
        wheel.read_bytes()
        == (sources(config).maker.wheels.project / str(locked.wheel and locked.wheel.path)).read_bytes()
    )


def test_second_index_is_asked_where_the_first_serves_other_files(
    index: Any, venv: Any, make_wheel: Any, sources: Any
) -> None:
    """uv shows one index's files; the wheel of the other is found all the same."""
    venv.install(str(make_wheel("demo", "1.0", {"demo.py": "RIGHT = 1\n"}, folder=index.folder)))
    venv.site.joinpath("demo-1.0.dist-info/direct_url.json").unlink()
    other = make_wheel("demo", "1.0", {"demo.py": "WRONG = 1\n"}).parent
    page = other / "simple" / "demo"
    page.mkdir(parents=True)
    wheel = next(other.glob("*.whl"))
    (page / "index.html").write_text(f'<a href="{wheel.as_uri()}">{wheel.name}</a>')
    config = IndexConfig(index_url=(other / "simple").as_uri(), extra_index_urls=(index.url,))

    locked = lock_one(venv.probe()["demo"], sources(config))

    assert "index-verified" == locked.installed.evidence


def test_offline_knows_what_an_earlier_freeze_proved(index: Any, venv: Any, make_wheel: Any, sources: Any) -> None:
    """Without the memo nothing can be said; with it the entry is the same, and the index is not asked."""
    venv.install(str(make_wheel("demo", "1.0", folder=index.folder)))
    venv.site.joinpath("demo-1.0.dist-info/direct_url.json").unlink()
    installed = venv.probe()["demo"]

    blind = lock_one(installed, sources(IndexConfig(), offline=True))
    online = lock_one(installed, sources(index.config))
    index.asked.clear()
    remembered = lock_one(installed, sources(IndexConfig(), offline=True))

    assert ("none", "frozen offline, and no earlier freeze had found its artefact") == (
        blind.installed.evidence,
        blind.installed.reason,
    )
    assert online == remembered
    assert [] == index.asked


def test_editable_tree_is_built_into_a_wheel(index: Any, venv: Any, sources: Any, tmp_path: Path) -> None:
    """The rebuilt package is a wheel of the tree; PEP 751 has no version beside a directory."""
    locked = lock_one(editable(venv, elsewhere(tmp_path), version="1.0"), sources(index.config))

    assert ("repacked", "1.0", None) == (locked.installed.evidence, locked.installed.version, locked.version)
    assert ("tree", True) == (locked.directory and (locked.directory.path, locked.directory.editable))
    assert locked.expected_digest != locked.installed.content_digest


def test_editable_tree_that_moved_on_is_reported(index: Any, venv: Any, sources: Any, tmp_path: Path) -> None:
    """A wheel of another version would not rebuild what is installed."""
    installed = editable(venv, elsewhere(tmp_path), version="1.0")
    write_tree(tmp_path / "tree", version="2.0")

    locked = lock_one(installed, sources(index.config))

    assert ("none", "its source folder builds version 2.0 by now; install it anew") == (
        locked.installed.evidence,
        locked.installed.reason,
    )


def test_editable_tree_that_is_gone_is_reported(index: Any, venv: Any, sources: Any, tmp_path: Path) -> None:
    """Nothing can be built from it."""
    installed = editable(venv, tmp_path / "tree", version="1.0")
    (tmp_path / "tree").rename(tmp_path / "elsewhere")

    locked = lock_one(installed, sources(index.config))

    assert "its source folder is not there, or lies in an image" == locked.installed.reason


def test_editable_tree_of_the_project_is_code(index: Any, venv: Any, sources: Any, tmp_path: Path) -> None:
    """No artefact is kept, and nothing that changes with the code or the place stands in its record."""
    locked = lock_one(editable(venv, tmp_path / "tree", version="1.0"), sources(index.config))

    assert locked.is_own_code
    assert ("working-tree", "1.0", "", None) == (
        locked.installed.evidence,
        locked.installed_version,
        locked.installed.content_digest,
        locked.wheel,
    )
    assert ("tree", True) == (locked.directory and (locked.directory.path, locked.directory.editable))


def elsewhere(folder: Path) -> Path:
    """Give a folder for a source tree that is a repository of its own, as a checkout that pip made."""
    subprocess.run(("git", "init", "--quiet", str(folder / "tree")), check=True)
    return folder / "tree"


BACKEND = """
import base64, hashlib, pathlib, zipfile

VERSION = "{version}"


def build_wheel(folder, settings=None, metadata=None, code="X = 1"):
    stem = "demo-" + VERSION
    name = stem + "-py3-none-any.whl"
    files = {{
        "demo.py": code,
        stem + ".dist-info/METADATA": "Metadata-Version: 2.1\\nName: demo\\nVersion: " + VERSION + "\\n",
        stem + ".dist-info/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }}
    rows = [path + ",sha256=" + base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            + "," + str(len(text)) for path, text in files.items()]
    files[stem + ".dist-info/RECORD"] = "\\n".join(rows) + "\\n" + stem + ".dist-info/RECORD,,\\n"
    with zipfile.ZipFile(pathlib.Path(folder) / name, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return name


def build_editable(folder, settings=None, metadata=None):
    return build_wheel(folder, code="# finds the tree\\n")
"""
"""A build backend that needs no index: it lies in the tree (PEP 517, ``backend-path``)."""


def write_tree(folder: Path, version: str) -> None:
    """Write a source tree."""
    folder.mkdir(exist_ok=True)
    (folder / "backend.py").write_text(BACKEND.format(version=version))
    (folder / "pyproject.toml").write_text(
        f'[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        f'[project]\nname = "demo"\nversion = "{version}"\n'
    )


def editable(venv: Any, folder: Path, version: str) -> InstalledPackage:
    """Install a source tree in editable mode."""
    write_tree(folder, version)
    venv.install("-e", str(folder))
    installed: InstalledPackage = venv.probe()["demo"]
    return installed


def test_folder_is_repacked(index: Any, venv: Any, sources: Any, tmp_path: Path) -> None:
    """What was installed counts, not what lies in the folder now."""
    write_tree(tmp_path / "tree", version="1.0")
    venv.install(str(tmp_path / "tree"))

    locked = lock_one(venv.probe()["demo"], sources(index.config))

    assert ("repacked", "installed from a folder", "1.0") == (
        locked.installed.evidence,
        locked.installed.reason,
        locked.version,
    )


def with_direct_url(venv: Any, wheel: Path, **direct: Any) -> InstalledPackage:
    """Install a wheel as though it had come from elsewhere."""
    venv.install(str(wheel))
    (venv.site / "demo-1.0.dist-info" / "direct_url.json").write_text(json.dumps(direct))
    installed: InstalledPackage = venv.probe()["demo"]
    return installed


def test_archive_from_a_url_keeps_url_and_hash(index: Any, venv: Any, make_wheel: Any, sources: Any) -> None:
    """The installer noted the hash of what it fetched."""
    url = "https://files.example/demo-1.0-py3-none-any.whl"
    installed = with_direct_url(venv, make_wheel("demo", "1.0"), url=url, archive_info={"hashes": {"sha256": "a" * 64}})

    locked = lock_one(installed, sources(index.config))

    assert ("direct-url", url, {"sha256": "a" * 64}) == (
        locked.installed.evidence,
        *((locked.wheel.url, locked.wheel.hashes) if locked.wheel else ()),
    )


@pytest.mark.parametrize("url", ["https://u:s3cret@files.example/demo.whl", "http://files.example/demo.whl"])
def test_archive_behind_a_login_or_no_tls_is_repacked(
    index: Any, venv: Any, make_wheel: Any, sources: Any, url: str
) -> None:
    """Another machine cannot, or should not, fetch it."""
    installed = with_direct_url(venv, make_wheel("demo", "1.0"), url=url, archive_info={"hashes": {"sha256": "a" * 64}})

    locked = lock_one(installed, sources(index.config))

    assert "repacked" == locked.installed.evidence
    assert b"s3cret" not in msgspec.json.encode(locked)


def test_checkout_keeps_its_commit_without_credentials(index: Any, venv: Any, make_wheel: Any, sources: Any) -> None:
    """The wheel rebuilds it; the commit says what it is."""
    vcs = {"vcs": "git", "commit_id": "c" * 40, "requested_revision": "main"}
    installed = with_direct_url(venv, make_wheel("demo", "1.0"), url="https://t0ken@git.example/d.git", vcs_info=vcs)

    locked = lock_one(installed, sources(index.config))

    assert ("https://git.example/d.git", "c" * 40, "main") == (
        locked.vcs and (locked.vcs.url, locked.vcs.commit_id, locked.vcs.requested_revision)
    )
    assert ("repacked", True) == (locked.installed.evidence, locked.wheel is not None)
    assert b"t0ken" not in msgspec.json.encode(locked)


def test_damaged_local_wheel_is_not_trusted(index: Any, venv: Any, make_wheel: Any, sources: Any) -> None:
    """The file that it was installed from is no wheel any more: the installed files are packed."""
    wheel = make_wheel("demo", "1.0")
    venv.install(str(wheel))
    wheel.write_bytes(b"PK damaged")

    locked = lock_one(venv.probe()["demo"], sources(index.config))

    assert "repacked" == locked.installed.evidence


def test_edited_file_is_reported_and_kept(index: Any, venv: Any, make_wheel: Any, sources: Any) -> None:
    """The wheel holds what is there now, and the reason says that it is not what was installed."""
    venv.install(str(make_wheel("demo", "1.0")))
    venv.site.joinpath("demo-1.0.dist-info/direct_url.json").unlink()
    venv.site.joinpath("demo.py").unlink()
    venv.site.joinpath("demo.py").write_text("EDITED = 1\n")

    found = sources(index.config)
    locked = lock_one(venv.probe()["demo"], found)

    assert locked.installed.reason.endswith("they were changed after the installation")
    with zipfile.ZipFile(found.maker.wheels.path / "demo-1.0-py3-none-any.whl") as archive:
        assert b"EDITED = 1\n" == archive.read("demo.py")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"is_conda": True}, "conda owns it; the conda record pins it"),
        ({"problem": "it has no RECORD"}, "it has no RECORD"),
        (
            {"version": "not a version"},
            "its version 'not a version' is none that installers accept; install a release with a PEP 440 version",
        ),
    ],
)
def test_what_nothing_can_be_made_of_says_why(index: Any, sources: Any, change: dict[str, Any], reason: str) -> None:
    """Its reason is recorded, and no index is asked."""
    locked = lock_one(make_installed(**change), sources(index.config))

    assert ("none", reason) == (locked.installed.evidence, locked.installed.reason)
    assert [] == index.asked


def test_index_url_never_stands_in_a_process_list(
    index: Any, venv: Any, make_wheel: Any, sources: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commands are readable by every user of a machine; environments are not."""
    venv.install(str(make_wheel("demo", "1.0")))
    venv.site.joinpath("demo-1.0.dist-info/direct_url.json").unlink()
    installed, index.login, commands = venv.probe()["demo"], "someone:s3cret", []
    make_wheel("demo", "2.0", folder=index.folder)
    links = f"{index.url}/demo/"  # a page of links, which uv alone reads
    start = subprocess.Popen.__init__

    def note(popen: Any, args: Any, *rest: Any, **options: Any) -> None:
        commands.append(" ".join(args))
        start(popen, args, *rest, **options)

    monkeypatch.setattr(subprocess.Popen, "__init__", note)
    lock_one(installed, sources(dataclasses.replace(index.config, find_links=(links,))))

    assert commands
    assert not [command for command in commands if "s3cret" in command]


def test_how_a_package_was_found_is_kept() -> None:
    """Where it came from, whose it is, and what it brought, without the login in a URL."""
    provenance = Provenance(url="https://index.example/demo.whl", hashes={"sha256": "ab" * 32})
    found = make_installed(
        location="{base}/lib", origin="base", owner="dpkg", owner_package="python3-demo", editable=True,
        checkout=Checkout(commit="c0"), provenance=provenance, sboms=(Sbom(name="a.cdx.json", sha256="cd" * 32),),
    )  # fmt: skip

    (locked,) = describe_unlocked([found])

    assert replace(found.record, reason="not looked for") == locked.installed
