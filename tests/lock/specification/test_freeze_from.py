"""From end to end: freeze --from writes a lock, build makes an environment of it, and that is what the lock says."""

import hashlib
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from envsnap.capture.environment import capture_environment
from envsnap.environment.local import LocalEnvironment
from envsnap.manifest.lockfile import parse_manifest
from envsnap.manifest.manifest import Manifest

pytestmark = pytest.mark.processes


@dataclass(frozen=True)
class Shell:
    """Runs envsnap in a project, on a machine that is configured with no index but the one given."""

    folder: Path
    index: str

    def envsnap(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        env = {name: os.environ[name] for name in ("HOME", "NO_PROXY", "PATH", "UV_CACHE_DIR")}
        env |= {"PIP_CONFIG_FILE": os.devnull, "UV_DEFAULT_INDEX": self.index, **variables}
        command = (sys.executable, "-m", "envsnap", *arguments)
        return subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True, check=False)

    def lock(self) -> Manifest:
        return parse_manifest((self.folder / "envsnap.lock").read_text(), source="envsnap.lock")[0]


@pytest.fixture
def shell(place: Any, served: Any) -> Shell:
    """A shell in the project."""
    return Shell(place.folder, served.url)


FREEZE = ("freeze", "--python", sys.executable, "--from")


def test_what_is_built_from_a_specification_is_what_the_lock_says(shell: Shell, place: Any) -> None:
    """Every content digest, although nothing was installed when the lock was written."""
    place.write("more.txt", "gamma\n")
    source = place.write("requirements.in", "alpha\n-r more.txt\n")

    frozen = shell.envsnap(*FREEZE, "requirements.in")
    built = shell.envsnap("build", "--target", "venv")

    assert (0, 0) == (frozen.returncode, built.returncode), frozen.stderr + built.stderr
    manifest = shell.lock()
    python = LocalEnvironment(place.folder / ".envsnap" / "venv" / "bin" / "python")
    found = capture_environment(python, place.folder)
    assert {package.name: package.record.content_digest for package in found.packages} == {
        package.name: package.installed.content_digest for package in manifest.contents.packages
    }
    assert manifest.contents.specification is not None
    assert ("requirements.in", "requirements", hashlib.sha256(source.read_bytes()).hexdigest(), ["more.txt"]) == (
        manifest.contents.specification.path,
        manifest.contents.specification.format,
        manifest.contents.specification.sha256,
        [file.path for file in manifest.contents.specification.included],
    )


def test_an_index_that_only_the_file_names_serves_the_build_too(shell: Shell, place: Any) -> None:
    """The lock keeps it, without the login."""
    place.write("requirements.in", f"--index-url {shell.index}\nbeta\n")
    elsewhere = Shell(shell.folder, "http://127.0.0.1:1/simple")

    assert 0 == elsewhere.envsnap(*FREEZE, "requirements.in").returncode
    assert shell.index == shell.lock().contents.build.index_url
    assert shell.index == shell.lock().contents.packages[0].index
    assert 0 == Shell(shell.folder, "").envsnap("build", "--target", "venv").returncode


def test_the_environment_of_the_interpreter_does_not_reach_the_lock(shell: Shell, place: Any) -> None:
    """This interpreter has dozens of packages; the lock has what the file asks for."""
    place.write("requirements.in", "beta\n")

    shell.envsnap(*FREEZE, "requirements.in")

    contents = shell.lock().contents
    assert ["beta"] == [package.name for package in contents.packages]
    assert (None, (), ()) == (contents.conda, contents.accelerator.frameworks, contents.accelerator.libraries)


def test_doctor_tells_that_the_file_changed(shell: Shell, place: Any) -> None:
    """One that it brings in counts too."""
    place.write("limits.txt", "beta<2\n")
    place.write("requirements.in", "-c limits.txt\nbeta\n")
    shell.envsnap(*FREEZE, "requirements.in")

    same = shell.envsnap("doctor", "--target", "venv")
    place.write("limits.txt", "beta<9\n")
    changed = shell.envsnap("doctor", "--target", "venv")

    assert "as it was locked" in same.stdout
    assert "changed or gone: limits.txt" in changed.stdout


