"""One observed process: seeds its generators, settles its frameworks, and writes its report at exit.

A process that ends by ``os._exit`` or a signal writes no report. So end the workers that multiprocessing
forks; nearly all that they had loaded, they had from their parent, and the parent reports it.
"""

from __future__ import annotations

import atexit
import os
import sys

TYPE_CHECKING = False  # importing typing would cost each process milliseconds
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from envsnap.inside.observer import _envsnap_frameworks, _envsnap_imports, _envsnap_streams

    Value = Any
else:
    import _envsnap_frameworks
    import _envsnap_imports
    import _envsnap_streams

HERE = os.path.dirname(os.path.abspath(__file__))


class Errors:
    """What went wrong inside the observer: told in the report, never to the job."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def attempt(self, what: str, action: Callable[[], Value], default: Value = None) -> Value:
        """Return the action's value, or ``default`` after recording why there is none."""
        try:
            return action()
        except Exception as error:  # noqa: BLE001 - a job must never fail because it is observed
            self.messages.append("{}: {}: {}".format(what, type(error).__name__, error))
            return default


def start(environ: Mapping[str, str]) -> None:
    """Install everything; called once in a process, before the job's first line."""
    errors = Errors()
    launch = {
        "folder": environ["ENVSNAP_OBSERVE_DIR"],
        "threadpoolctl": environ.get("ENVSNAP_THREADPOOLCTL", ""),
        "hash-seed": environ.get("PYTHONHASHSEED", ""),
        "seed": errors.attempt("ENVSNAP_SEED", lambda: _seed(environ)),
    }
    atexit.register(_finish, launch, errors)
    errors.attempt("injection", lambda: _inject(launch["seed"], environ, errors))


def _seed(environ: Mapping[str, str]) -> int | None:
    text = environ.get("ENVSNAP_SEED", "")
    return int(text) if text else None


def _inject(seed: int | None, environ: Mapping[str, str], errors: Errors) -> None:
    deterministic = environ.get("ENVSNAP_DETERMINISTIC") == "1"
    actions = _envsnap_frameworks.actions(seed, deterministic)
    if seed is not None:
        streams = _envsnap_streams.Streams(seed, _envsnap_streams.rank_lineage(environ), errors.attempt)
        streams.follow_forks()
        actions.update(streams.actions())
    _envsnap_imports.act_after_import(actions, errors.attempt)


def _finish(launch: dict[str, Any], errors: Errors) -> None:
    modules = len(sys.modules)
    sys.path.insert(0, HERE)
    try:
        errors.attempt("report", lambda: __import__("_envsnap_report").write(launch, modules, errors))
    finally:
        sys.path.remove(HERE)
