"""Notes which seeds the job gives, and where it makes a random generator without one.

Only constructors and seeding functions are watched, never a draw. Not seen: the seed of ``RandomState(seed)`` and
methods of ``torch.Generator``, whose types are closed (a torch.Generator starts from a fixed seed). Calls without a
caller in the job's own files are a library's affair and left out.
"""

from __future__ import annotations

import sys

from .journal import Journal
from .numpy import NumpyGenerators
from .places import Places
from .seeds import Seeds, dressed, first

TYPE_CHECKING = False  # importing typing would cost each process milliseconds
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Module = Any  # random, numpy, torch, tensorflow and jax are never imported early
    Instance = Any
    Seed = Any
    Attempt = Callable[..., Any]
    Entropy = Callable[[int], int]


class Generators:
    """The seeds and generators of one process.

    Args:
        places: which files are the job's.
        journal: where they are noted.
        entropy: gives repeatable bits to what has no seed; None leaves it to the system.
        attempt: runs what must not fail.
    """

    def __init__(self, places: Places, journal: Journal, entropy: Entropy | None, attempt: Attempt) -> None:
        self._places = places
        self._entropy = entropy
        self._attempt = attempt
        self._unseeded_yet: dict[int, str] = {}
        self._seeds = Seeds(places, journal, attempt)
        self._numpy = NumpyGenerators(self._seeds, attempt)

    def actions(self) -> dict[str, Callable[[Module], None]]:
        """Return what to do after the import of each module."""
        return {
            "random": self._watch_random,
            "numpy.random": self._numpy.watch,
            "torch": self._watch_torch,
            "tensorflow": lambda tensorflow: self._seeds.watch_call(tensorflow.random, "set_seed", "tensorflow.random"),
            "jax.random": self._watch_jax,
            "multiprocessing.process": self._watch_workers,
        }

    def settle(self) -> None:
        """Note the generators that were made without a seed and have got none since."""
        self._numpy.settle()
        for address in list(self._unseeded_yet):
            self._settle_one(address)

    def _settle_one(self, address: int) -> None:
        place = self._unseeded_yet.pop(address, "")
        if place:
            self._seeds.unseeded("random.Random()", place)

    def _watch_random(self, random: Module) -> None:
        self._seeds.watch_call(random, "seed", "random", self._refilling(random.seed))
        start, reseed, restore = random.Random.__init__, random.Random.seed, random.Random.setstate

        def begin(instance: Instance, x: Seed = None) -> None:
            self._attempt("random.Random", lambda: self._settle_one(id(instance)))  # another lay there before
            drawn = None
            if x is None and not isinstance(instance, random.SystemRandom):
                drawn = self._attempt("random.Random", lambda: self._entropy_for(instance, reseed, seed_method))
            start(instance, x if drawn is None else drawn)

        def seed_method(instance: Instance, *args: Seed, **kwargs: Seed) -> None:
            reseed(instance, *args, **kwargs)
            self._attempt("random.Random.seed", lambda: self._seed_instance(instance, first(args, kwargs)))

        def setstate(instance: Instance, state: Instance) -> None:
            self._unseeded_yet.pop(id(instance), None)
            restore(instance, state)

        random.Random.__init__ = dressed(begin, start)
        random.Random.seed = dressed(seed_method, reseed)
        random.Random.setstate = dressed(setstate, restore)

    def _entropy_for(self, instance: Instance, *usual: Module) -> int | None:
        """Note an instance without a seed, and return one for it; the standard library's own are left alone."""
        if self._places.is_standard(_constructor_file()):
            return None
        place = self._seeds.place()
        if place:
            self._unseeded_yet[id(instance)] = place
        own_seed = type(instance).seed not in usual
        return None if self._entropy is None or own_seed else _DrawnSeed(self._entropy(128))

    def _seed_instance(self, instance: Instance, seed: Seed) -> None:
        if seed is None or isinstance(seed, _DrawnSeed):
            return
        self._unseeded_yet.pop(id(instance), None)
        self._seeds.seeded("random.Random", seed)

    def _watch_torch(self, torch: Module) -> None:
        manual_seed = torch.manual_seed
        for module in (torch, torch.random):
            self._seeds.watch_call(module, "manual_seed", "torch")
            self._seeds.watch_call(
                module, "seed", "torch", self._refilling(lambda number: manual_seed(number).initial_seed())
            )

    def _refilling(self, seed: Callable[[int], Instance]) -> Callable[[], Instance] | None:
        entropy = self._entropy
        return None if entropy is None else lambda: seed(entropy(63))

    def _watch_jax(self, random: Module) -> None:
        for name in ("key", "PRNGKey"):
            if hasattr(random, name):
                self._seeds.watch_call(random, name, "jax.random")

    def _watch_workers(self, process: Module) -> None:
        """Settle at a worker's end: a forked one ends without the usual exit."""
        bootstrap = process.BaseProcess._bootstrap  # noqa: SLF001 - every start method enters a child by it

        def enter(child: Instance, *args: Seed, **kwargs: Seed) -> Module:
            try:
                return bootstrap(child, *args, **kwargs)
            finally:
                self._attempt("generators of a worker", self.settle)

        process.BaseProcess._bootstrap = dressed(enter, bootstrap)  # noqa: SLF001 - see above


class _DrawnSeed(int):
    """Entropy that the observer gives in place of a seed."""


def _constructor_file() -> str:
    # This function, its caller, a lambda, attempt(), and __init__ stand between.
    return str(sys._getframe(5).f_code.co_filename)  # noqa: SLF001 - as above
