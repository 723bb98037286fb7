"""What the environment needs of the system is found where the loader finds it, with the package that owns it."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import elftools
import pytest

from envsnap import inside
from envsnap.inside.probe import extensions, loader, owners, system
from envsnap.inside.probe.document import MARKER

ELFTOOLS = str(Path(elftools.__file__).parent)
LDD_LINE = re.compile(r"^\t(?:\S+ => )?(?P<path>/\S+) \(0x")

needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is missing")
needs_dpkg = pytest.mark.skipif(shutil.which("dpkg-query") is None, reason="dpkg-query is missing")
needs_rpm = pytest.mark.skipif(shutil.which("rpmbuild") is None, reason="rpmbuild is missing")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The site-packages of a new virtual environment."""
    venv.create(tmp_path / "venv", symlinks=True)
    (site,) = (tmp_path / "venv/lib").glob("python*/site-packages")
    return site


def compile_library(target: Path, *options: str) -> Path:
    """Compile an empty shared library."""
    target.parent.mkdir(parents=True, exist_ok=True)
    command = ("gcc", "-shared", "-fPIC", "-nostdlib", "-Wl,--no-as-needed", "-o", str(target), "-x", "c", "/dev/null")
    subprocess.run((*command, "-x", "none", *options), check=True)
    return target


def install(site: Path, name: str, *rows: str) -> None:
    """Write the dist-info of a distribution whose RECORD names these files."""
    folder = site / f"{name}-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Name: {name}\nVersion: 1.0\n")
    with (folder / "RECORD").open("w", newline="") as file:
        csv.writer(file).writerows([row, "", ""] for row in rows)


def ask(site: Path, *loaded: str, **variables: str) -> dict[str, Any]:
    """Run the script in the environment and return its document."""
    command = (str(site.parents[2] / "bin/python"), "-I", inside.START, "libraries.py", ELFTOOLS, *loaded)
    env = {"PATH": os.environ["PATH"], **variables}
    done = subprocess.run(command, cwd=site, env=env, capture_output=True, text=True, check=True, timeout=60)
    _, _, document = done.stdout.rpartition(f"\n{MARKER}\n")
    found: dict[str, Any] = json.loads(document)
    return found


def libraries(found: dict[str, Any]) -> set[str]:
    """Return the names that the listed packages are needed for."""
    return {name for package in found["packages"] for name in package["libraries"]}


def ldd(*paths: Path, **variables: str) -> set[str]:
    """Return the files that ldd says the loader takes for these files."""
    env = {"PATH": os.environ["PATH"], **variables}
    done = subprocess.run(("ldd", *map(str, paths)), env=env, capture_output=True, text=True, check=False)
    return {match["path"] for match in map(LDD_LINE.match, done.stdout.splitlines()) if match}


@needs_dpkg
@pytest.mark.processes
def test_ldd_and_dpkg_agree_on_a_real_environment() -> None:
    """The environment of these tests: numpy, scipy and others, the interpreter and its standard library."""
    objects = [item.path for item in extensions.shared_objects()]
    own = {os.path.realpath(path) for path in objects}
    loaded = {path for path in ldd(*map(Path, objects)) if os.path.realpath(path) not in own}
    loaded -= {path for path in loaded if Path(path).is_relative_to(sys.base_prefix)}
    answers = subprocess.run(
        ("dpkg", "-S", *{*loaded, *map(os.path.realpath, loaded)}), capture_output=True, text=True, check=False
    )
    owners = {line.split(":")[0] for line in answers.stdout.splitlines() if not line.startswith("diversion")}
    done = subprocess.run(
        (sys.executable, inside.START, "libraries.py", ELFTOOLS), capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout.splitlines()[-1])

    assert len(objects) > 200
    assert {Path(path).name for path in loaded} == libraries(found)
    assert owners == {package["name"] for package in found["packages"]}
    assert ([], {}, []) == (found["missing"], found["unreadable"], found["problems"])


