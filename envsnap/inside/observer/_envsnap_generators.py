"""Notes which seeds the job gives, and where it makes a random generator without one.

Only constructors and seeding functions are watched, never a draw. Not seen: the seed of ``RandomState(seed)`` and
methods of ``torch.Generator``, whose types are closed (a torch.Generator starts from a fixed seed). Calls without a
caller in the job's own files are a library's affair and left out.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # importing typing would cost each process milliseconds
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from envsnap.inside.observer._envsnap_journal import Journal
    from envsnap.inside.observer._envsnap_numpy import NumpyGenerators
    from envsnap.inside.observer._envsnap_places import Places

    Module = Any  # random, numpy, torch, tensorflow and jax are never imported early
    Instance = Any
    Seed = Any
    Attempt = Callable[..., Any]
    Entropy = Callable[[int], int]
else:
    from _envsnap_numpy import NumpyGenerators

MOST_SEEDS = 20
MOST_UNSEEDED = 50
LARGEST = 2**63
"""A larger seed is drawn entropy, and TOML holds no larger number."""


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
        self._journal = journal
        self._entropy = entropy
        self._attempt = attempt
        self._seen: dict[str, set[tuple[Any, ...]]] = {"seed": set(), "unseeded": set()}
        self._unseeded_yet: dict[int, str] = {}
        self._numpy = NumpyGenerators(self, attempt)

    def actions(self) -> dict[str, Callable[[Module], None]]:
        """Return what to do after the import of each module."""
        return {
            "random": self._watch_random,
            "numpy.random": self._numpy.watch,
            "torch": self._watch_torch,
            "tensorflow": lambda tensorflow: self.watch_call(tensorflow.random, "set_seed", "tensorflow.random"),
            "jax.random": self._watch_jax,
            "multiprocessing.process": self._watch_workers,
        }

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

    def settle(self) -> None:
        """Note the generators that were made without a seed and have got none since."""
        self._numpy.settle()
        for address in list(self._unseeded_yet):
            self._settle_one(address)

    def _settle_one(self, address: int) -> None:
        place = self._unseeded_yet.pop(address, "")
        if place:
            self.unseeded("random.Random()", place)

    def _note(self, kind: str, most: int, entry: dict[str, Any]) -> None:
        key, seen = tuple(entry.values()), self._seen[kind]
        if key not in seen and len(seen) < most:
            seen.add(key)
            self._journal.write(kind, entry)

    def _watch_random(self, random: Module) -> None:
        self.watch_call(random, "seed", "random", self._refilling(random.seed))
        start, reseed, restore = random.Random.__init__, random.Random.seed, random.Random.setstate

        def begin(instance: Instance, x: Seed = None) -> None:
            self._attempt("random.Random", lambda: self._settle_one(id(instance)))  # another lay there before
            drawn = None
            if x is None and not isinstance(instance, random.SystemRandom):
                drawn = self._attempt("random.Random", lambda: self._entropy_for(instance, reseed, seed_method))
            start(instance, x if drawn is None else drawn)

        def seed_method(instance: Instance, *args: Seed, **kwargs: Seed) -> None:
            reseed(instance, *args, **kwargs)
            self._attempt("random.Random.seed", lambda: self._seed_instance(instance, _first(args, kwargs)))

        def setstate(instance: Instance, state: Instance) -> None:
            self._unseeded_yet.pop(id(instance), None)
            restore(instance, state)

        random.Random.__init__ = _dressed(begin, start)
        random.Random.seed = _dressed(seed_method, reseed)
        random.Random.setstate = _dressed(setstate, restore)

    def _entropy_for(self, instance: Instance, *usual: Module) -> int | None:
        """Note an instance without a seed, and return one for it; the standard library's own are left alone."""
        if self._places.is_standard(_constructor_file()):
            return None
        place = self.place()
        if place:
            self._unseeded_yet[id(instance)] = place
        own_seed = type(instance).seed not in usual
        return None if self._entropy is None or own_seed else _Drawn(self._entropy(128))

    def _seed_instance(self, instance: Instance, seed: Seed) -> None:
        if seed is None or isinstance(seed, _Drawn):
            return
        self._unseeded_yet.pop(id(instance), None)
        self.seeded("random.Random", seed)

    def _watch_torch(self, torch: Module) -> None:
        manual_seed = torch.manual_seed
        for module in (torch, torch.random):
            self.watch_call(module, "manual_seed", "torch")
            self.watch_call(module, "seed", "torch", self._refilling(lambda number: manual_seed(number).initial_seed()))

    def _refilling(self, seed: Callable[[int], Instance]) -> Callable[[], Instance] | None:
        entropy = self._entropy
        return None if entropy is None else lambda: seed(entropy(63))

    def _watch_jax(self, random: Module) -> None:
        for name in ("key", "PRNGKey"):
            if hasattr(random, name):
                self.watch_call(random, name, "jax.random")

    def _watch_workers(self, process: Module) -> None:
        """Settle at a worker's end: a forked one ends without the usual exit."""
        bootstrap = process.BaseProcess._bootstrap  # noqa: SLF001 - every start method enters a child by it

        def enter(child: Instance, *args: Seed, **kwargs: Seed) -> Module:
            try:
                return bootstrap(child, *args, **kwargs)
            finally:
                self._attempt("generators of a worker", self.settle)

        process.BaseProcess._bootstrap = _dressed(enter, bootstrap)  # noqa: SLF001 - see above

    def watch_call(self, module: Module, name: str, named: str, fill: Module = None) -> None:
        """Watch a function that seeds.

        Args:
            module: where it stands.
            name: of the function.
            named: the module's name to users.
            fill: is called in the function's place where no seed is given, so that the job repeats itself.
        """
        original = getattr(module, name)
        call = "{}.{}".format(named, name)

        def watched(*args: Seed, **kwargs: Seed) -> Module:
            seed = _first(args, kwargs)
            if seed is not None:
                self._attempt(call, lambda: self.seeded(call, seed))
                return original(*args, **kwargs)
            self._attempt(call, lambda: self.unseeded(call + "()"))
            return fill() if fill else original(*args, **kwargs)

        setattr(module, name, _dressed(watched, original))


class _Drawn(int):
    """Entropy that the observer gives in place of a seed."""


def _first(args: tuple[Seed, ...], kwargs: dict[str, Seed]) -> Seed:
    return args[0] if args else next(iter(kwargs.values()), None)


def _constructor_file() -> str:
    # This function, its caller, a lambda, attempt(), and __init__ stand between.
    return str(sys._getframe(5).f_code.co_filename)  # noqa: SLF001 - as above


def _dressed(function: Module, original: Module) -> Module:
    """Make a function look like the one that it stands for; functools would be an early import."""
    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        if getattr(original, name, None) is not None:
            setattr(function, name, getattr(original, name))
    function.__wrapped__ = original
    return function
