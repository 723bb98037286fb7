"""An environment's answer becomes facts: noise is no answer, and what is doubtful is reported."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uv

from envsnap.capture.environment import CapturedEnvironment, capture_environment
from envsnap.capture.interpreter import provenance
from envsnap.capture.packages import without_channel_token
from envsnap.environment import Completed, Execution
from envsnap.environment.local import LocalEnvironment
from envsnap.errors import CaptureError
from envsnap.inside.probe._probe_document import MARKER

SITE = "/venv/lib/python3.11/site-packages"
INTERPRETER = {
    "implementation": "cpython", "version": "3.11.7", "build": "main", "compiler": "GCC", "soabi": "cpython-311",
    "executable": "/venv/bin/python", "prefix": "/venv", "base-prefix": "/usr", "conda": False, "venv": True,
    "uv": False, "path": [SITE],
}  # fmt: skip
PLATFORM = {
    "system": "Linux",
    "arch": "x86_64",
    "libc": "glibc",
    "libc-version": "2.36",
    "distribution": "d",
    "kernel": "6",
}


class FakeEnvironment:
    """Answers the probe with a given text."""

    name = "interpreter /venv/bin/python"
    python = "/venv/bin/python"

    def __init__(self, stdout: str, *, exit_code: int = 0, stderr: str = "") -> None:
        self.answer = Completed(exit_code=exit_code, stdout=stdout.encode(), stderr=stderr.encode(), seconds=0.0)

    def execute(self, execution: Execution) -> Completed:
        """Answer; the probe must be readable there."""
        assert Path(execution.argv[1]).parent in execution.read_only
        return self.answer


def document(*packages: dict[str, Any], conda: tuple[dict[str, Any], ...] = (), **interpreter: Any) -> str:
    """Return what the probe prints."""
    found = {"interpreter": INTERPRETER | interpreter, "platform": PLATFORM, "torch-build": {}}
    return f"\n{MARKER}\n" + json.dumps(found | {"packages": packages, "conda": conda}) + "\n"


def package(folder: str, *, root: str = SITE, **fields: Any) -> dict[str, Any]:
    """Return a distribution as the probe describes it."""
    name, _, version = folder.removesuffix(".dist-info").rpartition("-")
    return {"name": name, "version": version, "root": root, "folder": folder} | fields


def capture(text: str, **options: Any) -> CapturedEnvironment:
    """Capture an environment that prints ``text``."""
    return capture_environment(FakeEnvironment(text, **options), Path("/work"))


def test_packages_are_named_and_placed() -> None:
    """Names are normalised; places are relative to the environment."""
    found = capture(document(package("Foo.Bar-1.0.dist-info"), package("x-1.dist-info", root="/usr/lib/python3")))

    assert [("foo-bar", "{prefix}/lib/python3.11/site-packages"), ("x", "{base}/lib/python3")] == [
        (item.name, item.location) for item in found.packages
    ]
    assert () == found.not_captured


def test_noise_around_the_answer_does_not_count() -> None:
    """A ``sitecustomize`` prints before, an exit handler after; a package may even hold the marker in its metadata."""
    noise = f"{MARKER} is what a .pth file printed\n"
    text = noise + document(package("a-1.dist-info", **{"direct-url": f'{{"x": "\n{MARKER}\n"}}'})) + "bye\n"

    assert ["a"] == [item.name for item in capture(text).packages]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {"exit_code": 1, "stderr": "a\nb\nc\nSyntaxError: no"}, r"\(exit code 1\): b c SyntaxError: no\. envsnap"),
        ("", {}, r"it printed nothing.*CPython of version 3\.8 or newer"),
        (document(version="3.7.17"), {}, "is cpython 3.7.17; envsnap captures CPython 3.8 and newer"),
        (document(implementation="pypy"), {}, "is pypy 3.11.7"),
        (f"\n{MARKER}\n{{", {}, "that is not JSON"),
        (document(prefix=1), {}, r"Expected `str`, got `int`.*interpreter\.prefix"),
    ],
)
def test_an_unsound_answer_is_a_capture_error(text: str, options: dict[str, Any], message: str) -> None:
    """It names the environment, with exit code 4."""
    with pytest.raises(CaptureError, match=message) as raised:
        capture(text, **options)

    assert 4 == raised.value.exit_code
    assert "interpreter /venv/bin/python" in str(raised.value)


def test_the_first_on_the_path_is_the_one_that_is_imported() -> None:
    """The others are reported: shadowed by another folder, or left from an interrupted installation."""
    found = capture(
        document(package("a-1.dist-info"), package("a-2.dist-info"), package("a-3.dist-info", root="/usr/lib/python3"))
    )

    assert ["1"] == [item.version for item in found.packages]
    assert [
        "a-1.dist-info stands beside a-2.dist-info: an interrupted installation; install it anew",
        "1 in {prefix}/lib/python3.11/site-packages comes before it",
    ] == [problem.reason for problem in found.not_captured]


def test_what_stands_for_no_package_is_reported() -> None:
    """pip leaves ``~name`` behind when it is killed."""
    found = capture(document(package("~a-1.dist-info", name="a"), package("-.dist-info", name="-")))

    assert () == found.packages
    assert [
        "~a-1.dist-info is left from an interrupted pip uninstall; remove it",
        "-.dist-info names no project; remove it",
    ] == [problem.reason for problem in found.not_captured]


def test_an_editable_package_is_one_package() -> None:
    """The egg-info in its source tree is no second installation."""
    installed = package("a-1.dist-info", **{"direct-url": '{"dir_info": {"editable": true}}'})
    source = package("a.egg-info", name="a", version="1", root="/src/a", problem="p")

    found = capture(document(installed, source))

    assert (1, ()) == (len(found.packages), found.not_captured)


def test_conda_owns_what_its_records_name() -> None:
    """Only in its own prefix; the builder's direct_url is dropped, tokens and logins too."""
    record = {
        "name": "a", "owns": ["a-1.dist-info"], "url": "https://u:p@conda.example/t/to-ken/ch/linux-64/a.conda",
        "channel": "https://conda.example/t/to-ken/ch/",
    }  # fmt: skip
    damaged = {"name": "b.json", "problem": "its record in conda-meta is not JSON"}
    direct = {"direct-url": '{"url": "file:///home/builder"}'}
    own, other = package("a-1.dist-info", **direct), package("a-1.dist-info", name="c", root="/home/u/.local/lib")

    found = capture(document(own, other, conda=(record, damaged)))

    assert [("a", True, ""), ("c", False, "")] == [(item.name, item.conda, item.direct_url) for item in found.packages]
    assert ("https://conda.example/ch/linux-64/a.conda", "https://conda.example/ch/") == (
        found.conda[0].url,
        found.conda[0].channel,
    )
    assert ["conda b.json"] == [problem.what for problem in found.not_captured]


