"""Explains how a job failed: its last words, and what to do about them."""

import re
import shlex
import signal
from collections.abc import Sequence

from envsnap.environment import Completed
from envsnap.manifest.job import Job

_TAIL_LINES = 20
_MISSING_MODULE = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")
_NO_THREAD = ("start new thread", "Cannot fork", "temporarily unavailable")
_FULL_SHM = (
    "Bus error",
    "out of shared memory",
    "SIGBUS",
    "No space left on device: '/dev/shm",
    "unable to allocate shared memory",
    "unable to write to file </torch",
)
"""What is told where /dev/shm is full: what torch, multiprocessing, NCCL and Open MPI say of it."""

_FULL = "Its processes share memory through /dev/shm, which is full {where}."
_ON_MACHINE = "on this machine: remove what lies there, or let the job share less"


def explain_failure(completed: Completed, job: Job, said: str, environment: str) -> str:
    """Say how a job ended, its last lines, and what to do.

    Args:
        completed: how it ended: not well, or not in time.
        job: what was run.
        said: its standard error, without secrets.
        environment: the name of where it ran.
    """
    lines = said.splitlines()[-_TAIL_LINES:]
    shown = "\n".join(f"  {line}" for line in lines) or "  (nothing)"
    return (
        f"the job {shlex.join(job.command)} {_ending(completed, job)} in {environment}; last lines of its standard "
        f"error:\n{shown}\n{_advice(completed, job, lines, environment)}"
    )


def _ending(completed: Completed, job: Job) -> str:
    if completed.timed_out:
        return f"did not end within its limit of {job.timeout_seconds or completed.seconds:g} s"
    number = completed.exit_code - 128
    if number in set(signal.Signals):
        return f"was ended by {signal.Signals(number).name} (exit code {completed.exit_code})"
    return f"ended with exit code {completed.exit_code}"


def _advice(completed: Completed, job: Job, lines: Sequence[str], environment: str) -> str:
    contained, last = environment.startswith("container "), lines[-1] if lines else ""
    if _has_full_shm(completed, lines):
        return _FULL.format(where="in the container: set `shm-size` in envsnap.toml" if contained else _ON_MACHINE)
    if completed.timed_out:
        return "Raise `timeout` in envsnap.toml, or give the job less to do."
    if contained:
        return _advice_inside(job, last) or _advice_anywhere(completed)
    if "cross-device link" in last:
        return (
            "A run sees the project through an overlay of the kernel's, which renames no folder that was there before "
            "for a user who is not root: let the job copy it, as shutil.move does."
        )
    return _advice_anywhere(completed)


def _has_full_shm(completed: Completed, lines: Sequence[str]) -> bool:
    is_told = any(words in line for words in _FULL_SHM for line in lines)
    return is_told or completed.exit_code == 128 + signal.SIGBUS


def _advice_inside(job: Job, last: str) -> str:
    if any(words in last for words in _NO_THREAD):
        return f"`processes` in envsnap.toml limits the processes and threads of a container; it is {job.processes}."
    if missing := _MISSING_MODULE.match(last):
        return (
            f"The container holds the locked packages, the project's folder, and what the baseline's runs used of its "
            f"repository beside that; {missing[1]} is none of these. Install it where you freeze, or let a run at "
            "freeze import it, and freeze anew."
        )
    return ""


def _advice_anywhere(completed: Completed) -> str:
    if completed.exit_code == 128 + signal.SIGKILL:
        return "The kernel ends a process so when memory runs out: give the job more memory, or less to do."
    return (
        "Run the command by hand in the project until it succeeds; if it does there, envsnap.toml may lack "
        "`network`, or a variable in `env` or `pass-env`."
    )
