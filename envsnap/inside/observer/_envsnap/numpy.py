"""Notes numpy's seeds and unseeded generators, where all its constructors pass: at SeedSequence.

numpy's generator types are closed, but they look up three module-level names whenever they are made:
``randbits`` draws the entropy of what has no seed, ``_coerce_to_uint32_array`` gets each seed, and RandomState
makes its ``_MT19937``, unseeded at first even where it has a seed.
"""

from __future__ import annotations

import sys

from .seeds import Seeds

TYPE_CHECKING = False  # importing typing would cost each process milliseconds
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Module = Any
    Seed = Any
    Attempt = Callable[..., Any]

PICKLES = "random/_pickle.py"
"""What is unpickled or copied is made without a seed, and then given its state."""
MOST_DRAWN = 1000


class NumpyGenerators:
    """Watches numpy.random for ``seeds``."""

    def __init__(self, seeds: Seeds, attempt: Attempt) -> None:
        self._seeds = seeds
        self._attempt = attempt
        self._drawn: set[int] = set()
        self._depth = 0
        self._in_random_state = False
        self._random_states: list[tuple[Any, str]] = []

    def watch(self, random: Module) -> None:
        """Watch from the import of numpy.random on; before numpy 1.17 only its global seed."""
        self._seeds.watch_call(random, "seed", "numpy.random")
        bit_generator: Module = getattr(random, "bit_generator", None)
        if hasattr(bit_generator, "randbits") and hasattr(bit_generator, "_coerce_to_uint32_array"):
            self._watch_entropy(bit_generator)
            self._watch_seeds(bit_generator)
            self._watch_random_states(random.mtrand)

    def settle(self) -> None:
        """Note the RandomStates that have got no seed: those still know the sequence that they came from."""
        while self._random_states:
            made, place = self._random_states.pop()
            if getattr(made, "seed_seq", getattr(made, "_seed_seq", None)) is not None:
                self._seeds.unseeded("numpy.random.RandomState()", place)

    def _watch_entropy(self, bit_generator: Module) -> None:
        draw = bit_generator.randbits

        def randbits(bits: int) -> int:
            number = int(draw(bits))
            self._attempt("numpy entropy", lambda: self._note_entropy(number, sys._getframe(3)))  # noqa: SLF001 - the caller
            return number

        bit_generator.randbits = randbits

    def _note_entropy(self, number: int, frame: Module) -> None:
        if len(self._drawn) < MOST_DRAWN:
            self._drawn.add(number)
        if not self._in_random_state and not frame.f_code.co_filename.endswith(PICKLES):
            self._seeds.unseeded("numpy.random generator")

    def _watch_seeds(self, bit_generator: Module) -> None:
        coerce = bit_generator._coerce_to_uint32_array  # noqa: SLF001 - see the module

        def _coerce_to_uint32_array(x: Seed) -> Module:
            # It calls itself for the items of a list; a tuple is the key of a spawned child.
            if not self._depth and not isinstance(x, tuple):
                self._attempt("numpy seed", lambda: self._note_seed(x))
            self._depth += 1
            try:
                return coerce(x)
            finally:
                self._depth -= 1

        bit_generator._coerce_to_uint32_array = _coerce_to_uint32_array  # noqa: SLF001 - see the module

    def _note_seed(self, seed: Seed) -> None:
        number = int(seed) if hasattr(seed, "__index__") and getattr(seed, "ndim", 0) == 0 else None
        if number not in self._drawn:
            self._seeds.seeded("numpy.random.SeedSequence", number)

    def _watch_random_states(self, mtrand: Module) -> None:
        kind = mtrand._MT19937  # noqa: SLF001 - see the module

        class Watched(type):
            def __call__(cls, *args: Seed, **kwargs: Seed) -> Module:
                return self._make(kind, args, kwargs)

            def __instancecheck__(cls, instance: Module) -> bool:
                return isinstance(instance, kind)

        mtrand._MT19937 = Watched("MT19937", (), {})  # noqa: SLF001 - see the module

    def _make(self, kind: Module, args: Seed, kwargs: Seed) -> Module:
        self._in_random_state = True
        try:
            made = kind(*args, **kwargs)
        finally:
            self._in_random_state = False
        self._attempt("numpy RandomState", lambda: self._follow(made))
        return made

    def _follow(self, made: Module) -> None:
        self.settle()
        place = self._seeds.place()
        if place:
            self._random_states.append((made, place))
