"""What an environment alone can read is copied out by RECORD, and makes the same wheel as the files themselves."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from package_index import MakeWheel, Venv

from envsnap import inside
from envsnap.capture.direct_url import parse_direct_url
from envsnap.environment.local import LocalEnvironment
from envsnap.lock.files import InsideEnvironment, OnThisMachine
from envsnap.lock.repack import repack

pytestmark = pytest.mark.processes


def test_a_copy_makes_the_same_wheel(venv: Venv, make_wheel: MakeWheel, tmp_path: Path) -> None:
    """Scripts, data files and modes included: the copy is taken by the environment's own interpreter."""
    files = {
        "demo/__init__.py": "x = 1\n",
        "demo-1.0.data/scripts/run-demo": "#!python\n",
        "demo-1.0.data/data/share/d": "",
    }
    venv.install(str(make_wheel("demo", "1.0", files)))
    installed = venv.probe()["demo"]
    for name in ("here", "copied", "scratch"):
        (tmp_path / name).mkdir()

    inside = InsideEnvironment(LocalEnvironment(venv.python), venv.prefix, tmp_path)
    readable = inside.bring(installed, tmp_path / "scratch")
    copied = repack(readable.package, prefix=readable.prefix, target=tmp_path / "copied")
    itself = OnThisMachine(venv.prefix).bring(installed, tmp_path)
    here = repack(itself.package, prefix=itself.prefix, target=tmp_path / "here")

    assert (tmp_path / "scratch") in Path(readable.package.root).parents
    assert here.read_bytes() == copied.read_bytes()


def test_a_record_cannot_ask_for_files_outside_of_the_environment(tmp_path: Path) -> None:
    """RECORD is untrusted: rows with .. or absolute paths are not followed."""
    site = tmp_path / "prefix" / "lib" / "python3.11" / "site-packages"
    (site / "demo-1.dist-info").mkdir(parents=True)
    (site / "demo.py").touch()
    (tmp_path / "secret").touch()
    rows = f"demo.py,,\n../../../../secret,,\n{tmp_path}/secret,,\n"
    (site / "demo-1.dist-info" / "RECORD").write_text(rows)
    asked = {
        "root": str(site),
        "folder": "demo-1.dist-info",
        "prefix": str(tmp_path / "prefix"),
        "target": str(tmp_path / "t"),
    }

    subprocess.run((sys.executable, inside.START, "copy_files.py", json.dumps(asked)), check=True)

    copied = [path for path in (tmp_path / "t").rglob("*") if path.is_file()]
    assert [tmp_path / "t" / str(site / "demo.py").lstrip("/")] == copied


def test_a_source_tree_in_an_image_is_not_looked_for_on_this_machine(venv: Venv, tmp_path: Path) -> None:
    """A folder of the same name here would be another one."""
    direct = parse_direct_url(json.dumps({"url": tmp_path.as_uri(), "dir_info": {"editable": True}}))
    assert direct is not None

    assert tmp_path == OnThisMachine(venv.prefix).source_tree(direct)
    assert InsideEnvironment(LocalEnvironment(venv.python), venv.prefix, tmp_path).source_tree(direct) is None
