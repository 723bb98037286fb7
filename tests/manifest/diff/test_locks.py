"""Each fact that differs between two manifests is named once, in its group, and none is hidden."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from msgspec.structs import replace

from envsnap.manifest.accelerator import AcceleratorLibrary
from envsnap.manifest.diff.locks import LockDiff, LockDifference, Side, diff_locks
from envsnap.manifest.diff.rules import RULES, TITLES, Group, classify
from envsnap.manifest.finding import Finding
from envsnap.manifest.job import Datum
from envsnap.manifest.lockfile import plain
from envsnap.manifest.manifest import Contents
from envsnap.manifest.observation import LoadedLibrary, ThreadPool
from envsnap.manifest.package import Package
from envsnap.manifest.toml import Plain


def compare(a: Contents, b: Contents, **options: Any) -> LockDiff:
    return diff_locks(Side(name="A", contents=a), Side(name="B", contents=b), **options)


def only(found: LockDiff) -> LockDifference:
    (difference,) = found.differences
    return difference


def with_package(contents: Contents, change: Callable[[Package], Package]) -> Contents:
    first, *rest = contents.packages
    return replace(contents, packages=(change(first), *rest))


def with_installed(contents: Contents, **changes: Any) -> Contents:
    return with_package(contents, lambda package: replace(package, installed=replace(package.installed, **changes)))


def rows(found: LockDiff) -> list[tuple[str, str | None, str | None]]:
    return [(one.what, one.a, one.b) for one in found.differences]


def test_the_same_contents_do_not_differ(contents: Contents) -> None:
    """Every group of which there is a fact is named as the same."""
    found = compare(contents, contents)

    assert LockDiff(same=found.same) == found
    assert not found.moves_numbers
    assert {"code", "data", "job", "framework", "accelerator", "gpu", "threads", "cpu", "interpreter"} <= set(
        found.same
    )
    assert "findings" not in found.same


def test_another_version_is_one_difference(contents: Contents) -> None:
    """Its wheel, its digest and its evidence follow from it."""
    other = with_package(contents, lambda one: replace(one, version="2.2.0", wheels=()))

    found = only(compare(contents, with_installed(other, content_digest="00" * 32, evidence="none")))

    assert ("numpy", "framework", True, "2.1.0", "2.2.0") == (
        found.what, found.group, found.moves_numbers, found.a, found.b,
    )  # fmt: skip
    assert ("packages", "numpy") == found.path


@pytest.mark.parametrize(
    ("changes", "a", "b"),
    [
        ({"content_digest": "00" * 32}, f"2.1.0, content {'cd' * 32}", f"2.1.0, content {'00' * 32}"),
        ({"content_digest": ""}, f"2.1.0, content {'cd' * 32}", "2.1.0, content unknown"),
        ({"build": "1"}, "2.1.0, build unknown", "2.1.0, build 1"),
        ({"tags": ("py3-none-any",)}, "2.1.0, tags cp311-cp311-manylinux_2_17_x86_64", "2.1.0, tags py3-none-any"),
    ],
)
def test_another_build_of_the_same_version_differs(contents: Contents, changes: dict[str, Any], a: str, b: str) -> None:
    """Content, build tag and wheel tags tell two builds apart."""
    found = compare(contents, with_installed(contents, **changes))

    assert [("numpy", a, b)] == rows(found)
    assert found.moves_numbers


def test_a_local_version_differs(contents: Contents) -> None:
    """A build for the CPU is not the one for CUDA."""
    cpu, cuda = (
        with_package(contents, lambda one, label=label: replace(one, name="torch", version=f"2.4.1+{label}"))  # type: ignore[misc]
        for label in ("cpu", "cu124")
    )

    assert [("torch", "2.4.1+cpu", "2.4.1+cu124")] == rows(compare(cpu, cuda))


def test_a_package_on_one_side_only(contents: Contents) -> None:
    """It is one difference, with its version."""
    fewer = replace(contents, packages=contents.packages[:1])

    assert [("own-tools", "0.3", None)] == rows(compare(contents, fewer))
    assert [("own-tools", None, "0.3")] == rows(compare(fewer, contents))
    assert "packages" == only(compare(contents, fewer)).group


@pytest.mark.parametrize(
    ("change", "group", "what"),
    [
        (lambda c: replace(c, code=replace(c.code, commit="0" * 40)), "code", "commit"),
        (
            lambda c: replace(c, data=(Datum(path="data/digits.csv", size=1, sha256="0" * 64),)),
            "data",
            "data/digits.csv",
        ),
        (lambda c: replace(c, job=replace(c.job, command=("python", "b.py"))), "job", "command"),
        (lambda c: replace(c, job=replace(c.job, env={})), "flags", "env TOKENIZERS_PARALLELISM"),
        (lambda c: replace(c, accelerator=replace(c.accelerator, driver="1")), "accelerator", "driver"),
        (lambda c: replace(c, hardware=replace(c.hardware, gpus=())), "gpu", "gpus 0"),
        (lambda c: replace(c, hardware=replace(c.hardware, cpu=replace(c.hardware.cpu, isa=("avx",)))), "cpu", "isa"),
        (
            lambda c: replace(c, numerics=replace(c.numerics, env={"OMP_NUM_THREADS": "1"})),
            "threads",
            "OMP_NUM_THREADS",
        ),
        (lambda c: replace(c, numerics=replace(c.numerics, torch=None)), "flags", "torch"),
        (lambda c: replace(c, interpreter=replace(c.interpreter, version="3.12.1")), "interpreter", "version"),
        (lambda c: replace(c, platform=replace(c.platform, libc_version="2.41")), "system", "libc-version"),
        (lambda c: replace(c, system=None), "system", "system"),
        (lambda c: replace(c, not_captured=()), "other", "not-captured mig profile"),
    ],
)
def test_what_moves_numbers_stands_in_its_group(
    contents: Contents, change: Callable[[Any], Contents], group: Group, what: str
) -> None:
    """One fact changed is one difference."""
    found = only(compare(contents, change(contents)))

    assert (what, group, True) == (found.what, found.group, found.moves_numbers)


@pytest.mark.parametrize(
    "change",
    [
        lambda c: replace(c, code=replace(c.code, branch="other", remote="https://git.example/b")),
        lambda c: replace(c, job=replace(c.job, runs=9, timeout_seconds=1.0)),
        lambda c: replace(c, platform=replace(c.platform, kernel="7", distribution="debian 13")),
        lambda c: replace(c, interpreter=replace(c.interpreter, build="x", provenance="uv")),
        lambda c: with_installed(c, evidence="none", installer="uv", requested=False, location="/opt"),
        lambda c: with_package(c, lambda one: replace(one, wheels=())),
        lambda c: replace(c, build=replace(c.build, base_image="python:3.11.7", apt=())),
        lambda c: replace(c, baseline=None, numerics=c.numerics),
    ],
)
def test_what_cannot_move_numbers_is_shown_as_that(contents: Contents, change: Callable[[Any], Contents]) -> None:
    """It is named all the same."""
    found = compare(contents, change(contents))

    assert found.differences or found.not_compared
    assert not found.moves_numbers


def test_what_no_rule_knows_may_move_numbers() -> None:
    """A newer envsnap records what this one has never heard of."""
    assert ("other", True) == classify(("weather", "humidity"))


def test_every_group_has_a_title_and_every_table_a_rule(contents: Contents) -> None:
    """A table that is new in a manifest must be put into a group."""
    assert {rule.group for rule in RULES} | {"other"} == set(TITLES)
    assert {rule.pattern.partition(".")[0] for rule in RULES} >= set(plain(contents))


def test_empty_is_as_good_as_not_there(contents: Contents) -> None:
    """Nothing is nothing, however it is written."""
    empty = plain(replace(contents, conda=None)) | {"conda": {}, "system": [], "weather": ""}
    absent = plain(replace(contents, conda=None)) | {"system": {}}
    sides = [_Tables(name=name, contents=contents, raw=raw) for name, raw in (("A", empty), ("B", absent))]

    assert () == diff_locks(*sides).differences


def test_order_is_that_of_the_groups(contents: Contents) -> None:
    """What moves numbers most comes first, what cannot move them last."""
    other = replace(
        contents,
        code=replace(contents.code, commit="0" * 40, branch="b"),  # type: ignore[type-var]
        platform=replace(contents.platform, libc_version="2.41"),
        interpreter=replace(contents.interpreter, version="3.12.0"),
    )

    assert ["commit", "version", "libc-version", "branch"] == [one.what for one in compare(contents, other).differences]


def test_gpus_are_matched_by_index(contents: Contents) -> None:
    """Eight of one name are eight."""
    gpu = contents.hardware.gpus[0]
    two = replace(contents, hardware=replace(contents.hardware, gpus=(gpu, gpu)))
    other = replace(two, hardware=replace(two.hardware, gpus=(gpu, replace(gpu, mig_profile="1g.10gb"))))

    assert [("gpus 1 mig-profile", None, "1g.10gb")] == rows(compare(two, other))


def test_a_library_is_the_same_one_under_another_hash(contents: Contents) -> None:
    """auditwheel's hash in the file name changes with each build; the library, its folder and its pool do not."""

    def loaded(tag: str, version: str) -> Contents:
        path = f"{{prefix}}/lib/numpy.libs/libscipy_openblas64_-{tag}.so"
        library = LoadedLibrary(name=path.rpartition("/")[2], family="blas", path=path, sha256=tag * 8)
        pool = ThreadPool(api="blas", implementation="openblas", version=version, num_threads=2, path=path)
        return replace(contents, numerics=replace(contents.numerics, pools=(pool,), libraries=(library,)))

    found = compare(loaded("aaaaaaaa", "0.3.27"), loaded("bbbbbbbb", "0.3.28"))

    assert [
        ("libscipy_openblas64_", f"sha256 {'a' * 64}", f"sha256 {'b' * 64}"),
        ("openblas (numpy.libs)", "0.3.27, 2 threads", "0.3.28, 2 threads"),
    ] == rows(found)
    assert {"threads"} == {one.group for one in found.differences}


