"""A script under the observer, as a job's process is."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from envsnap.host.carried_files import observer_folder, threadpoolctl_file
from envsnap.manifest.observation import Observation
from envsnap.run.observed import observe

Watch = Callable[..., Observation]


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    """Run ``code`` as the script job/train.py under the observer; return what its processes reported together."""

    def run(code: str, *options: str, stdin: Path | None = None, exit_code: int = 0, **variables: str) -> Observation:
        project, reports = tmp_path / "job", tmp_path / "reports"
        reports.mkdir()
        project.mkdir(exist_ok=True)
        (project / "train.py").write_text(code)
        path = os.pathsep.join(filter(None, [str(observer_folder()), variables.pop("path", "")]))
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path / "home"),
            "ENVSNAP_OBSERVE_DIR": str(reports),
            "ENVSNAP_SEED": "7",
            "ENVSNAP_DETERMINISTIC": "1",
            "ENVSNAP_THREADPOOLCTL": str(threadpoolctl_file()),
            "PYTHONPATH": path,
        }
        time.sleep(0.02)  # a file counts as the job's own from a tick before its start on
        with (stdin or Path(os.devnull)).open() as given:
            ended = subprocess.run(
                [sys.executable, *options, "train.py"],
                env=env | variables,
                cwd=project,
                stdin=given,
                capture_output=True,
                text=True,
                check=False,
            )
        assert exit_code == ended.returncode, ended.stderr
        observation = observe(reports)
        assert observation is not None
        return observation

    return run
