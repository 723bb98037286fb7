"""The probe reads any CPython environment from inside, imports none of it, and stays readable to Python 3.8."""

import ast
import base64
import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsnap.inside.probe import _probe_document, _probe_frameworks, _probe_interpreter, _probe_packages, _probe_record

PROBE = Path(str(_probe_packages.__file__)).with_name("probe.py")


def write(root: Path, files: Mapping[str, str]) -> None:
    """Write files below ``root``."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def hashed(text: str) -> str:
    """Spell a hash as RECORD does."""
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the search path."""
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    return tmp_path


@pytest.mark.parametrize("script", sorted(PROBE.parent.glob("*.py")), ids=lambda path: path.name)
def test_what_runs_inside_is_readable_to_python_3_8(script: Path) -> None:
    """A syntax error there would look like a broken environment."""
    ast.parse(script.read_text(), feature_version=(3, 8))


@pytest.mark.parametrize("script", sorted(PROBE.parent.glob("*.py")), ids=lambda path: path.name)
def test_the_probe_imports_nothing_but_the_standard_library_and_itself(script: Path) -> None:
    """It must start in an environment that has nothing installed."""
    own = {path.stem for path in PROBE.parent.glob("*.py")}
    tree = ast.parse(script.read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert {name.rpartition(".")[2] for name in names} <= sys.stdlib_module_names | own


@pytest.mark.processes
def test_the_document_follows_the_marker_on_one_line(root: Path) -> None:
    """Isolated from this process's packages, it starts and answers."""
    done = subprocess_probe(root)

    _, _, document = done.rpartition(f"\n{_probe_document.MARKER}\n")

    assert 1 == document.count("\n")
    assert sys.version.split()[0].rstrip("+") == json.loads(document)["interpreter"]["version"]


def subprocess_probe(root: Path) -> str:
    """Run the probe as a script, isolated."""
    command = (sys.executable, "-I", "-S", str(PROBE))
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout


def test_a_wheel_is_described_by_its_dist_info(root: Path) -> None:
    """Every fact that the lock stage needs."""
    info = {
        "METADATA": "Name: Demo.Pkg\nVersion: 1.0\n\nVersion: of the text\n",
        "WHEEL": "Wheel-Version: 1.0\nBuild: 2\nTag: py2-none-any\nTag: py3-none-any\n",
        "RECORD": f"demo.py,{hashed('x')},1\n",
        "INSTALLER": "pip\n",
        "REQUESTED": "",
        "direct_url.json": "{}",
    }
    write(root / "demo_pkg-1.0.dist-info", info)

    expected = {
        "name": "Demo.Pkg", "version": "1.0", "root": str(root), "folder": "demo_pkg-1.0.dist-info",
        "tags": ["py2-none-any", "py3-none-any"], "build": "2", "installer": "pip", "requested": True,
        "metadata-sha256": hashlib.sha256(info["METADATA"].encode()).hexdigest(), "direct-url": "{}", "files": 1,
        "content-digest": hashlib.sha256(f"demo.py,{hashed('x')}".encode()).hexdigest(), "problem": "",
    }  # fmt: skip

    assert [expected] == _probe_packages.packages()


@pytest.mark.parametrize(
    ("folder", "files", "name", "version", "problem"),
    [
        ("a-1.0.dist-info", {"RECORD": "a.py,,\n"}, "a", "1.0", "METADATA is missing or empty"),
        ("a-b-1.0.dist-info", {"METADATA": ""}, "a-b", "1.0", "METADATA is missing or empty"),
        ("a-1.0.dist-info", {"METADATA": "Name: a\nVersion: 1.0\n"}, "a", "1.0", "has no RECORD"),
        ("a-1.0.dist-info", {"METADATA": "Name: a\n", "RECORD": "\n"}, "a", "1.0", "has no RECORD"),
        ("a-1.0.dist-info", {"METADATA": "Name: a\n", "RECORD": "../../../bin/a,,\n"}, "a", "1.0", "names no files"),
        ("a-1.0-py3.9.egg-info", {"PKG-INFO": "Name: A\nVersion: 1.0\n"}, "A", "1.0", "without a wheel"),
        ("a-1.0-py3.9.egg-info", {"top_level.txt": ""}, "a", "1.0", "without a wheel"),
        ("odd.dist-info", {"METADATA": ""}, "odd", "", "METADATA is missing or empty"),
    ],
)
def test_what_is_incomplete_says_so(
    root: Path, folder: str, files: dict[str, str], name: str, version: str, problem: str
) -> None:
    """Name and version come from the folder where the files do not tell."""
    write(root / folder, files)

    found = _probe_packages.packages()[0]

    assert (name, version) == (found["name"], found["version"])
    assert problem in str(found["problem"])


def test_eggs_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """easy_install put each into a folder of its own, and distutils left single files."""
    write(tmp_path, {"a-1.0-py3.8.egg/EGG-INFO/PKG-INFO": "Name: a\nVersion: 1.0\n", "b-2.0.egg-info": "Name: b\n"})
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(tmp_path / "a-1.0-py3.8.egg"), "", str(tmp_path / "gone.zip")])

    assert [("b", "2.0"), ("a", "1.0")] == [(found["name"], found["version"]) for found in _probe_packages.packages()]


