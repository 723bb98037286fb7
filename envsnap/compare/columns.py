"""Series as a reader collects them: numbers packed eight bytes each, and places put into words when asked for.

A file of 50 MB holds millions of numbers; as Python objects, each with its place in words, they take 20 times that.
"""

import itertools
import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from envsnap.compare.reading import MISSING, Reading, Scalar, Series
from envsnap.compare.wording import quote, show
from envsnap.errors import OutputError

STEP_KEYS: Final = ("step", "global_step", "iteration", "epoch")
"""Keys that number a record, the finest first."""

MOST_WORDS: Final = 10_000
"""Different words that are kept once each: the names of categories, not texts that each stand once."""

_CODES: Final[Mapping[frozenset[type], str]] = {frozenset({float}): "d", frozenset({int}): "q"}
NO_FINITE: Final = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Positions:
    """Places that are written alike, as ``step 17``: what stands before and after their numbers, or words."""

    before: str
    numbers: Sequence[int | str]
    after: str = ""

    def word(self, index: int) -> str:
        """Put one place into words."""
        return f"{self.before}{self.numbers[index]}{self.after}"


class Labels(Sequence[str]):
    """The places of a series, in words, one after the other.

    Args:
        parts: none of them is empty.
    """

    def __init__(self, parts: Sequence[Positions]) -> None:
        self.parts = parts
        self._ends = list(itertools.accumulate(len(part.numbers) for part in parts))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, index: int) -> str:  # type: ignore[override] # of a slice nobody has need
        place = range(len(self))[index]
        part = bisect_right(self._ends, place)
        return self.parts[part].word(place - (self._ends[part] - len(self.parts[part].numbers)))

    def __iter__(self) -> Iterator[str]:
        for part in self.parts:
            before, after = part.before, part.after
            for number in part.numbers:
                yield f"{before}{number}{after}"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Labels) and self.parts == other.parts:
            return True
        return isinstance(other, Sequence) and len(self) == len(other) and all(map(str.__eq__, self, other))

    __hash__ = None  # type: ignore[assignment] # nor has any other list one


def common_start(labels: Sequence[str], others: Sequence[str]) -> int:
    """Count the leading labels that are the same on both sides."""
    place = 0
    if isinstance(labels, Labels) and isinstance(others, Labels):
        alike = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(labels.parts, others.parts, strict=False))
        place = sum(len(part.numbers) for part, _ in alike)
    end = min(len(labels), len(others))
    return next((index for index in range(place, end) if labels[index] != others[index]), end)


@dataclass(slots=True)
class _Column:
    """One series as it grows."""

    values: Sequence[Scalar] = field(default_factory=list)
    places: list[Positions] = field(default_factory=list)
    is_step: bool = False


class SeriesBuilder:
    """Collects values under their paths, in the order of the file."""

    def __init__(self) -> None:
        self._columns: dict[tuple[str, ...], _Column] = {}
        self._names: set[str] = set()
        self._words: dict[str, str] = {}

    def add(self, path: tuple[str, ...], places: Positions, values: Sequence[Scalar], *, is_step: bool = False) -> None:
        """Append values, and the place of each.

        Raises:
            OutputError: two different places of the file have this name, so that one would hide the other; or a text
                holds half a surrogate pair.
        """
        column = self._columns.get(path) or self.declare(path)
        if not values:
            return
        column.values = _joined(column.values, self._checked(values))
        column.places.append(places)
        column.is_step |= is_step

    def declare(self, path: tuple[str, ...]) -> _Column:
        """Make a series known that may have no values: the header of a table without rows.

        Raises:
            OutputError: as above.
        """
        name = "/".join(path)
        _check_characters(name)
        if name in self._names:
            raise OutputError(f"two different keys are both called {quote(name)}; rename one of them")
        self._names.add(name)
        self._columns[path] = column = _Column()
        return column

    def build(self) -> Reading:
        """Give what was collected."""
        return {
            "/".join(path): Series(
                labels=Labels(column.places),
                values=_with_words_read(column.values),
                path=path,
                is_step=column.is_step,
            )
            for path, column in self._columns.items()
        }

    def _checked(self, values: Sequence[Scalar]) -> Sequence[Scalar]:
        packed = pack(values)
        if isinstance(packed, array):
            return packed[:] if packed is values else packed
        for value in values:
            if isinstance(value, str):
                _check_characters(value)
        if len(self._words) > MOST_WORDS:
            return list(values)
        return [self._words.setdefault(value, value) if isinstance(value, str) else value for value in values]


