"""Makes the base image that the tests build on: a stand-in for ``python:X.Y.Z-slim-SUITE``.

Run ``python tests/images/make_base.py`` as root: a small Debian from debootstrap, the running interpreter
without its installed packages, and pip, imported into the container engine under the official image's tag.
So the container tests need a Debian mirror and an engine, and no image registry.
"""

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

PREFIX = Path("usr/local")
"""Where the official image keeps its interpreter, relative to the image's root."""

ALWAYS_PACKAGES = frozenset({"ca-certificates", "netbase", "tzdata"})
"""What the official slim images install beside the interpreter:
https://github.com/docker-library/python/blob/master/Dockerfile-linux.template"""

LEFT_OUT = (
    "site-packages",  # what this machine has installed; .pth files among them
    "dist-packages",
    "EXTERNALLY-MANAGED",  # Debian's own mark: pip would refuse to install
    "sitecustomize.py",  # Debian's crash reporter; no part of CPython
    "__pycache__",
    "*.a",
    "test",
    "tests",
    "idlelib",
    "tkinter",
    "turtledemo",
    "_tkinter*.so",  # the one module that links X11
)

CLUTTER = (
    "var/cache/apt",
    "var/lib/apt/lists",
    "var/log",
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
)
"""Folders that are emptied: the official slim image does without their contents too."""

DEBIAN_LAYOUT = {"DEB_PYTHON_INSTALL_LAYOUT": "deb_system"} if sys.base_prefix == "/usr" else {}
"""Debian's own interpreter installs below ``{prefix}/local`` unless told (see its sysconfig.py): once it has
moved to /usr/local, that would be /usr/local/local."""

CLEAN = {
    "PATH": "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
} | DEBIAN_LAYOUT
"""The environment inside the image, while it is made and later: this machine's pip settings stay out."""

SMOKE_TEST = """
import bz2, ctypes, curses, hashlib, lzma, readline, sqlite3, ssl, sys, uuid, zlib
from importlib.metadata import distributions

assert (sys.prefix, sys.base_prefix) == ("/usr/local", "/usr/local"), sys.prefix
installed = {distribution.name for distribution in distributions()}
assert installed == {"pip"}, installed
assert ssl.create_default_context().get_ca_certs(), "no CA certificates"
print("python", sys.version.split()[0], "with", ssl.OPENSSL_VERSION)
"""


def main() -> None:
    """Make the image unless the engine has it already."""
    arguments = _parse_arguments()
    tag = f"python:{platform.python_version()}-slim-{arguments.suite}"
    if _has_image(tag) and not arguments.force:
        print(f"{tag}: already there (--force rebuilds it)")
        return
    _check_requirements()
    with _root_folder() as root:
        _install_debian(root, arguments.suite)
        _install_interpreter(root)
        _install_pip(root)
        _empty_clutter(root)
        image = _import_image(root)
    _run("docker", "run", "--rm", "--network", "none", image, "python", "-c", SMOKE_TEST)
    _run("docker", "run", "--rm", "--network", "none", image, "pip", "--version")
    _run("docker", "tag", image, tag)  # last: an image that does not work never gets the name
    print(f"{tag}: made")


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Make the base image for envsnap's container tests.")
    here = platform.freedesktop_os_release().get("VERSION_CODENAME", "bookworm")
    parser.add_argument("--suite", default=here, help="Debian release to build on (default: this machine's)")
    parser.add_argument("--force", action="store_true", help="rebuild the image where it exists")
    return parser.parse_args()


def _check_requirements() -> None:
    missing = [tool for tool in ("debootstrap", "dpkg", "ldd", "tar") if not shutil.which(tool)]
    if missing:
        raise SystemExit(f"make_base: needs {', '.join(missing)}; install it with apt-get")
    if os.geteuid() != 0:
        raise SystemExit("make_base: debootstrap needs root; run this as root")


