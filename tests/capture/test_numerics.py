"""What moved numbers is taken from the job's own process where it ran."""

from envsnap.capture.numerics import capture_loaded, capture_numerics, numerics_variables
from envsnap.manifest.numerics import Numerics
from envsnap.manifest.observation import (
    ImportedFile,
    JaxSettings,
    LoadedLibrary,
    NumpySettings,
    Observation,
    SeedCall,
)


def test_only_variables_that_move_numbers_are_kept() -> None:
    """A token in the environment is nobody's business."""
    assert {"OMP_NUM_THREADS": "4"} == numerics_variables({"OMP_NUM_THREADS": "4", "TOKEN": "t"})


def test_without_a_run_the_callers_variables_count() -> None:
    """Sorted, so that equal facts give equal locks."""
    found = capture_numerics(2, {"OMP_NUM_THREADS": "4", "MKL_CBWR": "AVX2"}, None)

    assert Numerics(threads=2, env={"MKL_CBWR": "AVX2", "OMP_NUM_THREADS": "4"}) == found
    assert ["MKL_CBWR", "OMP_NUM_THREADS"] == list(found.env)


def test_a_run_tells_what_was_really_in_force() -> None:
    """Its variables, pools and frameworks; accelerator libraries stand elsewhere."""
    libraries = (
        LoadedLibrary(name="libopenblas.so", path="/libopenblas.so", family="blas"),
        LoadedLibrary(name="libcudart.so", path="/libcudart.so", family="accelerator"),
    )
    numpy, jax = NumpySettings(version="2.0", cpu_baseline=(), cpu_found=()), JaxSettings(version="0.10.2")
    seen = Observation(python="3.11.7", variables={"OMP_NUM_THREADS": "1"}, libraries=libraries, numpy=numpy, jax=jax)

    found = capture_numerics(1, {"OMP_NUM_THREADS": "9"}, seen)

    assert ({"OMP_NUM_THREADS": "1"}, libraries[:1], numpy, jax) == (
        found.env,
        found.libraries,
        found.numpy,
        found.jax,
    )


def test_a_library_stands_in_one_place() -> None:
    """What moves numbers under numerics, the accelerator's under accelerator, the rest under loaded."""
    libraries = tuple(
        LoadedLibrary(name=f"lib{family}.so", path=f"/lib{family}.so", family=family)
        for family in ("accelerator", "blas", "framework", "openmp", "other", "runtime")
    )
    seen = Observation(python="3.11.7", libraries=libraries, distributions=("numpy==2.0",), processes=3)

    numerics, loaded = capture_numerics(1, {}, seen), capture_loaded(seen, is_versioned=True)

    assert loaded is not None
    assert (("other",), ("numpy==2.0",), 3) == (
        tuple(library.family for library in loaded.libraries),
        loaded.distributions,
        loaded.processes,
    )
    assert ["blas", "framework", "openmp", "runtime"] == [library.family for library in numerics.libraries]


def test_without_a_run_nothing_was_loaded() -> None:
    """Absent is not empty."""
    assert capture_loaded(None, is_versioned=True) is None


def test_source_files_stand_in_the_lock_where_no_commit_tells_them() -> None:
    """Those of the project alone: a path elsewhere is this machine's."""
    files = (ImportedFile(path="train.py", sha256="ab"), ImportedFile(path="../other.py", sha256="cd"))
    seen = Observation(python="3.11.7", sources=files)

    versioned, alone = (capture_loaded(seen, is_versioned=known) for known in (True, False))

    assert versioned is not None
    assert alone is not None
    assert ((), files[:1]) == (versioned.sources, alone.sources)


def test_the_seeds_of_a_lock_are_few() -> None:
    """A job may seed anew for each step, in each of its processes."""
    seeds = tuple(SeedCall(call="random.seed", place=f"train.py:{line}", seed=line) for line in range(60))

    assert seeds[:20] == capture_numerics(1, {}, Observation(python="3.11.7", seeds=seeds)).seeds
