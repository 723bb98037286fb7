"""Which data files a job is seen to read: those that were there before it, however Python opens them."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from envsnap.manifest.observation import Observation

pytestmark = pytest.mark.processes

Watch = Callable[..., Observation]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that has data in it, and more data outside."""
    folder = tmp_path / "job"
    (folder / "data").mkdir(parents=True)
    for name in ("a.csv", "b.csv", "c.csv"):
        (folder / "data" / name).write_text(f"{name}\n")
    (tmp_path / "home").mkdir()
    return folder


def opened(observation: Observation) -> list[str]:
    assert () == observation.errors
    return [file.path for file in observation.opened]


@pytest.mark.parametrize(
    "code",
    [
        "open('data/a.csv').read()",
        "open(b'data/a.csv').read()",
        "import pathlib; pathlib.Path('data/a.csv').read_bytes()",
        "import os; os.close(os.open('data/a.csv', os.O_RDONLY))",
        "import os, pathlib; os.close(os.open(pathlib.Path('data/a.csv'), os.O_RDONLY))",
        "import os; open(os.path.abspath('data/a.csv')); open('data/a.csv')",
        "import os; os.chdir('data'); open('a.csv').read()",
        "open('data/a.csv', 'r+').read()",
        "import numpy; numpy.genfromtxt('data/a.csv', dtype=str)",
        "import sqlite3; sqlite3.connect('data/a.csv').close()",
        "import subprocess, sys; subprocess.run([sys.executable, '-c', 'open(\"data/a.csv\")'], check=True)",
        "import os\nif os.fork() == 0:\n    open('data/a.csv').read()\n    os._exit(0)\nos.wait()",
    ],
)
def test_a_file_that_is_read_is_noted_once(watch: Watch, project: Path, code: str) -> None:
    """Relative to the job's folder, whatever the call, the spelling and the process."""
    assert project.is_dir()

    assert ["data/a.csv"] == opened(watch(code))


def test_the_same_name_in_another_folder_is_another_file(watch: Watch, project: Path) -> None:
    """A relative name is known no longer after a change of folder."""
    (project / "a.csv").write_text("other\n")

    code = "import os\nopen('a.csv')\nos.chdir('data')\nopen('a.csv')"

    assert ["a.csv", "data/a.csv"] == opened(watch(code, "-W", "ignore"))


@pytest.mark.parametrize(
    "code",
    [
        "open('made.txt', 'w').write('x'); open('made.txt').read()",
        "import os; os.system('echo x > made.txt'); open('made.txt').read()",
        "open('data/a.csv', 'w').write('x')",
        "open('data/a.csv', 'a').write('x')",
        "import module",
        "open('module.py').read()",
        "open(__file__).read()",
        "import pathlib; assert not pathlib.Path('data/missing.csv').exists()",
        "try: open('data/missing.csv')\nexcept FileNotFoundError: pass",
        "open('/proc/self/status').read(); open('/etc/passwd').read()",
        "import json; open(json.__file__).read()",
        "import numpy, os; open(os.path.join(os.path.dirname(numpy.__file__), 'version.pyi')).read()",
        "import importlib.metadata; importlib.metadata.version('numpy')",
        "import tempfile; file = tempfile.NamedTemporaryFile(); file.write(b'x'); file.flush(); open(file.name).read()",
    ],
)
def test_what_is_no_input_is_not_noted(watch: Watch, project: Path, code: str) -> None:
    """What the job made itself, code, packages, the system's files, and what is not there."""
    (project / "module.py").write_text("")

    assert [] == opened(watch(code, "-W", "ignore"))


def test_mapped_and_open_files_are_noted_at_the_end(watch: Watch, project: Path) -> None:
    """A library that maps a file by C code, and a file on standard input, raise no audit event."""
    code = (
        "import ctypes, os, sys\n"
        "libc = ctypes.CDLL(None)\n"
        "libc.fopen.restype = ctypes.c_void_p\n"
        "assert libc.fopen(b'data/b.csv', b'r')\n"
    )

    assert ["data/b.csv", "data/c.csv"] == opened(watch(code, stdin=project / "data" / "c.csv"))