def test_a_library_without_a_digest_is_told_by_its_version(contents: Contents) -> None:
    """A static capture hashes no library: that it does not know is no difference."""
    (cudnn,) = contents.accelerator.libraries

    def with_library(**changes: Any) -> Contents:
        return replace(contents, accelerator=replace(contents.accelerator, libraries=(replace(cudnn, **changes),)))

    assert [] == rows(compare(contents, with_library(sha256="")))
    assert [("{prefix}/libcudnn.so.9", f"9.1, sha256 {'ab' * 32}", "9.2")] == rows(
        compare(contents, with_library(sha256="", version="9.2"))
    )


def test_copies_of_a_library_are_told_apart_by_their_place(contents: Contents) -> None:
    """Which of them was loaded is a difference of its own."""
    (first,) = contents.accelerator.libraries
    second = AcceleratorLibrary(
        name=first.name, version="9.2", origin="system", path="/usr/lib/libcudnn.so.9", sha256="", size=1, loaded=False
    )

    def libraries(*found: AcceleratorLibrary) -> Contents:
        return replace(contents, accelerator=replace(contents.accelerator, libraries=found))

    other = libraries(replace(first, loaded=False), replace(second, loaded=True))

    assert [
        ("/usr/lib/libcudnn.so.9 loaded", "false", "true"),
        ("{prefix}/libcudnn.so.9 loaded", "true", "false"),
    ] == rows(compare(libraries(first, second), other))


