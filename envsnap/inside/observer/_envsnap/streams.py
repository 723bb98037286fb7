"""Seeds ``random`` and numpy, so that processes which would differ unseeded differ still, but repeatably.

Unseeded, each process has numbers of its own; only numpy's global state is inherited over a fork. That is
kept: the first process gets the seed itself; a forked child, one spawned by multiprocessing, or a rank
above 0 gets one derived from the seed and its place in the tree of processes. Any other child process
counts as a first one. A spawned child's generator is left alone once the job has used or seeded it.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # importing typing would cost each process milliseconds
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    # random, numpy and multiprocessing are never imported early.
    Module = Any
    Random = Any
    Attempt = Callable[[str, Callable[[], Any]], Any]

RANKS = ("RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK")
"""Set by torchrun, Open MPI and MPICH for each process that they start."""

WORLDS = ("WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE")
"""Set beside them: how many processes there are."""


def rank_lineage(environ: Mapping[str, str]) -> tuple[int, ...]:
    """Return the rank as a place in the tree; rank 0 has none, so that a lone rank equals a plain process."""
    for name in RANKS:
        rank = environ.get(name, "")
        if rank.isdigit():
            return (int(rank),) if int(rank) else ()
    return ()


class Streams:
    """The random streams of one process; a forked child changes its own copy.

    Args:
        seed: 0 to 2**32 - 1.
        lineage: the process's place in the tree of processes; () for the first.
        attempt: runs what must not fail.
    """

    def __init__(self, seed: int, lineage: tuple[int, ...], attempt: Attempt) -> None:
        self._seed = seed
        self._attempt = attempt
        self._lineage = lineage
        self._forks = 0
        self._started_in = os.getpid()
        self._entropy: Any = None
        self._untouched: dict[str, Any] = {}

    def actions(self) -> dict[str, Callable[[Any], None]]:
        """Return what to do after the import of each module."""
        return {
            "random": self.seed_random,
            "numpy.random": self.seed_numpy,
            "multiprocessing.process": self.follow_spawns,
        }

    def own_seed(self) -> int:
        """Return this process's seed, of 32 bits."""
        return int(self._stream("seed").getrandbits(32)) if self._lineage else self._seed

    def randbits(self, bits: int) -> int:
        """Stand in for ``secrets.randbits``: repeatable, and different at every call."""
        if self._entropy is None:
            self._entropy = self._stream("entropy")
        return int(self._entropy.getrandbits(bits))

    def seed_random(self, random: Module) -> None:
        """Seed ``random``; after a fork once more, because Python then seeds it from the system's entropy."""
        seed = random.seed  # before the generators' watch stands in for it
        seed(self.own_seed())
        self._untouched["random"] = random.getstate()
        os.register_at_fork(after_in_child=lambda: seed(self.own_seed()))

    def seed_numpy(self, numpy_random: Module) -> None:
        """Seed numpy's global generator, and the entropy from which unseeded generators are made."""
        numpy_random.seed(self.own_seed())
        self._untouched["numpy.random"] = _numpy_state(numpy_random)
        bit_generator: Module = getattr(numpy_random, "bit_generator", None)
        if hasattr(bit_generator, "randbits"):
            bit_generator.randbits = self.randbits

    def follow_forks(self) -> None:
        """Give each forked child a place of its own: the parent counts its forks."""
        os.register_at_fork(before=self._count_fork, after_in_child=self._enter_fork)

    def follow_spawns(self, process: Module) -> None:
        """Give each child that multiprocessing spawns a place of its own: its number in the parent."""
        bootstrap = process.BaseProcess._bootstrap  # noqa: SLF001 - every start method enters a child by it

        def enter(child: Module, *args: Module, **kwargs: Module) -> Module:
            self._attempt("spawned child", lambda: self._enter_spawn(child._identity))  # noqa: SLF001 - its number
            return bootstrap(child, *args, **kwargs)

        process.BaseProcess._bootstrap = enter  # noqa: SLF001 - see above

    def _stream(self, purpose: str) -> Random:
        import random

        place = ".".join(map(str, self._lineage))
        return random.Random("envsnap {} {} {}".format(purpose, self._seed, place))  # noqa: S311 - repeatable on purpose

    def _count_fork(self) -> None:
        self._forks += 1

    def _enter_fork(self) -> None:
        self._lineage = (*self._lineage, self._forks)
        self._forks = 0
        self._entropy = None

    def _enter_spawn(self, identity: tuple[int, ...]) -> None:
        if os.getpid() != self._started_in:
            return  # forked: its place is known already
        self._lineage = (*self._lineage, *identity)
        self._entropy = None
        self._reseed_untouched()

    def _reseed_untouched(self) -> None:
        random, numpy_random = sys.modules.get("random"), sys.modules.get("numpy.random")
        if random is not None and random.getstate() == self._untouched.get("random"):
            _unwatched(random.seed)(self.own_seed())
        if numpy_random is not None and _numpy_state(numpy_random) == self._untouched.get("numpy.random"):
            _unwatched(numpy_random.seed)(self.own_seed())


def _unwatched(function: Module) -> Module:
    return getattr(function, "__wrapped__", function)


def _numpy_state(numpy_random: Module) -> tuple[Any, ...]:
    kind, keys, *rest = numpy_random.get_state()
    return (kind, keys.tobytes(), *rest)
