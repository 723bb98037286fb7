"""Editable installations of the project's own code: which ones these are, and what their installation adds to it."""

import ast
import csv
from collections.abc import Iterable, Iterator, Mapping
from configparser import ConfigParser
from configparser import Error as ConfigParserError
from dataclasses import dataclass, field
from email.parser import HeaderParser
from pathlib import Path

from envsnap.errors import CaptureError
from envsnap.host import git
from envsnap.host.files import relative_to
from envsnap.manifest.installed import InstalledPackage
from envsnap.manifest.package import EditableSource

METADATA_KEYS = ("Metadata-Version", "Name", "Version", "Requires-Python", "Requires-Dist", "Provides-Extra")
"""What is asked for at run time; the description would only make the lock longer."""
FOUND_BY_NAME = "MAPPING"
NAMESPACES = "NAMESPACES"
"""Names in the finder that setuptools writes (``setuptools/command/editable_wheel.py``)."""


@dataclass(frozen=True, slots=True)
class ModulePlaces:
    """Where an installation finds its modules, in absolute paths; ``is_known`` is False for a way of its own."""

    roots: tuple[Path, ...] = ()
    modules: Mapping[str, Path] = field(default_factory=dict)
    namespaces: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    is_known: bool = True

    @property
    def all(self) -> Iterator[Path]:
        """Every place."""
        yield from self.roots
        yield from self.modules.values()
        yield from (place for places in self.namespaces.values() for place in places)


def is_own_code(tree: Path, project: Path) -> bool:
    """Whether a source tree is versioned with the project, or, where nothing is, lies in its folder.

    A checkout that pip or uv made in the project's folder is a repository of its own, and one that is ignored changes
    without a word: both are environment. A submodule is pinned by the project's commit, and is code.
    """
    top, own = git.top(project), git.top(tree)
    if top is None or own is None:
        return top is own is None and tree.resolve().is_relative_to(project.resolve())
    if top != own and git.ask(tree, "rev-parse", "--show-superproject-working-tree") != str(top):
        return False
    return not git.ignored(tree, (str(tree),))


def read_editable_source(package: InstalledPackage, tree: Path, project: Path) -> EditableSource:
    """Read what an editable installation adds to its source tree.

    Args:
        package: the installation, on this machine.
        tree: the source tree.
        project: the project's folder.

    Raises:
        CaptureError: its files cannot be read, or it imports from elsewhere too.
    """
    root, info = Path(package.root), Path(package.root) / package.folder
    try:
        places = ModulePlaces(roots=(root,)) if package.is_developed else _places(root, info)
        entry_points, metadata = _entry_points(info), _metadata(info)
    except (OSError, UnicodeDecodeError, SyntaxError, ValueError, ConfigParserError) as error:
        raise CaptureError(f"{package.label}: its editable installation cannot be read: {error}") from error
    is_built = not places.is_known or not _is_pure(package)
    strange = [place for place in places.all if not (place.resolve().is_relative_to(tree.resolve()) or is_built)]
    if strange:
        raise CaptureError(f"{package.label}: its editable installation imports from {strange[0]}, outside of {tree}")

    def spell(place: Path) -> str:
        return relative_to(place.resolve(), project.resolve())

    return EditableSource(
        roots=() if is_built else tuple(map(spell, places.roots)),
        modules={} if is_built else {name: spell(place) for name, place in sorted(places.modules.items())},
        namespaces={}
        if is_built
        else {name: tuple(map(spell, found)) for name, found in sorted(places.namespaces.items())},
        is_built=is_built,
        metadata=metadata,
        entry_points=entry_points,
    )


def _is_pure(package: InstalledPackage) -> bool:
    """Whether no tag names a platform; ``setup.py develop`` writes no tags, and extension modules beside the source."""
    if package.is_developed:
        return not any(Path(package.root).rglob("*.so"))
    tags = package.record.tags
    return bool(tags) and all(tag.endswith("-none-any") for tag in tags)


def _places(root: Path, info: Path) -> ModulePlaces:
    """Read the ``.pth`` files of an installation, and the finder that a line of one starts."""
    with (info / "RECORD").open(encoding="utf-8", newline="") as file:
        names = [row[0] for row in csv.reader(file) if row]
    lines = [line for name in names if name.endswith(".pth") and "/" not in name for line in _lines(root / name)]
    folders = tuple(root / line for line in lines if not line.startswith(("import ", "import\t")))
    if len(folders) == len(lines):
        return ModulePlaces(roots=folders, is_known=bool(folders))
    finders = [root / name for name in names if name.endswith(".py") and "/" not in name]
    found = [_finder(ast.parse(path.read_text(encoding="utf-8"))) for path in finders]
    modules = {name: _without_suffix(Path(place)) for mapped, _ in found for name, place in mapped.items()}
    namespaces = {name: tuple(map(Path, held)) for _, named in found for name, held in named.items()}
    return ModulePlaces(folders, modules, namespaces, is_known=bool(modules))


def _lines(path: Path) -> Iterator[str]:
    for line in path.read_text(encoding="utf-8-sig").splitlines():
        if line.strip() and not line.startswith("#"):
            yield line.strip()


def _finder(module: ast.Module) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Return what a finder maps, by its literals alone: nothing of it is run."""
    named: dict[str, dict[str, object]] = {}
    mapped: dict[str, str] = {}
    for node in ast.walk(module):
        match node:
            case (
                ast.AnnAssign(target=ast.Name(id=name), value=ast.Dict() as value)
                | ast.Assign(targets=[ast.Name(id=name)], value=ast.Dict() as value)
            ):
                named[name] = ast.literal_eval(value)
            case ast.Call(
                func=ast.Attribute(attr="map_module"),
                args=[ast.Constant(value=str(key)), ast.Constant(value=str(place))],
            ):  # as the library ``editables`` writes it, which hatchling and pdm-backend use
                mapped[key] = place
    mapped |= {name: str(place) for name, place in named.get(FOUND_BY_NAME, {}).items()}
    namespaces = {name: _texts(places) for name, places in named.get(NAMESPACES, {}).items()}
    return mapped, namespaces


def _texts(places: object) -> list[str]:
    return [str(place) for place in places] if isinstance(places, Iterable) else []


def _without_suffix(place: Path) -> Path:
    return place.parent if place.name == "__init__.py" else place.with_suffix("") if place.suffix == ".py" else place


def _metadata(info: Path) -> tuple[str, ...]:
    path = info / ("METADATA" if info.name.endswith(".dist-info") else "PKG-INFO")
    headers = HeaderParser().parsestr(path.read_text(encoding="utf-8"))
    return tuple(
        f"{key}: {' '.join(str(value).split())}" for key in METADATA_KEYS for value in headers.get_all(key, ())
    )


def _entry_points(info: Path) -> dict[str, dict[str, str]]:
    parser = ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names are case-sensitive
    parser.read(info / "entry_points.txt", encoding="utf-8")
    return {group: dict(sorted(parser.items(group))) for group in sorted(parser.sections())}
