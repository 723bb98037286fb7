"""The interpreter that is captured is the one that the user means; a broken one is never passed over."""

from pathlib import Path

import pytest

from envsnap.errors import UsageError
from envsnap.workflow.interpreters import choose_python


def interpreter(folder: Path) -> Path:
    """Make what looks like an environment's interpreter."""
    python = folder / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch(mode=0o755)
    return python


def test_interpreter_is_the_named_then_the_active_then_the_projects(tmp_path: Path) -> None:
    """--python beats an active environment, which beats .venv, which beats PATH."""
    named, active = interpreter(tmp_path / "named"), interpreter(tmp_path / "active")
    own, on_path = interpreter(tmp_path / ".venv"), interpreter(tmp_path / "path")
    (on_path.parent / "python3").touch(mode=0o755)
    env = {"VIRTUAL_ENV": str(tmp_path / "active"), "PATH": str(on_path.parent)}

    assert named == choose_python(tmp_path, env, named, None)
    assert named == choose_python(tmp_path, env, None, tmp_path / "named")
    assert active == choose_python(tmp_path, env, None, None)
    assert own == choose_python(tmp_path, {"PATH": env["PATH"]}, None, None)
    assert on_path.parent / "python3" == choose_python(tmp_path / "elsewhere", {"PATH": env["PATH"]}, None, None)


def test_interpreter_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    """So are two of them, and none at all."""
    with pytest.raises(UsageError, match="cannot be executed"):
        choose_python(tmp_path, {}, tmp_path / "python", None)
    with pytest.raises(UsageError, match="name two interpreters"):
        choose_python(tmp_path, {}, tmp_path / "python", tmp_path)
    with pytest.raises(UsageError, match="no Python is on PATH"):
        choose_python(tmp_path, {"PATH": str(tmp_path)}, None, None)


def test_a_broken_environment_is_never_passed_over(tmp_path: Path) -> None:
    """Another interpreter on PATH is not what the user works in."""
    on_path = interpreter(tmp_path / "path")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(tmp_path / "removed" / "python3.11")

    with pytest.raises(UsageError, match=r"removed/python3\.11, which is not there.*anew"):
        choose_python(tmp_path, {"PATH": str(on_path.parent)}, None, None)
    with pytest.raises(UsageError, match="anew"):
        choose_python(tmp_path / "elsewhere", {"VIRTUAL_ENV": str(tmp_path / ".venv")}, None, None)


def test_links_in_a_circle_are_a_usage_error(tmp_path: Path) -> None:
    """Following them ends."""
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")

    with pytest.raises(UsageError, match="which is not there"):
        choose_python(tmp_path, {}, tmp_path / "a", None)


def test_a_folder_is_no_interpreter(tmp_path: Path) -> None:
    """The message tells which option takes a folder."""
    with pytest.raises(UsageError, match=r"is a folder.*--prefix"):
        choose_python(tmp_path, {}, tmp_path, None)


def test_a_prefix_may_have_python3_alone(tmp_path: Path) -> None:
    """Debian's /usr has no ``python``."""
    python = interpreter(tmp_path / "usr")
    python = python.rename(python.with_name("python3"))

    assert python == choose_python(tmp_path, {}, None, tmp_path / "usr")


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        ("conda-meta", "a conda environment in which Python is not installed"),
        ("pyvenv.cfg", "whose bin/python is missing: make it anew"),
        ("", "neither conda-meta nor pyvenv.cfg nor bin/python"),
    ],
)
def test_a_prefix_without_python_says_what_it_lacks(tmp_path: Path, mark: str, message: str) -> None:
    """A folder is no environment because it was named as one."""
    prefix = tmp_path / "prefix"
    prefix.mkdir()
    if mark == "pyvenv.cfg":
        (prefix / mark).touch()
    elif mark:
        (prefix / mark).mkdir()

    with pytest.raises(UsageError, match=message):
        choose_python(tmp_path, {}, None, prefix)
    with pytest.raises(UsageError, match="there is no such folder"):
        choose_python(tmp_path, {}, None, prefix / "nowhere")


def test_a_prefix_whose_python_is_anothers_is_refused(tmp_path: Path) -> None:
    """What it would capture is the environment that the link leads to; a virtual environment's link is its own."""
    other = interpreter(tmp_path / "other")
    (tmp_path / "prefix" / "bin").mkdir(parents=True)
    linked = tmp_path / "prefix" / "bin" / "python"
    linked.symlink_to(other)

    with pytest.raises(UsageError, match=r"is no environment.*--python PATH"):
        choose_python(tmp_path, {}, None, tmp_path / "prefix")

    (tmp_path / "prefix" / "pyvenv.cfg").touch()

    assert linked == choose_python(tmp_path, {}, None, tmp_path / "prefix")
