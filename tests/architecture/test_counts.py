from pathlib import Path

import pytest
from counts import CHECKOUT, LIMITS, Breach, Tree, main, report

PYPROJECT = """
[[tool.importlinter.contracts]]
name = "Nothing to do with layers"
type = "forbidden"

[[tool.importlinter.contracts]]
name = "One stack"
type = "layers"
layers = ["envsnap.cli", "envsnap.lock | envsnap.run", "envsnap.host", "envsnap.errors"]
"""


def tree_of(folder: Path, files: dict[str, str]) -> Tree:
    """Write a checkout with these files in its package, and read it."""
    (folder / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    for path, text in files.items():
        file = folder / "envsnap" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return Tree(folder)


def broken(title: str, folder: Path, files: dict[str, str]) -> list[Breach]:
    return LIMITS[title](tree_of(folder, files))


def places(title: str, folder: Path, files: dict[str, str]) -> list[str]:
    return [place for breach in broken(title, folder, files) for place in breach.places]


def test_a_class_name_is_told_with_every_place(tmp_path: Path) -> None:
    files = {"lock/a.py": "class Wheel: ...\n", "run/b.py": "class Job:\n    class Wheel: ...\n"}

    found = broken("class names defined twice", tmp_path, files)

    assert [Breach("Wheel", ("envsnap/lock/a.py:1", "envsnap/run/b.py:2"))] == found


def test_classes_of_different_names_are_fine(tmp_path: Path) -> None:
    assert [] == broken("class names defined twice", tmp_path, {"a.py": "class Wheel: ...\nclass _Wheel: ...\n"})


@pytest.mark.parametrize(
    "back",
    [
        "from envsnap.lock.a import Wheel",
        "from envsnap.lock import a",
        "import envsnap.lock.a as wheels",
        "from . import a",
        "from .a import Wheel",
        "from ..lock.a import Wheel",
        "from .. import lock\nfrom ..lock import a",
        "def late() -> None:\n    from envsnap.lock import a",
        "if TYPE_CHECKING:\n    from envsnap.lock.a import Wheel",
    ],
)
def test_every_kind_of_import_closes_a_circle(tmp_path: Path, back: str) -> None:
    files = {"__init__.py": "", "lock/__init__.py": "", "lock/a.py": "\nfrom envsnap.lock.b import B\n"}

    found = broken("circles between files", tmp_path, files | {"lock/b.py": back})

    assert ["envsnap.lock.a, envsnap.lock.b"] == [breach.what for breach in found]
    assert f"envsnap/lock/b.py:{1 + back.count(chr(10))} imports envsnap/lock/a.py" in found[0].places
    assert "envsnap/lock/a.py:2 imports envsnap/lock/b.py" in found[0].places


def test_a_long_way_round_is_one_circle(tmp_path: Path) -> None:
    files = {
        f"lock/{name}.py": f"from envsnap.lock import {following}\n" for name, following in ("ab", "bc", "ca", "da")
    }

    found = broken("circles between files", tmp_path, files)

    assert ["envsnap.lock.a, envsnap.lock.b, envsnap.lock.c"] == [breach.what for breach in found]


def test_a_module_that_imports_itself_is_a_circle(tmp_path: Path) -> None:
    assert ["envsnap/a.py:1 imports envsnap/a.py"] == places(
        "circles between files", tmp_path, {"a.py": "import envsnap.a"}
    )


def test_two_ways_to_one_file_are_no_circle(tmp_path: Path) -> None:
    files = {
        "a.py": "from envsnap import b, c",
        "b.py": "from envsnap import d",
        "c.py": "from envsnap import d",
        "d.py": "",
    }

    assert [] == broken("circles between files", tmp_path, files)


def test_what_a_package_itself_gives_is_imported_of_its_init(tmp_path: Path) -> None:
    files = {"lock/__init__.py": "from envsnap.lock.a import A", "lock/a.py": "from envsnap.lock import NAME"}

    assert [
        "envsnap/lock/__init__.py:1 imports envsnap/lock/a.py",
        "envsnap/lock/a.py:1 imports envsnap/lock/__init__.py",
    ] == places("circles between files", tmp_path, files)


def test_modules_inside_import_their_siblings(tmp_path: Path) -> None:
    files = {"inside/probe/a.py": "from .b import name", "inside/probe/b.py": "from . import a"}

    found = broken("circles between files", tmp_path, files)

    assert ["envsnap.inside.probe.a, envsnap.inside.probe.b"] == [breach.what for breach in found]


def test_a_module_does_not_hide_a_library_of_its_name(tmp_path: Path) -> None:
    files = {"inside/watch/a.py": "import numpy", "inside/watch/numpy.py": "from . import a"}

    assert [] == broken("circles between files", tmp_path, files)


@pytest.mark.parametrize(
    ("path", "text", "reason"),
    [
        ("host/a.py", "from envsnap.lock import wheel", "it points up"),
        ("host/a.py", "def late():\n    import envsnap.cli.main", "it points up"),
        ("errors.py", "if TYPE_CHECKING:\n    from envsnap.host import disk", "it points up"),
        ("run/a.py", "from envsnap.lock.wheel import Wheel", "stages do not import each other"),
        ("cli/a.py", "from envsnap import __main__", "it points up"),
        ("__init__.py", "from envsnap.errors import Failed", "it points up"),
        ("inside/a.py", "from envsnap.errors import Failed", "inside imports nothing of the package"),
        ("inside/a.py", "import envsnap", "inside imports nothing of the package"),
        ("attic/a.py", "from envsnap.errors import Failed", "one of them stands in no layer"),
    ],
)
def test_an_import_that_does_not_point_down_is_told(tmp_path: Path, path: str, text: str, reason: str) -> None:
    files = {
        "__init__.py": "",
        "__main__.py": "",
        "cli/main.py": "",
        "lock/wheel.py": "",
        "host/disk.py": "",
        "errors.py": "",
    }

    (found,) = broken("upward imports", tmp_path, files | {path: text})

    assert found.what.endswith(reason)
    assert (f"envsnap/{path}:{1 + text.count(chr(10))}",) == found.places


def test_imports_that_point_down_are_fine(tmp_path: Path) -> None:
    files = {
        "__init__.py": "",
        "__main__.py": "from envsnap.cli.main import run",
        "cli/main.py": "import envsnap\nfrom envsnap.lock import wheel\nfrom envsnap import errors",
        "lock/wheel.py": "from envsnap.host.disk import room\nfrom envsnap.lock import tag\nimport json",
        "lock/tag.py": "from envsnap.inside.record import rows",
        "host/disk.py": "from envsnap.errors import Failed",
        "errors.py": "",
        "inside/record.py": "from envsnap.inside.files import read",
        "inside/files.py": "",
    }

    assert [] == broken("upward imports", tmp_path, files)


def test_a_module_may_have_400_lines(tmp_path: Path) -> None:
    files = {"a.py": "x = 1\n" * 400, "b.py": "x = 1\n" * 401}

    assert [Breach("401 lines", ("envsnap/b.py:401",))] == broken("modules above 400 lines", tmp_path, files)


def test_a_function_may_have_50_lines(tmp_path: Path) -> None:
    """Decorators are not counted; methods and nested functions are."""
    fits = "@cache\ndef fits():\n" + "    x = 1\n" * 49
    long = "class A:\n    async def long(self):\n" + "        x = 1\n" * 50

    found = broken("functions above 50 lines", tmp_path, {"a.py": fits + long})

    assert [Breach("long: 51 lines", ("envsnap/a.py:53",))] == found


@pytest.mark.parametrize("base", ["Exception", "KeyError", "KeyboardInterrupt", "json.JSONDecodeError", "Failed"])
def test_an_exception_class_belongs_to_errors(tmp_path: Path, base: str) -> None:
    files = {"errors.py": "class Failed(Exception): ...", "lock/a.py": f"class Stray(Wheel, {base}): ..."}

    assert [Breach("Stray", ("envsnap/lock/a.py:1",))] == broken("exception classes outside errors.py", tmp_path, files)


def test_other_classes_and_those_inside_stand_anywhere(tmp_path: Path) -> None:
    files = {
        "errors.py": "class Failed(Exception): ...\nclass Broken(Failed): ...",
        "lock/a.py": "class Wheel(Base, Generic[T], make()): ...\nclass Rim(Wheel): ...",
        "inside/probe/elf.py": "class NotElf(ValueError): ...",
    }

    assert [] == broken("exception classes outside errors.py", tmp_path, files)


@pytest.mark.parametrize(
    "start",
    [
        "class Wheel(NamedTuple):",
        "class Wheel(typing.TypedDict):",
        "@dataclass\nclass Wheel:",
        "@dataclasses.dataclass(frozen=True)\nclass Wheel:",
    ],
)
def test_a_value_is_a_struct_or_a_dataclass_with_slots(tmp_path: Path, start: str) -> None:
    """Where msgspec is not at hand, a named tuple serves."""
    allowed = "class Job(Struct, frozen=True): ...\n@dataclass(frozen=True, slots=True)\nclass Run: ...\n"
    files = dict.fromkeys(("lock/a.py", "inside/a.py", "host/digests.py"), f"{allowed}{start} ...\n")

    (breach,) = broken("value types of another kind", tmp_path, files)

    assert ("Wheel", "envsnap/lock/a.py") == (breach.what, breach.places[0].partition(":")[0])


def test_the_table_shows_figures_and_names_what_is_broken(tmp_path: Path) -> None:
    body = "def f():\n    x = 1\n"
    files = {"a/x.py": "class A: ...\n", "b/x.py": "class A: ...\n", "a/__init__.py": "", "c.py": body + "\n" * 6}

    text, kept = report(tree_of(tmp_path, files))

    assert not kept
    table, _, named = text.partition("\n\n")
    values = dict(line.rsplit(maxsplit=1) for line in table.splitlines())
    assert "1" == values["class names defined twice"]
    assert "200.0" == values["classes per 1,000 lines"]
    assert "67%" == values["modules that share their name"]
    assert "10" == values["lines of the package"]
    assert "class names defined twice: A\n    envsnap/a/x.py:1\n    envsnap/b/x.py:1" == named


def test_another_checkout_is_counted_by_its_own_layers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tree_of(tmp_path, {"host/a.py": "from envsnap.lock import b", "lock/b.py": ""})
    monkeypatch.setattr("sys.argv", ["counts.py", str(tmp_path)])

    assert 1 == main()
    assert "envsnap/host/a.py:1" in capsys.readouterr().out

    (tmp_path / "envsnap/host/a.py").write_text("", encoding="utf-8")

    assert 0 == main()


def test_this_tree_keeps_the_limits() -> None:
    text, kept = report(Tree(CHECKOUT))

    assert kept, text
