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
from envsnap.manifest.manifest import SCHEMA_VERSION

from .conftest import Project

LOCKS = Path(__file__).parent / "locks"
SCHEMAS = ("1.0", "1.1", "1.2", "1.3", "1.4")


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


@pytest.mark.slow
@pytest.mark.parametrize("schema", SCHEMAS)
def test_new_numbers_are_accepted_into_an_old_lock(project: Project, schema: str) -> None:
    """It is of the present schema then, with the packages that it had."""
    text = for_this_interpreter((LOCKS / f"envsnap-{schema}.lock").read_text())
    (project.folder / "envsnap.lock").write_text(text)
    script = project.folder / "train.py"
    script.write_text(script.read_text().replace("range(1, 6)", "range(1, 7)"))

    accepted = project.envsnap("verify", "--target", "venv", "--accept", "meant", PIP_NO_INDEX="1")
    verified = project.envsnap("verify", "--no-build")

    assert [0, 0] == [accepted.code, verified.code], accepted.out + accepted.err + verified.out + verified.err
    before, after = tomllib.loads(text), tomllib.loads(project.lock().decode())
    assert SCHEMA_VERSION == after["schema-version"]
    assert ["meant"] == [entry["reason"] for entry in after["baseline"]["accepted"]]
    assert before["packages"][0]["wheels"] == after["packages"][0]["wheels"]
