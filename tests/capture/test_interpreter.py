"""An environment's answer becomes facts: noise is no answer, and what is doubtful is reported."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uv

from envsnap.capture.environment import CapturedEnvironment, capture_environment
from envsnap.capture.interpreter import ProbedInterpreter, describe_interpreter, provenance
from envsnap.environment import Completed, Environment, Execution
from envsnap.environment.container import ContainerEnvironment
from envsnap.environment.local import LocalEnvironment
from envsnap.host.container.engine import Engine
from envsnap.inside.probe.document import MARKER
from envsnap.manifest.interpreter import BuildDetails, Interpreter
from envsnap.manifest.model import convert

SITE = "/venv/lib/python3.11/site-packages"
INTERPRETER = {
    "implementation": "cpython", "version": "3.11.7", "build": "main", "compiler": "GCC", "soabi": "cpython-311",
    "executable": "/venv/bin/python", "prefix": "/venv", "base-prefix": "/usr", "conda": False,
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


def document(*packages: dict[str, Any], **interpreter: Any) -> str:
    """Return what the probe prints."""
    found = {"interpreter": INTERPRETER | interpreter, "platform": PLATFORM}
    return f"\n{MARKER}\n" + json.dumps(found | {"packages": packages, "conda": []}) + "\n"


def package(folder: str, *, root: str = SITE, **fields: Any) -> dict[str, Any]:
    """Return a distribution as the probe describes it."""
    name, _, version = folder.removesuffix(".dist-info").rpartition("-")
    return {"name": name, "version": version, "root": root, "folder": folder} | fields


def capture(text: str, **options: Any) -> CapturedEnvironment:
    """Capture an environment that prints ``text``."""
    return capture_environment(FakeEnvironment(text, **options), Path("/work"))


def test_noise_around_the_answer_does_not_count() -> None:
    """A ``sitecustomize`` prints before, an exit handler after; a package may even hold the marker in its metadata."""
    noise = f"{MARKER} is what a .pth file printed\n"
    text = noise + document(package("a-1.dist-info", **{"direct-url": f'{{"x": "\n{MARKER}\n"}}'})) + "bye\n"

    assert ["a"] == [item.name for item in capture(text).packages]


@pytest.mark.parametrize(
    ("prefix", "marks", "expected"),
    [
        ("/opt/conda", {"conda": True}, "conda"),
        ("/home/u/.pyenv/versions/3.11.7", {}, "pyenv"),
        ("/srv/pythons/3.11.7", {"pyenv": True}, "pyenv"),
        ("/home/u/.local/share/uv/python/cpython-3.11", {}, "uv"),
        ("/opt/python", {"standalone": True}, "uv"),
        ("/usr", {}, "system"),
        ("/usr/local", {}, "local"),
        ("/usr/local", {"container": True}, "image"),
        ("/opt/python", {}, "unknown"),
    ],
)
def test_provenance_is_told_from_marks_and_folder(prefix: str, marks: dict[str, bool], expected: str) -> None:
    """It says where to get such an interpreter again."""
    probed = convert(INTERPRETER | {"base-prefix": prefix} | marks, ProbedInterpreter, source="test")

    assert expected == provenance(probed)


def test_build_details_are_kept_or_reported() -> None:
    """A file that cannot be read is a fact that is not captured, with the reason."""
    sound = {"schema-version": "1.0", "platform": "linux-x86_64", "abi-flags": ["t"], "extensions": [".so"]}
    kept = capture(document(**{"build-details": sound}))
    broken = capture(document(**{"build-details": {"problem": "it is not JSON"}}))

    assert kept.interpreter.build_details == BuildDetails(
        schema_version="1.0", platform="linux-x86_64", abi_flags=("t",), extensions=(".so",)
    )
    assert () == kept.not_captured
    assert broken.interpreter.build_details is None
    assert [("build-details.json of the interpreter", "it is not JSON")] == [
        (fact.what, fact.reason) for fact in broken.not_captured
    ]


def test_every_fact_of_the_build_reaches_the_manifest() -> None:
    """None is lost between the probe's words and the lock's."""
    found = {
        "environment": "uv", "system-site-packages": True, "debug": True, "free-threaded": True, "gil-enabled": False,
        "optimizations": ["lto", "pgo"], "shared-library": False,
    }  # fmt: skip
    described = describe_interpreter(convert(INTERPRETER | found, ProbedInterpreter, source="test"))

    assert ("uv", True, True, True, False, ("lto", "pgo"), False) == (
        described.environment, described.system_site_packages, described.debug, described.free_threaded,
        described.gil_enabled, described.optimizations, described.shared_library,
    )  # fmt: skip


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
    assert tool == found.interpreter.environment


ORACLE = """
import json, os, platform, subprocess, sys, sysconfig
link = subprocess.run(["ldd", os.path.realpath(sys.executable)], stdout=subprocess.PIPE, universal_newlines=True).stdout
print(json.dumps({
    "implementation": platform.python_implementation().lower(), "version": platform.python_version().rstrip("+"),
    "build": sys.version.partition("(")[2].partition(")")[0], "compiler": platform.python_compiler(),
    "soabi": sysconfig.get_config_var("SOABI"), "debug": hasattr(sys, "gettotalrefcount"),
    "free_threaded": "t" in sys.abiflags, "shared_library": "libpython" in link,
    "prefix": sys.prefix, "base": sysconfig.get_config_var("installed_base"),
}))
"""
"""Asks platform, sysconfig and ldd, which the probe does not."""


def real_interpreters() -> list[Path]:
    """List this machine's interpreters that envsnap captures."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [path for minor in range(8, 15) for path in sorted(root.glob(f"3.{minor}.*/bin/python"))[:1]]
    system = Path("/usr/bin/python3")
    return [*found, *([system] if system.exists() else []), Path(sys.executable)]


@pytest.mark.processes
@pytest.mark.parametrize("python", real_interpreters(), ids=str)
def test_real_interpreters_are_what_they_say_of_themselves(tmp_path: Path, python: Path) -> None:
    """Debian's build holds its code in the executable although sysconfig tells of a shared library."""
    asked = subprocess.run([python, "-c", ORACLE], capture_output=True, text=True, check=True)
    expected = json.loads(asked.stdout)
    found = capture_environment(LocalEnvironment(python), tmp_path)
    names = set(Interpreter.__struct_fields__) & expected.keys()

    assert {name: expected[name] for name in names} == {name: getattr(found.interpreter, name) for name in names}
    assert (expected["prefix"], expected["base"]) == (str(found.prefix), str(found.base_prefix))


@pytest.mark.docker
def test_an_images_own_interpreter_is_the_images(engine: Engine, python_image: str, tmp_path: Path) -> None:
    """It stands in /usr/local of a container: the image is where to get it again."""
    image = engine.image(python_image)
    assert image is not None
    environment: Environment = ContainerEnvironment(engine, image.id, python_image)

    found = capture_environment(environment, tmp_path).interpreter

    assert ("image", "none", python_image.split(":")[1].split("-", maxsplit=1)[0]) == (
        found.provenance,
        found.environment,
        found.version,
    )