@needs_gcc
@pytest.mark.processes
def test_libraries_are_found_in_the_loaders_order(site: Path, tmp_path: Path) -> None:
    """LD_LIBRARY_PATH before RUNPATH, RPATH before both; ldd takes the same files."""
    folders = {name: tmp_path / name for name in ("set", "runpath", "rpath")}
    for folder in folders.values():
        compile_library(folder / "liba.so.7", "-Wl,-soname,liba.so.7")
    needs = str(tmp_path / "set/liba.so.7")
    new = compile_library(site / "new.so", needs, f"-Wl,--enable-new-dtags,-rpath,{folders['runpath']}")
    old = compile_library(site / "old.so", needs, f"-Wl,--disable-new-dtags,-rpath,{folders['rpath']}")
    install(site, "new", "new.so")
    install(site, "old", "old.so")
    searched = str(folders["set"])

    def unowned(**variables: str) -> set[str]:
        return {path for path in ask(site, **variables)["unowned"] if path.endswith("liba.so.7")}

    for variables in ({}, {"LD_LIBRARY_PATH": searched}):
        expected = {path for path in ldd(new, old, **variables) if path.endswith("liba.so.7")}

        assert 2 == len(expected)
        assert expected == unowned(**variables)


@needs_gcc
@pytest.mark.processes
def test_the_closure_follows_what_system_libraries_need(site: Path, tmp_path: Path) -> None:
    """A library that is found brings its own needs; one that is nowhere is told with who needs it."""
    inner = compile_library(tmp_path / "lib/libinner.so.1", "-Wl,-soname,libinner.so.1")
    gone = compile_library(tmp_path / "gone/libgone.so.1", "-Wl,-soname,libgone.so.1")
    outer = compile_library(tmp_path / "lib/libouter.so.1", "-Wl,-soname,libouter.so.1", str(inner), str(gone))
    compile_library(site / "pkg/_ext.so", str(outer), "-Wl,--allow-shlib-undefined")
    install(site, "pkg", "pkg/_ext.so")

    found = ask(site, LD_LIBRARY_PATH=str(tmp_path / "lib"))

    assert {str(inner), str(outer)} <= set(found["unowned"])
    assert [{"soname": "libgone.so.1", "needers": [str(outer)], "count": 1}] == found["missing"]


@needs_gcc
@pytest.mark.processes
def test_what_another_package_brings_is_no_need(site: Path) -> None:
    """By RUNPATH, or preloaded by name as frameworks do; a need that nobody meets is a finding, once a name."""
    core = compile_library(site / "core/lib/libcore.so.3", "-Wl,-soname,libcore.so.3")
    apart = compile_library(site / "core/lib/libapart.so.3", "-Wl,-soname,libapart.so.3")
    for name in ("one", "two", "three", "four"):
        compile_library(site / f"{name}/_x.so", str(core), str(apart), "-Wl,-rpath,$ORIGIN/../core/lib")
        install(site, name, f"{name}/_x.so")
    install(site, "core", "core/lib/libcore.so.3")
    apart.unlink()

    (missing,) = ask(site)["missing"]

    assert {
        "soname": "libapart.so.3",
        "needers": ["four (four/_x.so)", "one (one/_x.so)", "three (three/_x.so)"],
        "count": 4,
    } == missing


