"""Which seeds a job is seen to give, and which generators it leaves without one."""

from collections.abc import Callable
from pathlib import Path

import pytest

from envsnap.manifest.observation import Observation

pytestmark = pytest.mark.processes

Watch = Callable[..., Observation]


def unseeded(observation: Observation) -> list[tuple[str, str]]:
    assert () == observation.errors
    return [(generator.place, generator.call) for generator in observation.unseeded]


@pytest.mark.parametrize(
    ("code", "call"),
    [
        ("import numpy; numpy.random.default_rng()", "numpy.random generator"),
        ("import numpy; numpy.random.default_rng(None)", "numpy.random generator"),
        ("import numpy; numpy.random.Generator(numpy.random.PCG64())", "numpy.random generator"),
        ("import numpy; numpy.random.SeedSequence()", "numpy.random generator"),
        ("import numpy; numpy.random.RandomState()", "numpy.random.RandomState()"),
        ("import random; random.Random()", "random.Random()"),
        ("import random; random.Random().random(); random.Random(3)", "random.Random()"),
        ("import random; random.seed()", "random.seed()"),
    ],
)
def test_a_generator_without_a_seed_is_noted(watch: Watch, code: str, call: str) -> None:
    """With its place in the job."""
    assert [("train.py:1", call)] == unseeded(watch(code))


@pytest.mark.parametrize(
    "code",
    [
        "import random; random.Random(1); random.seed(1); random.random()",
        "import random; generator = random.Random(); generator.seed(3)",
        "import random; random.SystemRandom().random()",
        "import random, copy, pickle; one = random.Random(1); copy.deepcopy(one); pickle.loads(pickle.dumps(one))",
        "import numpy; numpy.random.default_rng(7).spawn(2); numpy.random.seed(3)",
        "import numpy; numpy.random.RandomState(42).rand(); numpy.random.RandomState(42).seed(7)",
        "import numpy; numpy.random.RandomState(numpy.random.PCG64(1)); numpy.random.rand()",
        "import numpy, copy; copy.deepcopy(numpy.random.default_rng(7)); copy.deepcopy(numpy.random.RandomState(7))",
        "import numpy, pickle as p; p.loads(p.dumps(numpy.random.default_rng(7)))",
        "import numpy, pickle as p; p.loads(p.dumps(numpy.random.RandomState(7))); p.dumps(numpy.random.seed)",
        "import numpy; numpy.random.set_state(numpy.random.get_state())",
        "import tempfile; tempfile.mkdtemp()",
    ],
)
def test_a_seeded_generator_is_not_noted(watch: Watch, code: str) -> None:
    """Nor a copy, nor the standard library's own."""
    assert [] == unseeded(watch(code))


def test_a_library_is_told_by_its_first_caller_in_the_job(watch: Watch, tmp_path: Path) -> None:
    """What a library does while it is imported is its own affair."""
    (tmp_path / "site-packages").mkdir()
    (tmp_path / "site-packages" / "library.py").write_text(
        "import random\nown = random.Random()\ndef draw():\n    return random.Random().random()\n"
    )
    code = "import library\n\ndef work():\n    return library.draw()\n\nwork()\n"

    assert [("train.py:4", "random.Random()")] == unseeded(watch(code, path=str(tmp_path / "site-packages")))


def test_a_module_of_the_job_is_named_by_its_own_file(watch: Watch, tmp_path: Path) -> None:
    """The place is where a seed would have to be given."""
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "model.py").write_text("import numpy\n\nnoise = numpy.random.default_rng()\n")

    assert [("model.py:3", "numpy.random generator")] == unseeded(watch("import model"))