def test_a_folder_counts_once_under_its_first_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``lib64`` is a link to ``lib`` in many virtual environments."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib64").symlink_to("lib")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "lib"), str(tmp_path / "lib64"), str(PROBE.parent)])

    assert [str(tmp_path / "lib")] == _probe_interpreter.roots()


def test_the_digest_leaves_out_what_differs_between_installers() -> None:
    """A wheel and its installation, by whichever installer, have one digest."""
    wheel = "demo.py,sha256=a,1\ndemo-1.data/data/share/x,sha256=b,1\ndemo-1.data/scripts/tool,sha256=c,1\n"
    installed = (
        "../../../bin/tool,sha256=z,9\r\n../../../share/x,sha256=b,1\r\n__pycache__/demo.cpython-311.pyc,,\r\n"
        "demo-1.dist-info/INSTALLER,sha256=i,4\r\ndemo-1.dist-info/RECORD,,\r\ndemo.py,sha256=a,1\r\n"
    )

    assert _probe_record.content_digest(wheel) == _probe_record.content_digest(installed)
    assert 2 == _probe_record.content_digest(wheel)[1]
    assert ("", 0) == _probe_record.content_digest("demo-1.dist-info/RECORD,,\n")


@given(
    st.lists(st.tuples(st.from_regex(r"[a-z]{1,5}\.py", fullmatch=True), st.sampled_from("abc")), min_size=1),
    st.randoms(),
)
def test_the_digest_depends_on_the_rows_and_not_on_their_order(rows: list[tuple[str, str]], order: Any) -> None:
    """Installers sort as they like; one changed hash is another digest."""
    lines = [f"{name},sha256={letter},1\n" for name, letter in rows]
    shuffled = list(lines)
    order.shuffle(shuffled)
    changed = [lines[0].replace("sha256=", "sha256=x"), *lines[1:]]

    assert _probe_record.content_digest("".join(lines)) == _probe_record.content_digest("".join(shuffled))
    assert _probe_record.content_digest("".join(lines)) != _probe_record.content_digest("".join(changed))


@pytest.mark.parametrize("name", ['a,"b".py', "line\nbreak.py", "next\x85line.py", "sep\u2028.py"])
def test_odd_names_are_one_row(name: str) -> None:
    """Only a newline outside of quotes ends a row."""
    quoted = '"' + name.replace('"', '""') + '"' if '"' in name or "\n" in name else name

    expected = hashlib.sha256(f"{name},sha256=a\nz.py,sha256=b".encode()).hexdigest()

    assert (expected, 2) == _probe_record.content_digest(f"{quoted},sha256=a,1\nz.py,sha256=b,1\n")


@pytest.mark.parametrize(
    ("text", "build", "compiler"),
    [
        ("3.11.7 (main, May  9 2026, 07:35:25) [GCC 12.2.0]", "main, May  9 2026, 07:35:25", "GCC 12.2.0"),
        ("3.11.7 | packaged by conda-forge | (main, Dec 23 2023) \n[GCC 12.3.0]", "main, Dec 23 2023", "GCC 12.3.0"),
        ("odd", "", ""),
    ],
)
def test_builds_are_described(monkeypatch: pytest.MonkeyPatch, text: str, build: str, compiler: str) -> None:
    """conda-forge writes its name before the parenthesis."""
    monkeypatch.setattr(sys, "version", text)

    found = _probe_interpreter.interpreter()

    assert (build, compiler) == (found["build"], found["compiler"])


def test_conda_records_name_what_they_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A damaged record is reported and hides no other one."""
    good = {"name": "numpy", "version": "1", "files": ["lib/numpy-1.dist-info/METADATA", "bin/x"], "depends": []}
    write(tmp_path / "conda-meta", {"b.json": json.dumps(good), "a.json": "{", "c.json": "[]", "history": ""})
    monkeypatch.setattr(sys, "prefix", str(tmp_path))

    damaged = "its record in conda-meta is not JSON"

    assert [
        {"name": "a.json", "problem": damaged},
        {"name": "numpy", "version": "1", "owns": ["numpy-1.dist-info"]},
        {"name": "c.json", "problem": damaged},
    ] == _probe_packages.conda_packages()


def test_torchs_cuda_is_read_without_importing_torch(root: Path) -> None:
    """``None`` is not a version."""
    lines = "__version__ = '2.4.0+cu124'\ndebug = False\ncuda: Optional[str] = '12.4'\nhip: Optional[str] = None\n"
    write(root / "torch", {"version.py": lines, "__init__.py": "raise SystemExit\n"})

    assert {"version": "2.4.0+cu124", "cuda": "12.4"} == _probe_frameworks.torch_build()
