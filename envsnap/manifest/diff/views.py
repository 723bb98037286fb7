"""How the items of a manifest's lists are matched between two manifests, and shown as one value each."""

import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import PurePosixPath
from typing import Final

from envsnap.manifest.diff.rules import FactPath
from envsnap.manifest.toml import Plain

Table = Mapping[str, object]
_HASHED_NAME = re.compile(r"-[0-9a-f]{8,}(?=[.-])|\.so[.0-9]*\Z")
"""What auditwheel and the library's own version add to a file name: another build would be another library."""
_USUAL_NAMES = ("path", "name", "what")


class _UnrecordedValue:
    """Equals everything: where nothing was recorded, nothing can differ."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


UNRECORDED: Final = _UnrecordedValue()


@dataclass(frozen=True, slots=True)
class ItemView:
    """How a table stands as one value.

    Args:
        always: keys and the words around their values, shown whatever differs; of ``a|b`` the first that is there
            counts, and ``a?`` counts only where both sides have it.
        also: those that are shown only where nothing of ``always`` differs, and they do.
        implied: keys that follow from what is shown: they are compared for themselves only where that is equal.
    """

    always: tuple[tuple[str, str], ...]
    also: tuple[tuple[str, str], ...] = ()
    implied: tuple[str, ...] = ()


_LOADED_LIBRARY = ItemView((("version", "{}"), ("sha256?", "sha256 {}")), (), ("name", "owner", "path", "size"))
VIEWS: Mapping[FactPath, ItemView] = {
    ("packages",): ItemView(
        (("version|installed.version", "{}"),),
        (
            ("installed.build", "build {}"),
            ("installed.tags", "tags {}"),
            ("vcs.commit-id", "commit {}"),
            ("installed.content-digest", "content {}"),
        ),
        (
            "wheels", "sdist", "installed.evidence", "installed.reason", "installed.rebuilt-digest",
            "installed.source-digest", "installed.wheel",
        ),
    ),
    ("conda", "packages"): ItemView(
        (("version", "{}"),), (("build", "build {}"),), ("url", "sha256", "md5", "size", "depends")
    ),
    ("system", "packages"): ItemView((("version", "{}"),), (("arch", "{}"),)),
    ("accelerator", "libraries"): ItemView((("version", "{}"), ("sha256?", "sha256 {}")), (), ("size",)),
    ("numerics", "libraries"): _LOADED_LIBRARY,
    ("loaded", "libraries"): _LOADED_LIBRARY,
    ("numerics", "changed"): ItemView((("at-exit", "changed to {}"),)),
    ("numerics", "seeds"): ItemView((("seed", "{}"),)),
    ("numerics", "pools"): ItemView(
        (("version", "{}"), ("architecture", "{}"), ("num-threads", "{} threads")),
        (("threading-layer", "{}"),),
        ("path",),
    ),
    ("data",): ItemView((("sha256", "sha256 {}"), ("size", "{} bytes"))),
    ("code", "changed"): ItemView((("sha256", "changed, sha256 {}"),)),
    ("baseline", "outputs"): ItemView((("sha256", "sha256 {}"), ("size", "{} bytes"))),
    ("findings",): ItemView((("detail", "{}"),)),
    ("not-captured",): ItemView((("reason", "{}"),)),
    ("hardware", "gpus"): ItemView((("name", "{}"),)),
}  # fmt: skip
"""Lists whose items are shown as one value; keys that are not named here are compared each for itself."""

SUMMARIES: Mapping[FactPath, str] = {
    ("code",): "commit",
    ("job",): "command",
    ("baseline",): "runs",
    ("numerics", "torch"): "version",
    ("numerics", "numpy"): "version",
    ("numerics", "tensorflow"): "version",
    ("numerics", "jax"): "version",
}
"""What stands for a table that only one side has."""


def mark_unrecorded(tables: Plain, document: Mapping[str, object]) -> Plain:
    """Put :data:`UNRECORDED` for every key that ``tables``, which were parsed from ``document``, had to make up."""
    return {key: _mark(value, document[key]) if key in document else UNRECORDED for key, value in tables.items()}


def _mark(value: object, recorded: object) -> object:
    if isinstance(value, dict) and isinstance(recorded, dict):
        return mark_unrecorded(value, recorded)
    if isinstance(value, list) and isinstance(recorded, list) and len(value) == len(recorded):
        return [_mark(*pair) for pair in zip(value, recorded, strict=True)]
    return value


def by_name(where: FactPath, items: Iterable[Table]) -> dict[FactPath, Table]:
    """Name each item of the list at ``where``; a name that comes again gets a number."""
    name = _NAMES.get(where, _usual)
    named: dict[FactPath, Table] = {}
    for index, item in enumerate(items):
        *above, last = name(item, index)
        spellings = (last if number == 1 else f"{last} #{number}" for number in count(1))
        named[next(key for spelling in spellings if (key := (*above, spelling)) not in named)] = item
    return named


def describe_pair(view: ItemView, a: Table, b: Table) -> tuple[str, str]:
    """Spell two items of the same name; equal texts where nothing differs that :class:`ItemView` names."""
    alike = not any(_differs(a, b, key) for key, _ in view.always)
    parts = [(key, words) for key, words in view.also if alike and _differs(a, b, key)]
    if alike and not parts:
        return "", ""
    before, after = ([words.format(spell(_get(item, key) or "unknown")) for key, words in parts] for item in (a, b))
    return ", ".join([describe(view, a), *before]), ", ".join([describe(view, b), *after])


def describe(view: ItemView, item: Table) -> str:
    """Spell an item alone."""
    values = ((words, _get(item, key)) for key, words in view.always)
    return ", ".join(words.format(spell(value)) for words, value in values if value not in (None, "")) or "there"


def without_viewed(view: ItemView, item: Table, *, equal: bool) -> Table:
    """Leave out what :func:`describe_pair` looks at and, where that is not ``equal``, what follows from it."""
    keys = [one for keys, _ in (*view.always, *view.also) for one in keys.split("|")]
    return _without(item, {tuple(key.rstrip("?").split(".")) for key in (*keys, *(() if equal else view.implied))})


def spell(value: object) -> str:
    """Write a value that is no table as text: lists as shell words, truth as TOML has it."""
    match value:
        case bool():
            return "true" if value else "false"
        case list() | tuple():
            return shlex.join(map(spell, value)) if value else "none"
        case _:
            return str(value)


def summarise(where: FactPath, table: Table) -> str:
    """Say what a table is that only one side has."""
    key = SUMMARIES.get(where)
    return f"{key} {spell(table[key])}" if key is not None and table.get(key) is not None else "there"


def _without(item: Table, keys: set[FactPath]) -> Table:
    below = {key[0]: {rest[1:] for rest in keys if rest[0] == key[0] and len(rest) > 1} for key in keys}
    return {
        key: _without(value, below[key]) if isinstance(value, Mapping) and below.get(key) else value
        for key, value in item.items()
        if (key,) not in keys
    }


def _differs(a: Table, b: Table, key: str) -> bool:
    one, other = _get(a, key), _get(b, key)
    return one != other and not (key.endswith("?") and not (one and other))


def _get(item: Table, keys: str) -> object:
    for key in keys.rstrip("?").split("|"):
        value: object = item
        for step in key.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
        if value is not None:
            return value
    return None


def _usual(item: Table, index: int) -> FactPath:
    return next(((str(item[key]),) for key in _USUAL_NAMES if item.get(key)), (str(index),))


def _by_index(_item: Table, index: int) -> FactPath:
    return (str(index),)


def _finding(item: Table, _index: int) -> FactPath:
    return str(item.get("kind", "")), str(item.get("subject", ""))


def _setting(item: Table, _index: int) -> FactPath:
    return (f"{item.get('framework', '')} {item.get('setting', '')}",)


def _seed(item: Table, _index: int) -> FactPath:
    return (f"{item.get('call', '')} at {item.get('place', '')}",)


def _library(item: Table, _index: int) -> FactPath:
    """Name a loaded library by family, folder and bare name: its version is what may differ."""
    return str(item.get("family", "")), _bare(str(item.get("path", "")))


def _pool(item: Table, _index: int) -> FactPath:
    folder = PurePosixPath(str(item.get("path", ""))).parent.name
    return (f"{item.get('implementation', '')}{f' ({folder})' if folder else ''}",)


def _bare(path: str) -> str:
    place = PurePosixPath(path)
    name = _HASHED_NAME.sub("", place.name)
    return f"{place.parent.name}/{name}" if place.parent.name else name


_NAMES: Mapping[FactPath, Callable[[Table, int], FactPath]] = {
    ("findings",): _finding,
    ("hardware", "gpus"): _by_index,
    ("loaded", "libraries"): _library,
    ("numerics", "changed"): _setting,
    ("numerics", "libraries"): _library,
    ("numerics", "pools"): _pool,
    ("numerics", "seeds"): _seed,
}
