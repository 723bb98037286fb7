"""uv's command line: the only file that calls it."""

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from envsnap.errors import BuildError, CaptureError, MissingToolError, UnsatisfiableError
from envsnap.host.credentials import mask_credentials
from envsnap.host.execution import Completed
from envsnap.host.index.config import IndexConfig
from envsnap.host.index.file import NO_REASON, Release, file_of_pylock
from envsnap.host.process import run

if TYPE_CHECKING:
    from packaging.pylock import Package

UNSATISFIABLE = 1
"""uv's exit code where requirements have no solution; 2 is any other failure, an unreachable index among them."""


YANKED = re.compile(r'warning: `([^`=]+)==[^`]*` is yanked(?: \(reason: "(.*)"\))?')
"""How uv tells of a release that was withdrawn."""
CHOOSING = re.compile(
    r"UV_(?!(CACHE_DIR|CONCURRENT_\w+|CONFIG_FILE|HTTP_\w+|INDEX_\w+_(USERNAME|PASSWORD)|KEYRING_PROVIDER|LINK_MODE"
    r"|LOCK_TIMEOUT|NATIVE_TLS|NO_CACHE|NO_CONFIG|NO_PROGRESS|OFFLINE|PYTHON_\w+|REQUEST_TIMEOUT|SYSTEM_CERTS)$)"
)
"""uv's variables, but those for transport and places: the rest choose releases (constraints, overrides, dates), and
what is installed is chosen already. https://docs.astral.sh/uv/reference/environment/"""


@dataclass(frozen=True, slots=True)
class Resolution:
    """uv's answer to a request: a pylock.toml (PEP 751), and, by name, why releases in it were withdrawn."""

    pylock: str
    yanked: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TargetPython:
    """An interpreter that is not on this machine: its version, and its platform as uv names it."""

    version: str
    platform: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolutionRequest:
    """Requirements that uv resolves.

    Args:
        lines: requirements, one a line.
        constraints: what narrows them.
        project: the pyproject.toml that stands in the place of ``lines``, with uv's own settings in it.
        extras: of the project.
        groups: of the project's dependency groups.
        groups_alone: whether nothing but the groups counts, as in a project that is no package.
        pinned: whether the lines are all there is: nothing that they depend on is added.
        prereleases: whether pre-releases are welcome.
        there: packages that something else brings, in the versions that ``constraints`` name; left out of the answer.
    """

    lines: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    project: Path | None = None
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    groups_alone: bool = False
    pinned: bool = False
    prereleases: bool = False
    there: tuple[str, ...] = ()

    @property
    def options(self) -> tuple[str, ...]:
        """Uv's own."""
        return (
            *(("--no-deps",) if self.pinned else ()),
            *(("--prerelease", "allow") if self.prereleases else ()),
            *_options("--no-emit-package", self.there),
        )


