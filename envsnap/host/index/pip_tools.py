"""pip-tools in place of uv: it reaches indexes as pip does, with its keyrings, client certificates and variables."""

import importlib.util
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec.structs import replace

from envsnap.errors import CaptureError, MissingToolError, UnsatisfiableError
from envsnap.host.credentials import mask_credentials
from envsnap.host.index.config import IndexConfig
from envsnap.host.index.file import Release
from envsnap.host.index.uv import TargetPython
from envsnap.host.process import run

_CHILD = Path(__file__).with_name("pip_tools_child.py")
CHOOSING = re.compile(r"PIP_(CONSTRAINT|NO_BINARY|ONLY_BINARY|PRE|REQUIREMENT|UPLOADED_PRIOR_TO|TARGET|PREFIX|USER)")
"""Those of pip's variables that choose releases or places to install to: what is installed is chosen already."""


@dataclass(frozen=True, slots=True)
class PipTools:
    """pip-tools, with the indexes that it shall ask; URLs travel in its environment, where no process list shows them.

    Its answer has every file of a release, as the indexes tell; a hash that they do not tell is left out.
    """

    config: IndexConfig

    def lock(self, requirements: Sequence[str], *, python: Path | TargetPython, folder: Path) -> tuple[Release, ...]:
        """Resolve pinned requirements, without dependencies, to the files that the indexes serve.

        Raises:
            UnsatisfiableError: no index has such a release.
            CaptureError: pip-tools failed.
        """
        del python  # every wheel of a release is listed, for whichever interpreter
        cache = folder / "pip-tools"
        listing = "\n".join(requirements).encode()
        done = run((sys.executable, "-P", str(_CHILD), str(cache)), cwd=folder, env=self._environment(), stdin=listing)
        if done.exit_code:
            tail = mask_credentials(" ".join(done.stderr.decode("utf-8", "replace").split()[-60:]))
            raise CaptureError(f"pip-tools could not ask the package indexes: {tail}")
        releases = msgspec.json.decode(done.stdout, type=tuple[Release, ...])
        for label, release in zip(requirements, releases, strict=True):
            if not release.files:
                raise UnsatisfiableError(f"no index has {label}")
        return tuple(map(_withdrawn_as_a_whole, releases))

    def _environment(self) -> Mapping[str, str]:
        config = self.config
        settings = {
            "PIP_INDEX_URL": config.index_url or "",
            "PIP_EXTRA_INDEX_URL": " ".join(config.extra_index_urls),
            "PIP_FIND_LINKS": " ".join(config.find_links),
            "PIP_TRUSTED_HOST": " ".join(config.trusted_hosts),
            "PIP_CERT": str(config.certificates or ""),
            "PIP_NO_INDEX": "1" if config.no_index else "",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        kept = {name: value for name, value in os.environ.items() if name not in settings and not CHOOSING.match(name)}
        return kept | {name: value for name, value in settings.items() if value}


def find_pip_tools(config: IndexConfig) -> PipTools:
    """Find the pip-tools that lives beside envsnap.

    Raises:
        MissingToolError: it is not installed.
    """
    if importlib.util.find_spec("piptools") is None:
        raise MissingToolError("pip-tools is not installed beside envsnap: pip install 'envsnap[pip-tools]'")
    return PipTools(config)


def _withdrawn_as_a_whole(release: Release) -> Release:
    """Call a release withdrawn where all of its files are."""
    reasons = [file.yanked_reason for file in release.files]
    if None not in reasons:
        return release
    return replace(release, files=tuple(replace(file, yanked=None) for file in release.files))