@needs_gcc
@pytest.mark.processes
def test_odd_files_never_stop_the_search(site: Path, tmp_path: Path) -> None:
    """A text, a fifo, a truncated file, a row that points outside, a file that is gone, one for another processor."""
    outside = compile_library(tmp_path / "outside.so", "-Wl,-soname,outside.so")
    whole = compile_library(site / "cut.so").read_bytes()
    (site / "cut.so").write_bytes(whole[:100])
    (site / "text.so").write_text("hello")
    (site / "script.so").write_text("INPUT(libx.so.1)\n")
    (site / 'odd, "name".so').write_bytes(b"")
    foreign = bytearray(whole)
    foreign[18:20] = b"\xb7\x00" if foreign[18] != 0xB7 else b"\x3e\x00"
    (site / "foreign.so").write_bytes(foreign)
    os.mkfifo(site / "fifo.so")
    rows = ("cut.so", "text.so", "script.so", 'odd, "name".so', "foreign.so", "fifo.so", "gone.so", "a\0b.so")
    install(site, "odd", *rows, os.path.relpath(outside, site), str(outside))

    found = ask(site)

    assert {
        "cut.so": "it is damaged or cannot be read",
        "text.so": "it is no ELF file",
        'odd, "name".so': "it is empty",
        "fifo.so": "it is no regular file",
    } == {Path(path).name: reason.partition(":")[0] for path, reason in found["unreadable"].items()}
    assert [] == found["missing"]


@needs_gcc
@pytest.mark.processes
def test_packages_without_a_record_are_walked(site: Path) -> None:
    """Debian's packages and old eggs name their top folders only."""
    other = compile_library(site.parent / "libno.so.1", "-Wl,-soname,libno.so.1")
    compile_library(site / "pkg/deep/_ext.so", str(other))
    (site / "pkg-1.0.egg-info").mkdir()
    (site / "pkg-1.0.egg-info/top_level.txt").write_text("pkg\n../../..\n")

    (missing,) = ask(site)["missing"]

    assert {"soname": "libno.so.1", "needers": ["pkg (pkg/deep/_ext.so)"], "count": 1} == missing


@needs_gcc
@pytest.mark.processes
def test_files_of_conda_packages_belong_to_the_environment(site: Path) -> None:
    """By the list of files in conda-meta."""
    prefix = site.parents[2]
    brought = compile_library(prefix / "lib/libbrought.so.5", "-Wl,-soname,libbrought.so.5")
    compile_library(site / "ext.so", str(brought))
    install(site, "ext", "ext.so")
    (prefix / "conda-meta").mkdir()
    record = prefix / "conda-meta/brought-5.0-h0_0.json"
    without = ask(site)["missing"]
    record.write_text(json.dumps({"name": "brought", "files": ["lib/libbrought.so.5", "lib/gone.so", "../x.so"]}))

    assert ["libbrought.so.5"] == [item["soname"] for item in without]
    assert [] == ask(site)["missing"]


@needs_dpkg
@pytest.mark.processes
def test_the_libraries_of_a_job_get_owners(site: Path) -> None:
    """Those of the environment itself are not asked for; a file of nobody's is told."""
    libc = next(line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "/libc.so.6" in line)
    found = ask(site, libc, "/opt/nobody/libx.so")

    assert ["libc6"] == [package["name"] for package in found["packages"] if "libc.so.6" in package["libraries"]]
    assert "/opt/nobody/libx.so" in found["unowned"]


def test_dpkg_knows_a_file_by_either_spelling() -> None:
    """Where /lib is a link to /usr/lib."""
    assert ["/lib/absent.so", "/usr/lib/absent.so"] == sorted(
        {name for name in owners.spellings("/lib/absent.so") if "absent" in name and "/usr/usr" not in name}
    )


