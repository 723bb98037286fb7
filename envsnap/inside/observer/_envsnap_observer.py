"""One observed process: seeds its generators, settles its frameworks, and writes its report at exit.

A process that ends by ``os._exit`` or a signal writes no report. So end the workers that multiprocessing
forks; nearly all that they had loaded, they had from their parent, and the parent reports it. The data files that
they open, their seeds and generators stand in a journal, written as they happen.
"""

from __future__ import annotations

import atexit
import os
import sys
import time

TYPE_CHECKING = False  # importing typing would cost each process milliseconds
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping
    from typing import Any

    from envsnap.inside.observer import (
        _envsnap_files,
        _envsnap_frameworks,
        _envsnap_generators,
        _envsnap_imports,
        _envsnap_journal,
        _envsnap_places,
        _envsnap_streams,
    )

    Value = Any
    Actions = dict[str, Callable[[Any], None]]
else:
    import _envsnap_files
    import _envsnap_frameworks
    import _envsnap_generators
    import _envsnap_imports
    import _envsnap_journal
    import _envsnap_places
    import _envsnap_streams

HERE = os.path.dirname(os.path.abspath(__file__))
MOST_ERRORS = 100


class Errors:
    """What went wrong inside the observer: told in the report, never to the job."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def attempt(self, what: str, action: Callable[[], Value], default: Value = None) -> Value:
        """Return the action's value, or ``default`` after recording why there is none."""
        try:
            return action()
        except Exception as error:  # noqa: BLE001 - a job must never fail because it is observed
            if len(self.messages) < MOST_ERRORS:
                self.messages.append("{}: {}: {}".format(what, type(error).__name__, error))
            return default


class Watch:
    """What watches this process from its start on; each is None where it could not be set up."""

    def __init__(self) -> None:
        self.places: _envsnap_places.Places | None = None
        self.files: _envsnap_files.OpenedFiles | None = None
        self.generators: _envsnap_generators.Generators | None = None
        self.starts = _envsnap_frameworks.Starts()


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
    actions = [_envsnap_frameworks.actions(seed, deterministic)]
    entropy = None
    if seed is not None:
        streams = _envsnap_streams.Streams(seed, _envsnap_streams.rank_lineage(environ), errors.attempt)
        streams.follow_forks()
        actions.append(streams.actions())
        entropy = streams.randbits
    actions.append(watch.starts.actions())
    actions.append(errors.attempt("watching", lambda: _watch(launch, environ, watch, errors, entropy), {}))
    _envsnap_imports.act_after_import(_one_after_another(actions, errors), errors.attempt)


def _watch(
    launch: dict[str, Any],
    environ: MutableMapping[str, str],
    watch: Watch,
    errors: Errors,
    entropy: Callable[[int], int] | None,
) -> Actions:
    began, folder = _envsnap_places.begin(environ, time.time_ns())
    watch.places = _envsnap_places.Places(folder, launch["folder"])
    journal = _envsnap_journal.Journal(launch["folder"])
    watch.generators = _envsnap_generators.Generators(watch.places, journal, entropy, errors.attempt)
    watch.files = _envsnap_files.OpenedFiles(watch.places, journal, began, errors.attempt)
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
    sys.path.insert(0, HERE)
    try:
        errors.attempt("report", lambda: __import__("_envsnap_report").write(launch, modules, watch, errors))
    finally:
        sys.path.remove(HERE)
