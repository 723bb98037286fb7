"""Notes each seed that the job gives, and each generator that it makes without one, with the line of the job."""

from __future__ import annotations

import sys

from .journal import Journal
from .places import Places

TYPE_CHECKING = False  # importing typing would cost each process milliseconds
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Function = Any
    Module = Any
    Seed = Any
    Attempt = Callable[..., Any]

MOST_SEEDS = 20
MOST_UNSEEDED = 50
LARGEST = 2**63
"""A larger seed is drawn entropy, and TOML holds no larger number."""


class Seeds:
    """The seeds of one process.

    Args:
        places: which files are the job's.
        journal: where they are noted.
        attempt: runs what must not fail.
    """

    def __init__(self, places: Places, journal: Journal, attempt: Attempt) -> None:
        self._places = places
        self._journal = journal
        self._attempt = attempt
        self._seen: dict[str, set[tuple[Any, ...]]] = {"seed": set(), "unseeded": set()}

    def seeded(self, call: str, seed: Seed, place: str = "") -> None:
        """Note a seed that the job gives; a seed that is no small integer is noted without its value."""
        place = place or self.place()
        number = seed if type(seed) is int and abs(seed) < LARGEST else None
        if place:
            self._note("seed", MOST_SEEDS, {"call": call, "seed": number, "place": place})

    def unseeded(self, call: str, place: str = "") -> None:
        """Note a generator without a seed."""
        place = place or self.place()
        if place:
            self._note("unseeded", MOST_UNSEEDED, {"call": call, "place": place})

    def place(self) -> str:
        """Return ``file:line`` of the job's caller; "" where there is none."""
        return self._places.caller(sys._getframe(1))  # noqa: SLF001 - traceback is slow

    def watch_call(self, module: Module, name: str, named: str, fill: Callable[[], Any] | None = None) -> None:
        """Watch a function that seeds.

        Args:
            module: where it stands.
            name: of the function.
            named: the module's name to users.
            fill: is called in the function's place where no seed is given, so that the job repeats itself.
        """
        original = getattr(module, name)
        call = "{}.{}".format(named, name)

        def watched(*args: Seed, **kwargs: Seed) -> Any:  # noqa: ANN401 - what the function gives
            seed = first(args, kwargs)
            if seed is not None:
                self._attempt(call, lambda: self.seeded(call, seed))
                return original(*args, **kwargs)
            self._attempt(call, lambda: self.unseeded(call + "()"))
            return fill() if fill else original(*args, **kwargs)

        setattr(module, name, dressed(watched, original))

    def _note(self, kind: str, most: int, entry: dict[str, Any]) -> None:
        key, seen = tuple(entry.values()), self._seen[kind]
        if key not in seen and len(seen) < most:
            seen.add(key)
            self._journal.write(kind, entry)


def first(args: tuple[Seed, ...], kwargs: dict[str, Seed]) -> Seed:
    """Return the first argument of a call, which is the seed in all functions that are watched."""
    return args[0] if args else next(iter(kwargs.values()), None)


def dressed(function: Function, original: Function) -> Function:
    """Make a function look like the one that it stands for; functools would be an early import."""
    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        if getattr(original, name, None) is not None:
            setattr(function, name, getattr(original, name))
    function.__wrapped__ = original
    return function