def _has_image(tag: str) -> bool:
    try:
        found = subprocess.run(["docker", "image", "inspect", tag], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise SystemExit("make_base: no docker command; install docker.io") from error
    if found.returncode != 0 and "no such image" not in found.stderr.lower():
        raise SystemExit(f"make_base: the container engine does not answer: {found.stderr.strip()}")
    return found.returncode == 0


@contextmanager
def _root_folder() -> Iterator[Path]:
    root = Path(tempfile.mkdtemp(prefix="envsnap-base-"))
    root.chmod(0o755)  # it becomes the image's /, which everyone must be able to enter
    try:
        yield root
    finally:
        # A debootstrap that was cut off can leave /proc mounted inside: never follow it.
        _run("rm", "-rf", "--one-file-system", str(root))


def _install_debian(root: Path, suite: str) -> None:
    packages = ALWAYS_PACKAGES | _owning_packages(_linked_libraries(_extension_modules()))
    mirror = _configured_mirror(suite)
    include = f"--include={','.join(sorted(packages))}"
    _run("debootstrap", "--variant=minbase", include, suite, str(root), *([mirror] if mirror else []))


def _configured_mirror(suite: str) -> str | None:
    """Return the mirror that this machine's apt uses for ``suite``; None leaves debootstrap its default."""
    listing = _capture("apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)")
    pairs = (line.split(maxsplit=1) for line in listing.splitlines())
    return next((uri for release, uri in pairs if release == suite), None)


def _extension_modules() -> list[Path]:
    modules = [path for path in _stdlib().glob("lib-dynload/*.so") if not path.name.startswith("_tkinter")]
    return [_interpreter(), *sorted(modules)]


def _stdlib() -> Path:
    # Not "platstdlib": in a virtual environment that one names the environment's own folder.
    return Path(sysconfig.get_path("stdlib"))


def _interpreter() -> Path:
    """Return the interpreter's own file, also where a virtual environment's link to it runs."""
    return Path(sys.executable).resolve()


def _linked_libraries(binaries: Iterable[Path]) -> set[Path]:
    listing = _capture("ldd", *map(str, binaries))
    return {Path(path) for path in re.findall(r"=> (/\S+)", listing)}


def _owning_packages(libraries: Iterable[Path]) -> set[str]:
    """Return the Debian packages that own ``libraries``; one that none owns came with the interpreter."""
    # /lib is a link to /usr/lib: dpkg knows a library under one of the two names, ldd may print the other.
    spellings = {
        spelling
        for library in libraries
        for name in {library, library.resolve()}
        for spelling in (str(name), str(name).removeprefix("/usr"), f"/usr{str(name).removeprefix('/usr')}")
    }
    found = subprocess.run(["dpkg", "--search", *sorted(spellings)], capture_output=True, text=True, check=False)
    return set(re.findall(r"^([^:,\s]+)(?::\w+)?: /", found.stdout, flags=re.MULTILINE))


def _install_interpreter(root: Path) -> None:
    version = sysconfig.get_python_version()
    target = root / PREFIX
    stdlib = target / f"lib/python{version}"
    shutil.copytree(_stdlib(), stdlib, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT))
    (stdlib / "site-packages").mkdir()
    _rewrite_prefix(stdlib)
    headers = Path(sysconfig.get_path("include"))
    if headers.is_dir():  # Debian keeps them in a package of their own
        shutil.copytree(headers, target / "include" / headers.name, symlinks=True)
    _copy_shared_library(target / "lib")
    shutil.copy2(_interpreter(), target / f"bin/python{version}")
    for link in ("python3", "python"):
        (target / "bin" / link).symlink_to(f"python{version}")
    _run("chroot", str(root), "ldconfig", env=CLEAN)


def _copy_shared_library(target: Path) -> None:
    for library in _linked_libraries([_interpreter()]):
        if library.name.startswith("libpython"):
            shutil.copy2(library.resolve(), target / library.name)


def _rewrite_prefix(stdlib: Path) -> None:
    """Tell the build variables where the interpreter lies now: compiled extensions then find its headers."""
    if sys.base_prefix == "/usr":
        # Debian's own: too short a name to replace safely, and its headers stay out.
        return
    for path in (*stdlib.glob("_sysconfigdata*.py"), *stdlib.glob("config-*/Makefile")):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(sys.base_prefix, f"/{PREFIX}"), encoding="utf-8")


def _install_pip(root: Path) -> None:
    """Install the pip that ensurepip bundles, run from its own wheel: nothing is downloaded."""
    bundled = Path(sysconfig.get_config_var("WHEEL_PKG_DIR") or _stdlib() / "ensurepip/_bundled")
    wheel = next(iter(sorted(bundled.glob("pip-*.whl"))), None)
    if wheel is None:
        raise SystemExit(f"make_base: no pip wheel in {bundled}; install python3-venv or another interpreter")
    copy = Path(shutil.copy2(wheel, root / "tmp" / wheel.name))
    inside = f"/tmp/{wheel.name}"
    options = ("--no-index", "--no-cache-dir", "--no-compile", "--root-user-action=ignore", inside)
    pip = ("/usr/local/bin/python3", "-I", f"{inside}/pip", "install")
    _run("chroot", str(root), *pip, *options, env=CLEAN)
    copy.unlink()
    if not bundled.is_relative_to(_stdlib()):  # ``python -m venv`` looks for the wheels there
        shutil.copytree(bundled, root / bundled.relative_to("/"))


def _empty_clutter(root: Path) -> None:
    for folder in CLUTTER:
        for entry in (root / folder).iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()


def _import_image(root: Path) -> str:
    variables = CLEAN | {"PYTHON_VERSION": platform.python_version()}
    changes = [*(f"ENV {name}={value}" for name, value in variables.items()), 'CMD ["python3"]']
    options = [f"--change={change}" for change in changes]
    tar = ["tar", "-C", str(root), "--numeric-owner", "-c", "."]
    with subprocess.Popen(tar, stdout=subprocess.PIPE) as packing:
        image = _capture("docker", "import", *options, "-", stdin=packing.stdout)
    if packing.returncode != 0:
        raise SystemExit(f"make_base: tar ended with {packing.returncode}; see its output above")
    return image.strip()


def _run(*command: str, env: dict[str, str] | None = None) -> None:
    ended = subprocess.run(command, check=False, env=env)
    if ended.returncode != 0:
        raise SystemExit(f"make_base: {command[0]} ended with {ended.returncode}; see its output above")


def _capture(*command: str, stdin: IO[bytes] | None = None) -> str:
    ended = subprocess.run(command, check=False, stdin=stdin, stdout=subprocess.PIPE)
    if ended.returncode != 0:
        raise SystemExit(f"make_base: {command[0]} ended with {ended.returncode}; see its output above")
    return ended.stdout.decode()


if __name__ == "__main__":
    main()