def test_a_channels_name_is_no_url() -> None:
    """``conda-forge/t/x`` has no host that could want a token."""
    assert "conda-forge/t/x" == without_channel_token("conda-forge/t/x")


@pytest.mark.parametrize(
    ("prefix", "conda", "expected"),
    [
        ("/opt/conda", True, "conda"), ("/home/u/.pyenv/versions/3.11.7", False, "pyenv"), ("/usr", False, "system"),
        ("/home/u/.local/share/uv/python/cpython-3.11", False, "uv"), ("/usr/local", False, "local"),
        ("/opt/python", False, "unknown"),
    ],
)  # fmt: skip
def test_provenance_is_told_from_the_folder(prefix: str, conda: bool, expected: str) -> None:
    """It says where to get such an interpreter again."""
    assert expected == provenance(prefix, conda=conda)


Make = Callable[..., Path]


@pytest.fixture
def make_venv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Make a real virtual environment without pip, with uv or with the standard library."""
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))

    def make(tool: str, *options: str) -> Path:
        folder = tmp_path / "venv"
        with_uv = (uv.find_uv_bin(), "venv", "-q", "--python", sys.executable)
        command = with_uv if tool == "uv" else (sys.executable, "-m", "venv", "--without-pip")
        subprocess.run((*command, *options, str(folder)), check=True)
        return folder

    return make


@pytest.mark.processes
@pytest.mark.parametrize("tool", ["uv", "venv"])
def test_a_real_environment_without_pip(make_venv: Make, tmp_path: Path, tool: str) -> None:
    """Nothing is installed, something prints at its start and at its end, and the probe's folder is not its own."""
    folder = make_venv(tool)
    site = next(folder.glob("lib/python*/site-packages"))
    (site / "noise.pth").write_text("import atexit; print('noise'); atexit.register(print, 'more noise')\n")

    found = capture_environment(LocalEnvironment(folder / "bin" / "python"), tmp_path)

    assert sys.version.split()[0].rstrip("+") == found.interpreter.version
    assert [] == [item.name for item in found.packages if item.root == str(site)]
    assert (folder, Path(sys.base_prefix)) == (found.prefix, found.base_prefix)


@pytest.mark.processes
def test_packages_of_the_system_are_placed_in_the_base(make_venv: Make, tmp_path: Path) -> None:
    """``--system-site-packages`` shows the base's packages; each says where it lies."""
    folder = make_venv("venv", "--system-site-packages")

    found = capture_environment(LocalEnvironment(folder / "bin" / "python"), tmp_path)

    assert all(not item.location.startswith("{prefix}") for item in found.packages)
