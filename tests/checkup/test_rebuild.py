"""What rebuilding lacks is named, and what another way of rebuilding makes up for is no failure."""

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest

from envsnap.checkup import examine, survey
from envsnap.checkup.rebuild import needed_glibc
from envsnap.manifest.build_spec import BuildSpec, BuildTarget
from envsnap.manifest.checkup import Check, Checkup
from envsnap.manifest.interpreter import Platform
from envsnap.manifest.machine import ContainerEngine, FoundFile, Inventory, Machine
from envsnap.manifest.manifest import Contents

Make = Callable[..., Machine]
NO_ENGINE = {"engine": None, "engine_problem": "no container engine answers at unix:///x"}


def named(name: str, checks: tuple[Check, ...]) -> Check:
    """Return the check of that name."""
    return next(check for check in checks if check.name == name)


def test_the_lock_s_own_machine_is_able(make_machine: Make, contents: Contents, inventory: Inventory) -> None:
    """Every check is ok and none has anything to advise."""
    checks = examine(make_machine(), contents, inventory, None)

    assert {"ok"} == {check.status for check in checks}
    assert [""] == sorted({check.advice for check in checks})


@pytest.mark.parametrize(
    ("target", "interpreter", "status"),
    [
        (None, "/usr/bin/python3.11", "warn"),
        (None, "", "fail"),
        ("docker", "/usr/bin/python3.11", "fail"),
    ],
)
def test_a_missing_engine_matters_where_nothing_takes_its_place(
    make_machine: Make, contents: Contents, target: BuildTarget | None, interpreter: str, status: str
) -> None:
    """A virtual environment does, unless an image is insisted on or no interpreter is there for it."""
    inventory = Inventory(interpreter=interpreter)

    checks = examine(make_machine(**NO_ENGINE), contents, inventory, target)

    engine = named("container engine", checks)
    assert status == engine.status
    assert engine.advice.startswith("no container engine answers at unix:///x")
    assert ("--target venv" in engine.advice) == (status == "warn")
    assert status == Checkup(checks=checks).status


def test_a_virtual_environment_needs_no_engine(make_machine: Make, contents: Contents, inventory: Inventory) -> None:
    """With --target venv neither engine nor base image is spoken of."""
    checks = examine(make_machine(**NO_ENGINE), contents, inventory, "venv")

    assert not {"container engine", "base image"} & {check.name for check in checks}
    assert "ok" == Checkup(checks=checks).status


@pytest.mark.parametrize(("target", "status"), [("venv", "fail"), (None, "ok")])
def test_a_missing_interpreter_fails_a_virtual_environment_only(
    make_machine: Make, contents: Contents, target: BuildTarget | None, status: str
) -> None:
    """With an engine it is a note; either way the command that installs one is named."""
    check = named("interpreter", examine(make_machine(), contents, Inventory(base_image=True), target))

    assert (status, "Python 3.11.7") == (check.status, check.needed)
    assert "uv python install 3.11.7" in check.advice


def test_engine_is_described(make_machine: Make) -> None:
    """Name, versions, builder and traits; the classic builder is a note."""
    engine = ContainerEngine(address="a", version="4.9", podman=True, rootless=True, builder="classic")

    check = named("container engine", survey(make_machine(engine=engine), None))

    assert ("ok", "Podman 4.9, classic builder, rootless") == (check.status, check.found)
    assert "BuildKit" in check.advice


@pytest.mark.parametrize(
    ("inventory", "status", "found"),
    [
        (Inventory(base_image=True), "ok", "here"),
        (Inventory(), "warn", "not here"),
        (Inventory(rebuilt="image p:1"), "ok", "not here; image p:1 is built already"),
    ],
)
def test_base_image_is_here_or_must_be_pulled(
    make_machine: Make, contents: Contents, inventory: Inventory, status: str, found: str
) -> None:
    """One that was built already needs no base any more."""
    check = named("base image", examine(make_machine(), contents, inventory, None))

    assert (status, found, "python:3.11.7-slim-bookworm") == (check.status, check.found, check.needed)


def test_lock_without_base_image_cannot_become_an_image(
    make_machine: Make, contents: Contents, inventory: Inventory
) -> None:
    """The key that is missing is named."""
    nameless = msgspec.structs.replace(contents, build=BuildSpec())

    check = named("base image", examine(make_machine(), nameless, inventory, "docker"))

    assert ("fail", "warn") == (
        check.status,
        named("base image", examine(make_machine(), nameless, inventory, None)).status,
    )
    assert "base-image under [build]" in check.advice


