"""Counts what keeps the package walkable, and names every place that breaks a limit.

    python tests/architecture/counts.py [CHECKOUT]

The limits stand in LIMITS, the layers in CHECKOUT's pyproject.toml, in the contract of import-linter. Nothing is
imported of what is counted, so any two checkouts can be compared.
"""

import argparse
import ast
import builtins
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from pathlib import Path, PurePosixPath
from statistics import median

PACKAGE = "envsnap"
INSIDE = f"{PACKAGE}.inside"
"""Runs in a captured interpreter: may import nothing of the package but itself."""
ERRORS = f"{PACKAGE}.errors"
PLAIN_SCRIPT = f"{PACKAGE}.host.digests"
"""Runs in a process without envsnap and msgspec, as inside/ does."""
ENTRANCE = f"{PACKAGE}.__main__"
LONGEST_MODULE = 400
LONGEST_FUNCTION = 50
UNNAMED = ("__init__", "__main__")
"""Files whose name Python gives: they may repeat."""
CHECKOUT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Module:
    """One file of the package."""

    name: str
    path: PurePosixPath
    lines: int
    tree: ast.Module

    def at(self, node: ast.AST) -> str:
        """Say where a node stands, so that an editor can jump there."""
        return f"{self.path}:{getattr(node, 'lineno', 1)}"

    def inside(self, package: str) -> bool:
        """Tell whether the module is a package, or stands in it."""
        return self.name == package or self.name.startswith(package + ".")


@dataclass(frozen=True, slots=True)
class Import:
    """One module that another one names in an import, at whatever depth that stands."""

    importer: Module
    imported: Module
    place: str

    def __str__(self) -> str:
        return f"{self.place} imports {self.imported.path}"


@dataclass(frozen=True, slots=True)
class Breach:
    """One thing that breaks a limit, with the places where it does."""

    what: str
    places: tuple[str, ...]


class Tree:
    """The package of one checkout, parsed once."""

    def __init__(self, checkout: Path) -> None:
        self.checkout = checkout
        self.modules = {module.name: module for module in _modules(checkout)}

    @cached_property
    def classes(self) -> list[tuple[Module, ast.ClassDef]]:
        """Every class, nested ones too."""
        return [(module, node) for module, node in self._nodes() if isinstance(node, ast.ClassDef)]

    @cached_property
    def functions(self) -> list[tuple[Module, ast.FunctionDef | ast.AsyncFunctionDef]]:
        """Every function and method, nested ones too."""
        functions = (ast.FunctionDef, ast.AsyncFunctionDef)
        return [(module, node) for module, node in self._nodes() if isinstance(node, functions)]

    @cached_property
    def imports(self) -> list[Import]:
        """Every import of one file by another: also in functions, and for the type checker alone."""
        return [
            Import(module, self.modules[name], module.at(node))
            for module, node in self._nodes()
            for name in self._imported(module, node)
        ]

    def _nodes(self) -> Iterator[tuple[Module, ast.AST]]:
        for module in self.modules.values():
            for node in ast.walk(module.tree):
                yield module, node

    def _imported(self, module: Module, node: ast.AST) -> list[str]:
        """Return the modules of the package that a statement imports."""
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(module, node)
            names = [f"{base}.{alias.name}" for alias in node.names]
            found = [name if name in self.modules else base for name in names]
        else:
            return []
        return sorted(self.modules.keys() & found)


def _modules(checkout: Path) -> Iterator[Module]:
    for file in sorted((checkout / PACKAGE).rglob("*.py")):
        path = PurePosixPath(file.relative_to(checkout))
        parts = path.with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        text = file.read_text(encoding="utf-8")
        yield Module(name, path, len(text.splitlines()), ast.parse(text, str(path)))


def _absolute(module: Module, node: ast.ImportFrom) -> str:
    """Return the dotted name that ``from X import`` or ``from ..X import`` starts at."""
    if not node.level:
        return node.module or ""
    parts = module.name.split(".")
    up = node.level - (module.path.name == "__init__.py")
    return ".".join([*parts[: len(parts) - up], *filter(None, [node.module])])


