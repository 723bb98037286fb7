"""The observer in real interpreters: what it injects, what it records, and that the job never notices it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from envsnap.host.carried_files import observer_folder, threadpoolctl_file
from envsnap.inside.observer._envsnap.variables import NUMERICS_VARIABLES
from envsnap.manifest.model import convert
from envsnap.manifest.observation import Observation

pytestmark = pytest.mark.processes

Observe = Callable[..., tuple[str, list[Observation]]]

DRAWS = """
import json, random
import numpy as np
streams = [np.random.default_rng().random() for _ in range(2)]
print(json.dumps([random.random(), np.random.rand(), *streams]))
"""

CHILDREN = """
import json, multiprocessing, random
import numpy as np
import numpy.random

def draw(queue):
    queue.put([random.random(), np.random.rand(), np.random.default_rng().random()])

if __name__ == "__main__":
    context = multiprocessing.get_context("METHOD")
    drawn = []
    for _ in range(2):
        queue = context.SimpleQueue()
        child = context.Process(target=draw, args=(queue,))
        child.start()
        drawn.append(queue.get())
        child.join()
    print(json.dumps(drawn))
"""

FAKE_TORCH = """
__version__ = "2.9.0+fake"
calls = []

class _Settings:
    deterministic, benchmark, allow_tf32 = False, True, True

class backends:
    cudnn = _Settings()

class cuda:
    is_initialized = staticmethod(lambda: False)

class version:
    cuda = "12.8"

def manual_seed(seed):
    calls.append(("seed", seed))

def use_deterministic_algorithms(mode, *, warn_only=False):
    calls.append(("deterministic", mode, warn_only))

def are_deterministic_algorithms_enabled():
    return True
"""


@pytest.fixture
def observe(tmp_path: Path) -> Observe:
    """Run ``code`` as a script under the observer; return its standard output and the reports."""

    def run(code: str, *options: str, succeeds: bool = True, **variables: str) -> tuple[str, list[Observation]]:
        reports, script = tmp_path / "reports", tmp_path / "script.py"
        reports.mkdir(exist_ok=True)
        script.write_text(code)
        path = os.pathsep.join([str(observer_folder()), *variables.pop("path", "").split(os.pathsep)]).strip(os.pathsep)
        env = {
            "PATH": os.environ["PATH"],
            "ENVSNAP_OBSERVE_DIR": str(reports),
            "ENVSNAP_SEED": "7",
            "ENVSNAP_DETERMINISTIC": "1",
            "ENVSNAP_THREADPOOLCTL": str(threadpoolctl_file()),
            "OPENBLAS_NUM_THREADS": "1",
            "PYTHONPATH": path,
        }
        ended = subprocess.run(
            [sys.executable, *options, str(script)],
            env=env | variables,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert succeeds == (ended.returncode == 0), ended.stderr
        found = [
            convert(json.loads(file.read_text()), Observation, source=file.name)
            for file in reports.glob("observed-*.json")
        ]
        return ended.stdout, found

    return run


def test_unseeded_generators_repeat(observe: Observe) -> None:
    """Two processes draw the same numbers, and each unseeded default_rng() is a stream of its own."""
    first, _ = observe(DRAWS)
    second, _ = observe(DRAWS)

    assert first == second
    assert 4 == len(set(json.loads(first)))


def test_another_seed_gives_other_numbers(observe: Observe) -> None:
    """The seed reaches random, numpy's global state and unseeded generators alike."""
    first = json.loads(observe(DRAWS)[0])
    second = json.loads(observe(DRAWS, ENVSNAP_SEED="8")[0])

    assert all(one != other for one, other in zip(first, second, strict=True))


def test_the_first_process_gets_the_seed_itself(observe: Observe) -> None:
    """A script that would seed with the same number draws the same numbers."""
    code = "import random, numpy\nprint(random.random(), numpy.random.rand())"

    plain = code.replace("\n", "\nrandom.seed(7); numpy.random.seed(7)\n", 1)

    assert observe(plain, ENVSNAP_SEED="99")[0] == observe(code)[0]


def test_a_script_may_seed_by_itself(observe: Observe) -> None:
    """The job's own seed wins, as it comes later."""
    code = "import random\nrandom.seed(1)\nprint(random.random())"

    assert observe(code, ENVSNAP_SEED="1")[0] == observe(code, ENVSNAP_SEED="2")[0]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_children_repeat_but_are_not_alike(observe: Observe, method: str) -> None:
    """Each child has its own stream, the same one in each run; only numpy's state is inherited over a fork."""
    code = CHILDREN.replace("METHOD", method)
    first = json.loads(observe(code, "-W", "ignore")[0])
    second = json.loads(observe(code, "-W", "ignore")[0])

    assert first == second
    one, other = first
    assert one[0] != other[0]
    assert one[2] != other[2]
    assert (method == "fork") == (one[1] == other[1])