def test_seeds_are_noted_with_value_and_place(watch: Watch) -> None:
    """Once each; what envsnap injects is not the job's."""
    code = (
        "import random, numpy\n"
        "random.seed(1)\n"
        "numpy.random.seed(2)\n"
        "for _ in range(3): numpy.random.default_rng(3)\n"
        "numpy.random.Generator(numpy.random.PCG64(4))\n"
        "random.Random('words')\n"
        "numpy.random.default_rng(numpy.int64(5)); numpy.random.default_rng([1, 2])\n"
    )

    assert [
        ("train.py:2", "random.seed", 1),
        ("train.py:3", "numpy.random.seed", 2),
        ("train.py:4", "numpy.random.SeedSequence", 3),
        ("train.py:5", "numpy.random.SeedSequence", 4),
        ("train.py:6", "random.Random", None),
        ("train.py:7", "numpy.random.SeedSequence", None),
        ("train.py:7", "numpy.random.SeedSequence", 5),
    ] == [(seed.place, seed.call, seed.seed) for seed in watch(code).seeds]


def test_many_seeds_are_capped(watch: Watch) -> None:
    """A job may seed anew for each step."""
    assert 20 == len(watch("import random\nfor number in range(1000): random.seed(number)").seeds)


def test_unseeded_instances_repeat_under_a_seed_and_alone_are_noted_all_the_same(watch: Watch, tmp_path: Path) -> None:
    """random.Random() and random.seed() draw the same numbers in each run."""
    code = (
        "import random, pathlib\n"
        "drawn = [random.Random().random(), random.Random().random()]\n"
        "random.seed()\n"
        "with open('drawn', 'a') as file: print(drawn, random.random(), file=file)\n"
        "import subprocess, sys\n"
        "if len(sys.argv) == 1: subprocess.run([sys.executable, 'train.py', 'again'], check=True)\n"
    )

    watch(code)
    first, second = (tmp_path / "job" / "drawn").read_text().splitlines()

    assert first == second
    assert 3 == len(set(first.replace("]", "").replace("[", "").replace(",", "").split()))


def test_frameworks_seeds_are_noted(watch: Watch, tmp_path: Path) -> None:
    """torch, TensorFlow and JAX by the functions that their users call; keys that a trace makes have no value."""
    project = tmp_path / "job"
    (project / "jax").mkdir(parents=True)
    (project / "torch.py").write_text(
        "class random:\n    manual_seed = seed = None\n"
        "def manual_seed(seed): return random\ndef seed(): return 1\n"
        "random.manual_seed, random.seed = manual_seed, seed\n"
        "class backends:\n    class cudnn: pass\n"
        "def use_deterministic_algorithms(mode, *, warn_only): pass\n"
        "random.initial_seed = staticmethod(lambda: 5)\n"
    )
    (project / "tensorflow.py").write_text("class random: set_seed = staticmethod(lambda seed: None)\nconfig = None\n")
    (project / "jax" / "__init__.py").write_text("from jax import random\nconfig = None\n")
    (project / "jax" / "random.py").write_text("def key(seed): return seed\ndef PRNGKey(seed): return seed\n")
    code = (
        "import torch, tensorflow, jax\n"
        "torch.manual_seed(1)\ntensorflow.random.set_seed(2)\njax.random.key(3)\njax.random.PRNGKey(seed=4)\n"
        "assert 5 == torch.seed()\n"
    )

    seen = watch(code)

    assert [
        ("torch.manual_seed", 1),
        ("tensorflow.random.set_seed", 2),
        ("jax.random.key", 3),
        ("jax.random.PRNGKey", 4),
    ] == [(seed.call, seed.seed) for seed in seen.seeds]
    assert [("train.py:6", "torch.seed()")] == [(one.place, one.call) for one in seen.unseeded]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_tell_their_generators(watch: Watch, method: str) -> None:
    """A worker that multiprocessing ends without the usual exit has told all the same."""
    code = (
        "import multiprocessing, random, numpy\n"
        "def work():\n"
        "    random.Random()\n"
        "    numpy.random.RandomState()\n"
        "if __name__ == '__main__':\n"
        f"    child = multiprocessing.get_context('{method}').Process(target=work)\n"
        "    child.start(); child.join()\n"
    )

    assert [("train.py:3", "random.Random()"), ("train.py:4", "numpy.random.RandomState()")] == unseeded(watch(code))
