"""What docs/architecture.md and CONTRIBUTING.md name is there.

Writers keep to one notation, in backquotes: ``envsnap/lock/entry.py`` is a path from the top of the checkout,
``envsnap/lock/entry.py:artefact`` a name in that file, ``envsnap/host/index/uv.py:Uv.resolve`` a name in a class of it,
and ``make check`` a target. All else in backquotes is prose.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAP = ROOT / "docs" / "architecture.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
SPAN = re.compile(r"`([^`\n]+)`")
PLACE = re.compile(
    r"(?P<path>(?:envsnap|tests|docs|templates|examples|benchmarks|\.ci)/[\w./-]*)(?::(?P<name>[A-Za-z_][\w.]*))?"
)
COMMAND = re.compile(r"make (?P<target>[a-z0-9]+)(?: [A-Z]+=\w+)?")
LINK = re.compile(r"\]\((?P<path>[^)#:]+)(?:#[^)]*)?\)")
TARGET = re.compile(r"^([a-z0-9]+):.*##", re.MULTILINE)


def stale(text: str, root: Path, folder: Path) -> list[str]:
    """Name each line of a page that speaks of what is not in the checkout at ``root``; the page lies in ``folder``."""
    return [
        f"line {number}: {named}: {problem}"
        for number, line in enumerate(text.splitlines(), start=1)
        for named, problem in (*_stale_spans(line, root), *_stale_links(line, folder))
    ]


def _stale_spans(line: str, root: Path) -> Iterator[tuple[str, str]]:
    for span in SPAN.findall(line):
        if place := PLACE.fullmatch(span):
            problem = _missing(root / place["path"], place["name"])
        elif command := COMMAND.fullmatch(span):
            problem = "" if command["target"] in targets(root) else "no such target"
        else:
            problem = ""
        if problem:
            yield span, problem


def _stale_links(line: str, folder: Path) -> Iterator[tuple[str, str]]:
    for path in LINK.findall(line):
        if not (folder / path).exists():
            yield path, "the link leads nowhere"


def _missing(path: Path, name: str | None) -> str:
    """Say what is not there: the path, or the name in its file."""
    if not path.exists():
        return "no such file or folder"
    if name is None:
        return ""
    if path.suffix != ".py":
        return "only a Python file has names"
    body = ast.parse(path.read_text(encoding="utf-8")).body
    for part in name.split("."):
        found = next((node for node in _statements(body) if part in _names(node)), None)
        if found is None:
            return f"the file has no {part}"
        body = found.body if isinstance(found, ast.ClassDef) else []
    return ""


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Give statements, those under an ``if`` too."""
    for node in body:
        yield node
        if isinstance(node, ast.If):
            yield from _statements([*node.body, *node.orelse])


def _names(node: ast.stmt) -> list[str]:
    """Return what a statement defines."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case _:
            return []


def targets(root: Path) -> list[str]:
    """Return the make targets that people call."""
    return TARGET.findall((root / "Makefile").read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", [MAP, CONTRIBUTING], ids=lambda page: page.name)
def test_what_a_page_names_is_there(page: Path) -> None:
    assert [] == stale(page.read_text(encoding="utf-8"), ROOT, page.parent)


def test_every_package_is_on_the_map() -> None:
    """A new room gets its line: each folder that holds modules is named, or something in it."""
    text = MAP.read_text(encoding="utf-8")
    folders = {file.parent.relative_to(ROOT).as_posix() for file in (ROOT / "envsnap").rglob("*.py")}

    assert [] == sorted(folder for folder in folders if f"`{folder}/" not in text)


def test_every_target_is_explained() -> None:
    text = CONTRIBUTING.read_text(encoding="utf-8")

    assert [] == [target for target in targets(ROOT) if f"`make {target}" not in text]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "envsnap" / "lock").mkdir(parents=True)
    (tmp_path / "envsnap" / "lock" / "entry.py").write_text(
        "LIMIT = 1\nkinds: dict[str, str] = {}\nif True:\n    Path = str\n"
        "class Wheel:\n    size: int\n    def name(self) -> str: ...\n    class Tag: ...\n"
        "def artefact() -> None: ...\n",
        encoding="utf-8",
    )
    (tmp_path / "Makefile").write_text("check: lint  ## Lint\nlint:\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    "text",
    [
        "`envsnap/lock/entry.py`",
        "`envsnap/lock/`, `envsnap/lock`",
        "`envsnap/lock/entry.py:artefact`",
        "| x | `envsnap/lock/entry.py:LIMIT`, `envsnap/lock/entry.py:kinds` |",
        "`envsnap/lock/entry.py:Path`",
        "`envsnap/lock/entry.py:Wheel.size`, `envsnap/lock/entry.py:Wheel.name`, `envsnap/lock/entry.py:Wheel.Tag`",
        "`make check`, `make check TARGET=venv`",
        "[the code](envsnap/lock/entry.py), [a part](envsnap/lock/entry.py#L1), [there](https://docs.example/a)",
        "`envsnap build`, `RECORD`, `a/b.py`, `make_wheel`",
    ],
)
def test_a_page_may_name_what_is_there(checkout: Path, text: str) -> None:
    assert [] == stale(text, checkout, checkout)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("`envsnap/lock/entries.py`", "no such file or folder"),
        ("`envsnap/locks/`", "no such file or folder"),
        ("`tests/lock/test_entry.py`", "no such file or folder"),
        ("`envsnap/lock/entries.py:artefact`", "no such file or folder"),
        ("`envsnap/lock/entry.py:artifact`", "the file has no artifact"),
        ("`envsnap/lock/entry.py:size`", "the file has no size"),
        ("`envsnap/lock/entry.py:Wheel.artefact`", "the file has no artefact"),
        ("`envsnap/lock/entry.py:artefact.size`", "the file has no size"),
        ("`envsnap/lock:artefact`", "only a Python file has names"),
        ("`make lint`", "no such target"),
        ("[the code](envsnap/lock/entries.py)", "the link leads nowhere"),
    ],
)
def test_what_is_not_there_is_told_with_its_line(checkout: Path, text: str, problem: str) -> None:
    page = f"# A page\n\n| prose | {text} |\n"

    (found,) = stale(page, checkout, checkout)

    assert found.startswith("line 3: ")
    assert found.endswith(f": {problem}")