def test_a_spawned_child_keeps_the_seed_that_its_module_set(observe: Observe) -> None:
    """A generator that the job seeded while its module was imported again is not seeded anew."""
    code = CHILDREN.replace("METHOD", "spawn").replace("\ndef draw", "\nrandom.seed(1); np.random.seed(1)\n\ndef draw")
    one, other = json.loads(observe(code)[0])

    assert one[:2] == other[:2]


def test_ranks_are_not_alike_and_rank_0_is_a_plain_process(observe: Observe) -> None:
    """A launcher's processes draw different numbers; a lone rank 0 draws what a run without launcher does."""
    plain, zero, one = (observe(DRAWS, **rank)[0] for rank in ({}, {"RANK": "0"}, {"RANK": "1"}))

    assert plain == zero
    assert plain != one


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"RANK": "3", "WORLD_SIZE": "8"}, (3, 8)),
        ({"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2"}, (0, 2)),
        ({"PMI_RANK": "1"}, (1, 0)),
        ({"RANK": "none"}, (None, 0)),
        ({}, (None, 0)),
    ],
)
def test_a_rank_says_which_it_is(observe: Observe, variables: dict[str, str], told: tuple[int | None, int]) -> None:
    """By what its launcher set."""
    _, (report,) = observe("pass", **variables)

    assert told == (report.rank, report.ranks)


def test_a_rank_whose_group_torch_made_says_so_too(observe: Observe, tmp_path: Path) -> None:
    """As torch.multiprocessing.spawn starts them: without a variable."""
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("")
    (tmp_path / "torch" / "distributed.py").write_text(
        "is_available = is_initialized = lambda: True\nget_rank, get_world_size = lambda: 1, lambda: 2\n"
    )

    _, (report,) = observe("import torch.distributed")

    assert (1, 2) == (report.rank, report.ranks)


def test_no_seed_no_seeding(observe: Observe) -> None:
    """Without ENVSNAP_SEED the process only reports."""
    code = "import random\nprint(random.random())"

    assert observe(code, ENVSNAP_SEED="")[0] != observe(code, ENVSNAP_SEED="")[0]


def test_torch_is_settled_after_its_import(observe: Observe, tmp_path: Path) -> None:
    """torch is seeded and asked for determinism before the job's next line, and its settings are told at exit."""
    (tmp_path / "torch.py").write_text(FAKE_TORCH)
    output, (report,) = observe("import torch\nprint(torch.calls, torch.backends.cudnn.benchmark)")

    assert "[('seed', 7), ('deterministic', True, True)] False\n" == output
    assert report.torch is not None
    assert ("2.9.0+fake", "12.8", True, True) == (
        report.torch.version,
        report.torch.cuda_version,
        report.torch.deterministic_algorithms,
        report.torch.cudnn_deterministic,
    )
    assert any(message.startswith("torch num-threads: AttributeError") for message in report.errors)


def test_torch_is_only_seeded_where_determinism_is_off(observe: Observe, tmp_path: Path) -> None:
    """ENVSNAP_DETERMINISTIC=0 leaves the algorithms as they are."""
    (tmp_path / "torch.py").write_text(FAKE_TORCH)

    assert "[('seed', 7)]\n" == observe("import torch\nprint(torch.calls)", ENVSNAP_DETERMINISTIC="0")[0]


def test_tensorflow_is_seeded_without_touching_other_seeds(observe: Observe, tmp_path: Path) -> None:
    """The job's earlier seed of random survives the import of TensorFlow."""
    (tmp_path / "tensorflow.py").write_text(
        "calls = []\n"
        "class random: set_seed = staticmethod(lambda seed: calls.append(seed))\n"
        "class config:\n"
        "    class experimental: enable_op_determinism = staticmethod(lambda: calls.append('deterministic'))\n"
    )
    code = "import random\nrandom.seed(3)\nimport tensorflow\nprint(random.random(), tensorflow.calls)"

    assert "0.23796462709189137 [7, 'deterministic']\n" == observe(code)[0]


def test_an_error_inside_is_reported_and_never_raised(observe: Observe, tmp_path: Path) -> None:
    """A framework that refuses its seed does not stop the job."""
    (tmp_path / "torch.py").write_text("def manual_seed(seed): raise RuntimeError('no seed for you')")
    output, (report,) = observe("import torch\nprint('done')", ENVSNAP_THREADPOOLCTL="/nowhere/threadpoolctl.py")

    assert "done\n" == output
    assert "after the import of torch: RuntimeError: no seed for you" in report.errors
    assert any(message.startswith("thread pools: FileNotFoundError") for message in report.errors)


def test_a_seed_that_is_no_number_is_reported(observe: Observe) -> None:
    """Nonsense in a variable is an entry in the report."""
    _, (report,) = observe("", ENVSNAP_SEED="many")

    assert report.seed is None
    assert any(message.startswith("ENVSNAP_SEED: ValueError") for message in report.errors)


def test_a_failing_job_is_reported_too(observe: Observe) -> None:
    """An unhandled exception ends the process through atexit as well."""
    _, reports = observe("raise SystemExit(3)", succeeds=False)

    assert 1 == len(reports)