def doubled_classes(tree: Tree) -> list[Breach]:
    """Find the names that more than one class bears."""
    places = defaultdict(list)
    for module, node in tree.classes:
        places[node.name].append(module.at(node))
    return [Breach(name, tuple(found)) for name, found in sorted(places.items()) if len(found) > 1]


def circles(tree: Tree) -> list[Breach]:
    """Find the groups of files in which each reaches every other by imports."""
    reached = _reached(tree)
    turning = [name for name, there in reached.items() if name in there]
    groups = {frozenset(other for other in reached[name] if name in reached[other]) for name in turning}
    return [
        Breach(
            ", ".join(sorted(group)),
            tuple(str(one) for one in tree.imports if {one.importer.name, one.imported.name} <= group),
        )
        for group in sorted(groups, key=sorted)
    ]


def _reached(tree: Tree) -> dict[str, set[str]]:
    """Return for each module all that its imports lead to."""
    direct = defaultdict(set)
    for one in tree.imports:
        direct[one.importer.name].add(one.imported.name)
    reached = {}
    for name in tree.modules:
        there: set[str] = set()
        ahead = set(direct[name])
        while ahead:
            there |= ahead
            ahead = {further for near in ahead for further in direct[near]} - there
        reached[name] = there
    return reached


def upward_imports(tree: Tree) -> list[Breach]:
    """Find the imports that climb the stack, that join two stages, or that inside/ makes of the rest."""
    stack = _stack(tree.checkout)
    return [
        Breach(f"{one.importer.name} imports {one.imported.name}: {reason}", (one.place,))
        for one in tree.imports
        if (reason := _wrong(stack, one.importer, one.imported))
    ]


