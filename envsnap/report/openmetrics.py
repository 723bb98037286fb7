"""Writes how far the rerun lies from the baseline as OpenMetrics text, which GitLab compares from branch to branch.

https://prometheus.io/docs/specs/om/open_metrics_spec/; GitLab takes what stands before a line's last blank for the
name, and what stands behind it for the value: https://docs.gitlab.com/ci/testing/metrics_reports/
"""

import math
from collections.abc import Callable, Iterator

from envsnap.manifest.verdict import ItemVerdict, Verdict

Measure = Callable[[ItemVerdict], float | None]
MEASURES: dict[str, tuple[str, Measure]] = {
    "envsnap_values_beyond": ("Values outside of the tolerance.", lambda item: float(item.beyond)),
    "envsnap_max_abs_diff": ("Largest |rerun - baseline|.", lambda item: _distance(item, item.max_absolute)),
    "envsnap_max_rel_diff": (
        "Largest |rerun - baseline| / |baseline|.",
        lambda item: _distance(item, item.max_relative),
    ),
}


def render_metrics(verdict: Verdict) -> str:
    """Write whether each output passed, as 1 or 0, and for each item :data:`MEASURES`; text has no distance."""
    lines = list(_head("envsnap_output_passed", "Whether the output passed."))
    lines += (
        _sample("envsnap_output_passed", {"output": output.path}, float(output.status == "pass"))
        for output in verdict.outputs
    )
    for name, (meaning, measure) in MEASURES.items():
        lines += [*_head(name, meaning), *_samples(verdict, name, measure)]
    return "".join(f"{line}\n" for line in (*lines, "# EOF"))


def _head(name: str, meaning: str) -> Iterator[str]:
    yield f"# TYPE {name} gauge"
    yield f"# HELP {name} {meaning}"


def _samples(verdict: Verdict, name: str, measure: Measure) -> Iterator[str]:
    for output in verdict.outputs:
        for item in output.items:
            value = measure(item) if item.status != "ignored" else None
            if value is not None:
                yield _sample(name, {"output": output.path, "item": item.name}, value)


def _distance(item: ItemVerdict, largest: float | None) -> float | None:
    return 0.0 if largest is None and not item.differing else largest


def _sample(name: str, labels: dict[str, str], value: float) -> str:
    written = ",".join(f'{label}="{_escape(text)}"' for label, text in labels.items())
    return f"{name}{{{written}}} {_number(value)}"


def _escape(text: str) -> str:
    """Escape a label's value; half a surrogate pair, which UTF-8 cannot hold, becomes U+FFFD."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _number(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
