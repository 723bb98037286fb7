"""An interpreter of this machine, in a virtual environment or not, as a place where Python runs."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from envsnap.errors import MissingToolError
from envsnap.host import process
from envsnap.host.execution import Completed, Execution

_PASSED = (
    "CUDA_DEVICE_ORDER",
    "CUDA_HOME",
    "CUDA_PATH",
    "CUDA_VISIBLE_DEVICES",
    "HOME",
    "LANG",
    "LD_LIBRARY_PATH",
    "LOGNAME",
    "TMPDIR",
    "TZ",
    "USER",
)
"""All that a command gets of the caller's variables: what is not declared would be missing in a rerun."""


class LocalEnvironment:
    """One interpreter of this machine.

    The interpreter's path is kept as given: a virtual environment's python is a symbolic link, and Python
    finds the environment through the link's own place (https://docs.python.org/3/library/site.html).

    Args:
        python: the interpreter's executable.
        caller: the caller's environment variables; this process's own by default.
    """

    def __init__(self, python: Path, *, caller: Mapping[str, str] | None = None) -> None:
        self._python = python.absolute()
        self._caller = dict(os.environ if caller is None else caller)

    @property
    def name(self) -> str:
        """What to call this environment in a message."""
        return f"interpreter {self._python}"

    @property
    def python(self) -> str:
        """The interpreter's absolute path."""
        return str(self._python)

    def execute(self, execution: Execution) -> Completed:
        """Run one command to its end, with few variables of the caller's and those of the execution.

        Raises:
            MissingToolError: the command is not there.
            OverlayRefusedError: the kernel makes no overlay here.
            UsageError: the working folder is not there.
        """
        env = self._variables(execution)
        return process.run(
            (self._find(execution.argv[0], env["PATH"]), *execution.argv[1:]),
            cwd=execution.workdir,
            env=env,
            timeout=execution.timeout,
            on_output=execution.on_output,
            adopt=execution.is_job,
            overlay=execution.overlay,
            on_silence=execution.on_silence,
        )

    def _variables(self, execution: Execution) -> dict[str, str]:
        path = os.pathsep.join((str(self._python.parent), self._caller.get("PATH", os.defpath)))
        passed = {name: self._caller[name] for name in _PASSED if name in self._caller}
        chosen = {"LANG": "C.UTF-8"} | passed | {"PATH": path} | self._activation()
        return chosen | visible_gpus(execution.gpus, self._caller) | dict(execution.env)

    def _activation(self) -> dict[str, str]:
        """Return what activating the environment would set."""
        prefix = self._python.parent.parent
        if (prefix / "pyvenv.cfg").is_file():
            return {"VIRTUAL_ENV": str(prefix)}
        if (prefix / "conda-meta").is_dir():
            return {"CONDA_PREFIX": str(prefix)}
        return {}

    def _find(self, command: str, path: str) -> str:
        """Return the executable; ``python`` is this interpreter, even where only python3.11 exists."""
        if command in {"python", "python3", self._python.name}:
            return self.python
        if os.sep in command:
            return command
        found = shutil.which(command, path=path)
        if found is None:
            raise MissingToolError(
                f"'{command}' was not found for the {self.name}; install it there, or correct the command"
                f" (PATH: {path})"
            )
        return found


def visible_gpus(gpus: str | int, caller: Mapping[str, str]) -> dict[str, str]:
    """Return the variable that shows CUDA ``gpus`` of the caller's GPUs; nothing for "all".

    An empty list hides every GPU:
    https://docs.nvidia.com/cuda/cuda-c-programming-guide/index.html#env-vars
    """
    if gpus == "all":
        return {}
    count = 0 if gpus == "none" else int(gpus)
    visible = caller.get("CUDA_VISIBLE_DEVICES")
    devices = [str(number) for number in range(count)] if visible is None else visible.split(",")
    return {"CUDA_VISIBLE_DEVICES": ",".join(devices[:count])}
