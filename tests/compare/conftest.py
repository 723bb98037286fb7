"""Builds outputs on disk and compares them."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import pytest

from envsnap.compare import OutputPair, compare_outputs
from envsnap.compare.reading import Reading, Scalar, Series
from envsnap.manifest.outcome import OutputFormat
from envsnap.manifest.tolerance import Tolerance
from envsnap.manifest.verdict import Verdict

Write = Callable[[str, str | bytes], Path]


class Compare(Protocol):
    def __call__(
        self,
        kind: OutputFormat,
        baselines: Sequence[str | bytes],
        reruns: Sequence[str | bytes],
        tolerance: Mapping[str, Tolerance] | None = None,
    ) -> Verdict: ...


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_file


@pytest.fixture
def compare(write: Write) -> Compare:
    """Compare files of these contents, as one output called ``out``."""

    def compare_contents(
        kind: OutputFormat,
        baselines: Sequence[str | bytes],
        reruns: Sequence[str | bytes],
        tolerance: Mapping[str, Tolerance] | None = None,
    ) -> Verdict:
        pair = OutputPair(
            path="out",
            format=kind,
            baselines=tuple(write(f"baseline-{i}", content) for i, content in enumerate(baselines)),
            reruns=tuple(write(f"rerun-{i}", content) for i, content in enumerate(reruns)),
            tolerance=dict(tolerance or {}),
        )
        return compare_outputs([pair])

    return compare_contents


@pytest.fixture
def lines() -> Callable[..., str]:
    """Write one series as JSON Lines with steps from 1 on."""

    def write_lines(values: Sequence[object], name: str = "loss") -> str:
        return "".join(json.dumps({"step": i, name: value}) + "\n" for i, value in enumerate(values, start=1))

    return write_lines


def values_of(reading: Reading) -> dict[str, tuple[Scalar, ...]]:
    return {name: tuple(item.values) for name, item in reading.items() if isinstance(item, Series)}


def labels_of(reading: Reading, name: str) -> tuple[str, ...]:
    item = reading[name]
    assert isinstance(item, Series)
    return tuple(item.labels)
