"""The repository around the code: its remotes, its submodules, and the text of what was not committed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from envsnap.capture.source import capture_code
from envsnap.errors import CaptureError
from envsnap.host import git
from envsnap.host.files import sha256_bytes
from envsnap.host.secrets import find_secrets, is_secret_file
from envsnap.manifest.finding import Finding, NotCaptured
from envsnap.manifest.working_tree import Code, Submodule

PATCH_LIMIT = 2**20
"""Bytes. A longer patch is data, not code: wandb once wrote one of 100 GB (wandb #3932)."""
CHANGED_LIMIT = 16 * PATCH_LIMIT
"""Bytes of changed files in all that git is asked to compare."""
MOST_SECRETS = 10


@dataclass(frozen=True, slots=True)
class CapturedCode:
    """The working tree, the patch that gives it again, None where it is not kept, and what to say of both."""

    code: Code | NotCaptured
    patch: bytes | None = None
    findings: tuple[Finding, ...] = ()


def capture_repository(project: Path, own: Iterable[str]) -> CapturedCode:
    """Describe the working tree that holds ``project`` and keep its uncommitted changes.

    The patch is kept up to 1 MiB, and only where no secret is found in it.

    Args:
        project: the project's folder.
        own: paths in the project that envsnap or the job write.

    Raises:
        CaptureError: git cannot tell what differs.
    """
    code = capture_code(project, own)
    if isinstance(code, NotCaptured):
        return CapturedCode(code)
    top = Path(git.ask(project, "rev-parse", "--show-toplevel") or project)
    configured = git.remotes(project)
    clean = {name: git.without_credentials(url) for name, url in sorted(configured.items())}
    submodules = tuple(_submodules(top))
    patch, left_out = _patch(top, code) if code.dirty else (None, ())
    complete = replace(
        code,
        kept_patch=sha256_bytes(patch) if patch else "",
        remotes=clean if len(clean) > 1 else {},
        submodules=submodules,
    )
    findings = (*_logins(configured, clean), *_submodule_logins(top, submodules), *left_out)
    return CapturedCode(complete, patch, tuple(sorted(findings)))


def _logins(configured: dict[str, str], clean: dict[str, str]) -> Iterator[Finding]:
    for name, url in configured.items():
        if url != clean[name]:
            yield Finding(
                kind="secret-left-out",
                subject=f"git remote {name}",
                detail=f"its URL holds a login or token, which is not recorded: {clean[name]}",
            )


def _submodules(top: Path) -> Iterator[Submodule]:
    for state, commit, path in git.submodules(top):
        folder = top / path
        is_there = state != "-"
        yield Submodule(
            path=path,
            commit=commit if is_there else "",
            remote=git.without_credentials(git.ask(folder, "remote", "get-url", "origin") or "") if is_there else "",
            dirty=is_there and bool(git.changed_files(folder, (":/",))),
            moved=state == "+",
        )


def _submodule_logins(top: Path, submodules: Iterable[Submodule]) -> Iterator[Finding]:
    for submodule in submodules:
        if submodule.commit:
            configured = git.remotes(top / submodule.path)
            clean = {name: git.without_credentials(url) for name, url in configured.items()}
            for finding in _logins(configured, clean):
                yield replace(finding, subject=f"submodule {submodule.path}, {finding.subject}")


def _patch(top: Path, code: Code) -> tuple[bytes | None, tuple[Finding, ...]]:
    """Return the patch, or say why it is not kept."""
    names = [file.path for file in code.changed]
    reason = _unfit(top, names)
    if reason:
        return None, _left_out(reason)
    try:
        patch = git.whole_patch(top, names, PATCH_LIMIT)
    except CaptureError as error:
        return None, _left_out(str(error))
    if patch is None:
        return None, _left_out("it is longer than 1 MiB")
    secrets = tuple(_secrets(patch.decode("utf-8", "replace")))
    if secrets:
        return None, (*_left_out("a secret stands in it"), *secrets[:MOST_SECRETS])
    return patch, ()


def _unfit(top: Path, names: list[str]) -> str:
    """Say why the patch is not even made; "" where it is."""
    for name in names:
        if is_secret_file(name):
            return f"{name} holds keys or logins by its name; ignore it in git"
        if _size(top / name) > PATCH_LIMIT:
            return f"{name} is larger than 1 MiB; commit it, or ignore it in git"
    return "the changed files have more than 16 MiB" if sum(_size(top / name) for name in names) > CHANGED_LIMIT else ""


def _left_out(reason: str) -> tuple[Finding, ...]:
    return (Finding(kind="patch-left-out", subject="uncommitted changes", detail=reason),)


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0  # deleted: the patch says so


def _secrets(patch: str) -> Iterator[Finding]:
    places = _places(patch)
    for secret in find_secrets(patch):
        path, line = places.get(secret.line, ("a removed line", 0))
        yield Finding(
            kind="secret-left-out", subject=f"{path}:{line}", detail=f"{secret.kind} in an uncommitted change"
        )


def _places(patch: str) -> dict[int, tuple[str, int]]:
    """Tell for each line of the patch that stands in the new file: its path, and its number there."""
    places: dict[int, tuple[str, int]] = {}
    path, line = "", 0
    for number, text in enumerate(patch.split("\n"), start=1):
        if text.startswith("+++ "):
            path = text[4:].removeprefix("b/")
        elif text.startswith("@@ "):
            line = int(text.split("+", 1)[1].split(" ")[0].split(",")[0]) - 1
        elif text.startswith(("+", " ")):
            line += 1
            places[number] = (path, line)
    return places
