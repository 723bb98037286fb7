"""A lock on one screen: whatever its size, with right counts, and with nothing in it that steers the terminal."""

import re
import unicodedata
from pathlib import Path

import pytest
from msgspec.structs import replace
from rich.cells import cell_len
from small_manifest import manifest

from envsnap.manifest.accelerator import Accelerator, AcceleratorLibrary, FrameworkBuild
from envsnap.manifest.accepted import Accepted
from envsnap.manifest.finding import Finding, UncapturedFact
from envsnap.manifest.hardware import Cpu, Gpu, Hardware
from envsnap.manifest.interpreter import Interpreter, Platform
from envsnap.manifest.job import Datum, Job, JobOutput
from envsnap.manifest.lockfile import parse_manifest
from envsnap.manifest.manifest import Baseline, Conda, CondaPackage, Contents, Manifest, Profile
from envsnap.manifest.numerics import Numerics
from envsnap.manifest.package import Artefact, EditableSource, Evidence, InstalledRecord, Package
from envsnap.manifest.specification import Specification
from envsnap.manifest.tolerance import Bounds
from envsnap.manifest.working_tree import ChangedFile, Code
from envsnap.report.lock_page import render_lock_page
from envsnap.report.overview import describe_lock

LOCKS = Path(__file__).parent.parent / "e2e" / "locks"
SCREEN = 24
WIDTHS = (80, 100)
BASELINE = Baseline(runs=2, folder="0" * 16, bitwise_repeatable=True, observed=True, outputs=())
JOB = Job(command=("python", "train.py"), seed=7, threads=2)


def package(name: str, version: str = "1.0", evidence: Evidence = "index-verified", *, own: bool = False) -> Package:
    wheel = Artefact(name=f"{name}-{version}-py3-none-any.whl", hashes={"sha256": "ab" * 32})
    return Package(
        name=name,
        version=version,
        wheels=() if evidence in ("none", "working-tree") else (wheel,),
        installed=InstalledRecord(
            tags=(),
            evidence=evidence,
            content_digest="",
            location="{prefix}",
            editable_source=EditableSource(roots=("src",)) if own else None,
        ),
    )


LOST = package("lost", evidence="none")


def lock(*packages: Package, **contents: object) -> Manifest:
    made = manifest(*packages, python="3.11.7")
    return replace(made, contents=replace(made.contents, **contents))


def page(made: Manifest, width: int = 100, named_by: tuple[str, ...] = ()) -> list[str]:
    """Draw it; each line fits, but for the command of the last one."""
    lines = render_lock_page(describe_lock(made, "envsnap.lock", named_by), color=False, width=width).splitlines()
    assert len(lines) <= SCREEN
    assert all(cell_len(line) <= width for line in lines[:-1])
    return lines


def rows(made: Manifest, label: str, width: int = 100) -> list[str]:
    """Return the facts of one row and of those under it."""
    lines = page(made, width)
    start = next(number for number, line in enumerate(lines) if re.match(rf"{label} +\S|{label} {{2,}}", line))
    more = [line.strip() for line in lines[start + 1 :]]
    under = next((number for number, line in enumerate(lines[start + 1 :]) if not line.startswith("  ")), len(more))
    return [lines[start][16:].strip(), *more[:under]]


def labels(made: Manifest) -> list[str]:
    return [line[:16].strip() for line in page(made) if not line.startswith(" ")]


@pytest.mark.parametrize("schema", ["1.0", "1.1", "1.2", "1.3"])
def test_a_real_lock_says_its_own_schema(schema: str) -> None:
    """Not that of the envsnap that shows it."""
    read, _ = parse_manifest((LOCKS / f"envsnap-{schema}.lock").read_text(), source="envsnap.lock")
    lines = page(read)

    snapshot = read.snapshot
    written = f"written {snapshot.created_at} by envsnap 0.1.0"
    assert f"lock            {snapshot.digest[:12]}, {written}, schema {schema}" == lines[0]
    assert [
        "1 package       1 local-file: wheels on this machine, kept in .envsnap/wheels",
        "code            no commit is recorded",
        "job             python train.py",
        "                seed 7, 2 threads, deterministic",
        "1 input         18 bytes: data.csv",
        "1 output        metrics.json (json): auto",
        "baseline        2 runs, the same bit for bit",
        "not captured    code: fatal: not a git repository (or any of the parent directories): .git",
        "next            envsnap verify",
    ] == lines[3:]