def test_findings_that_are_new_or_gone(contents: Contents) -> None:
    """One that is told of a left-out secret moves nothing."""
    tf32 = Finding(kind="tf32", subject="cudnn", detail="was on")
    secret = Finding(kind="secret-left-out", subject="TOKEN", detail="left out")

    found = compare(replace(contents, findings=(tf32,)), replace(contents, findings=(secret,)))

    assert [("tf32 cudnn", "was on", None), ("secret-left-out TOKEN", None, "left out")] == rows(found)
    assert [True, False] == [one.moves_numbers for one in found.differences]


def test_what_repeats_another_difference_is_left_out(contents: Contents) -> None:
    """Thread count, seed and a framework's version stand in several places; each is told once."""

    def of(threads: int, seed: int, numpy: str) -> Contents:
        variables = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(threads)) | {"PYTHONHASHSEED": str(seed)}
        numerics, job = contents.numerics, contents.job
        assert numerics.numpy is not None
        assert job is not None
        changed = replace(numerics, threads=threads, env=variables, numpy=replace(numerics.numpy, version=numpy))
        other = replace(contents, numerics=changed, job=replace(job, threads=threads, seed=seed))
        return with_package(other, lambda one: replace(one, version=numpy))

    found = compare(of(2, 1, "2.1.0"), of(4, 9, "2.2.0"))

    assert [("seed", "1", "9"), ("numpy", "2.1.0", "2.2.0"), ("threads", "2", "4")] == rows(found)


def test_what_only_a_run_shows_is_not_held_against_a_side_without_one(contents: Contents) -> None:
    """It is said; none of its groups is called the same."""
    static = replace(
        contents, baseline=None, system=None, numerics=replace(contents.numerics, pools=(), numpy=None, torch=None)
    )

    found = compare(contents, static)
    (note,) = found.not_compared

    assert () == found.differences
    assert {"results", "thread pools", "numpy's settings", "torch's settings", "system packages"} == set(note.what)
    assert "B: the job was not run, or not observed" == note.reason
    assert not {"results", "threads", "flags", "system"} & set(found.same)


