"""`make bench`: envsnap beside its peers, in turns in one run; every figure is a ratio of medians.

An absolute time says little on a shared machine. Each round measures both sides one after the other, so that what
else the machine does meets both; the ratio of the medians over all rounds is what is printed.
"""

import atexit
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from msgspec.structs import replace

from envsnap.capture.data import capture_data
from envsnap.compare import OutputPair, compare_outputs
from envsnap.host.carried_files import observer_folder, threadpoolctl_file
from envsnap.host.files import link_or_copy
from envsnap.manifest.bundle_index import parse_index
from envsnap.manifest.job import Job
from envsnap.manifest.lockfile import dump_manifest, parse_manifest, seal
from envsnap.manifest.outcome import OutputFormat
from envsnap.render.requirements_file import render_requirements
from envsnap.run.injection import injected_environment

ROOT = Path(__file__).parent.parent
WORK = ROOT / ".work" / "bench"
ENVSNAP = str(Path(sys.executable).parent / "envsnap")
TORCH = "torch==2.13.0"
ROUNDS = 15
ARRAY_ROUNDS = 5
OBSERVER_ROUNDS = 3
LOCK_ROUNDS = 9
SMALL = 0.05
"""Ratios below it are printed as fractions."""
ARRAY_BYTES = 512 * 2**20
TEXT_ROUNDS = 3
TEXT_BYTES = 50_000_000


@dataclass(frozen=True)
class Contest:
    """One measurement.

    Args:
        title: ours / the peer's.
        ours: the work, and ``peer``, the other's.
        limit: the largest ratio that the project promises, or None.
        rounds: how often both are measured.
        extra_seconds: the most seconds that ours may take longer, where that is what is promised.
        rehearsed: whether each side runs once before it is measured.
    """

    title: str
    ours: Callable[[], None]
    peer: Callable[[], None]
    limit: float | None
    rounds: int = ROUNDS
    extra_seconds: float | None = None
    rehearsed: bool = True


def main() -> int:
    """Measure all; return 1 if a promise is broken."""
    python = make_environment()
    contests = [
        *freeze_contests(python),
        *lock_contests(python),
        bundle_contest(),
        Contest(
            "envsnap --help / python -c pass",
            lambda: void([ENVSNAP, "--help"]),
            lambda: void([sys.executable, "-c", "pass"]),
            4.0,
        ),
        *array_contests(python),
        *text_contests(),
        *hash_contests(),
        observer_contest(python),
    ]
    return max([report(contest) for contest in contests])


def freeze_contests(python: Path) -> list[Contest]:
    """A static freeze, as a CI job repeats it, beside two tools that record far less."""
    project = make_project()
    freeze = [ENVSNAP, "freeze", "--quiet", "--no-run", "--project", str(project), "--python", str(python)]
    run(freeze)
    count = len(run([str(python), "-m", "pip", "freeze", "--all"]).splitlines())
    title = f"freeze --no-run --offline / {{}}, {count} packages with torch"
    return [
        Contest(
            title.format("pip freeze"),
            lambda: void([*freeze, "--offline"]),
            lambda: void([str(python), "-m", "pip", "freeze"]),
            0.6,
        ),
        Contest(
            title.format("torch.utils.collect_env"),
            lambda: void([*freeze, "--offline"]),
            lambda: void([str(python), "-m", "torch.utils.collect_env"]),
            0.15,
            ARRAY_ROUNDS,
        ),
    ]


def make_project(name: str = "project") -> Path:
    """Make a project as most are: a repository with a commit."""
    project = WORK / name
    if not (project / ".git").exists():
        project.mkdir(parents=True, exist_ok=True)
        (project / "train.py").write_text("print('trained')\n")
        git = ["git", "-C", str(project), "-c", "user.name=bench", "-c", "user.email=bench@bench.example"]
        for arguments in (["init", "--quiet"], ["add", "train.py"], ["commit", "--quiet", "--message", "begin"]):
            run([*git, *arguments])
    return project


