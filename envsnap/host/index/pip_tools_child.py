"""Asks pip-tools' repository for the files of releases, and prints them as JSON: the only file that calls pip-tools.

It runs as a script in a process of its own and imports nothing of envsnap; its neighbour pip_tools.py reads its answer.
pip's settings come in its variables, the releases as lines ``name==version`` on standard input.
"""

import json
import sys

from packaging.version import Version
from pip._internal.models.candidate import InstallationCandidate
from piptools.repositories import PyPIRepository


def main() -> None:
    """Print the files of all releases."""
    # Which interpreter runs this says nothing about the captured one: every wheel is listed.
    repository = PyPIRepository(["--ignore-requires-python", "--no-input", "--quiet"], cache_dir=sys.argv[1])
    releases = [line.strip().split("==", 1) for line in sys.stdin if line.strip()]
    with repository.allow_all_wheels():
        answer = [{"name": name, "files": _files(repository, name, version)} for name, version in releases]
    print(json.dumps(answer))  # noqa: T201  printing is how a child answers


def _files(repository: PyPIRepository, name: str, version: str) -> list[dict[str, object]]:
    candidates = repository.find_all_candidates(name)
    return [_file(candidate) for candidate in candidates if Version(str(candidate.version)) == Version(version)]


def _file(candidate: InstallationCandidate) -> dict[str, object]:
    link = candidate.link
    return {
        "url": link.url_without_fragment,
        "path": link.file_path if link.is_file else None,
        "hashes": {name: digest for name, digest in (link._hashes or {}).items() if name == "sha256"},  # noqa: SLF001
        "yanked": link.yanked_reason,
    }


if __name__ == "__main__":
    main()