def test_what_a_side_without_a_run_does_have_is_compared(contents: Contents) -> None:
    """A static capture can ask the frameworks too."""
    assert contents.numerics.torch is not None
    torch = replace(contents.numerics.torch, cudnn_benchmark=True)
    static = replace(contents, baseline=None, numerics=replace(contents.numerics, torch=torch))

    assert [("torch cudnn-benchmark", "false", "true")] == rows(compare(contents, static))


def test_artefacts_that_nobody_looked_for_are_not_compared(contents: Contents) -> None:
    """What is installed is compared all the same."""
    live = with_installed(
        with_package(contents, lambda one: replace(one, wheels=())), evidence="none", reason="not looked for", build="2"
    )

    found = diff_locks(Side(name="A", contents=contents), Side(name="here", contents=live, sought=False))

    assert ["numpy"] == [one.what for one in found.differences]
    same = with_installed(live, build="")
    note = diff_locks(Side(name="A", contents=contents), Side(name="here", contents=same, sought=False)).not_compared
    assert [("artefacts",)] == [one.what for one in note]


def test_what_the_indexes_say_is_no_difference_to_what_stands_here(contents: Contents) -> None:
    """Nobody asks them for a comparison; between two locks it is one that moves nothing."""
    said = [Finding(kind=kind, subject="numpy", detail="told") for kind in ("two-indexes", "yanked-release")]
    frozen = with_package(contents, lambda one: replace(one, index="https://index.example/simple"))
    frozen = with_installed(frozen, yanked="broken", proof="metadata")
    frozen = replace(frozen, findings=tuple(sorted((*contents.findings, *said))))

    here = diff_locks(Side(name="A", contents=frozen), Side(name="here", contents=contents, sought=False))
    locks = compare(frozen, contents)

    assert () == here.differences
    assert {"index", "proof", "yanked", "numpy"} <= {one.what.rpartition(" ")[2] for one in locks.differences}
    assert not any(one.moves_numbers for one in locks.differences)


def test_commits_that_hold_the_same_files_move_nothing(contents: Contents) -> None:
    """The commit that adds the lock is another commit, and no other code."""
    assert contents.code is not None
    other = replace(contents, code=replace(contents.code, commit="0" * 40))

    found = only(compare(contents, other, same_code=True))

    assert ("commit (same files)", False) == (found.what, found.moves_numbers)


def test_what_an_older_envsnap_did_not_record_is_no_difference(contents: Contents, document: Plain) -> None:
    """The key is not in its file; a value that is there and differs still is one."""
    hardware = document["hardware"]
    assert isinstance(hardware, dict)
    del document["findings"], hardware["cpu"]["cores"]
    newer = replace(
        contents,
        findings=(Finding(kind="tf32", subject="s", detail="d"),),
        hardware=replace(contents.hardware, cpu=replace(contents.hardware.cpu, cores=1, model="other")),
    )

    found = diff_locks(Side(name="A", contents=contents, document=document), Side(name="B", contents=newer))

    assert [("model", "EPYC 7763", "other")] == rows(found)
    assert ["A: an older envsnap wrote it"] == [note.reason for note in found.not_compared]
    assert "findings" not in found.same


def leaves(table: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every value in the tables that holds text, a number or a truth."""
    items: Mapping[Any, object]
    match table:
        case dict():
            items = table
        case list():
            items = dict(enumerate(table))
        case _:
            return [path]
    return [leaf for key, value in items.items() for leaf in leaves(value, (*path, key))]


def test_no_change_is_hidden(contents: Contents) -> None:
    """Whatever single value is changed, it shows; only two that follow from others beside them do not."""
    tables = plain(replace(contents, findings=(Finding(kind="tf32", subject="s", detail="d"),)))
    a = _Tables(name="A", contents=contents, raw=tables)

    hidden = {
        where
        for where in leaves(tables)
        if not diff_locks(a, _Tables(name="B", contents=contents, raw=_changed(tables, where))).differences
    }

    assert {("baseline", "folder"), ("code", "dirty")} == hidden


@dataclass(frozen=True, kw_only=True, slots=True)
class _Tables(Side):
    """A side that stands as tables already."""

    raw: Plain

    @property
    def tables(self) -> Plain:
        """As given."""
        return self.raw


def _changed(table: Any, where: tuple[str | int, ...]) -> Any:
    if not where:
        return f"{table}-changed"
    key, *rest = where
    if isinstance(table, dict):
        return table | {key: _changed(table[key], tuple(rest))}
    return [_changed(item, tuple(rest)) if index == key else item for index, item in enumerate(table)]
