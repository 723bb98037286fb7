"""An index behind a login serves freeze and the image's build; neither lock, context nor image keeps its password."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from package_index import Index, MakeWheel, Venv

from envsnap.host.container.engine import Engine

PASSWORD = "tell-nobody-4711"  # noqa: S105 - it opens the test's own index


@pytest.mark.docker
@pytest.mark.parametrize("builder", ["buildkit", "classic"])
def test_login_serves_the_build_and_is_kept_nowhere(
    builder: str, index: Index, make_wheel: MakeWheel, venv: Venv, tmp_path: Path, engine: Engine
) -> None:
    """The wheel comes over the network, with the login as a mounted secret; every place that stays is searched."""
    index.login = f"reader:{PASSWORD}"
    make_wheel("served", "1.0", {"served.py": "print('served')\n"}, folder=index.folder)
    address = index.config.index_url or ""
    venv.install("--index-url", address, "served==1.0")
    project = tmp_path / "project"
    project.mkdir()
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    env |= {"UV_DEFAULT_INDEX": address, "PIP_CONFIG_FILE": os.devnull}
    if builder == "classic":
        env["PATH"] = str(tmp_path)  # no docker command line there: the engine's own builder is left

    def envsnap(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "envsnap", *arguments]
        return subprocess.run(command, cwd=project, env=env, capture_output=True, text=True, check=False)

    frozen = envsnap("freeze", "--no-run", "--python", str(venv.python), "-v")
    asked = len(index.asked)
    built = envsnap("build", "--network", "host", "--tag", "envsnap-test/private:1", "-v")

    saved = subprocess.run(["docker", "save", "envsnap-test/private:1"], capture_output=True, check=False).stdout
    engine.remove_unused_image("envsnap-test/private:1")
    kept = b"".join(path.read_bytes() for path in sorted(project.rglob("*")) if path.is_file() and path.name != "uv")
    assert frozen.returncode == 0, frozen.stderr
    assert 'evidence = "index-verified"' in (project / "envsnap.lock").read_text(encoding="utf-8")
    assert built.returncode == 0, built.stderr
    assert any(path.startswith("/files/served-1.0") for path in index.asked[asked:])
    assert saved
    for place in (kept, saved, frozen.stderr.encode(), built.stderr.encode(), frozen.stdout.encode()):
        assert PASSWORD.encode() not in place
