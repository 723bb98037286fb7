"""What is carried into other interpreters is found."""

import pytest

from envsnap.errors import MissingToolError
from envsnap.host.carried_files import elftools_folder, observer_folder, threadpoolctl_file


def test_what_is_carried_is_there() -> None:
    """The observer ships with envsnap, the libraries are installed beside it."""
    assert (observer_folder() / "sitecustomize.py").is_file()
    assert "threadpoolctl.py" == threadpoolctl_file().name
    assert (elftools_folder() / "elf").is_dir()


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the name under which it is installed."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    with pytest.raises(MissingToolError, match="pyelftools is missing beside envsnap: install envsnap anew"):
        elftools_folder()
