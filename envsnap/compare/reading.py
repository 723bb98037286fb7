"""What the readers make of an output file: named series of values (text) or named tensors (arrays)."""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray


class EmptyContainer(enum.Enum):
    """An empty JSON container: it has to stay in its place, but it is no value."""

    LIST = "[]"
    OBJECT = "{}"


Scalar = bool | int | float | Decimal | str | EmptyContainer | None
"""A Decimal is a number that no float holds, such as 1e400: it equals only itself."""


MISSING = frozenset({"", "NA", "N/A", "n/a", "NULL", "null", "None", "<NA>", "NaT", "-"})
"""How programs write that a value is not there; it stays in its place, and says nothing of the values around it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """One metric over its steps.

    Args:
        labels: where each value stands, for people (``step 17``); "" for the only value of a plain object.
        values: an :class:`array.array` where all are floats ("d"), or integers of 64 bits ("q").
        path: the keys that lead to it, outermost first; its name joins them, and one name can have two paths.
        is_step: the series counts steps, so it is compared exactly and proves nothing on its own.
    """

    labels: Sequence[str]
    values: Sequence[Scalar]
    path: tuple[str, ...] = ()
    is_step: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Tensor:
    """One array, flat, in the encoding of its file.

    Args:
        dtype: the name that people know; for ``bfloat16`` and the float8 types ``stored`` holds unsigned integers.
        stored: one-dimensional, row-major, possibly memory-mapped.
    """

    dtype: str
    shape: tuple[int, ...]
    stored: NDArray[np.generic]


Item = Series | Tensor
Reading = Mapping[str, Item]