def test_an_empty_lock_says_what_there_is_none_of() -> None:
    assert ["lock", "python", "machine", "0 packages", "code", "job", "next"] == labels(lock())
    assert ["none is locked: this is an environment alone"] == rows(lock(), "job")
    assert ["envsnap build (no job is locked, so there is nothing to verify)"] == rows(lock(), "next")


def full(many: int, text: str) -> Contents:
    """Contents with all that there is, ``many`` of each, and names of ``text``."""
    names = [f"n{number}" for number in range(many)]
    plain = [package(name, evidence="index-inferred") for name in names[: many // 2]]
    lost = [package(name, evidence="none") for name in names[many // 2 :]]
    own = [package(f"own-{name}", evidence="working-tree", own=True) for name in names]
    torch = [package(f"torch-{name}") for name in names]
    outputs = tuple(
        JobOutput(path=f"{name}/{text}.csv", format="csv", tolerance={text: "exact", name: Bounds(atol=1)})
        for name in names
    )
    data = tuple(Datum(path=f"{text}{name}", size=10, sha256="ab" * 32) for name in names)
    kinds = ("tf32", "two-indexes", "undeclared-input")
    findings = tuple(Finding(kind=kind, subject=f"{text}{name}", detail=text) for kind in kinds for name in names)
    entry = Accepted(reason="r" * 500, accepted_at=text, commit="ab" * 20)
    baseline = replace(BASELINE, observed=False, accepted=(entry,) * many)
    job = replace(
        JOB, command=(text, *names), outputs=outputs, pass_env=tuple(names), network=True, timeout_seconds=9.0
    )
    numerics = Numerics(threads=1)
    profile = Profile(job=job, baseline=baseline, numerics=numerics, data=data)
    changed = tuple(ChangedFile(path=text, sha256="") for _ in names)
    return replace(
        lock(*plain, *lost, *own, *torch).contents,
        platform=Platform(system=text, arch=text, libc=text, libc_version=text, distribution=text, kernel=text),
        interpreter=Interpreter(
            implementation=text, version="3.11.7", build="", compiler="", soabi="", provenance="image", debug=True
        ),
        hardware=Hardware(
            cpu=Cpu(vendor=text, model=text, cores=2),
            gpus=tuple(Gpu(name=f"{text}{name}", compute_capability="9.0", memory_mib=1024) for name in names),
        ),
        accelerator=Accelerator(
            driver=text,
            driver_cuda=text,
            frameworks=tuple(FrameworkBuild(name=text, cuda=text, cudnn=text, rocm=text) for _ in names),
        ),
        conda=Conda(packages=tuple(CondaPackage(name=f"scipy{text}", version=text) for _ in names)),
        specification=Specification(path=text, format="requirements", sha256="ab" * 32),
        code=Code(
            vcs="git",
            commit="ab" * 20,
            branch=text,
            dirty=True,
            changed=changed,
            kept_patch="x",
            beside=("../a",) * many,
        ),
        data=data,
        job=job,
        baseline=baseline,
        profiles={f"p{name}": profile for name in names},
        findings=findings,
        not_captured=tuple(UncapturedFact(what=text, reason=text) for _ in names),
    )


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    "text", ["x", "long" * 2500, "宽" * 5000, "e\u0301\u0301" * 3000, "a\nb\r\x1b[2Jc\u202e\x9b" * 20]
)
def test_one_screen_whatever_the_lock_holds(text: str, width: int) -> None:
    """24 lines, none wider than the terminal, and no character that moves the cursor."""
    made = replace(manifest(), contents=full(300, text))
    drawn = render_lock_page(describe_lock(made, text), color=False, width=width)

    lines = drawn.splitlines()
    assert SCREEN == len(lines)
    assert [] == [line for line in lines if cell_len(line) > width]
    assert set() == {one for one in drawn if one != "\n" and unicodedata.category(one) in ("Cc", "Cf", "Zl", "Zp")}


def test_what_has_no_room_is_counted() -> None:
    """300 of each: the counts are those of the lock."""
    made = replace(manifest(), contents=full(300, "x"))

    first, lost = rows(made, "900 packages", width=130)
    counts = "300 index-verified, 150 index-inferred, 300 working-tree, 150 none"
    assert f"resolved from x: 300 conda packages and {counts}" == first
    assert lost.startswith("150 cannot be rebuilt: n150 1.0, n151 1.0, ")
    assert 150 == lost.count("1.0") + int(lost.rpartition(" and ")[2].removesuffix(" more"))
    (inputs,) = rows(made, "300 inputs")
    assert inputs.startswith("3,000 bytes: xn0, xn1, ")
    assert 300 == inputs.count("xn") + int(inputs.rpartition(" and ")[2].removesuffix(" more"))
    assert "and 298 more" == rows(made, "300 outputs")[-1]
    assert ["600 can move numbers:", "tf32: xn0: x", "undeclared-input: xn0: x"] == rows(made, "900 findings")[:3]
    assert "and 898 more, see [[findings]] in the lock" == rows(made, "900 findings")[-1]
    assert rows(made, "accepted")[0].startswith("x, the last of 300: rrr")
    assert rows(made, "code")[0].startswith(
        "abababababab, uncommitted changes in 300 files, kept as a patch, with 300 "
    )


@pytest.mark.parametrize("width", [20, 40])
def test_a_narrow_terminal_still_counts_right(width: int) -> None:
    """What is cut off is cut at the end; nothing before it is wrong."""
    packages = [package(f"torch-{number}") for number in range(9)]
    made = lock(*packages, job=replace(JOB, outputs=(JobOutput(path="宽" * 50, format="npz"),)), baseline=BASELINE)

    assert "torch-0 1.0 and 8 more"[: width - 17] == rows(made, "frameworks", width)[0].removesuffix("…")[: width - 17]
    assert ["envsnap verify"] == rows(made, "next", width)


def test_three_hundred_packages_and_forty_outputs() -> None:
    packages = [package(f"demo-{number}") for number in range(299)]
    outputs = tuple(JobOutput(path=f"out/{number:02}.npz", format="npz") for number in range(40))
    made = lock(*packages, package("numpy", "2.1.0"), job=replace(JOB, outputs=outputs), baseline=BASELINE)

    assert ["300 index-verified: proven by the index's own RECORD"] == rows(made, "300 packages")
    assert ["out/00.npz (npz): auto", "out/01.npz (npz): auto", "and 38 more"] == rows(made, "40 outputs")
    assert ["numpy 2.1.0"] == rows(made, "frameworks")


def test_three_outputs_need_no_count() -> None:
    outputs = (
        JobOutput(path="a.json", format="json", tolerance={"*": "exact"}),
        JobOutput(path="b.csv", format="csv", tolerance={"loss": Bounds(rtol=1e-3, equal_nan=True), "*": "ignore"}),
        JobOutput(path="c.csv", format="csv", tolerance={"loss": Bounds()}),
    )

    assert [
        "a.json (json): exact",
        "b.csv (csv): loss rtol 0.001 NaN equal, others ignore",
        "c.csv (csv): loss exact, others auto",
    ] == rows(lock(job=replace(JOB, outputs=outputs)), "3 outputs")


def test_gpus_cuda_and_frameworks() -> None:
    """The cuDNN that was loaded counts, not the one that torch was compiled for; torch comes first."""
    cudnn = AcceleratorLibrary(
        name="libcudnn.so.9", version="9.1.0", origin="wheel", path="p", sha256="", size=1, loaded=True
    )
    made = lock(
        package("scipy", "1.14"),
        package("jax", "0.4"),
        package("torch", "2.4.1"),
        package("requests"),
        hardware=Hardware(
            cpu=Cpu(vendor="AuthenticAMD", model="EPYC 7763", cores=16),
            memory_mib=65536,
            gpus=(Gpu(name="NVIDIA H100", compute_capability="9.0", memory_mib=81920),) * 2,
        ),
        accelerator=Accelerator(
            driver="550.54",
            driver_cuda="12.8",
            toolkit="11.1",
            frameworks=(FrameworkBuild(name="torch", cuda="12.4", cudnn="9.0"),),
            libraries=(replace(cudnn, version="8.0", loaded=False), cudnn),
        ),
    )

    assert ["2 x NVIDIA H100 (80 GiB), EPYC 7763, 16 cores, 64 GiB"] == rows(made, "machine")
    assert ["CUDA 12.4 of torch, cuDNN 9.1.0, driver 550.54 for CUDA up to 12.8"] == rows(made, "CUDA")
    assert ["torch 2.4.1, jax 0.4, scipy 1.14"] == rows(made, "frameworks")


def test_a_frozen_image_is_named_as_one() -> None:
    made = lock()
    python = replace(made.contents.interpreter, provenance="image", environment="none")
    frozen = replace(made, contents=replace(made.contents, interpreter=python))

    assert rows(frozen, "python")[0].startswith("cpython 3.11.7 (container image), Linux")


def test_own_code_is_no_package_that_is_lost() -> None:
    """It comes with the working tree."""
    code = Code(vcs="git", commit="ab" * 20, branch="main", beside=("../common",))
    made = lock(package("kit", "0.2", "working-tree", own=True), code=code, job=JOB, baseline=BASELINE)

    assert 1 == len(rows(made, "1 package"))
    assert ["kit 0.2"] == rows(made, "own packages")
    assert ["abababababab, clean, with 1 place beside the project, on main"] == rows(made, "code")
    assert ["envsnap verify"] == rows(made, "next")


@pytest.mark.parametrize(
    ("baseline", "text"),
    [
        (None, "none; the job was not run"),
        (replace(BASELINE, bitwise_repeatable=False), "2 runs, which differ among themselves"),
        (replace(BASELINE, runs=1), "one run: whether the job repeats itself is not known"),
        (replace(BASELINE, observed=False), "2 runs, the same bit for bit; nothing was seen from inside the job"),
        (
            replace(BASELINE, runs=1, observed=False, recorded=True),
            "the outputs as they stood in the project: nothing was run, and nobody saw what wrote them",
        ),
    ],
)
def test_how_the_baseline_came_to_be(baseline: Baseline | None, text: str) -> None:
    made = lock(job=JOB, baseline=baseline)

    assert [text] == rows(made, "baseline", width=120)


def test_why_the_numbers_were_accepted() -> None:
    """On which day; the commit is that of the code."""
    entry = Accepted(reason="A larger step", accepted_at="2026-12-01T07:14:12Z", commit="ab" * 20)

    assert ["2026-12-01: A larger step"] == rows(lock(baseline=replace(BASELINE, accepted=(entry,))), "accepted")


def test_profiles_say_how_they_were_run() -> None:
    profile = Profile(job=JOB, baseline=replace(BASELINE, runs=3), numerics=Numerics(threads=1))
    made = lock(job=JOB, profiles={"smoke": profile})

    assert ["smoke: 3 runs, the same bit for bit"] == rows(made, "1 profile")
    assert ["envsnap verify --profile smoke (the job itself has no baseline)"] == rows(made, "next")


def test_findings_of_every_job_count_once() -> None:
    """Those that can move numbers come first; many of one kind hide no other."""
    shared = Finding(kind="two-indexes", subject="joblib", detail="d")
    reads = [Finding(kind="undeclared-input", subject=name, detail="read") for name in ("a.csv", "b.csv")]
    tf32 = Finding(kind="tf32", subject="torch", detail="on")
    profile = Profile(job=JOB, baseline=BASELINE, numerics=Numerics(threads=1), findings=(shared, tf32))
    made = lock(findings=(shared, *reads), profiles={"smoke": profile})

    assert [
        "3 can move numbers:",
        "tf32: torch: on",
        "undeclared-input: a.csv: read",
        "and 2 more, see [[findings]] in the lock",
    ] == rows(made, "4 findings")
    assert ["none can move numbers", "two-indexes: joblib: d"] == rows(lock(findings=(shared,)), "1 finding")


@pytest.mark.parametrize(
    ("contents", "text"),
    [
        ({"job": JOB}, "envsnap freeze (without --no-run: there is no baseline yet)"),
        ({"job": JOB, "baseline": BASELINE}, "envsnap verify --bundle 'my paper.tar'"),
        (
            {"packages": (LOST,), "job": JOB, "baseline": BASELINE},
            "envsnap freeze (build refuses what cannot be rebuilt)",
        ),
        (
            {"job": JOB, "specification": Specification(path="r.in", format="requirements", sha256="ab" * 32)},
            "envsnap build --target venv --bundle 'my paper.tar' (then freeze --prefix .envsnap/venv)",
        ),
    ],
)
def test_what_comes_next(contents: dict[str, object], text: str) -> None:
    """It names the lock that was shown, as a shell takes it."""
    assert page(lock(**contents), named_by=("--bundle", "my paper.tar"))[-1][16:].startswith(text)
