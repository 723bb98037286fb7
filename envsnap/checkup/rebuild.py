"""What rebuilding needs: an engine and a base image, or an interpreter; a platform; a file for every package."""

from collections.abc import Iterable, Iterator

from envsnap.manifest.build_spec import BuildTarget
from envsnap.manifest.checkup import Check, CheckStatus
from envsnap.manifest.machine import ContainerEngine, FoundFile, Inventory, Machine
from envsnap.manifest.manifest import Contents
from envsnap.manifest.package import Package
from envsnap.manifest.phrases import join_names
from envsnap.manifest.versions import oldest_glibc, parse_version

BUILDERS = {"buildx": "BuildKit (buildx)", "docker": "BuildKit", "classic": "classic builder"}
ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}
"""Go's names, which some engines use, as ``uname -m`` has them."""


def check_engine(machine: Machine, inventory: Inventory | None, target: BuildTarget | None) -> Iterator[Check]:
    """Say which engine answers; where none does, whether a virtual environment can take its place."""
    if target == "venv":
        return
    engine = machine.engine
    if engine is not None:
        advice = "" if engine.builder != "classic" else NO_BUILDKIT
        yield Check(name="container engine", status="ok", found=describe_engine(engine), advice=advice)
        return
    can_do_without = target is None and (inventory is None or inventory.interpreter or inventory.rebuilt)
    yield Check(
        name="container engine",
        status="warn" if can_do_without else "fail",
        found="none answers",
        needed="Docker or Podman",
        advice=f"{machine.engine_problem}{INSTEAD if can_do_without else ''}",
    )


NO_BUILDKIT = "without BuildKit nothing is cached between builds; install docker-buildx for it"
INSTEAD = "; until then 'envsnap build --target venv' rebuilds without an engine"


def image_status(inventory: Inventory, target: BuildTarget | None) -> CheckStatus:
    """Return how bad it is that no image can be built or run: a virtual environment may take its place."""
    return "warn" if target is None and inventory.interpreter else "fail"


def describe_engine(engine: ContainerEngine) -> str:
    """Return name, version and traits."""
    name = "Podman" if engine.podman else "Docker"
    api = f" (API {engine.api})" if engine.api else ""
    traits = [BUILDERS[engine.builder], *(["rootless"] if engine.rootless else [])]
    return f"{name} {engine.version}{api}, {', '.join(traits)}"


def check_base_image(
    machine: Machine, contents: Contents, inventory: Inventory, target: BuildTarget | None
) -> Iterator[Check]:
    """Say whether the engine holds the base image or must pull it."""
    if machine.engine is None or target == "venv":
        return
    name, base = "base image", contents.build.base_image
    if base is None:
        status = image_status(inventory, target)
        yield Check(name=name, status=status, found="the lock names none", needed="base-image", advice=NO_BASE)
    elif inventory.base_image or inventory.rebuilt:
        found = "here" if inventory.base_image else f"not here; {inventory.rebuilt} is built already"
        yield Check(name=name, status="ok", found=found, needed=base)
    else:
        yield Check(name=name, status="warn", found="not here", needed=base, advice=PULL.format(base=base))


NO_BASE = "set base-image under [build] in envsnap.toml and freeze again"
PULL = "'envsnap build' pulls it, which needs its registry; or bring it with 'docker pull {base}'"


def check_interpreter(
    machine: Machine, contents: Contents, inventory: Inventory, target: BuildTarget | None
) -> Iterator[Check]:
    """Say whether a virtual environment has an interpreter to stand on."""
    if target == "docker":
        return
    version = contents.interpreter.version
    if inventory.interpreter:
        yield Check(name="interpreter", status="ok", found=inventory.interpreter, needed=f"Python {version}")
        return
    built = bool(inventory.rebuilt) and (target == "venv" or machine.engine is None)
    spare = built or (target is None and machine.engine is not None)
    why = "it was built already" if built else "only --target venv needs it"
    advice = f"{why}: uv python install {version}" if spare else f"uv python install {version}"
    yield Check(
        name="interpreter",
        status="ok" if spare else "fail",
        found="no such Python is installed",
        needed=f"Python {version}",
        advice=advice,
    )