@dataclass(frozen=True, slots=True)
class Uv:
    """uv, with the indexes that it shall ask; URLs travel in its environment, where no process list shows them.

    ``offline`` keeps it from the network, whatever its own settings say.
    """

    executable: Path
    config: IndexConfig
    offline: bool = False

    def lock(self, requirements: Sequence[str], *, python: Path | TargetPython, folder: Path) -> tuple[Release, ...]:
        """Resolve pinned requirements, without dependencies, to the files that the indexes serve for ``python``.

        Nothing is built: without dependencies uv needs no metadata. A file without a hash is fetched and hashed.

        Raises:
            UnsatisfiableError: an index answered, and has no such release for this interpreter.
            CaptureError: the indexes could not be asked.
        """
        listing = folder / "requirements.in"
        listing.write_text("\n".join(requirements) + "\n", encoding="utf-8")
        command = ("pip", "compile", str(listing), "--no-deps", "--no-header", *_target(python))
        done = self._run((*command, "--format", "pylock.toml"), folder)
        if done.exit_code == UNSATISFIABLE:
            raise UnsatisfiableError(_reason(done))
        if done.exit_code:
            raise CaptureError(
                f"uv could not ask the package indexes: {_reason(done)}. "
                "Check the network and the index settings of pip and uv, or freeze with --offline"
            )
        return _releases(done.stdout.decode("utf-8"), _yanked(done), folder)

    def index_urls(self, python: Path | TargetPython, folder: Path) -> tuple[str, ...]:
        """Return the indexes that are asked, logins included; where none is configured, uv's own default.

        ``python`` is that of :meth:`lock`: uv knows it then, and does not look for another.

        Raises:
            CaptureError: uv does not say which its default is.
        """
        config = self.config
        if config.no_index:
            return ()
        return (config.index_url or self._default_index(python, folder), *config.extra_index_urls)

    def _default_index(self, python: Path | TargetPython, folder: Path) -> str:
        listing = folder / "nothing.in"
        listing.touch()
        command = ("pip", "compile", str(listing), "--no-header", "--offline", "--emit-index-url", *_target(python))
        done = self._run(command, folder)
        found = re.search(r"^--index-url (\S+)", done.stdout.decode("utf-8", "replace"), re.MULTILINE)
        if found is None:
            raise CaptureError(f"uv does not name its default index: {_reason(done)}; configure one for pip or uv")
        return found[1]

    def build_wheel(self, source: Path, target: Path, *, python: str = "") -> Path:
        """Build the wheel of a source tree into the empty folder ``target``.

        It is built from an sdist, which holds what the project declares: a ``build/`` folder of earlier builds in the
        tree adds no stale modules, and none is left there. Where the backend makes no sdist, from the tree itself.

        Args:
            source: the tree.
            target: an empty folder.
            python: the version of an installed interpreter to build for; "" for uv's own choice.

        Raises:
            CaptureError: the build fails.
        """
        chosen = ("--python", python, "--no-python-downloads") if python else ()
        arguments = ("--quiet", *chosen, "--out-dir", str(target), str(source))
        done = self._run(("build", *arguments), target)
        if done.exit_code:
            done = self._run(("build", "--wheel", *arguments), target)
        wheels = sorted(target.glob("*.whl"))
        if done.exit_code or len(wheels) != 1:
            raise CaptureError(f"the wheel of {source} could not be built: {_reason(done)}")
        return wheels[0]

    def make_venv(self, folder: Path, *, python: Path) -> None:
        """Make an empty virtual environment, over one that was there.

        Raises:
            BuildError: uv cannot make it.
        """
        done = self._run(("venv", "--clear", "--quiet", "--python", str(python), str(folder)), folder.parent)
        if done.exit_code:
            raise BuildError(f"the virtual environment {folder} could not be made: {_reason(done)}")

    def find_python(self, version: str, folder: Path) -> Path | None:
        """Return an installed interpreter of exactly this version, or None."""
        done = self._run(("python", "find", "--no-project", "--no-python-downloads", version), folder)
        return Path(done.stdout.decode().strip()) if done.exit_code == 0 else None

    def install(self, requirements: Path, *, python: Path, links: Path) -> None:
        """Install hashed requirements, and nothing else, into the environment of ``python``.

        Raises:
            BuildError: a file cannot be had, or its hash is another.
        """
        command = (
            "pip",
            "install",
            "--python",
            str(python),
            "--no-deps",
            "--link-mode",
            "copy",  # a hard link would carry an edit in the environment into uv's cache
            "--require-hashes",
            "--only-binary",
            ":all:",
        )
        done = self._run((*command, "--quiet", "--find-links", str(links), "-r", str(requirements)), links)
        if done.exit_code:
            raise BuildError(f"uv could not install the locked packages: {_reason(done)}")

    def resolve(self, request: ResolutionRequest, *, python: Path | TargetPython, folder: Path) -> Resolution:
        """Resolve requirements to wheels for ``python``.

        Nothing is built: only the metadata of wheels, and what a source tree states without a build, is read.

        Args:
            request: what to resolve.
            python: the interpreter.
            folder: an empty one, for the lists that uv reads.

        Raises:
            UnsatisfiableError: the indexes answered, and there is no solution.
            CaptureError: the indexes could not be asked, or uv refuses a requirement.
        """
        constraints = folder / "constraints.txt"
        constraints.write_text("".join(f"{line}\n" for line in request.constraints), encoding="utf-8")
        command = ("pip", "compile", *self._sources(request, folder), "--constraints", str(constraints))
        fixed = ("--no-header", "--no-build", "--format", "pylock.toml", *_target(python))
        where = request.project.parent if request.project else folder
        done = self._run((*command, *request.options, *fixed), where)
        return Resolution(self._answer(done), _yanked(done))

    def export(
        self, project: Path, *, extras: Sequence[str], groups: Sequence[str], python: Path | TargetPython
    ) -> str:
        """Return the uv.lock of the folder ``project`` as the text of a pylock.toml; no index is asked.

        Raises:
            CaptureError: the lock cannot be read, or is not for this Python.
        """
        chosen = _options("--extra", extras) + _options("--group", groups)
        asked = ("--python", str(python) if isinstance(python, Path) else python.version)
        command = ("export", "--frozen", "--no-emit-project", "--no-default-groups", *chosen, *asked)
        return self._answer(self._run((*command, "--quiet", "--no-header", "--format", "pylock.toml"), project))

    def _sources(self, request: ResolutionRequest, folder: Path) -> tuple[str, ...]:
        if request.project is not None:
            whole = () if request.groups_alone else (str(request.project), *_options("--extra", request.extras))
            # a machine's pip looks for the best release everywhere; a project that uv manages trusts the first index
            return (*whole, *_options("--group", request.groups), "--index-strategy", "first-index")
        listing = folder / "requirements.in"
        listing.touch(mode=0o600)  # a URL in it may hold a login
        listing.write_text("".join(f"{line}\n" for line in request.lines), encoding="utf-8")
        return (str(listing),)

    def _answer(self, done: Completed) -> str:
        if done.exit_code == UNSATISFIABLE:
            raise UnsatisfiableError(_reason(done))
        if done.exit_code:
            raise CaptureError(_reason(done))
        return done.stdout.decode("utf-8")

    def _run(self, arguments: Sequence[str], folder: Path) -> Completed:
        return run((str(self.executable), *arguments), cwd=folder, env=self._environment())

    def _environment(self) -> Mapping[str, str]:
        config = self.config
        settings = {
            "UV_DEFAULT_INDEX": config.index_url or "",
            "UV_INDEX": " ".join(config.extra_index_urls),
            "UV_FIND_LINKS": ",".join(config.find_links),
            "UV_INDEX_STRATEGY": "unsafe-best-match",
            "UV_INSECURE_HOST": " ".join(config.trusted_hosts),
            "SSL_CERT_FILE": str(config.certificates or ""),
            "UV_NO_INDEX": "1" if config.no_index else "",
            "UV_OFFLINE": "1" if self.offline else os.environ.get("UV_OFFLINE", ""),
            "UV_NO_CONFIG": "1" if self.offline else os.environ.get("UV_NO_CONFIG", ""),
            "SOURCE_DATE_EPOCH": os.environ.get("SOURCE_DATE_EPOCH", "315532800"),
        }
        dropped = {"VIRTUAL_ENV", *settings}
        kept = {name: value for name, value in os.environ.items() if name not in dropped and not CHOOSING.match(name)}
        return kept | {name: value for name, value in settings.items() if value}


