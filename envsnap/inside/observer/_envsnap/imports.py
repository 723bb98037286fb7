"""Acts on a module right after its first import, without ever importing it early.

The found spec and loader stay the ones that Python made: for one execution of the module, the loader's
``exec_module`` is shadowed on the instance. So ``__spec__``, ``__loader__``, reload, resources and ``python
-m`` see nothing unusual.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # importing typing would cost each process milliseconds
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    # Whatever the finders and loaders of the job make.
    Module = Any
    Loader = Any
    Spec = Any
    Path = Any
    Action = Callable[[Module], None]
    Attempt = Callable[[str, Callable[[], Any]], Any]


class AfterImport:
    """A ``sys.meta_path`` finder that finds nothing by itself: it watches what the finders behind it find."""

    def __init__(self, actions: dict[str, Action], attempt: Attempt) -> None:
        self._actions = actions
        self._attempt = attempt

    def find_spec(self, name: str, path: Path = None, target: Module = None) -> Spec:
        """Return what the next finders say of ``name``, watched if an action waits for it."""
        action = self._actions.get(name)
        if action is None:
            return None
        spec = self._ask_next(name, path, target)
        loader = getattr(spec, "loader", None)
        if loader is not None:
            self._attempt("import of " + name, lambda: self._watch(loader, name))
        return spec

    def act(self, name: str, module: Module) -> None:
        """Run the action of a module that is imported."""
        self._attempt("after the import of " + name, lambda: self._actions[name](module))

    def _ask_next(self, name: str, path: Path, target: Module) -> Spec:
        # A job may have taken this finder out and still hold it: then all others are next.
        own = sys.meta_path.index(self) if self in sys.meta_path else -1
        for finder in sys.meta_path[own + 1 :]:
            find_spec = getattr(finder, "find_spec", None)
            spec = find_spec(name, path, target) if find_spec else None
            if spec is not None:
                return spec
        return None

    def _watch(self, loader: Loader, name: str) -> None:
        if isinstance(loader, type):
            raise TypeError("its loader is shared by all modules of its kind")
        execute, shadowed = loader.exec_module, vars(loader).get("exec_module")

        def exec_module(module: Module) -> None:
            # A zip's loader serves several modules.
            if module.__spec__.name != name:
                execute(module)
                return
            if shadowed is None:
                del loader.exec_module
            else:
                loader.exec_module = shadowed
            execute(module)
            self.act(name, module)

        loader.exec_module = exec_module


def act_after_import(actions: dict[str, Action], attempt: Attempt) -> None:
    """Run each action once its module is imported; at once where a ``.pth`` file imported it already."""
    finder = AfterImport(actions, attempt)
    sys.meta_path.insert(0, finder)
    for name in actions:
        if name in sys.modules:
            finder.act(name, sys.modules[name])
