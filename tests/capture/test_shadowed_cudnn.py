"""Two real cuDNN wheels in one real environment: both are named, and the one that the job really loaded."""

import base64
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from envsnap.capture.accelerator import describe_accelerator
from envsnap.capture.environment import CapturedEnvironment, capture_environment
from envsnap.capture.findings.accelerator import accelerator_findings
from envsnap.capture.hardware import NvmlFacts
from envsnap.environment import Execution
from envsnap.environment.local import LocalEnvironment
from envsnap.host.carried_files import observer_folder, threadpoolctl_file
from envsnap.manifest.accelerator import Accelerator
from envsnap.manifest.observation import LoadedLibrary
from envsnap.run.observed import observe

pytestmark = pytest.mark.processes

SOURCE = "#include <stddef.h>\nsize_t cudnnGetVersion(void) { return VERSION; }\n"
JOB = "import ctypes, sys\nprint(ctypes.CDLL(sys.argv[1]).cudnnGetVersion())\n"
OLD, NEW = "9.1.0.70", "9.5.1.17"


def install_cudnn(root: Path, package: str, version: str, number: int) -> Path:
    """Install a wheel with a library that really loads; return the library's folder."""
    folder = root / "nvidia" / "cudnn" / "lib"
    folder.mkdir(parents=True)
    source = root / "cudnn.c"
    source.write_text(SOURCE)
    library = folder / "libcudnn.so.9"
    soname = "-Wl,-soname,libcudnn.so.9"
    subprocess.run(("cc", "-shared", "-fPIC", f"-DVERSION={number}", soname, "-o", library, source), check=True)
    digest = base64.urlsafe_b64encode(hashlib.sha256(library.read_bytes()).digest()).decode().rstrip("=")
    info = root / f"{package.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    row = f"nvidia/cudnn/lib/libcudnn.so.9,sha256={digest},{library.stat().st_size}\n"
    (info / "RECORD").write_text(f"{row}{info.name}/METADATA,,\n{info.name}/RECORD,,\n")
    return folder


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """A virtual environment with one cuDNN wheel, and a second one in another folder on its search path."""
    if shutil.which("cc") is None:
        pytest.skip("cc is missing: it builds the libraries")
    subprocess.run((sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"), check=True)
    site = next((tmp_path / "venv" / "lib").glob("python*/site-packages"))
    install_cudnn(site, "nvidia-cudnn-cu12", OLD, 90100)
    install_cudnn(tmp_path / "second", "nvidia-cudnn-cu12", NEW, 90501)
    (site / "second.pth").write_text(f"{tmp_path / 'second'}\n")
    return tmp_path / "venv"


def environment(venv: Path, library_path: str = "") -> LocalEnvironment:
    """Return the environment, as a caller with this LD_LIBRARY_PATH has it."""
    variables = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    caller = variables | ({"LD_LIBRARY_PATH": library_path} if library_path else {})
    return LocalEnvironment(venv / "bin" / "python", caller=caller)


def run_job(place: LocalEnvironment, folder: Path, library: str) -> tuple[str, tuple[LoadedLibrary, ...]]:
    """Run a job that loads ``library`` under the observer; return what cuDNN said, and what was seen loaded."""
    reports = folder / "reports"
    reports.mkdir()
    (folder / "job.py").write_text(JOB)
    env = {
        "PYTHONPATH": str(observer_folder()),
        "ENVSNAP_OBSERVE_DIR": str(reports),
        "ENVSNAP_SEED": "0",
        "ENVSNAP_THREADPOOLCTL": str(threadpoolctl_file()),
    }
    done = place.execute(Execution(argv=("python", "job.py", library), workdir=folder, env=env))
    observation = observe(reports)
    assert observation is not None, done.stderr
    return done.stdout.decode().strip(), observation.libraries


def describe(captured: CapturedEnvironment, loaded: tuple[LoadedLibrary, ...]) -> Accelerator:
    """Put together what was found and what was loaded."""
    return describe_accelerator(NvmlFacts(), captured.accelerator, captured.packages, loaded)


def cudnn(accelerator: Accelerator) -> list[tuple[str, bool]]:
    """Return version of each cuDNN, and whether it was loaded."""
    found = (library for library in accelerator.libraries if library.name == "libcudnn.so.9")
    return [(library.version, library.loaded) for library in found]


def test_two_wheels_are_found_without_a_job(venv: Path, tmp_path: Path) -> None:
    """The second is shadowed, or shadows the first: nobody knows before a job ran."""
    accelerator = describe(capture_environment(environment(venv), tmp_path), ())
    findings = [finding for finding in accelerator_findings(accelerator) if finding.subject == "libcudnn.so.9"]

    assert [(OLD, False), (NEW, False)] == cudnn(accelerator)
    assert ["shadowed-library"] == [finding.kind for finding in findings]
    assert all(version in findings[0].detail for version in (OLD, NEW))


@pytest.mark.parametrize(
    ("from_second", "said", "loaded", "other", "passed_over"),
    [(True, "90501", NEW, OLD, True), (False, "90100", OLD, NEW, False)],
    ids=["the first is shadowed", "the first is loaded"],
)
def test_the_report_names_both_and_which_one_was_loaded(
    venv: Path, tmp_path: Path, *, from_second: bool, said: str, loaded: str, other: str, passed_over: bool
) -> None:
    """LD_LIBRARY_PATH decides what the name alone gives; cuDNN itself says which one it is."""
    first = next((venv / "lib").glob("python*/site-packages/nvidia/cudnn/lib"))
    second = tmp_path / "second/nvidia/cudnn/lib"
    place = environment(venv, str(second if from_second else first))
    captured = capture_environment(place, tmp_path)

    answer, libraries = run_job(place, tmp_path, "libcudnn.so.9")
    accelerator = describe(captured, libraries)
    finding = next(finding for finding in accelerator_findings(accelerator) if finding.subject == "libcudnn.so.9")
    before, _, after = finding.detail.partition("beside it:")

    assert said == answer
    assert [(OLD, not from_second), (NEW, from_second)] == cudnn(accelerator)
    assert "shadowed-library" == finding.kind
    assert f"({loaded}, of nvidia-cudnn-cu12 {loaded})" in before
    assert f"({other}, of nvidia-cudnn-cu12 {other})" in after
    assert passed_over == ("although another one comes first" in before)
