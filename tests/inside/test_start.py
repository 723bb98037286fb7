"""What runs inside needs nothing but Python 3.8, leaves no trace on the search path and hides no module of a job."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from envsnap import inside

FOLDER = Path(inside.START).parent
SCRIPTS = sorted(FOLDER.rglob("*.py"))
NAMES = [str(path.relative_to(FOLDER)) for path in SCRIPTS]


@pytest.mark.parametrize("script", SCRIPTS, ids=NAMES)
def test_what_runs_inside_is_readable_to_python_3_8(script: Path) -> None:
    """A syntax error there would look like a broken environment."""
    ast.parse(script.read_text(), feature_version=(3, 8))


@pytest.mark.parametrize("script", SCRIPTS, ids=NAMES)
def test_what_runs_inside_imports_nothing_but_the_standard_library_and_itself(script: Path) -> None:
    """It must start in an environment that has nothing installed."""
    nodes = list(ast.walk(ast.parse(script.read_text())))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}

    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


@pytest.mark.processes
@pytest.mark.parametrize("options", [(), ("-I",), ("-S", "-E")], ids=" ".join)
def test_a_script_runs_under_the_search_path_of_any_other_program(tmp_path: Path, options: tuple[str, ...]) -> None:
    """No folder of envsnap's stands there, nor is its package's name one that a job could mean."""
    folder = tmp_path / "inside"
    (folder / "probe").mkdir(parents=True)
    (folder / "start.py").write_text(Path(inside.START).read_text())
    (folder / "probe/other.py").write_text("WORD = 'hello'\n")
    (folder / "probe/told.py").write_text(
        "import json, sys\nfrom .other import WORD\n\n"
        "def main(*words):\n    print(json.dumps([words, WORD, sys.path, sorted(sys.modules)]))\n"
    )
    plain = subprocess.run(
        (sys.executable, *options, "-c", "import json, sys; print(json.dumps(sys.path))"),
        capture_output=True, check=True, cwd=tmp_path,
    )  # fmt: skip

    command = (sys.executable, *options, str(folder / "start.py"), "told.py", "a", "b")
    done = subprocess.run(command, capture_output=True, check=True, cwd=tmp_path)

    words, word, path, modules = json.loads(done.stdout)
    assert (["a", "b"], "hello") == (words, word)
    assert [entry for entry in json.loads(plain.stdout) if entry] == path
    assert {
        "_envsnap_inside",
        "_envsnap_inside.probe",
        "_envsnap_inside.probe.other",
        "_envsnap_inside.probe.told",
    } == {name for name in modules if "inside" in name or "probe" in name}
