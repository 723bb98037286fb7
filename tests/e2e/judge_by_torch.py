"""Run by a Python that has torch: pairs of arrays of every dtype, and what torch.isclose says of each element.

    python judge_by_torch.py FILE.npz

writes, for every case DTYPE-NUMBER: ``ours``, ``theirs`` (bfloat16 and float8 as bits), ``bounds``, and ``close``.
The other precisions of floats are judged in float64, where the bound itself is not rounded away.
"""

import sys

import numpy as np
import torch

COUNT = 1000
BOUNDS = ((0.0, 0.0, False), (1e-3, 1e-5, False), (1.3e-6, 1e-5, True), (0.5, 0.0, True), (0.0, 2.0, False))
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.float8_e4m3fn, torch.float8_e5m2)
INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
COMPLEX = (torch.complex64, torch.complex128)
SPECIAL = torch.tensor([0.0, -0.0, torch.nan, torch.inf, -torch.inf, 1.0, 1.0 + 2**-23, 1e-8], dtype=torch.float64)
BITS = {1: torch.uint8, 2: torch.uint16}


def main(target: str) -> None:
    """Write all cases."""
    random = torch.Generator().manual_seed(0)
    cases: dict[str, np.ndarray] = {}
    for dtype in (*FLOATS, *INTEGERS, *COMPLEX):
        for number, bounds in enumerate(BOUNDS):
            ours, theirs = pair(dtype, *bounds[:2], random)
            name = f"{str(dtype).removeprefix('torch.')}-{number}"
            cases |= {
                f"{name}/ours": stored(ours),
                f"{name}/theirs": stored(theirs),
                f"{name}/bounds": np.array(bounds),
            }
            cases[f"{name}/close"] = judged(ours, theirs, *bounds).numpy()
    np.savez(target, **cases)  # type: ignore[arg-type] # numpy's stub takes any name for its flag


def pair(dtype: torch.dtype, rtol: float, atol: float, random: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Return two arrays, whose distances lie on both sides of the bound."""
    if dtype in INTEGERS:
        ours = torch.randint(0, 120, (COUNT,), generator=random, dtype=torch.int64)
        step = torch.randint(-4, 5, (COUNT,), generator=random, dtype=torch.int64)
        return ours.to(dtype), (ours + step).clamp(0, 127).to(dtype)
    ours, theirs = around(rtol, atol, random)
    if dtype in COMPLEX:
        more, others = around(rtol, atol, random)
        return torch.complex(ours, more).to(dtype), torch.complex(theirs, others).to(dtype)
    return ours.to(dtype), theirs.to(dtype)


def around(rtol: float, atol: float, random: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Return floats, and others about as far away as the bound allows; both hold special values."""
    ours = torch.randn(COUNT, generator=random, dtype=torch.float64) * 3
    share = torch.rand(COUNT, generator=random, dtype=torch.float64) * 2
    theirs = ours + share * (atol + rtol * ours.abs())
    for side in (ours, theirs):
        places = torch.randint(0, COUNT, (COUNT // 10,), generator=random)
        side[places] = SPECIAL[torch.randint(0, len(SPECIAL), (COUNT // 10,), generator=random)]
    return ours, theirs


def judged(ours: torch.Tensor, theirs: torch.Tensor, rtol: float, atol: float, equal_nan: bool) -> torch.Tensor:
    """Ask torch, element for element."""
    wide = torch.float64 if ours.dtype in FLOATS else torch.complex128 if ours.dtype in COMPLEX else torch.int64
    return torch.isclose(theirs.to(wide), ours.to(wide), rtol=rtol, atol=atol, equal_nan=equal_nan)


def stored(values: torch.Tensor) -> np.ndarray:
    """Return an array for numpy, which does not know every dtype."""
    known = values.dtype not in (torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2)
    return np.asarray((values if known else values.view(BITS[values.element_size()])).numpy())


if __name__ == "__main__":
    main(sys.argv[1])