def test_another_architecture_fails(make_machine: Make, contents: Contents, inventory: Inventory) -> None:
    """This machine's and the engine's are two: a remote engine can run another."""
    arm = msgspec.structs.replace(contents.platform, arch="aarch64")
    engine = ContainerEngine(address="tcp://far.example", version="27", arch="arm64", local=False)
    here = examine(make_machine(platform=arm), contents, inventory, None)
    there = examine(make_machine(engine=engine), contents, inventory, "docker")

    assert ("fail", "Linux on aarch64", "Linux on x86_64") == (
        named("platform", here).status,
        named("platform", here).found,
        named("platform", here).needed,
    )
    assert ("ok", "fail") == (named("platform", there).status, named("engine's platform", there).status)


def test_engines_spell_architectures_in_two_ways(make_machine: Make, contents: Contents, inventory: Inventory) -> None:
    """Go's amd64 is x86_64."""
    engine = ContainerEngine(address="a", version="4.9", podman=True, arch="amd64")

    checks = examine(make_machine(engine=engine), contents, inventory, None)

    assert "engine's platform" not in {check.name for check in checks}


@pytest.mark.parametrize(
    ("libc", "version", "status"),
    [("glibc", "2.36", "ok"), ("glibc", "2.39", "warn"), ("glibc", "2.17", "fail"), ("", "", "fail")],
)
def test_wheels_need_a_c_library_where_no_container_brings_one(
    make_machine: Make, contents: Contents, inventory: Inventory, libc: str, version: str, status: str
) -> None:
    """An older one than the tags ask for, or musl, cannot load them; another one can round otherwise."""
    platform = Platform(system="Linux", arch="x86_64", libc=libc, libc_version=version, distribution="", kernel="")
    machine = make_machine(platform=platform)
    check = named("C library", examine(machine, contents, inventory, "venv"))

    assert (status, "glibc 2.28 (wheels), 2.36 (lock)") == (check.status, check.needed)
    assert "C library" not in {one.name for one in examine(machine, contents, inventory, "docker")}


def test_needed_glibc_is_the_newest_of_each_wheel_s_oldest(contents: Contents) -> None:
    """A wheel with two tags runs where the older one is served; manylinux2014 means 2.17."""
    assert (2, 17) == needed_glibc(contents.packages[:1])
    assert (2, 28) == needed_glibc(contents.packages)
    assert (0, 0) == needed_glibc(())


def test_missing_tools_are_named(make_machine: Make) -> None:
    """Without uv nothing installs; without git only the commit is not compared."""
    checks = survey(make_machine(uv="", git=""), None)

    assert ("fail", "warn") == (named("uv", checks).status, named("git", checks).status)


def test_packages_without_a_file_are_named(make_machine: Make, contents: Contents, inventory: Inventory) -> None:
    """One with no artefact at all, and a wheel that no index serves and that is not here, or cut short."""
    bare = msgspec.structs.replace(contents.packages[0], wheels=())
    wheels = (
        FoundFile(path="a.whl", there=False, expected=1),
        FoundFile(path="b.whl", there=True, size=1, expected=2),
        FoundFile(path="c.whl", there=True, size=2, expected=2),
    )
    checks = examine(
        make_machine(),
        msgspec.structs.replace(contents, packages=(bare,)),
        replace(inventory, wheels=wheels),
        None,
    )

    assert ("fail", "1 without an artefact: numpy") == (
        named("packages", checks).status,
        named("packages", checks).found,
    )
    kept = named("kept wheels", checks)
    assert ("fail", "not here: a.whl, b.whl", "3 that no index serves") == (kept.status, kept.found, kept.needed)


def test_what_is_built_already_needs_no_files_and_no_interpreter(make_machine: Make, contents: Contents) -> None:
    """It can be rerun as it stands; another rebuild could not be made, which is a warning."""
    bare = msgspec.structs.replace(contents.packages[0], wheels=())
    built = Inventory(
        rebuilt="the virtual environment /p/python", wheels=(FoundFile(path="a.whl", there=False, expected=1),)
    )
    checks = examine(make_machine(**NO_ENGINE), msgspec.structs.replace(contents, packages=(bare,)), built, None)

    assert ["warn", "warn", "warn"] == [
        named(name, checks).status for name in ("container engine", "packages", "kept wheels")
    ]
    assert ("ok", "it was built already: uv python install 3.11.7") == (
        named("interpreter", checks).status,
        named("interpreter", checks).advice,
    )


@pytest.mark.parametrize(("unreachable", "status"), [((), "ok"), (("index.example: no answer",), "fail")])
def test_hosts_are_spoken_of_where_they_were_asked(
    make_machine: Make, contents: Contents, inventory: Inventory, unreachable: tuple[str, ...], status: str
) -> None:
    """Nobody asked: no row."""
    asked = replace(inventory, unreachable=unreachable)

    assert status == named("package hosts", examine(make_machine(), contents, asked, None)).status
    assert "package hosts" not in {check.name for check in examine(make_machine(), contents, inventory, None)}
