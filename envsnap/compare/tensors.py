"""Compares two flat arrays block by block: each block fits the cache, and equal bits cost one pass.

Whole-array expressions stream every temporary through memory; blocks made 512 MB of float32 some twenty times faster.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envsnap.compare.reading import Tensor
from envsnap.compare.tally import Tally
from envsnap.manifest.tolerance import Bounds

BLOCK = 32 * 1024
"""Values a block: two of float64 and their temporaries stay within a common 1 MiB second-level cache."""

SMALLEST = 1e-150
"""The squares of smaller numbers are nothing."""

_FAST = (np.dtype(np.float32), np.dtype(np.float64))
_BITS: Mapping[int, type[np.unsignedinteger]] = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


def tally_tensors(baseline: Tensor, rerun: Tensor, bounds: Bounds, *, block: int = BLOCK) -> Tally:
    """Compare two tensors of one dtype and shape.

    A value is inside when ``|rerun - baseline| <= atol + rtol * |baseline|``, for complex numbers by the modulus, as
    numpy and torch do; infinity equals only itself, NaN equals
    nothing unless ``bounds.equal_nan`` says so. Text, dates and spans of time have to be equal.
    """
    ours, theirs = baseline.stored, rerun.stored
    total = Tally()
    for start in range(0, len(ours), block):
        stop = start + block
        total = total.plus(_tally_block(baseline.dtype, ours[start:stop], theirs[start:stop], bounds, start, total))
    return total


@dataclass(frozen=True, slots=True, eq=False)
class Distances:
    """Of several tensors: the square of each one's norm, (tensors,), and of each two's distance, (tensors, tensors)."""

    norms: NDArray[np.float64]
    squares: NDArray[np.float64]


def distances_of(tensors: Sequence[Tensor], *, block: int = BLOCK) -> Distances | None:
    """Measure how far tensors of one dtype and shape are apart (L2), block by block.

    None: they are no numbers, or too large or too small to be squared.
    """
    count, largest = len(tensors), 0.0
    norms, squares = np.zeros(count), np.zeros((count, count))
    for start in range(0, len(tensors[0].stored), block):
        blocks = [_widen(tensor.dtype, tensor.stored[start : start + block]) for tensor in tensors]
        if blocks[0].dtype.kind not in "fciu":
            return None
        wide = np.array([values.astype(np.complex128 if values.dtype.kind == "c" else np.float64) for values in blocks])
        with np.errstate(over="ignore", invalid="ignore"):
            sizes = np.abs(wide)
            largest = max(largest, float(sizes.max()))
            norms += (sizes**2).sum(axis=1)
            for one in range(count):
                squares[one] += (np.abs(wide - wide[one]) ** 2).sum(axis=1)
    if 0 < largest < SMALLEST or not np.isfinite(norms).all() or not np.isfinite(squares).all():
        return None
    return Distances(norms, squares)


def value_at(tensor: Tensor, index: int) -> str:
    """Write the value at a flat index, as counted by :func:`tally_tensors`."""
    value = _widen(tensor.dtype, tensor.stored[index : index + 1])[0]
    return str(value) if value == value else "NaN"  # noqa: PLR0124 - true of everything but NaN


def place_of(tensor: Tensor, index: int) -> str:
    """Write where a flat index is, as in ``element [0, 12]``; "" for a lone value."""
    position = [int(part) for part in np.unravel_index(index, tensor.shape)]
    return f"element {position}" if position else ""


def single(tensor: Tensor, index: int) -> Tensor:
    """Cut out the value at a flat index, as counted by :func:`tally_tensors`."""
    return Tensor(dtype=tensor.dtype, shape=(1,), stored=tensor.stored[index : index + 1])


def _tally_block(
    dtype: str, baseline: NDArray[np.generic], rerun: NDArray[np.generic], bounds: Bounds, start: int, before: Tally
) -> Tally:
    same = _same_bits(baseline, rerun)
    ours = _widen(dtype, baseline)
    if bool(same.all()) and not _has_nan(ours):
        return Tally(count=len(same))
    if ours.dtype in _FAST:
        close = _tally_close(ours, _widen(dtype, rerun), same, bounds, start, before)
        if close is not None:
            return close
    if ours.dtype.kind in "fc":
        return _tally_floats(ours, _widen(dtype, rerun), same, bounds, start)
    if ours.dtype.kind in "iu":
        return _tally_integers(ours, _widen(dtype, rerun), bounds, start)
    return _tally_others(same, start)


def _same_bits(baseline: NDArray[np.generic], rerun: NDArray[np.generic]) -> NDArray[np.bool_]:
    bits = _BITS.get(baseline.dtype.itemsize)
    if baseline.dtype != rerun.dtype:
        return np.asarray(baseline == rerun)
    if baseline.dtype.kind == "c":
        halves = _BITS.get(baseline.dtype.itemsize // 2)
        if halves is not None:
            equal = np.equal(np.ascontiguousarray(baseline).view(halves), np.ascontiguousarray(rerun).view(halves))
            return np.asarray(equal[0::2] & equal[1::2])
    if bits is None:
        return np.asarray(baseline == rerun)
    return np.equal(baseline.view(bits), rerun.view(bits))


def _has_nan(values: NDArray[np.generic]) -> bool:
    return values.dtype.kind in "fc" and bool(np.isnan(values).any())


def _widen(dtype: str, stored: NDArray[np.generic]) -> NDArray[np.generic]:
    """Turn the stored block into numbers that the machine computes with, in its own byte order."""
    if dtype == "bfloat16":
        return (stored.astype(np.uint32) << 16).view(np.float32)
    if dtype.startswith("float8"):
        return _float8_values(dtype)[stored.astype(np.uint8)]
    return stored.astype(stored.dtype.newbyteorder("="), copy=False)


@cache
def _float8_values(dtype: str) -> NDArray[np.float32]:
    """List the 256 values of a float8 type: https://arxiv.org/abs/2209.05433, table 1."""
    codes = np.arange(256, dtype=np.uint16)
    if dtype == "float8_e5m2":  # the upper half of a float16
        return (codes << 8).view(np.float16).astype(np.float32)
    exponent, mantissa = (codes >> 3) & 15, (codes & 7).astype(np.float32)
    fraction = np.where(exponent == 0, mantissa / 8, 1 + mantissa / 8)
    size = np.ldexp(fraction, np.maximum(exponent, 1).astype(np.int32) - 7)
    values = np.where(codes & 128, -size, size).astype(np.float32)
    values[(codes & 127) == 127] = np.nan  # noqa: PLR2004 - all ones is NaN in e4m3fn, which has no infinity
    return np.asarray(values, dtype=np.float32)


