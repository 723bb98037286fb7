from installed_package import make_installed
from msgspec.structs import replace

from envsnap.manifest.diff.rebuilt import Difference, diff_interpreter, diff_job, diff_observation, diff_packages
from envsnap.manifest.installed import InstalledPackage
from envsnap.manifest.interpreter import Interpreter
from envsnap.manifest.job import Job
from envsnap.manifest.manifest import Contents
from envsnap.manifest.observation import LoadedLibrary, NumpySettings, Observation, ThreadPool
from envsnap.manifest.package import EditableSource, InstalledRecord, Package


def locked(name: str, version: str = "1.0", digest: str = "aa" * 32) -> Package:
    record = InstalledRecord(tags=(), evidence="none", content_digest=digest, location="")
    return Package(name=name, version=version, installed=record)


def found(name: str, version: str = "1.0", digest: str = "aa" * 32) -> InstalledPackage:
    return make_installed(name, version, content_digest=digest)


def seen_as_locked(contents: Contents) -> Observation:
    numerics = contents.numerics
    return Observation(
        python="3.11.7",
        variables=numerics.env,
        thread_pools=numerics.pools,
        numpy=numerics.numpy,
        torch=numerics.torch,
        libraries=tuple(
            LoadedLibrary(
                name=library.name,
                family="accelerator",
                path=library.path,
                version=library.version,
                sha256=library.sha256,
                size=library.size,
            )
            for library in contents.accelerator.libraries
            if library.loaded
        ),
    )


def test_same_packages_do_not_differ() -> None:
    """Order does not count."""
    assert () == diff_packages((locked("a"), locked("b")), (found("b"), found("a")))


def test_every_way_to_differ_is_named_in_order_of_name() -> None:
    """Another version, other files under the same version, a package too few and one too many."""
    differences = diff_packages(
        (locked("missing"), locked("content"), locked("version"), locked("same")),
        (found("version", "2.0"), found("content", digest="bb" * 32), found("same"), found("extra", "0.1")),
    )

    expected = (
        Difference(what="content", locked="1.0, content aaaaaaaaaaaa", found="1.0, content bbbbbbbbbbbb"),
        Difference(what="extra", locked="not there", found="0.1"),
        Difference(what="missing", locked="1.0", found="not there"),
        Difference(what="version", locked="1.0", found="2.0"),
    )
    assert expected == differences


def test_content_that_cannot_be_told_is_not_the_locked_one() -> None:
    """An empty digest equals no digest of files."""
    (difference,) = diff_packages((locked("a"),), (found("a", digest=""),))

    assert "1.0, content unknown" == difference.found


def test_editable_package_is_compared_with_the_wheel_that_rebuilds_it() -> None:
    package = locked("a")
    editable = replace(package, installed=replace(package.installed, rebuilt_digest="cc" * 32))

    assert () == diff_packages((editable,), (found("a", digest="cc" * 32),))
    assert 1 == len(diff_packages((editable,), (found("a"),)))


def test_own_code_that_is_not_installed_by_the_lock_is_compared_by_version() -> None:
    """What its installation consists of names the place; a lock without the rebuilt digest says nothing of it."""
    package = locked("own", digest="")
    own = replace(package, installed=replace(package.installed, editable_source=EditableSource(roots=("src",))))

    assert () == diff_packages([own], [found("own")])
    assert ["1.0"] == [difference.locked for difference in diff_packages([own], [found("own", version="2.0")])]


def test_interpreter_differs_by_what_decides_over_wheels(interpreter: Interpreter) -> None:
    """The version, the implementation and the ABI count; who compiled it when does not."""
    other = replace(interpreter, version="3.11.8", build="another day", compiler="Clang", provenance="uv")

    assert (Difference(what="python", locked="3.11.7", found="3.11.8"),) == diff_interpreter(interpreter, other)
    assert () == diff_interpreter(interpreter, interpreter)


def test_changed_settings_of_a_job_are_named_as_the_user_writes_them(job: Job) -> None:
    assert () == diff_job(job, job)
    assert (
        "seed was 1234, is 7",
        "timeout-seconds was 1800.0, is null",
        'env was {"TOKENIZERS_PARALLELISM": "false"}, is {}',
    ) == diff_job(job, replace(job, seed=7, timeout_seconds=None, env={}))


def test_what_was_in_force_as_recorded_is_no_difference(contents: Contents) -> None:
    assert () == diff_observation(contents, seen_as_locked(contents))


def test_what_moves_numbers_is_named_where_it_is_not_as_recorded(contents: Contents) -> None:
    """Variables, thread pools, settings of numpy and torch, accelerator libraries: each with both values."""
    seen = replace(
        seen_as_locked(contents),
        variables={"OMP_NUM_THREADS": "2", "MKL_CBWR": "AVX2"},
        thread_pools=(ThreadPool(api="blas", implementation="openblas", path="/elsewhere/libob.so"),),
        numpy=NumpySettings(version="2.1.0", cpu_baseline=("SSE",), cpu_found=()),
        torch=None,
        libraries=(
            LoadedLibrary(name="libcudnn.so.9", family="accelerator", path="", version="9.2", sha256="cd" * 32),
        ),
    )

    lines = diff_observation(contents, seen)

    assert (
        "variable MKL_CBWR: not there when frozen, AVX2 now",
        "variable OMP_NUM_THREADS: 8 when frozen, 2 now",
        "thread pool openblas (libob.so): 0.3.27 8 threads when frozen, no version ? threads now",
    ) == lines[:3]
    assert (
        "torch cudnn-benchmark: False when frozen, not there now",
        "torch deterministic-algorithms: True when frozen, not there now",
        "torch devices: none when frozen, not there now",
        "torch version: 2.4.1 when frozen, not there now",
        "numpy cpu-found: AVX2 when frozen, none now",
    ) == lines[3:-1]
    assert "library libcudnn.so.9: 9.1 sha256 abababababab when frozen, 9.2 sha256 cdcdcdcdcdcd now" == lines[-1]


def test_libraries_of_another_family_are_not_held_against_a_run(contents: Contents) -> None:
    """Other C libraries come with another base image; only the accelerator's are compared by content."""
    seen = seen_as_locked(contents)
    libc = LoadedLibrary(name="libc.so.6", family="runtime", path="/lib/libc.so.6", version="2.41")

    assert () == diff_observation(contents, replace(seen, libraries=(*seen.libraries, libc)))


def test_library_that_was_found_and_not_loaded_is_not_held_against_a_run(contents: Contents) -> None:
    """What lay beside the loaded one at freeze need not be on the machine that verifies."""
    beside = replace(contents.accelerator.libraries[0], name="libcudnn.so.8", loaded=False)
    libraries = (*contents.accelerator.libraries, beside)

    changed = replace(contents, accelerator=replace(contents.accelerator, libraries=libraries))

    assert () == diff_observation(changed, seen_as_locked(contents))