def check_platform(
    machine: Machine, contents: Contents, inventory: Inventory, target: BuildTarget | None
) -> Iterator[Check]:
    """Hold system and architecture against the lock's, and the C library where no container brings its own."""
    here, locked = machine.platform, contents.platform
    same = (here.system, here.arch) == (locked.system, locked.arch)
    yield Check(
        name="platform",
        status="ok" if same else "fail",
        found=f"{here.system} on {here.arch}",
        needed=f"{locked.system} on {locked.arch}",
        advice="" if same else "wheels and numbers are the platform's: use a machine of the lock's",
    )
    engine = machine.engine
    if engine is not None and target != "venv" and ARCHITECTURES.get(engine.arch, engine.arch) not in {"", locked.arch}:
        yield Check(
            name="engine's platform",
            status=image_status(inventory, target),
            found=engine.arch,
            needed=locked.arch,
            advice=f"the engine at {engine.address} runs another architecture: set DOCKER_HOST to one that fits",
        )
    if target == "venv" or (target is None and engine is None):
        yield _check_libc(machine, contents)


def _check_libc(machine: Machine, contents: Contents) -> Check:
    here, locked = machine.platform, contents.platform
    needed = needed_glibc(contents.packages)
    found = f"{here.libc or 'another libc'} {here.libc_version}".strip()
    wanted = f"glibc {needed[0]}.{needed[1]} (wheels), {locked.libc_version} (lock)".replace("glibc 0.0 (wheels), ", "")
    if needed > (0, 0) and (here.libc != "glibc" or parse_version(here.libc_version) < needed):
        return Check(name="C library", status="fail", found=found, needed=wanted, advice=OLD_LIBC)
    if (here.libc, here.libc_version) != (locked.libc, locked.libc_version):
        return Check(name="C library", status="warn", found=found, needed=wanted, advice=OTHER_LIBC)
    return Check(name="C library", status="ok", found=found, needed=wanted)


OLD_LIBC = "the locked wheels do not load here: rebuild with --target docker, or on a newer system"
OTHER_LIBC = "its mathematics can round otherwise; --target docker brings the locked one"


def needed_glibc(packages: Iterable[Package]) -> tuple[int, int]:
    """Return the newest glibc that a locked wheel asks for by its tags (PEP 600); (0, 0) where none asks."""
    return max((oldest_glibc(package.installed.tags) for package in packages), default=(0, 0))


def check_packages(contents: Contents, inventory: Inventory) -> Iterator[Check]:
    """Say whether there is a file for every package, from an index or here; what is built already needs none."""
    name, count = "packages", len(contents.packages)
    missing: CheckStatus = "warn" if inventory.rebuilt else "fail"
    lacking = [package.name for package in contents.packages if package.wheel is None and not package.is_own_code]
    if lacking:
        found, advice = f"{len(lacking)} without an artefact: {join_names(lacking)}", NO_ARTEFACT
        yield Check(name=name, status=missing, found=found, needed=f"{count} artefacts", advice=advice)
    if inventory.wheels:
        yield _check_wheels(inventory.wheels, missing)
    if inventory.unreachable is not None:
        problems = inventory.unreachable
        advice = "check the network, the proxy and the index settings of pip and uv" if problems else ""
        found = join_names(problems) or "each that serves a locked wheel answers"
        yield Check(name="package hosts", status="fail" if problems else "ok", found=found, advice=advice)


NO_ARTEFACT = "install them from wheels, or freeze again while the package indexes can be reached"


def _check_wheels(wheels: tuple[FoundFile, ...], otherwise: CheckStatus) -> Check:
    missing = [wheel.path for wheel in wheels if not is_sound(wheel)]
    advice = "copy .envsnap/wheels from the machine that ran 'envsnap freeze'" if missing else ""
    found = f"not here: {join_names(missing)}" if missing else f"all {len(wheels)} here"
    needed = f"{len(wheels)} that no index serves"
    return Check(name="kept wheels", status=otherwise if missing else "ok", found=found, needed=needed, advice=advice)


def is_sound(file: FoundFile) -> bool:
    """Whether a file is there, in the size that the lock records."""
    return file.there and (file.expected is None or file.size in {None, file.expected})


def check_tools(machine: Machine) -> Iterator[Check]:
    """Say whether uv, which installs, and git, which tells the code apart, are there."""
    if machine.uv:
        yield Check(name="uv", status="ok", found=machine.uv)
    else:
        yield Check(
            name="uv", status="fail", found="missing", needed="uv", advice="install envsnap anew: uv comes with it"
        )
    advice = "" if machine.git else "without it no commit is recorded or compared; install git"
    yield Check(name="git", status="ok" if machine.git else "warn", found=machine.git or "missing", advice=advice)