def _tally_close(
    ours: NDArray[Any],
    theirs: NDArray[Any],
    same: NDArray[np.bool_],
    bounds: Bounds,
    start: int,
    before: Tally,
) -> Tally | None:
    """Tally a block of finite floats in their own precision where all are clearly within tolerance; else None.

    What rounding could turn over is left to :func:`_tally_floats`, which takes eight times as long.
    """
    slack = 1 - 16 * float(np.finfo(ours.dtype).eps)
    with np.errstate(invalid="ignore", over="ignore"):
        distance = np.subtract(theirs, ours)
        np.abs(distance, out=distance)
        largest = float(distance.max())
        if not math.isfinite(largest):
            return None
        size = np.abs(ours)
        scratch = size * ours.dtype.type(bounds.rtol * slack)
        scratch += ours.dtype.type(bounds.atol * slack)
        if not bool((distance <= scratch).all()):
            return None
        np.multiply(size, ours.dtype.type((before.max_relative or 0.0) * slack), out=scratch)
        farther = np.flatnonzero((distance > scratch) & (size > 0))
    at_most = int(distance.argmax())
    exact = np.abs(theirs[[at_most]].astype(np.float64) - ours[[at_most]].astype(np.float64))
    wide, size_wide = (values[farther].astype(np.float64) for values in (theirs, ours))
    return Tally(
        count=len(same),
        differing=len(same) - int(np.count_nonzero(same)),
        max_absolute=_largest(exact),
        max_relative=_largest(np.abs(wide - size_wide) / np.abs(size_wide)),
        first_difference=None if before.first_difference is not None else _first_true(~same, start),
    )


def _tally_floats(
    baseline: NDArray[np.generic], rerun: NDArray[np.generic], same: NDArray[np.bool_], bounds: Bounds, start: int
) -> Tally:
    ours, theirs = (values.astype(_widest(values.dtype), copy=False) for values in (baseline, rerun))
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        distance = np.abs(theirs - ours)
        relative = distance / np.abs(ours)
        inside = (ours == theirs) | (
            np.isfinite(ours) & np.isfinite(theirs) & (distance <= bounds.atol + bounds.rtol * np.abs(ours))
        )
    if bounds.equal_nan:
        inside |= np.isnan(ours) & np.isnan(theirs)
    broken = ~inside & ~(np.isfinite(ours) & np.isfinite(theirs))
    return _gather(same, inside, broken, distance, np.where(ours == 0, np.nan, relative), start)


def _widest(dtype: np.dtype[np.generic]) -> type[np.inexact]:
    if dtype.kind == "c":
        return np.clongdouble if dtype.itemsize > np.dtype(np.complex128).itemsize else np.complex128
    return np.longdouble if dtype.itemsize > np.dtype(np.float64).itemsize else np.float64


def _tally_integers(baseline: NDArray[np.generic], rerun: NDArray[np.generic], bounds: Bounds, start: int) -> Tally:
    low, high = np.minimum(baseline, rerun), np.maximum(baseline, rerun)
    # In unsigned 64 bits the distance of any two integers is exact; as a float alone 2**53 + 1 would equal 2**53.
    distance = (high.astype(np.uint64) - low.astype(np.uint64)).astype(np.float64)
    size = np.abs(baseline.astype(np.float64))
    inside = distance <= bounds.atol + bounds.rtol * size
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = np.where(size == 0, np.nan, distance / size)
    return _gather(distance == 0, inside, np.zeros_like(inside), distance, relative, start)


def _tally_others(same: NDArray[np.bool_], start: int) -> Tally:
    first = _first_true(~same, start)
    beyond = int((~same).sum())
    return Tally(
        count=len(same),
        differing=beyond,
        beyond=beyond,
        broken=beyond,
        first_difference=first,
        first_beyond=first,
        first_broken=first,
    )


def _gather(
    same: NDArray[np.bool_],
    inside: NDArray[np.bool_],
    broken: NDArray[np.bool_],
    distance: NDArray[np.generic],
    relative: NDArray[np.generic],
    start: int,
) -> Tally:
    return Tally(
        count=len(same),
        differing=int((~same).sum()),
        beyond=int((~inside).sum()),
        broken=int(broken.sum()),
        max_absolute=_largest(distance),
        max_relative=_largest(relative),
        first_difference=_first_true(~same, start),
        first_beyond=_first_true(~inside, start),
        first_broken=_first_true(broken, start),
    )


def _largest(values: NDArray[np.generic]) -> float | None:
    numbers = values[~np.isnan(values)]
    largest = float(numbers.max()) if len(numbers) else 0.0
    return largest if largest > 0 else None


def _first_true(flags: NDArray[np.bool_], start: int) -> int | None:
    return start + int(flags.argmax()) if bool(flags.any()) else None