def find_uv(config: IndexConfig, *, offline: bool = False) -> Uv:
    """Find the uv that came with envsnap; ``offline`` keeps it from the network.

    Raises:
        MissingToolError: it is not there.
    """
    import uv

    try:
        return Uv(Path(uv.find_uv_bin()), config, offline)
    except FileNotFoundError as error:
        raise MissingToolError(f"uv's executable is missing: {error}; install envsnap anew") from error


def _options(name: str, values: Sequence[str]) -> tuple[str, ...]:
    return tuple(word for value in values for word in (name, value))


def _target(python: Path | TargetPython) -> tuple[str, ...]:
    if isinstance(python, Path):
        return ("--python", str(python))
    return ("--python-version", python.version, "--python-platform", python.platform)


def _releases(pylock: str, yanked: Mapping[str, str], folder: Path) -> tuple[Release, ...]:
    from packaging.pylock import Pylock

    packages = Pylock.from_dict(tomllib.loads(pylock)).packages
    return tuple(_release(package, yanked.get(package.name), folder) for package in packages)


def _release(package: "Package", yanked: str | None, folder: Path) -> Release:
    wheels = [file_of_pylock(wheel, folder, yanked=yanked) for wheel in package.wheels or ()]
    sources = [file_of_pylock(package.sdist, folder, yanked=yanked)] if package.sdist else []
    return Release(package.name, (*wheels, *sources))


def _yanked(done: Completed) -> dict[str, str]:
    warned = YANKED.findall(done.stderr.decode("utf-8", "replace"))
    return {name: reason or NO_REASON for name, reason in warned}


def _reason(done: Completed) -> str:
    lines = [line.strip() for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    kept = [re.sub(r"^(error|cause|hint): ", "", line) for line in lines if not line.startswith("warning")]
    return mask_credentials("; ".join(kept[-6:])) or f"uv ended with exit code {done.exit_code} and no message"
