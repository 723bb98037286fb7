"""Conda's records are read from conda-meta, with what became of the distributions that they own."""

import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from envsnap.inside.probe import conda


def write(root: Path, files: Mapping[str, str]) -> None:
    """Write files below ``root``."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


@pytest.fixture
def prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The environment's folder."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    return tmp_path


def test_conda_records_name_what_they_own(prefix: Path) -> None:
    """A damaged record is reported and hides no other one."""
    good = {"name": "numpy", "version": "1", "files": ["lib/numpy-1.dist-info/METADATA", "bin/x", 5]}
    good["depends"] = ["python >=3.11", 5]
    deep = "[" * 100_000
    write(prefix / "conda-meta", {"b.json": json.dumps(good), "a.json": "{", "c.json": deep, "history": ""})
    write(prefix, {"lib/numpy-1.dist-info/METADATA": ""})
    (prefix / "conda-meta/d.json").symlink_to("d.json")

    damaged = "its record in conda-meta is not JSON"
    looping = "its record in conda-meta cannot be read: Too many levels of symbolic links"

    assert [
        {"name": "a.json", "problem": damaged},
        {
            "name": "numpy",
            "version": "1",
            "depends": ["python >=3.11"],
            "owns": ["numpy-1.dist-info"],
            "gone": [],
            "changed": [],
        },
        {"name": "c.json", "problem": damaged},
        {"name": "d.json", "problem": looping},
    ] == conda.conda_packages()


def test_a_distribution_that_is_not_as_conda_installed_it_is_named(prefix: Path) -> None:
    """It is gone, or its RECORD is, or that is another one: both hashes that conda writes count."""
    names = ("a-1.dist-info", "b-1.dist-info", "c-1.dist-info", "d-1.dist-info")
    original = hashlib.sha256(b"conda's").hexdigest()
    paths = [
        {"_path": f"lib/{names[0]}/RECORD", "sha256": original},
        {"_path": f"lib/{names[1]}/RECORD", "sha256": "0", "sha256_in_prefix": original},
        *({"_path": f"lib/{name}/RECORD", "sha256": original} for name in names[2:]),
        "odd",
    ]
    record = {"name": "x", "files": [f"lib/{name}/RECORD" for name in names], "paths_data": {"paths": paths}}
    write(prefix, {"conda-meta/x.json": json.dumps(record)})
    write(prefix, {f"lib/{names[0]}/RECORD": "pip's", f"lib/{names[1]}/RECORD": "conda's", f"lib/{names[3]}/x": ""})

    found = conda.conda_packages()[0]

    assert ([*names[2:]], [names[0]]) == (found["gone"], found["changed"])


def test_records_that_cannot_be_listed_are_a_problem(prefix: Path) -> None:
    """A prefix whose conda-meta is a broken link is no prefix without conda."""
    (prefix / "conda-meta").symlink_to("nowhere")

    expected = {"name": "conda-meta", "problem": "its folder cannot be read: No such file or directory"}

    assert [expected] == conda.conda_packages()
