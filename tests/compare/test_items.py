import numpy as np
import pytest

from envsnap.compare.items import Comparison, Gap, compare_item
from envsnap.compare.reading import EmptyContainer, Item, Scalar, Series, Tensor
from envsnap.compare.tolerances import ToleranceChoice
from envsnap.manifest.tolerance import Bounds, Tolerance
from envsnap.manifest.verdict import Divergence, ItemVerdict

NAN, INF = float("nan"), float("inf")
GROWTH = "; slow growth points to kernels or threads"
JUMP = "; a jump at the first step points to data, seed or initialisation"


def series(*values: Scalar) -> Series:
    return Series(labels=tuple(f"step {step}" for step in range(1, len(values) + 1)), values=values, path=("loss",))


def lone(value: Scalar) -> Series:
    return Series(labels=("",), values=(value,), path=("loss",))


def tensor(values: object, dtype: str = "float64") -> Tensor:
    array = np.array(values, dtype)
    return Tensor(dtype=dtype, shape=array.shape, stored=array.reshape(-1))


def compare(ours: Item | None, theirs: Item | None, tolerance: Tolerance = "exact", precision: str = "") -> Comparison:
    return compare_item("loss", ours, theirs, ToleranceChoice(pattern="l*", tolerance=tolerance, precision=precision))


@pytest.mark.parametrize("sides", [(series(1.0), series(2.0)), (None, series(2.0)), (series(1.0), tensor([1]))])
def test_what_is_ignored_is_told(sides: tuple[Item | None, Item | None]) -> None:
    """By the pattern that says so, whatever the two sides are."""
    reason = "ignored, as the tolerance 'l*' says"
    expected = Comparison(verdict=ItemVerdict(name="loss", status="ignored", reason=reason), gap="none")

    assert expected == compare(*sides, tolerance="ignore")


@pytest.mark.parametrize(
    ("ours", "theirs", "dtype", "reason"),
    [
        (None, series(1.0), "", "metric 'loss' is not in the baseline"),
        (series(1.0), None, "", "metric 'loss' is not in the rerun"),
        (None, tensor([1.0]), "", "tensor 'loss' is not in the baseline"),
        (tensor([1.0]), None, "", "tensor 'loss' is not in the rerun"),
        (series(1.0), tensor([1.0]), "", "one side is an array, the other is not"),
        (tensor([1.0]), series(1.0), "", "one side is an array, the other is not"),
        (series(0.1), series(0.1, 0.2), "float64", "the rerun has 2 steps, the baseline 1; the first extra is step 2"),
        (tensor([1]), tensor([1], "float32"), "float64", "the rerun's dtype is float32, the baseline's float64"),
        (tensor([1.0, 2.0]), tensor([[1.0, 2.0]]), "float64", "the rerun's shape is (1, 2), the baseline's (2,)"),
    ],
)
def test_another_structure_fails_under_any_tolerance(
    ours: Item | None, theirs: Item | None, dtype: str, reason: str
) -> None:
    """It says what is not there, or is another; no value was compared."""
    verdict = ItemVerdict(name="loss", status="fail", dtype=dtype, reason=reason)

    assert Comparison(verdict=verdict, gap="structure") == compare(ours, theirs, Bounds(atol=9))


OPENING = "first parts at element [0] by 1.0e+00"
BEYOND = "first parts at step 2 by 1.2e-01, beyond tolerance"


