"""Acting after an import without leaving a trace in the import system."""

import importlib
import sys
from collections.abc import Callable
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from envsnap.inside.observer._envsnap.imports import AfterImport, act_after_import

NAME = "watched_by_a_test"


def attempt(_what: str, action: Callable[[], Any]) -> Any:
    return action()


class SharedLoader:
    """Serves every module of its kind by class methods, as Python's own loader of built-in modules does."""

    @classmethod
    def create_module(cls, _spec: ModuleSpec) -> None:
        return None

    @classmethod
    def exec_module(cls, module: ModuleType) -> None:
        module.__dict__["value"] = 1


class SharedFinder(MetaPathFinder):
    @classmethod
    def find_spec(cls, fullname: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        return ModuleSpec(fullname, SharedLoader) if fullname == NAME else None  # type: ignore[arg-type] # a class


@pytest.fixture(autouse=True)
def importable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / f"{NAME}.py").write_text("value = 1")
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, NAME, raising=False)


def test_the_action_sees_the_executed_module() -> None:
    """The action comes after the module's own code and before the importer's next line."""
    seen: list[int] = []
    act_after_import({NAME: lambda module: seen.append(module.value)}, attempt)
    importlib.import_module(NAME)

    assert [1] == seen


def test_a_module_that_is_there_already_is_acted_on_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A .pth file may import before the observer starts."""
    seen: list[ModuleType] = []
    module = ModuleType(NAME)
    monkeypatch.setitem(sys.modules, NAME, module)
    act_after_import({NAME: seen.append}, attempt)

    assert [module] == seen


def test_a_module_that_fails_is_watched_again(tmp_path: Path) -> None:
    """A caught ImportError does not use up the action."""
    seen: list[ModuleType] = []
    act_after_import({NAME: seen.append}, attempt)
    (tmp_path / f"{NAME}.py").write_text("raise ImportError('not yet')")
    with pytest.raises(ImportError, match="not yet"):
        importlib.import_module(NAME)
    (tmp_path / f"{NAME}.py").write_text("value = 2  # of another length")
    importlib.invalidate_caches()
    importlib.import_module(NAME)

    assert 1 == len(seen)


def test_a_loader_shared_by_many_modules_is_left_alone() -> None:
    """The module imports as ever; that it could not be watched is recorded."""
    errors: list[str] = []

    def record(what: str, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except TypeError as error:
            errors.append(f"{what}: {error}")

    sys.meta_path.insert(0, SharedFinder())
    act_after_import({NAME: lambda _module: None}, record)
    module = importlib.import_module(NAME)

    assert 1 == module.value
    assert [f"import of {NAME}: its loader is shared by all modules of its kind"] == errors


def test_a_finder_taken_out_still_answers() -> None:
    """Code that saved the list of finders and asks them later gets no error."""
    finder = AfterImport({NAME: lambda _module: None}, attempt)

    assert finder.find_spec(NAME).name == NAME
    assert finder.find_spec("another") is None