@needs_rpm
@pytest.mark.processes
def test_rpm_names_the_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a database of its own, in which a package was installed that was built here."""
    library = tmp_path / "lib64" / "libdemo.so.1"
    spec = tmp_path / "demo.spec"
    spec.write_text(
        f"Name: demo-libs\nEpoch: 2\nVersion: 1.5\nRelease: 3.el9\nSummary: x\nLicense: none\n%description\nx\n"
        f"%install\nmkdir -p %{{buildroot}}{library.parent}\necho x > %{{buildroot}}{library}\n%files\n{library}\n"
    )
    (tmp_path / ".rpmmacros").write_text(f"%_dbpath {tmp_path}/db\n%_topdir {tmp_path}/top\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    subprocess.run(("rpmbuild", "-bb", str(spec)), check=True, capture_output=True)
    (package,) = (tmp_path / "top/RPMS").rglob("*.rpm")
    subprocess.run(("rpm", "--install", "--nodeps", str(package)), check=True, capture_output=True)
    found, problems = owners.owners([str(library), str(tmp_path / "libnone.so")])
    arch = subprocess.run(("rpm", "--eval", "%_arch"), capture_output=True, text=True, check=True).stdout.strip()

    assert {str(library): owners.ManagedPackage("rpm", "demo-libs", "2:1.5-3.el9", arch)} == found
    assert [] == problems


@pytest.mark.processes
def test_apk_names_the_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Alpine's apk answers: a link is told, a stranger is an error."""
    answer = (
        "/lib/ld-musl-x86_64.so.1 is owned by musl-1.2.4_git20230717-r4\n"
        "/usr/lib/libstdc++.so.6 symlink target is owned by libstdc++-13.2.1_git20231014-r0\n"
    )
    (tmp_path / "answer").write_text(answer)
    script = (
        f'#!/bin/sh\n[ "$1" = --print-arch ] && echo x86_64 && exit\ncat {tmp_path}/answer; echo ERROR >&2; exit 1\n'
    )
    (tmp_path / "apk").write_text(script)
    (tmp_path / "apk").chmod(0o755)
    (tmp_path / "cat").symlink_to(str(shutil.which("cat")))
    monkeypatch.setenv("PATH", str(tmp_path))
    paths = ["/lib/ld-musl-x86_64.so.1", "/usr/lib/libstdc++.so.6", "/opt/x.so"]

    found, problems = owners.owners(paths)

    assert {
        paths[0]: owners.ManagedPackage("apk", "musl", "1.2.4_git20230717-r4", "x86_64"),
        paths[1]: owners.ManagedPackage("apk", "libstdc++", "13.2.1_git20231014-r0", "x86_64"),
    } == found
    assert [] == problems


@pytest.mark.processes
def test_without_a_package_manager_the_reason_is_told(site: Path) -> None:
    """Not an empty list that looks like an answer; what is needed stands there as nobody's."""
    found = ask(site, PATH="/nowhere")

    assert ["there is no dpkg, rpm or apk that knows who owns a file"] == found["problems"]
    assert [] == found["packages"]
    assert "libc.so.6" in {Path(path).name for path in found["unowned"]}
    assert found["settled"]


@pytest.mark.processes
def test_a_manager_that_cannot_be_started_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are asked all the same."""
    (tmp_path / "rpm").write_bytes(b"\x7fELF")
    (tmp_path / "rpm").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    found, unanswered = owners.owners(["/lib/x.so"])

    assert {} == found
    assert ["rpm does not answer"] == [problem.partition(":")[0] for problem in unanswered]


def test_the_loaders_cache_is_read_in_its_order() -> None:
    """The first that fits is taken: a library of another word size has the same name."""
    text = (
        "2 libs found in cache `/etc/ld.so.cache'\n"
        "\tlibz.so.1 (libc6,x86-64) => /lib/x86_64-linux-gnu/libz.so.1\n"
        "\tlibz.so.1 (libc6) => /lib/i386-linux-gnu/libz.so.1\n"
        "Cache generated by: ldconfig (Debian GLIBC) stable release version 2.36\n"
    )

    assert {"libz.so.1": ["/lib/x86_64-linux-gnu/libz.so.1", "/lib/i386-linux-gnu/libz.so.1"]} == loader.parse_cache(
        text
    )


def test_the_state_changes_with_the_search_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And with what lies in a searched folder; otherwise it stays."""
    monkeypatch.setenv("LD_LIBRARY_PATH", "")
    plain = system.system_state()
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    searched = system.system_state()
    again = system.system_state()
    (tmp_path / "liba.so").touch()

    assert plain != searched
    assert searched == again
    assert searched != system.system_state()
