"""What differs between two manifests, grouped by what it belongs to and by whether it can move numbers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from envsnap.manifest.diff.rules import (
    FOLLOWING,
    OBSERVED,
    OBSERVED_TOO,
    SOUGHT,
    TITLES,
    FactPath,
    Group,
    classify,
    find_source,
    find_words,
)
from envsnap.manifest.diff.views import (
    UNRECORDED,
    VIEWS,
    Table,
    by_name,
    describe,
    describe_pair,
    mark_unrecorded,
    spell,
    summarise,
    without_viewed,
)
from envsnap.manifest.lockfile import plain
from envsnap.manifest.manifest import Contents
from envsnap.manifest.model import Model
from envsnap.manifest.toml import Plain

_SETS = frozenset({"isa", "cpu-found", "cpu-baseline"})
"""Lists in which only what the other side lacks is worth showing."""
_UNNAMED = (
    ("packages",), ("conda", "packages"), ("system", "packages"), ("accelerator", "libraries"), ("accelerator",),
    ("numerics", "env"), ("numerics", "pools"), ("numerics",), ("hardware", "cpu"), ("hardware",), ("code", "changed"),
    ("code",), ("data",), ("job",), ("interpreter",), ("platform",), ("findings",), ("baseline", "outputs"), ("build",),
)  # fmt: skip
"""Tables whose name a reader can do without, the longest first."""


class LockDifference(Model, frozen=True):
    """One fact that is not the same.

    Args:
        what: the fact in short; ``path`` names it in full, from the top of the manifest.
        group: what it belongs to.
        moves_numbers: whether it can.
        a: as the first side has it; None: it is not there.
        b: as the second side has it.
    """

    what: str
    path: FactPath
    group: Group
    moves_numbers: bool
    a: str | None
    b: str | None


class UncomparedFacts(Model, frozen=True):
    """Facts of ``groups`` that one side cannot have: ``what`` they are, and the reason."""

    what: tuple[str, ...]
    groups: tuple[Group, ...]
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LockDiff:
    """All that differs, in order of group; ``same`` names the groups in which nothing does."""

    differences: tuple[LockDifference, ...] = ()
    same: tuple[Group, ...] = ()
    not_compared: tuple[UncomparedFacts, ...] = ()

    @property
    def moves_numbers(self) -> bool:
        """Whether something differs that can move numbers."""
        return any(difference.moves_numbers for difference in self.differences)


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One of the two that are compared.

    Args:
        name: as messages call it.
        contents: what it records.
        sought: whether artefacts were looked for; they are not for an environment that is only compared.
        document: the file itself, of a lock of an older schema: what is not in it was not recorded yet.
    """

    name: str
    contents: Contents
    sought: bool = True
    document: Plain | None = None

    @property
    def tables(self) -> Plain:
        """The contents as tables; :data:`UNRECORDED` stands for what was not recorded yet."""
        tables = plain(self.contents)
        return tables if self.document is None else mark_unrecorded(tables, self.document)

    @property
    def observed(self) -> bool:
        """Whether the job was run and watched from inside."""
        return self.contents.baseline is not None and self.contents.baseline.observed


@dataclass(frozen=True, slots=True)
class _BlindSpot:
    """What side ``side`` (0 or 1) cannot tell, in words by pattern, and why; ``partly``: whatever it says of it."""

    side: int
    words: Mapping[str, str]
    reason: str
    partly: bool = False


@dataclass(frozen=True, slots=True)
class _SkippedFact:
    """A fact that only one side could have."""

    words: str
    group: Group
    reason: str


_Found = LockDifference | _SkippedFact


def diff_locks(a: Side, b: Side, *, same_code: bool = False) -> LockDiff:
    """Compare two manifests, fact by fact.

    Args:
        a: one side.
        b: the other.
        same_code: whether the two commits hold the same files: then what names the commits moves nothing.
    """
    tables = a.tables, b.tables
    found = tuple(_compare((), *tables, tuple(_blind_spots(a, b))))
    facts = _without_echoes([one for one in found if isinstance(one, LockDifference)])
    differences = [_with_same_files(one) if same_code and one.path[0] == "code" else one for one in facts]
    notes = (*_notes(one for one in found if isinstance(one, _SkippedFact)), *_older(a, b))
    unequal = {one.group for one in differences}.union(*(note.groups for note in notes))
    known = _groups((), tables[0]) & _groups((), tables[1])
    order = tuple(TITLES)
    return LockDiff(
        differences=tuple(sorted(differences, key=lambda one: (not one.moves_numbers, order.index(one.group)))),
        same=tuple(group for group in order if group in known - unequal),
        not_compared=notes,
    )


def _blind_spots(*sides: Side) -> Iterator[_BlindSpot]:
    run = any(side.observed for side in sides)
    for index, side in enumerate(sides):
        if run and not side.observed:
            reason = f"{side.name}: the job was not run, or not observed"
            yield _BlindSpot(index, OBSERVED, reason)
            yield _BlindSpot(index, OBSERVED_TOO, reason, partly=True)
        if not side.sought:
            yield _BlindSpot(index, SOUGHT, f"{side.name}: nobody looked for them", partly=True)