def test_the_result_tells_what_was_resolved(shell: Shell, place: Any) -> None:
    """For people and for programs."""
    place.write(
        "pyproject.toml", "[project]\nname = 'mine'\nversion = '0'\n[project.optional-dependencies]\nfast = ['alpha']\n"
    )

    text = shell.envsnap(*FREEZE, "pyproject.toml", "--extra", "fast")
    told = json.loads(shell.envsnap(*FREEZE, "pyproject.toml", "--extra", "fast", "--json").stdout)["result"]

    assert "from pyproject.toml (pyproject, extra fast), sha256 " in text.stdout
    assert ": 1 asked for, 1 that they need\n" in text.stdout
    assert "2 index-verified: content read from RECORD inside the index's wheel\n" in text.stdout
    assert ("pyproject.toml", ["fast"], 2, {"index-verified": 2}) == (
        told["specification"]["path"],
        told["specification"]["extras"],
        told["packages"],
        told["evidence"],
    )


def test_the_job_is_recorded_and_not_run(shell: Shell, place: Any) -> None:
    """It has no environment yet; the message says how it gets a baseline."""
    place.write("requirements.in", "beta\n")

    frozen = shell.envsnap(*FREEZE, "requirements.in", "--", "python", "-c", "open('ran', 'w')")

    assert 0 == frozen.returncode
    assert "the job is not run: nothing that --from names is installed yet" in frozen.stderr
    assert not (place.folder / "ran").exists()
    contents = shell.lock().contents
    assert contents.job is not None
    assert (None, "python") == (contents.baseline, contents.job.command[0])


@pytest.mark.parametrize(
    ("text", "options", "code", "message"),
    [
        ("nosuch\n", (), 4, r"requirements\.in cannot be resolved: .*nosuch"),
        ("beta >>> 1\n", (), 2, r"requirements\.in:1: 'beta >>> 1' is no requirement"),
        ("beta\n", ("--group", "x"), 2, r"--group x: requirements\.in is read as requirements"),
        ("beta\n", ("--verify-files",), 2, "--verify-files looks at what is installed"),
        ("beta\n", ("--offline",), 2, "leave --offline out"),
    ],
)
def test_what_cannot_be_locked_leaves_the_former_lock(
    text: str, options: tuple[str, ...], code: int, message: str, shell: Shell, place: Any
) -> None:
    """With the exit code and the reason."""
    place.write("good.in", "beta\n")
    assert 0 == shell.envsnap(*FREEZE, "good.in").returncode
    before = (place.folder / "envsnap.lock").read_bytes()
    place.write("requirements.in", text)

    refused = shell.envsnap(*FREEZE, "requirements.in", *options)

    assert code == refused.returncode
    assert re.search(message, refused.stderr), refused.stderr
    assert before == (place.folder / "envsnap.lock").read_bytes()
    assert [] == [path.name for path in (place.folder / ".envsnap").iterdir() if path.name.startswith("lock-")]


def test_a_format_is_named_where_the_files_name_tells_none(shell: Shell, place: Any) -> None:
    """And only together with a file."""
    place.write("wishes", "beta\n")

    assert 0 == shell.envsnap(*FREEZE, "wishes", "--from-format", "requirements").returncode
    alone = shell.envsnap("freeze", "--from-format", "requirements")
    assert (2, True) == (alone.returncode, "name one" in alone.stderr)


def test_without_ranges_the_build_compares_by_version_and_hash(shell: Shell, place: Any, served: Any) -> None:
    """RECORD was not read; a rebuilt environment is equal all the same, and a damaged wheel still refused."""
    served.ranges = False
    place.write("requirements.in", "beta\n")

    frozen = shell.envsnap(*FREEZE, "requirements.in")
    built = shell.envsnap("build", "--target", "venv")

    assert "1 index-inferred: by the wheel's hash" in frozen.stdout
    assert 0 == built.returncode, built.stderr
    assert "1 of them by version and the wheel's hash alone" in built.stdout


def test_a_lock_of_conda_packages_is_not_built_without_them(shell: Shell, place: Any) -> None:
    """Neither an image nor a virtual environment would hold them."""
    from conda_channel import CondaBuild

    from tests.lock.specification.test_conda import SUBDIR, index_channel

    channel = place.folder / "channel"
    (channel / SUBDIR).mkdir(parents=True)
    (channel / "noarch").mkdir()
    CondaBuild("tool", "1.0", {"bin/tool": b"1"}).write(channel)
    index_channel(channel)
    place.write("environment.yml", f"channels: ['{channel.as_uri()}']\ndependencies: [tool]\n")

    frozen = shell.envsnap(*FREEZE, "environment.yml")
    built = shell.envsnap("build", "--target", "venv")

    assert (0, 5) == (frozen.returncode, built.returncode), frozen.stderr
    assert "1 conda: by the channel's hash" in frozen.stdout
    assert "holds 1 conda packages" in built.stderr