def _stack(checkout: Path) -> list[list[str]]:
    """Return the layers of the contract in pyproject.toml, the highest first."""
    text = (checkout / "pyproject.toml").read_text(encoding="utf-8")
    contracts = tomllib.loads(text)["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    stages = [[stage.strip() for stage in layer.split("|")] for layer in layers]
    return [[ENTRANCE], *stages, [INSIDE], [PACKAGE]]


def _wrong(stack: list[list[str]], importer: Module, imported: Module) -> str:
    """Say what is wrong with an import; nothing if it points down."""
    if importer.inside(INSIDE):
        return "" if imported.inside(INSIDE) else "inside imports nothing of the package"
    above, below = (_layer(stack, module) for module in (importer, imported))
    if above is None or below is None:
        return "one of them stands in no layer"
    if above[0] > below[0]:
        return "it points up"
    return "stages do not import each other" if above[0] == below[0] and above[1] != below[1] else ""


def _layer(stack: list[list[str]], module: Module) -> tuple[int, str] | None:
    """Return how deep a module stands, and in which package of that layer."""
    for depth, layer in enumerate(stack):
        for name in layer:
            if module.name == name or (name != PACKAGE and module.inside(name)):
                return depth, name
    return None


def long_modules(tree: Tree) -> list[Breach]:
    """Find the files with too many lines."""
    return [
        Breach(f"{module.lines} lines", (f"{module.path}:{module.lines}",))
        for module in tree.modules.values()
        if module.lines > LONGEST_MODULE
    ]


def long_functions(tree: Tree) -> list[Breach]:
    """Find the functions with too many lines, counted from ``def`` to the last."""
    return [
        Breach(f"{node.name}: {length} lines", (module.at(node),))
        for module, node in tree.functions
        if (length := _length(node)) > LONGEST_FUNCTION
    ]


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def strayed_exceptions(tree: Tree) -> list[Breach]:
    """Find the exception classes that stand elsewhere than in errors.py; inside/ has its own."""
    exceptions = _exceptions(tree)
    return [
        Breach(node.name, (module.at(node),))
        for module, node in tree.classes
        if node.name in exceptions and module.name != ERRORS and not module.inside(INSIDE)
    ]


def _exceptions(tree: Tree) -> set[str]:
    """Return the names of all classes that descend from an exception."""
    bases = {node.name: [_last_name(base) for base in node.bases] for _, node in tree.classes}
    known: set[str] = set()
    while True:
        more = {
            name for name, parents in bases.items() if any(base in known or _is_exception(base) for base in parents)
        }
        if more == known:
            return known
        known = more


def _last_name(base: ast.expr) -> str:
    """Return ``JSONDecodeError`` of ``json.JSONDecodeError``, and nothing of what is no name."""
    match base:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _is_exception(name: str) -> bool:
    """Tell whether a name is a built-in exception's, or looks like that of a foreign one."""
    kind = getattr(builtins, name, None)
    return name.endswith(("Error", "Exception")) or (isinstance(kind, type) and issubclass(kind, BaseException))


def odd_value_types(tree: Tree) -> list[Breach]:
    """Find value types that are neither structs nor dataclasses with slots; scripts alone have named tuples."""
    return [
        Breach(node.name, (module.at(node),))
        for module, node in tree.classes
        if _is_odd_value(node) and not module.inside(INSIDE) and module.name != PLAIN_SCRIPT
    ]


def _is_odd_value(node: ast.ClassDef) -> bool:
    return any(_last_name(base) in {"NamedTuple", "TypedDict"} for base in node.bases) or any(
        map(_is_slotless, node.decorator_list)
    )


def _is_slotless(decorator: ast.expr) -> bool:
    """Tell whether a decorator makes a dataclass without slots."""
    match decorator:
        case ast.Call(func=made, keywords=options):
            return _last_name(made) == "dataclass" and all(option.arg != "slots" for option in options)
        case _:
            return _last_name(decorator) == "dataclass"


LIMITS: dict[str, Callable[[Tree], list[Breach]]] = {
    "class names defined twice": doubled_classes,
    "circles between files": circles,
    "upward imports": upward_imports,
    f"modules above {LONGEST_MODULE} lines": long_modules,
    f"functions above {LONGEST_FUNCTION} lines": long_functions,
    "exception classes outside errors.py": strayed_exceptions,
    "value types of another kind": odd_value_types,
}
"""Each must come to nothing."""


def figures(tree: Tree) -> dict[str, str]:
    """Return what has no limit and is worth a look."""
    lines = sum(module.lines for module in tree.modules.values())
    stems = Counter(stem for module in tree.modules.values() if (stem := module.path.stem) not in UNNAMED)
    shared = sum(count for count in stems.values() if count > 1)
    lengths = sorted(_length(node) for _, node in tree.functions) or [0]
    ninth = lengths[ceil(0.9 * len(lengths)) - 1]
    return {
        "lines of the package": f"{lines:,}",
        "modules, without __init__ and __main__": f"{stems.total()}",
        "classes per 1,000 lines": f"{1000 * len(tree.classes) / max(lines, 1):.1f}",
        "modules that share their name": f"{shared / max(stems.total(), 1):.0%}",
        "function lines median / 90 % / longest": f"{median(lengths):g} / {ninth} / {lengths[-1]}",
    }


def report(tree: Tree) -> tuple[str, bool]:
    """Return the table with what breaks it, and whether nothing does."""
    broken = {title: find(tree) for title, find in LIMITS.items()}
    rows = {title: f"{len(breaches)}" for title, breaches in broken.items()} | figures(tree)
    wide = max(map(len, rows))
    lines = [f"{title:<{wide}}  {value:>14}" for title, value in rows.items()]
    for title, breaches in broken.items():
        for breach in breaches:
            lines += ["", f"{title}: {breach.what}", *(f"    {place}" for place in breach.places)]
    return "\n".join(lines), not any(broken.values())


def main() -> int:
    """Print the table of a checkout; 1 where a limit is broken."""
    parser = argparse.ArgumentParser(description="Count what keeps the package walkable.")
    parser.add_argument("checkout", nargs="?", type=Path, default=CHECKOUT, help="default: the one of this script")
    text, kept = report(Tree(parser.parse_args().checkout))
    print(text)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