def _compare(path: FactPath, a: object, b: object, blind_spots: tuple[_BlindSpot, ...]) -> Iterator[_Found]:
    if a == b or (_is_empty(a) and _is_empty(b)) or path in FOLLOWING:
        return
    for blind_spot in blind_spots:
        words = find_words(path, blind_spot.words) if blind_spot.partly or not (a, b)[blind_spot.side] else None
        if words is not None:
            yield _SkippedFact(words, classify(path)[0], blind_spot.reason)
            return
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        for key in sorted(a.keys() | b.keys()):
            yield from _compare((*path, key), a.get(key), b.get(key), blind_spots)
    elif _holds_tables(a) or _holds_tables(b):
        yield from _compare_items(path, _tables(a), _tables(b), blind_spots)
    else:
        yield _difference(path, *_spell_pair(path, a, b))


def _compare_items(
    path: FactPath, a: list[Table], b: list[Table], blind_spots: tuple[_BlindSpot, ...]
) -> Iterator[_Found]:
    ours, theirs, view = by_name(path, a), by_name(path, b), VIEWS.get(path)
    for name in sorted(ours.keys() | theirs.keys()):
        one, other, where = ours.get(name), theirs.get(name), (*path, *name)
        if view is None or one is None or other is None:
            yield from _compare(where, one, other, blind_spots)
            continue
        before, after = describe_pair(view, one, other)
        if before != after:
            yield _difference(where, before, after)
        equal = before == after
        ours_left, theirs_left = without_viewed(view, one, equal=equal), without_viewed(view, other, equal=equal)
        yield from _compare(where, ours_left, theirs_left, blind_spots)


def _difference(path: FactPath, a: str | None, b: str | None) -> LockDifference:
    group, moves = classify(path)
    return LockDifference(what=_label(path), path=path, group=group, moves_numbers=moves, a=a, b=b)


def _with_same_files(difference: LockDifference) -> LockDifference:
    return replace(difference, moves_numbers=False, what=f"{difference.what} (same files)")


def _without_echoes(differences: Sequence[LockDifference]) -> list[LockDifference]:
    """Leave out what only repeats another difference: the thread count stands in eight variables."""
    sides = {one.path: (one.a, one.b) for one in differences}
    return [one for one in differences if sides.get(find_source(one.path)) != (one.a, one.b)]


def _label(path: FactPath) -> str:
    if path[1:2] == ("libraries",) and path[0] in ("numerics", "loaded"):
        return " ".join((path[3].rpartition("/")[2], *path[4:]))
    above = next((table for table in _UNNAMED if path[: len(table)] == table and len(path) > len(table)), ())
    return " ".join(key for key in path[len(above) :] if key != "installed")


def _spell_pair(path: FactPath, a: object, b: object) -> tuple[str | None, str | None]:
    """Spell two values; of long lists only what the other does not have."""
    if isinstance(a, list) and isinstance(b, list) and path[-1] in _SETS:
        return _only(a, b), _only(b, a)
    return _spell_one(path, a), _spell_one(path, b)


def _spell_one(path: FactPath, value: object) -> str | None:
    if _is_empty(value):
        return None
    if isinstance(value, Mapping):
        view = VIEWS.get(path[:-1]) or VIEWS.get(path[:-2])
        return describe(view, value) if view else summarise(path, value)
    return spell(value)


def _only(these: list[object], those: list[object]) -> str:
    own = [one for one in these if one not in those]
    common = "… " if len(own) < len(these) else ""
    return f"{common}{spell(own)}" if own else f"{common}nothing more"


def _is_empty(value: object) -> bool:
    return value is None or value in ("", [], {})


def _holds_tables(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(item, Mapping) for item in value)


def _tables(value: object) -> list[Table]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _notes(skipped: Iterable[_SkippedFact]) -> Iterator[UncomparedFacts]:
    facts = tuple(skipped)
    for reason in dict.fromkeys(fact.reason for fact in facts):
        told = [fact for fact in facts if fact.reason == reason]
        yield UncomparedFacts(
            what=tuple(dict.fromkeys(fact.words for fact in told)),
            groups=tuple(group for group in TITLES if any(fact.group == group for fact in told)),
            reason=reason,
        )


def _older(*sides: Side) -> Iterator[UncomparedFacts]:
    for side in sides:
        if side.document is not None:
            yield UncomparedFacts(
                what=("what it did not record yet",), groups=(), reason=f"{side.name}: an older envsnap wrote it"
            )


def _groups(path: FactPath, value: object) -> frozenset[Group]:
    """Return the groups of which ``value`` holds a fact."""
    if isinstance(value, Mapping):
        return frozenset().union(*(_groups((*path, key), below) for key, below in value.items()))
    if _holds_tables(value):
        items = by_name(path, _tables(value))
        return frozenset(classify((*path, *name))[0] for name in items)
    if value is UNRECORDED or _is_empty(value):
        return frozenset()
    return frozenset({classify(path)[0]})