def test_without_a_report_folder_nothing_happens(observe: Observe) -> None:
    """The folder alone in PYTHONPATH changes no job."""
    output, reports = observe(
        "import sys\nprint(sorted(n for n in sys.modules if 'envsnap' in n))", ENVSNAP_OBSERVE_DIR=""
    )

    assert ("[]\n", []) == (output, reports)


def test_the_job_sees_its_own_path_and_no_early_import(observe: Observe) -> None:
    """sys.path has lost the folder, PYTHONPATH has not, and nothing heavy was imported for the job."""
    code = (
        "import os, sys\n"
        "early = {'json', 'random', 'numpy', 'typing', 'hashlib'} & set(sys.modules)\n"
        "folder = os.environ['PYTHONPATH']\n"
        "print(sorted(early), folder in sys.path, os.path.isdir(folder))"
    )

    assert "[] False True\n" == observe(code)[0]


def test_an_earlier_sitecustomize_still_runs(observe: Observe, tmp_path: Path) -> None:
    """The sitecustomize that Python would have found runs, under its own name, and once."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "sitecustomize.py").write_text("print('theirs')")
    output, reports = observe("import sitecustomize; print(sitecustomize.__file__)", path=str(tmp_path / "theirs"))

    assert f"theirs\n{tmp_path / 'theirs' / 'sitecustomize.py'}\n" == output
    assert 1 == len(reports)


def test_a_broken_sitecustomize_of_the_user_does_not_stop_the_observer(observe: Observe, tmp_path: Path) -> None:
    """Python reports the user's error as ever; the process is observed all the same."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "sitecustomize.py").write_text("1 / 0")
    output, reports = observe("print('done')", path=str(tmp_path / "theirs"))

    assert ("done\n", 1) == (output, len(reports))


def test_the_folder_twice_in_the_path_starts_one_observer(observe: Observe) -> None:
    """Starting is idempotent."""
    _, reports = observe("", path=f"{observer_folder()}{os.pathsep}{observer_folder()}/")

    assert 1 == len(reports)


def test_watched_modules_look_as_ever(observe: Observe) -> None:
    """Loader, resources, reload and ``find_spec`` of a watched module work as without the observer."""
    code = (
        "import importlib, importlib.resources, importlib.util, random\n"
        "assert type(importlib.util.find_spec('random').loader).__name__ == 'SourceFileLoader'\n"
        "assert 'exec_module' not in vars(random.__loader__)\n"
        "assert random.__loader__ is random.__spec__.loader\n"
        "import numpy.random\n"
        "assert importlib.resources.files('numpy.random').joinpath('__init__.py').is_file()\n"
        "first = random.random()\n"
        "importlib.reload(random)\n"
        "assert first == random.random()\n"
    )

    observe(code)


def test_the_report_tells_settings_in_force_at_exit(observe: Observe) -> None:
    """Variables as the job left them, numpy's kernels, thread pools and the BLAS that was loaded, with its digest."""
    _, (report,) = observe("import os, numpy\nos.environ['MKL_CBWR'] = 'AUTO'", PYTHONHASHSEED="7")

    assert {"MKL_CBWR": "AUTO", "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "7"} == report.variables
    assert ("script.py", 7, "7") == (report.program, report.seed, report.hash_seed)
    assert report.numpy is not None
    assert report.numpy.cpu_found
    assert 1 in {pool.num_threads for pool in report.thread_pools if pool.api == "blas"}
    blas = [library for library in report.libraries if library.family == "blas"]
    assert all(library.path.startswith("{prefix}/") for library in blas)
    assert all(len(library.sha256) == 64 for library in blas)
    assert () == report.errors


def test_every_numerics_variable_is_recorded(observe: Observe) -> None:
    """As the process had it at its end."""
    values = dict.fromkeys(NUMERICS_VARIABLES, "1")
    _, (report,) = observe("", **values)

    assert values == report.variables


def test_the_report_names_no_user(observe: Observe, tmp_path: Path) -> None:
    """The user's folder is written as ~, in errors and paths alike."""
    (tmp_path / "torch.py").write_text("def manual_seed(seed): open(__file__ + '.missing')")
    _, (report,) = observe("import torch", HOME=str(tmp_path))

    assert any("'~/torch.py.missing'" in message for message in report.errors)
    assert not any(str(tmp_path) in message for message in report.errors)


@pytest.mark.parametrize(("variable", "expected"), [("1", "inner"), ("", "public")])
def test_determinism_is_asked_for_without_the_compiler(
    observe: Observe, tmp_path: Path, variable: str, expected: str
) -> None:
    """torch's public switch imports its compiler, for a second; a variable tells the compiler the same."""
    (tmp_path / "torch.py").write_text(
        FAKE_TORCH.replace('calls.append(("deterministic"', 'calls.append(("public"')
        + "\nclass _C:\n"
        + "    _set_deterministic_algorithms = staticmethod("
        + "lambda mode, *, warn_only: calls.append(('inner', mode, warn_only)))\n"
    )
    output, _ = observe("import torch\nprint(torch.calls)", TORCHINDUCTOR_DETERMINISTIC=variable)

    assert f"[('seed', 7), ('{expected}', True, True)]\n" == output