def pack(values: Sequence[Scalar]) -> Sequence[Scalar]:
    """Pack floats, or integers of up to 64 bits, if all of the values are; else leave them as they are."""
    if isinstance(values, array):
        return values
    code = _CODES.get(frozenset(map(type, values)))
    try:
        return array(code, values) if code else values  # type: ignore[type-var] # numbers of that kind
    except OverflowError:
        return values


def step_places(columns: Mapping[str, Sequence[Scalar]], otherwise: Positions, above: str = "") -> Positions:
    """Tell where records stand, by the step that each names, or ``otherwise``.

    Args:
        columns: the values of the records' keys.
        otherwise: the place of each record without a step.
        above: the place of what the records are in.
    """
    steps = [key for key in STEP_KEYS if key in columns]
    if not steps:
        return otherwise
    before, numbers = f"{above} {_step_word(steps[0])} ".lstrip(), _whole_numbers(columns[steps[0]])
    if isinstance(numbers, array) and numbers.typecode == "q":
        return Positions(before, _evenly(numbers))
    rows = zip(*(columns[key] for key in steps), strict=True)
    words = [_step_of(dict(zip(steps, row, strict=True))) for row in rows]
    return Positions(
        "", [f"{above} {word}".lstrip() if word else otherwise.word(index) for index, word in enumerate(words)]
    )


def step_words(columns: Mapping[str, Sequence[Scalar]], count: int) -> Iterator[str]:
    """Give the step that each of ``count`` records names, as :func:`step_places` tells it; "" for one without."""
    places = step_places(columns, Positions("", [""] * count))
    return (places.word(index) for index in range(count))


def _evenly(numbers: "array[int]") -> Sequence[int]:
    """Return a range in the place of numbers that are one, as most steps are: it takes no memory."""
    stride = numbers[1] - numbers[0] if len(numbers) > 1 else 0
    if stride == 0:
        return numbers
    spelt = range(numbers[0], numbers[0] + stride * len(numbers), stride)
    return spelt if spelt[-1] == numbers[-1] and np.array_equal(numbers, spelt) else numbers


def _step_of(record: Mapping[str, Scalar]) -> str:
    for key, value in record.items():
        if isinstance(value, (int, float, str)) and not isinstance(value, bool):
            return f"{_step_word(key)} {show(_whole(value))}"
    return ""


def _step_word(key: str) -> str:
    return key.removeprefix("global_")


def _whole_numbers(values: Sequence[Scalar]) -> Sequence[Scalar]:
    return values if isinstance(values, array) and values.typecode == "q" else pack([_whole(value) for value in values])


def _whole(value: Scalar) -> Scalar:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _joined(values: Sequence[Scalar], more: Sequence[Scalar]) -> Sequence[Scalar]:
    if not values:
        return more
    if isinstance(values, array) and isinstance(more, array) and values.typecode == more.typecode:
        values.extend(more)
        return values
    grown = values if isinstance(values, list) else list(values)
    grown.extend(more)
    return grown


def _with_words_read(values: Sequence[Scalar]) -> Sequence[Scalar]:
    """Read ``"NaN"`` and ``inf`` as the numbers that they are, unless they stand among words: a category may be nan."""
    if isinstance(values, array):
        return values
    words = {value for value in values if isinstance(value, str)} - MISSING
    if not words or not all(NO_FINITE.fullmatch(word.strip()) for word in words):
        return pack(values)
    return pack([float(value) if isinstance(value, str) and value not in MISSING else value for value in values])


def _check_characters(text: str) -> None:
    """Refuse half a surrogate pair, which JSON can write and nothing can print."""
    try:
        text.isascii() or text.encode()
    except UnicodeEncodeError as error:
        raise OutputError(f"{quote(text)} holds a code point that is no character") from error
