"""What moved numbers is taken from the job's own process where it ran."""

from envsnap.capture.numerics import capture_numerics, numerics_variables
from envsnap.manifest.numerics import Numerics
from envsnap.manifest.observation import LoadedLibrary, NumpySettings, Observation


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
    numpy = NumpySettings(version="2.0", cpu_baseline=(), cpu_found=())
    seen = Observation(python="3.11.7", variables={"OMP_NUM_THREADS": "1"}, libraries=libraries, numpy=numpy)

    found = capture_numerics(1, {"OMP_NUM_THREADS": "9"}, seen)

    assert ({"OMP_NUM_THREADS": "1"}, libraries[:1], numpy) == (found.env, found.libraries, found.numpy)
