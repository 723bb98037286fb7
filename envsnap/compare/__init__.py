"""Outcomes and tolerances become a verdict. Pure, but for reading the outputs."""

from envsnap.compare.outputs import OutputPair, compare_outputs

__all__ = ["OutputPair", "compare_outputs"]
