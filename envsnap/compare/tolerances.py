"""Which tolerance holds for an item, and what ``auto`` means for a dtype."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from envsnap.manifest.tolerance import Bounds, Tolerance

EXACT = Bounds()

# torch.testing's defaults, except for the types that it does not know: those are held to equality.
# https://docs.pytorch.org/docs/stable/testing.html#torch.testing.assert_close
AUTO: Mapping[str, Bounds] = {
    "float16": Bounds(rtol=1e-3, atol=1e-5),
    "bfloat16": Bounds(rtol=1.6e-2, atol=1e-5),
    "float32": Bounds(rtol=1.3e-6, atol=1e-5),
    "float64": Bounds(rtol=1e-7, atol=1e-7),
    "float128": Bounds(rtol=1e-7, atol=1e-7),
    "complex64": Bounds(rtol=1.3e-6, atol=1e-5),
    "complex128": Bounds(rtol=1e-7, atol=1e-7),
    "complex256": Bounds(rtol=1e-7, atol=1e-7),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ToleranceChoice:
    """The tolerance that holds for one item, and the pattern that chose it ("" where none did).

    ``precision`` is what the user says that printed numbers were; "" where nothing is said.
    """

    pattern: str
    tolerance: Tolerance
    precision: str = ""


def choose(name: str, tolerances: Mapping[str, Tolerance]) -> ToleranceChoice:
    """Pick the tolerance of an item: its own name, else the longest glob that matches, ``*`` last, else ``auto``."""
    if name in tolerances:
        return ToleranceChoice(pattern=name, tolerance=tolerances[name])
    globs = sorted((p for p in tolerances if fnmatchcase(name, p)), key=lambda p: (len(p), p))
    if not globs:
        return ToleranceChoice(pattern="", tolerance="auto")
    return ToleranceChoice(pattern=globs[-1], tolerance=tolerances[globs[-1]])


def choose_for_step(name: str, tolerances: Mapping[str, Tolerance]) -> ToleranceChoice:
    """Pick the tolerance of a step column: exact, unless it is named outright; a glob is meant for metrics."""
    if name in tolerances:
        return ToleranceChoice(pattern=name, tolerance=tolerances[name])
    return ToleranceChoice(pattern="", tolerance="exact")


def bounds_of(tolerance: Tolerance, dtype: str) -> Bounds:
    """Turn a tolerance into numbers for values of ``dtype``; ``ignore`` has to be handled before."""
    if isinstance(tolerance, Bounds):
        return tolerance
    return AUTO.get(dtype, EXACT) if tolerance == "auto" else EXACT


def find_unmatched(tolerances: Mapping[str, Tolerance], names: Iterable[str]) -> tuple[str, ...]:
    """List the patterns that match no item: most likely a typing error; ``*`` is a default and may match nothing."""
    known = tuple(names)
    return tuple(
        pattern
        for pattern in sorted(tolerances)
        if pattern != "*" and not any(name == pattern or fnmatchcase(name, pattern) for name in known)
    )
