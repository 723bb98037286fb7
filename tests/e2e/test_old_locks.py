"""Locks and baselines that former versions of envsnap wrote are read, built and verified: each schema so far.

The fixtures in tests/e2e/locks were written by the code of their time. Their interpreter was another machine's: it
is replaced by this one, in the text, which stays of the old schema.
"""

import shutil
import sys
import sysconfig
import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from envsnap.manifest.lockfile import contents_digest, parse_manifest

from .conftest import Project

LOCKS = Path(__file__).parent / "locks"
SCHEMAS = ("1.0", "1.1", "1.2", "1.3")


def for_this_interpreter(text: str) -> str:
    """Replace what must be equal of the interpreter, and the digest with it."""
    document: dict[str, Any] = tomllib.loads(text)
    schema, snapshot = document.pop("schema-version"), document.pop("snapshot")
    version = ".".join(map(str, sys.version_info[:3]))
    document["interpreter"] |= {"version": version, "soabi": sysconfig.get_config_var("SOABI")}
    snapshot["digest"] = contents_digest(document)
    return tomli_w.dumps({"schema-version": schema, "snapshot": snapshot} | document)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A clone of the fixtures' project, its lock to be chosen."""
    folder = tmp_path / "project"
    wheels = folder / ".envsnap" / "wheels"
    wheels.mkdir(parents=True)
    shutil.copy(LOCKS / "demo-1.0-py3-none-any.whl", wheels)
    for name in ("train.py.txt", "data.csv", "envsnap.toml"):
        shutil.copy(LOCKS / name, folder / name.removesuffix(".txt"))
    shutil.copytree(LOCKS / "baseline", folder / "envsnap.baseline")
    return Project(folder, Path(sys.executable))


@pytest.mark.parametrize("schema", SCHEMAS)
def test_an_old_lock_is_read_without_a_warning(schema: str) -> None:
    """As its own time wrote it, to the byte."""
    manifest, warnings = parse_manifest((LOCKS / f"envsnap-{schema}.lock").read_text(), source="envsnap.lock")

    assert () == warnings
    (package,) = manifest.contents.packages
    assert ("demo", "local-file") == (package.name, package.installed.evidence)


@pytest.mark.slow
@pytest.mark.parametrize("schema", SCHEMAS)
def test_an_old_lock_is_built_and_verified(project: Project, schema: str) -> None:
    """Its wheel lies beside it; no index is asked."""
    text = (LOCKS / f"envsnap-{schema}.lock").read_text()
    (project.folder / "envsnap.lock").write_text(for_this_interpreter(text))

    built = project.envsnap("build", "--target", "venv", PIP_NO_INDEX="1", PIP_CONFIG_FILE="/dev/null")
    verified = project.envsnap("verify")

    assert built.code == 0, built.err
    assert verified.code == 0, verified.out + verified.err
    assert "every output matches the baseline (bit for bit)" in verified.out