def lock_contests(python: Path) -> list[Contest]:
    """A freeze that finds and proves every artefact, beside two tools that list a release's hashes and prove nothing.

    One index serves all: pip's configuration, which may name more, is left out; its find-links stay in the variables.
    """
    project = make_project("locked")
    env = os.environ | {"PIP_CONFIG_FILE": os.devnull}
    freeze = [ENVSNAP, "freeze", "--quiet", "--no-run", "--project", str(project), "--python", str(python)]
    listing = WORK / "requirements.in"
    frozen = run([str(python), "-m", "pip", "freeze", "--all"]).splitlines()
    listing.write_text("\n".join(line for line in frozen if "==" in line and "+" not in line) + "\n")
    uv = [str(Path(sys.executable).parent / "uv"), "pip", "compile", "--quiet", "--no-deps", "--no-header"]
    compiled = [str(Path(sys.executable).parent / "pip-compile"), "--quiet", "--no-config", "--rebuild"]
    listed = WORK / "pip-compile.txt"
    options = ["--generate-hashes", "--allow-unsafe", "--output-file", str(listed)]
    caches = iter(range(sys.maxsize))
    shutil.rmtree(WORK / "caches", ignore_errors=True)

    def cold() -> None:
        # What the other stages keep stays: the peer has no part of their work.
        (project / ".envsnap" / "cache" / "artefacts.json").unlink(missing_ok=True)
        shutil.rmtree(project / ".envsnap" / "wheels", ignore_errors=True)
        run(freeze, env | {"UV_CACHE_DIR": str(WORK / "caches" / f"uv-{next(caches)}")})

    def pip_compile() -> None:
        listed.unlink(missing_ok=True)  # it takes over the hashes of a list that is there
        run([*compiled, *options, "--cache-dir", str(WORK / "caches" / "pip-tools"), str(listing)], env)

    cold()
    title = f"{len(frozen)} packages: freeze with hashes,"
    return [
        Contest(
            f"{title} cold / uv pip compile --no-deps --generate-hashes --no-cache",
            cold,
            lambda: void([*uv, "--generate-hashes", "--no-cache", str(listing)], env),
            2.0,
            LOCK_ROUNDS,
        ),
        Contest(
            f"{title} warm / offline",
            lambda: void(freeze, env),
            lambda: void([*freeze, "--offline"], env),
            None,
            LOCK_ROUNDS,
            extra_seconds=1.0,
        ),
        Contest(f"{title} cold / pip-compile", cold, pip_compile, 1 / 50, 1, rehearsed=False),
    ]


