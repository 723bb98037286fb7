"""What a job had really loaded: distributions by RECORD, libraries with owner and digest, and what belongs to none."""

import hashlib
import importlib.metadata
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from envsnap.manifest.observation import Observation

pytestmark = pytest.mark.processes

Watch = Callable[..., Observation]


def test_imported_distributions_are_named(watch: Watch) -> None:
    """As importlib.metadata has them, and none that is merely installed."""
    named = dict(entry.split("==") for entry in watch("import numpy, threadpoolctl").distributions)

    assert importlib.metadata.version("numpy") == named["numpy"]
    assert importlib.metadata.version("threadpoolctl") == named["threadpoolctl"]
    assert "pytest" not in named


def test_a_process_that_imports_nothing_foreign_reads_no_record(watch: Watch) -> None:
    """A small helper process costs next to nothing."""
    seen = watch("import json", "-S" if sys.flags.no_site else "-B")

    assert not {"numpy", "scipy"} & {entry.partition("==")[0] for entry in seen.distributions}


def test_a_wheels_library_has_its_owner_and_the_digest_of_its_record(watch: Watch) -> None:
    """RECORD's digest is the file's; extension modules are counted, not listed."""
    seen = watch("import numpy")
    blas = next(library for library in seen.libraries if library.family == "blas")
    path = Path(blas.path.replace("{prefix}", sys.prefix))

    assert f"numpy=={importlib.metadata.version('numpy')}" == blas.owner
    assert hashlib.sha256(path.read_bytes()).hexdigest() == blas.sha256
    assert seen.extension_modules > 5
    assert not any("_multiarray_umath" in library.name for library in seen.libraries)


def test_every_mapped_library_is_listed(watch: Watch) -> None:
    """Those of the system too, with the digest of the file."""
    seen = watch("import ctypes, ctypes.util, zlib")
    other = [library for library in seen.libraries if library.path.startswith("/")]

    assert other
    assert all(not library.owner for library in other)
    assert {library.path: hashlib.sha256(Path(library.path).read_bytes()).hexdigest() for library in other} == {
        library.path: library.sha256 for library in other
    }


def test_a_module_of_no_distribution_is_named_with_its_folder(watch: Watch, tmp_path: Path) -> None:
    """A folder on PYTHONPATH is in no lock; the job's own modules are in its working tree."""
    (tmp_path / "elsewhere" / "stray").mkdir(parents=True)
    (tmp_path / "elsewhere" / "stray" / "__init__.py").touch()
    (tmp_path / "elsewhere" / "stray" / "inner.py").touch()
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "mine.py").touch()

    seen = watch("import mine, stray.inner", path=str(tmp_path / "elsewhere"))

    assert (f"stray in {tmp_path / 'elsewhere'}",) == seen.foreign_modules


def test_records_decide_between_distributions_that_share_a_package(watch: Watch, tmp_path: Path) -> None:
    """A namespace package has several owners: the file's own RECORD counts; without one, top_level.txt."""
    site = tmp_path / "site-packages"
    for name in ("one", "two"):
        (site / "shared" / name).mkdir(parents=True)
        (site / "shared" / name / "__init__.py").touch()
        (site / f"shared_{name}-1.0.dist-info").mkdir()
        (site / f"shared_{name}-1.0.dist-info" / "RECORD").write_text(f"shared/{name}/__init__.py,,0\n")
    (site / "old.py").touch()
    (site / "Old-0.1.egg-info").mkdir()
    (site / "Old-0.1.egg-info" / "top_level.txt").write_text("old\n")

    seen = watch("import shared.two, old", path=str(site))

    assert {"shared-two==1.0", "old==0.1"} <= set(seen.distributions)
    assert "shared-one==1.0" not in seen.distributions


def test_a_library_that_is_not_as_recorded_is_hashed(watch: Watch, tmp_path: Path) -> None:
    """A size that differs from RECORD's shows that the file was replaced."""
    import shutil

    site = tmp_path / "site-packages"
    (site / "thing-1.0.dist-info").mkdir(parents=True)
    source = next(path for path in Path("/usr/lib").glob("*/libz.so.1"))
    shutil.copy(source.resolve(), site / "libthing.so.1")
    (site / "thing.py").write_text("import ctypes, os\nctypes.CDLL(os.path.dirname(__file__) + '/libthing.so.1')\n")
    (site / "thing-1.0.dist-info" / "RECORD").write_text("thing.py,,\nlibthing.so.1,sha256=AAAA,3\n")

    seen = watch("import thing", path=str(site))
    (library,) = (library for library in seen.libraries if library.name == "libthing.so.1")

    assert ("thing==1.0", hashlib.sha256(source.read_bytes()).hexdigest()) == (library.owner, library.sha256)