@pytest.mark.parametrize(
    ("ours", "theirs", "tolerance", "gap", "reason"),
    [
        (series(1.0, 2.0), series(1.0, 2.0), "exact", "none", ""),
        (series(1.0, 2.0), series(1.0, 2.5), Bounds(atol=0.5), "none",
         "first parts at step 2 by 5.0e-01, within tolerance (rtol 0, atol 0.5)"),
        (series(0.0, 2.0), series(-0.0, 2.0), "exact", "none",
         "first parts at step 1 by 0.0e+00, within tolerance (exact)"),
        (series(1.0, 2.0, 3.0), series(1.0, 2.125, 4.0), Bounds(rtol=0.1), "numbers",
         f"{BEYOND} (rtol 0.1, atol 0) from step 3 on; 1 of 3 values beyond{GROWTH}"),
        (series(1.0, 2.0, 3.0), series(1.0, 2.125, 4.0), "exact", "numbers",
         f"{BEYOND} (exact) from step 2 on; 2 of 3 values beyond"),
        (series(1.0, 2.0), series(2.0, 2.0), "exact", "numbers",
         f"first parts at step 1 by 1.0e+00, beyond tolerance (exact) from step 1 on; 1 of 2 values beyond{JUMP}"),
        (lone(1.0), lone(2.0), "exact", "numbers",
         "first parts by 1.0e+00, beyond tolerance (exact); 1 of 1 value beyond"),
        (tensor([0.0, 2.0]), tensor([0.0, 3.0]), "exact", "numbers",
         "first parts at element [1] by 1.0e+00, beyond tolerance (exact) from element [1] on; 1 of 2 values beyond"),
        (tensor([1.0, 2.0]), tensor([2.0, 2.0]), "exact", "numbers",
         f"{OPENING}, beyond tolerance (exact) from element [0] on; 1 of 2 values beyond"),
        (tensor([1, 4]), tensor([2, 6]), Bounds(atol=1), "numbers",
         f"{OPENING}, beyond tolerance (rtol 0, atol 1) from element [1] on; 1 of 2 values beyond"),
        (tensor(2.0), tensor(3.0), "exact", "numbers",
         "first parts by 1.0e+00, beyond tolerance (exact); 1 of 1 value beyond"),
        (series(1.0, 0.5), series(1.5, NAN), Bounds(atol=9), "structure", "NaN at step 2 (baseline 0.5)"),
        (series(NAN), series(NAN), Bounds(atol=9), "structure", "NaN at step 1 (baseline NaN)"),
        (series(NAN), series(0.5), Bounds(atol=9), "structure", "the baseline has NaN at step 1, the rerun 0.5"),
        (lone(NAN), lone(0.5), Bounds(atol=9), "structure", "the baseline has NaN, the rerun 0.5"),
        (lone(0.5), lone(INF), Bounds(atol=9), "structure", "the rerun has inf, the baseline 0.5"),
        (lone("sgd"), lone("adam"), Bounds(atol=9), "structure", "the rerun has 'adam', the baseline 'sgd'"),
        (lone(None), lone(EmptyContainer.LIST), Bounds(atol=9), "structure", "the rerun has [], the baseline null"),
        (tensor([1.0, INF]), tensor([1.5, -INF]), Bounds(atol=9), "structure",
         "the rerun has -inf at element [1], the baseline inf"),
        (tensor(0.5), tensor(NAN), Bounds(atol=9), "structure", "NaN (baseline 0.5)"),
    ],
)  # fmt: skip
def test_the_reason_says_where_and_how_far(
    ours: Item, theirs: Item, tolerance: Tolerance, gap: Gap, reason: str
) -> None:
    """In one sentence; with a guess at the cause where the values are steps in time."""
    found = compare(ours, theirs, tolerance)

    assert (reason, gap) == (found.verdict.reason, found.gap)
    assert ("pass" if gap == "none" else "fail") == found.verdict.status


@pytest.mark.parametrize("kind", ["series", "tensor"])
def test_a_verdict_holds_the_numbers(kind: str) -> None:
    """Counts, the largest gaps, and the first values that differ and that are beyond the tolerance."""
    ours, theirs, bounds = (1.0, 2.0, 4.0), (1.0, 2.25, 8.0), Bounds(atol=0.5)
    make, second, third = (series, "step 2", "step 3") if kind == "series" else (_vector, "element [1]", "element [2]")

    verdict = compare(make(*ours), make(*theirs), bounds).verdict

    expected = ItemVerdict(
        name="loss",
        status="fail",
        dtype="float32" if kind == "series" else "float64",
        reason=verdict.reason,
        bounds=bounds,
        count=3,
        differing=2,
        beyond=1,
        max_absolute=4.0,
        max_relative=1.0,
        first_difference=Divergence(where=second, baseline="2.0", rerun="2.25", difference=0.25),
        first_beyond=Divergence(where=third, baseline="4.0", rerun="8.0", difference=4.0),
    )
    assert expected == verdict


def _vector(*values: float) -> Tensor:
    return tensor(values)


@pytest.mark.parametrize(
    ("ours", "theirs", "precision", "status"),
    [
        (series(0.1), series(0.1 + 1e-9), "", "pass"),
        (series(0.1), series(0.1 + 1e-6), "", "fail"),
        (series(0.1), series(0.1 + 1e-6), "float32", "pass"),
        (series(12.35), series(12.36), "", "fail"),
        (series(12.35), series(12.36), "float32", "pass"),
        (series(12.35, 7), series(12.36, 8), "float32", "fail"),
        (series(10**9), series(10**9 + 1), "", "fail"),
        (tensor([1.0]), tensor([1.0 + 1e-6]), "", "fail"),
        (tensor([1.0], "float32"), tensor([1.0 + 1e-6], "float32"), "", "pass"),
        (tensor([10**9], "int64"), tensor([10**9 + 1], "int64"), "", "fail"),
    ],
)
def test_auto_follows_the_type_of_the_values(ours: Item, theirs: Item, precision: str, status: str) -> None:
    """Of printed ones their precision, where it is told: then the last digit may differ, but of no integer."""
    assert status == compare(ours, theirs, "auto", precision).verdict.status
