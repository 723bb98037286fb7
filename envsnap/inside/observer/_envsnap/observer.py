"""One observed process: seeds its generators, settles its frameworks, and writes its report at exit.

A process that ends by ``os._exit`` or a signal writes no report. So end the workers that multiprocessing
forks; nearly all that they had loaded, they had from their parent, and the parent reports it. The data files that
they open, their seeds and generators stand in a journal, written as they happen.
"""

from __future__ import annotations

import atexit
import sys
import time

from . import frameworks
from .files import OpenedFiles
from .generators import Generators
from .imports import act_after_import
from .journal import Journal
from .places import Places, begin
from .streams import Streams, rank_lineage
from .watch import Errors, Watch

TYPE_CHECKING = False  # importing typing would cost each process milliseconds
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping
    from typing import Any

    Actions = dict[str, Callable[[Any], None]]


def start(environ: MutableMapping[str, str]) -> None:
    """Install everything; called once in a process, before the job's first line."""
    errors = Errors()
    launch = {
        "folder": environ["ENVSNAP_OBSERVE_DIR"],
        "threadpoolctl": environ.get("ENVSNAP_THREADPOOLCTL", ""),
        "hash-seed": environ.get("PYTHONHASHSEED", ""),
        "seed": errors.attempt("ENVSNAP_SEED", lambda: _seed(environ)),
        "environ": dict(environ),
    }
    watch = Watch()
    atexit.register(_finish, launch, watch, errors)
    errors.attempt("injection", lambda: _inject(launch, environ, watch, errors))


def _seed(environ: Mapping[str, str]) -> int | None:
    text = environ.get("ENVSNAP_SEED", "")
    return int(text) if text else None


def _inject(launch: dict[str, Any], environ: MutableMapping[str, str], watch: Watch, errors: Errors) -> None:
    seed, deterministic = launch["seed"], environ.get("ENVSNAP_DETERMINISTIC") == "1"
    actions = [frameworks.actions(seed, deterministic)]
    entropy = None
    if seed is not None:
        streams = Streams(seed, rank_lineage(environ), errors.attempt)
        streams.follow_forks()
        actions.append(streams.actions())
        entropy = streams.randbits
    actions.append(watch.starts.actions())
    actions.append(errors.attempt("watching", lambda: _watch(launch, environ, watch, errors, entropy), {}))
    act_after_import(_one_after_another(actions, errors), errors.attempt)


def _watch(
    launch: dict[str, Any],
    environ: MutableMapping[str, str],
    watch: Watch,
    errors: Errors,
    entropy: Callable[[int], int] | None,
) -> Actions:
    began, folder = begin(environ, time.time_ns())
    watch.places = Places(folder, launch["folder"])
    journal = Journal(launch["folder"])
    watch.generators = Generators(watch.places, journal, entropy, errors.attempt)
    watch.files = OpenedFiles(watch.places, journal, began, errors.attempt)
    watch.files.watch()
    return watch.generators.actions()


def _one_after_another(actions: list[Actions], errors: Errors) -> Actions:
    """Join the actions of each module; one that fails does not keep the next from its turn."""

    def joined(name: str) -> Callable[[Any], None]:
        waiting = [each[name] for each in actions if name in each]

        def act(module: Any) -> None:  # noqa: ANN401 - whatever was imported
            for action in waiting:
                errors.attempt("after the import of " + name, _bound(action, module))

        return act

    return {name: joined(name) for name in sorted({name for each in actions for name in each})}


def _bound(action: Callable[[Any], None], module: Any) -> Callable[[], None]:  # noqa: ANN401 - as above
    return lambda: action(module)  # functools would be an early import


def _finish(launch: dict[str, Any], watch: Watch, errors: Errors) -> None:
    modules = len(sys.modules)
    errors.attempt("report", lambda: _write_report(launch, modules, watch, errors))


def _write_report(launch: dict[str, Any], modules: int, watch: Watch, errors: Errors) -> None:
    from .report import write  # it needs a dozen modules that a job must not have imported early

    write(launch, modules, watch, errors)