def bundle_contest() -> Contest:
    """Fetch the wheels of a lock into a bundle, beside uv filling a cold cache with them, from one server here.

    uv cannot fill its cache alone: its side links the files into an empty environment too.
    """
    wheels, project = WORK / "wheels", WORK / "bundled"
    prepare_wheels(WORK / "locked", wheels)
    command = [sys.executable, str(ROOT / "benchmarks" / "wheel_server.py"), str(wheels)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    atexit.register(server.kill)
    assert server.stdout is not None
    url = f"http://127.0.0.1:{int(server.stdout.readline())}"
    count, size = lock_wheels(WORK / "locked", project, wheels, url)
    places = iter(range(sys.maxsize))
    shutil.rmtree(WORK / "fetched", ignore_errors=True)
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    env |= {"PIP_CONFIG_FILE": os.devnull, "NO_PROXY": "127.0.0.1"}
    uv = [str(Path(sys.executable).parent / "uv"), "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
    source = ["--default-index", f"{url}/simple", "--requirement", str(project / "requirements.txt")]

    def ours() -> None:
        place = WORK / "fetched" / f"bundle-{next(places)}"
        run([ENVSNAP, "bundle", "--quiet", "--project", str(project), "--output", str(place)], env)

    def peer() -> None:
        place = WORK / "fetched" / f"uv-{next(places)}"
        target = ["--target", str(place / "target"), "--python", sys.executable]
        run([*uv, *source, *target], env | {"UV_CACHE_DIR": str(place / "cache")})

    title = f"bundle {count} wheels, {size // 2**20} MiB / uv pip install into a cold cache, from a server here"
    return Contest(title, ours, peer, 1.25, ARRAY_ROUNDS)


def prepare_wheels(locked: Path, wheels: Path) -> None:
    """Fetch the wheels of a frozen project once, under their own names; a later run finds them."""
    if wheels.is_dir():
        return
    store = WORK / "wheel-store"
    run([ENVSNAP, "bundle", "--project", str(locked), "--output", str(store)])
    new = wheels.with_name("wheels.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    for entry in parse_index((store / "bundle.toml").read_text(encoding="utf-8"), source="bundle.toml").of_kind(
        "wheel"
    ):
        link_or_copy(store / entry.place, new / entry.name)
    new.rename(wheels)


def lock_wheels(locked: Path, project: Path, wheels: Path, url: str) -> tuple[int, int]:
    """Write a lock, and requirements, of the wheels of an environment, with their addresses on the server here."""
    manifest, _ = parse_manifest((locked / "envsnap.lock").read_text(encoding="utf-8"), source="envsnap.lock")
    served = [
        package
        for package in manifest.contents.packages
        if package.wheels and (wheels / package.wheels[0].name).is_file()
    ]
    moved = tuple(
        replace(
            package,
            index=None,
            wheels=(replace(package.wheels[0], url=f"{url}/files/{package.wheels[0].name}", path=None),),
        )
        for package in served
    )
    contents = replace(manifest.contents, packages=moved, code=None, conda=None)
    project.mkdir(exist_ok=True)
    text = dump_manifest(seal(contents, created_by="benchmark", created_at="benchmark"))
    (project / "envsnap.lock").write_text(text, encoding="utf-8")
    (project / "requirements.txt").write_text(render_requirements(moved), encoding="utf-8")
    return len(moved), sum((wheels / package.wheels[0].name).stat().st_size for package in moved)


def make_environment() -> Path:
    """Install benchmarks/requirements.txt once, and torch as pip is configured to; a later run finds both."""
    folder = WORK / "environment"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        print(f"installing benchmarks/requirements.txt into {folder}", file=sys.stderr)
        run([sys.executable, "-m", "uv", "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)])
        install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", str(python), "pip"]
        run([*install, "--requirement", str(ROOT / "benchmarks" / "requirements.txt")])
        # uv does not read pip's configuration, where a machine names the place of its torch builds.
        run([str(python), "-m", "pip", "install", "--quiet", TORCH])
        (folder / "complete").touch()
    compile_both(python)
    return python


def compile_both(python: Path) -> None:
    """Write bytecode for both sides: that is how the second use of an installation finds it."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    for interpreter in (str(python), sys.executable):
        packages = run([interpreter, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).strip()
        # A file for another Python that a package carries cannot be compiled, and is not imported either.
        command = [interpreter, "-m", "compileall", "-qq", packages, str(ROOT / "envsnap")]
        subprocess.run(command, check=False, capture_output=True)


def array_contests(python: Path) -> list[Contest]:
    """Files of 512 MiB of float32, equal and different everywhere within tolerance, beside numpy, torch and cmp."""
    names = ("baseline.npy", "rerun.npy", "near.npy")
    baseline, rerun, near = (WORK / name for name in names)
    values = np.random.default_rng(0).standard_normal(ARRAY_BYTES // 4, dtype=np.float32)
    for path in (baseline, rerun):
        np.save(path, values)
    np.save(near, np.nextafter(values, np.float32(np.inf)))
    loaded = [np.load(path) for path in (baseline, rerun)]

    def compare(other: Path) -> None:
        pair = OutputPair(path="a.npy", format="npy", baselines=(baseline,), reruns=(other,))
        assert compare_outputs([pair]).status == "pass"

    def allclose() -> None:
        assert np.allclose(*loaded)

    def cmp() -> None:
        void(["cmp", str(baseline), str(rerun)])

    by_torch = TorchPeer(python, baseline)
    title = "compare two 512 MiB float32 files, {} / {}"
    return [
        Contest(title.format("equal", "np.allclose in memory"), lambda: compare(rerun), allclose, 1.0, ARRAY_ROUNDS),
        Contest(
            title.format("equal", "torch.testing.assert_close in memory"),
            lambda: compare(rerun),
            lambda: by_torch.compare(rerun),
            1.0,
            ARRAY_ROUNDS,
        ),
        Contest(
            title.format("all different", "torch.testing.assert_close in memory"),
            lambda: compare(near),
            lambda: by_torch.compare(near),
            1.0,
            ARRAY_ROUNDS,
        ),
        Contest(title.format("equal", "cmp"), lambda: compare(rerun), cmp, 2.5, ARRAY_ROUNDS),
        Contest(title.format("all different", "cmp of equal ones"), lambda: compare(near), cmp, 6.0, ARRAY_ROUNDS),
    ]


class TorchPeer:
    """A process that has loaded a baseline, and compares other files with it in memory."""

    def __init__(self, python: Path, baseline: Path) -> None:
        command = [str(python), str(ROOT / "benchmarks" / "torch_peer.py"), str(baseline)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        atexit.register(self._process.kill)

    def compare(self, other: Path) -> None:
        """Have it compare a file, which it loads the first time; raise where they are not close."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{other}\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "close\n"


def text_contests() -> list[Contest]:
    """Two files of 50 MB, JSON Lines and CSV, whose numbers all differ within tolerance, beside what reads each."""
    text = WORK / "text"
    text.mkdir(exist_ok=True)
    write_text(text)

    def compare(kind: OutputFormat) -> None:
        pair = OutputPair(
            path=kind, format=kind, baselines=(text / f"baseline.{kind}",), reruns=(text / f"rerun.{kind}",)
        )
        assert compare_outputs([pair]).status == "pass"

    def by_json() -> None:
        for name in ("baseline.jsonl", "rerun.jsonl"):
            with (text / name).open(encoding="utf-8") as lines:
                void_value([json.loads(line) for line in lines])

    def by_numpy() -> None:
        ours, theirs = (np.loadtxt(text / name, delimiter=",", skiprows=1) for name in ("baseline.csv", "rerun.csv"))
        assert np.allclose(ours, theirs)

    title = "compare two 50 MB {} files, all different / {}"
    return [
        Contest(
            title.format("JSON Lines", "json.loads of each line"), lambda: compare("jsonl"), by_json, 1.25, TEXT_ROUNDS
        ),
        Contest(title.format("CSV", "np.loadtxt and allclose"), lambda: compare("csv"), by_numpy, 3.0, TEXT_ROUNDS),
    ]


def write_text(folder: Path) -> None:
    """Write a log of steps, each with three metrics, twice in both formats; a later run finds them."""
    if (folder / "complete").exists():
        return
    values = np.random.default_rng(0).random((TEXT_BYTES // 65, 3))
    for name, numbers in (("baseline", values), ("rerun", values * (1 + 1e-9))):
        with (folder / f"{name}.jsonl").open("w") as lines, (folder / f"{name}.csv").open("w") as table:
            table.write("step,loss,accuracy,norm\n")
            for step, (loss, accuracy, norm) in enumerate(numbers.tolist()):
                table.write(f"{step},{loss!r},{accuracy!r},{norm!r}\n")
                if step < TEXT_BYTES // 106:
                    lines.write(f'{{"step": {step}, "loss": {loss!r}, "accuracy": {accuracy!r}, "norm": {norm!r}}}\n')
    (folder / "complete").touch()


def hash_contests() -> list[Contest]:
    """Hash inputs as freeze does, without its cache, beside sha256sum on all cores."""
    shapes = {"6 files of 200 MiB": (6, 200 * 2**20, 1), "20,000 files of 10 KB": (20_000, 10_000, 500)}
    return [hash_contest(title, *shape) for title, shape in shapes.items()]


def hash_contest(title: str, count: int, size: int, batch: int) -> Contest:
    """``batch`` files go to each sha256sum: as few starts as keep all cores busy."""
    folder = WORK / "inputs" / f"{count}"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        path = folder / f"{number}.bin"
        if not path.exists():
            path.write_bytes(os.urandom(size))
    names = "\0".join(str(path) for path in sorted(folder.iterdir())).encode()
    peer = ["xargs", "-0", f"-P{os.cpu_count()}", f"-n{batch}", "sha256sum"]
    return Contest(
        f"hash inputs / sha256sum on all cores, {title}",
        lambda: void_value(capture_data([str(folder)], WORK)),
        lambda: void_value(subprocess.run(peer, input=names, stdout=subprocess.DEVNULL, check=True)),
        1.25,
        ARRAY_ROUNDS,
    )


def observer_contest(python: Path) -> Contest:
    """A job of fixed work, half a minute of small torch operations, with the observer and without."""
    job = [str(python), str(ROOT / "benchmarks" / "observed_job.py")]
    reports = WORK / "reports"
    reports.mkdir(exist_ok=True)
    described = Job(command=("python",), threads=1, deterministic=False)
    observed = injected_environment(
        described,
        observer=observer_folder(),
        report_dir=reports,
        threadpoolctl=threadpoolctl_file(),
        inherited={},
    )
    plain = {name: value for name, value in observed.items() if not name.startswith("ENVSNAP") and name != "PYTHONPATH"}
    return Contest(
        "job of 30 s with the observer / without",
        lambda: void_value(subprocess.run(job, env=os.environ | observed, stdout=subprocess.DEVNULL, check=True)),
        lambda: void_value(subprocess.run(job, env=os.environ | plain, stdout=subprocess.DEVNULL, check=True)),
        1.03,
        OBSERVER_ROUNDS,
    )


def void_value(_value: object) -> None:
    """Forget a result: it was made for its time."""


def report(contest: Contest) -> int:
    """Measure one contest in turns, print its line, and return 1 if its promise is broken."""
    times: tuple[list[float], list[float]] = ([], [])
    if contest.rehearsed:
        contest.ours()
        contest.peer()
    for _ in range(contest.rounds):
        for side, work in zip(times, (contest.ours, contest.peer), strict=True):
            started = time.perf_counter()
            work()
            side.append(time.perf_counter() - started)
    ratio = median(times[0]) / median(times[1])
    longer = median(times[0]) - median(times[1])
    kept = ratio <= (contest.limit or ratio) and longer <= (contest.extra_seconds or longer)
    promises = [f"at most {contest.limit:g}"] if contest.limit is not None else []
    if contest.extra_seconds is not None:
        promises.append(f"{longer:.2f} s longer, at most {contest.extra_seconds:g} s")
    promise = f" ({'; '.join(promises)}: {'kept' if kept else 'BROKEN'})" if promises else ""
    figure = f"{ratio:6.2f}" if ratio >= SMALL else f"1/{1 / ratio:.0f}".rjust(6)
    print(f"{figure}  {contest.title}{promise}")
    return 0 if kept else 1


def run(command: list[str], env: Mapping[str, str] | None = None) -> str:
    """Run a command to its end and return what it printed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    return done.stdout


def void(command: list[str], env: Mapping[str, str] | None = None) -> None:
    """Run a command for its time alone."""
    run(command, env)


if __name__ == "__main__":
    sys.exit(main())