def test_a_worker_that_is_killed_has_told_already(watch: Watch, project: Path) -> None:
    """A pool ends its workers by a signal: what they read stands in their journal."""
    assert project.is_dir()
    code = (
        "import multiprocessing, pathlib\n"
        "def read(name): return pathlib.Path(name).read_text()\n"
        "if __name__ == '__main__':\n"
        "    with multiprocessing.get_context('fork').Pool(2) as pool:\n"
        "        pool.map(read, ['data/a.csv', 'data/b.csv', 'data/c.csv'])\n"
    )

    assert ["data/a.csv", "data/b.csv", "data/c.csv"] == opened(watch(code, "-W", "ignore"))


def test_a_job_that_closes_every_descriptor_writes_what_it_would(watch: Watch, project: Path) -> None:
    """The journal keeps no descriptor that could become one of the job's files."""
    code = "import os\nopen('data/a.csv')\nos.closerange(3, 100)\nfile = open('out.txt', 'w')\nopen('data/b.csv')\n"

    assert ["data/a.csv", "data/b.csv"] == opened(watch(code, "-W", "ignore"))
    assert "" == (project / "out.txt").read_text()


def test_a_link_is_told_by_both_names(watch: Watch, project: Path, tmp_path: Path) -> None:
    """The input may be declared by either; the user's folder is no name."""
    (tmp_path / "home" / "big.csv").write_text("1\n")
    (project / "data" / "link.csv").symlink_to(tmp_path / "home" / "big.csv")

    (file,) = watch("open('data/link.csv').read()").opened

    assert ("data/link.csv", "~/big.csv", 2) == (file.path, file.real, file.size)


def test_a_name_that_is_no_text_is_noted(watch: Watch, project: Path) -> None:
    """A report must stay readable."""
    Path(os.fsdecode(os.fsencode(project / "data") + b"/\xff.csv")).write_text("x")

    assert ["data/\\udcff.csv"] == opened(watch("open(b'data/\\xff.csv').read()"))


def test_many_files_are_capped(watch: Watch, project: Path) -> None:
    """A report stays small, and the job goes on."""
    for number in range(2100):
        (project / "data" / f"{number}.bin").touch()

    seen = watch("import os\nfor name in os.listdir('data'):\n    with open('data/' + name) as file: file.read()")

    assert 2000 == len(opened(seen))


def test_odd_arguments_raise_what_they_always_did(watch: Watch, project: Path) -> None:
    """The hook never raises an error of its own."""
    assert project.is_dir()
    code = (
        "import os\n"
        "for name in (bytearray(b'data/a.csv'), object(), 'nul\\0', -1):\n"
        "    for call in (open, lambda name: os.open(name, os.O_RDONLY)):\n"
        "        try: call(name)\n"
        "        except (TypeError, ValueError, OSError) as error: assert 'hash' not in str(error)\n"
    )

    seen = watch(code, "-W", "ignore")

    assert () == seen.errors


@pytest.mark.parametrize(
    "code",
    [
        "open('envsnap.baseline/ab/run-1/m.json')",
        "import os; os.open(os.path.abspath('envsnap.baseline/ab/run-1/m.json'), os.O_RDONLY)",
        "import pathlib; pathlib.Path('envsnap.baseline/ab/run-1/m.json').write_text('1')",
        "import os; os.symlink('envsnap.baseline/ab/run-1/m.json', 'm.json'); os.open('m.json', os.O_RDONLY)",
        "import os; os.link('envsnap.baseline/ab/run-1/m.json', 'm.json')",
        "import shutil; shutil.copy(b'envsnap.baseline/ab/run-1/m.json', 'm.json')",
        "import os\nos.chdir('data')\nopen('../envsnap.baseline/ab/run-1/m.json')",
    ],
)
def test_an_attempt_at_the_answer_is_noted(watch: Watch, project: Path, code: str) -> None:
    """Whether it is there for the job or not, and whatever the job wants of it."""
    assert project.is_dir()
    attempt = "try:\n    " + code.replace("\n", "\n    ") + "\nexcept OSError:\n    pass"

    assert ("envsnap.baseline/ab/run-1/m.json",) == watch(attempt).reached


@pytest.mark.parametrize(
    "code",
    [
        "import os; list(os.walk('.'))",
        "import glob; glob.glob('**', recursive=True)",
        "try: open('.envsnap/.gitignore')\nexcept OSError: pass",
        "open('envsnap.baseline.txt', 'w')",
        "import os; os.listdir('.'); os.path.exists('envsnap.baseline/ab')",
    ],
)
def test_a_look_around_is_no_attempt(watch: Watch, project: Path, code: str) -> None:
    """Tools walk a project, and read what tells them to ignore things."""
    assert project.is_dir()

    assert () == watch(code).reached
