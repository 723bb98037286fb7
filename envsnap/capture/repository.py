"""The repository around the code: its remotes, its submodules, and the text of what was not committed."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from envsnap.capture.code import CHANGED_LIMIT as CHANGED_FILES
from envsnap.capture.code import NOT_CODE, describe_code, find_tree
from envsnap.errors import CaptureError
from envsnap.host import git
from envsnap.host.credentials import holds_login, without_secrets
from envsnap.host.files import sha256_bytes
from envsnap.host.secrets import find_secrets, is_secret_file
from envsnap.manifest.finding import Finding, UncapturedFact
from envsnap.manifest.working_tree import Code, Submodule

PATCH_LIMIT = 2**20
"""Bytes. A longer patch is data, not code: wandb once wrote one of 100 GB (wandb #3932)."""
CHANGED_LIMIT = 16 * PATCH_LIMIT
"""Bytes of changed files in all that git is asked to compare."""
MOST_SECRETS = 10
WHOLE = "uncommitted changes"


@dataclass(frozen=True, slots=True)
class CapturedCode:
    """The working tree, the patch that gives it again, None where it is not kept, and what to say of both."""

    code: Code | UncapturedFact
    patch: bytes | None = None
    findings: tuple[Finding, ...] = ()


def capture_repository(project: Path, own: Iterable[str]) -> CapturedCode:
    """Describe the working tree that holds ``project`` and keep its uncommitted changes.

    The patch is kept up to 1 MiB, and only where no secret is found in it. Files larger than that, files that hold
    secrets by their name, and what differs inside of submodules are left out of it; a finding names each.

    Args:
        project: the project's folder.
        own: paths in the project that envsnap or the job write.

    Raises:
        CaptureError: git cannot tell what differs.
    """
    tree = find_tree(project)
    if isinstance(tree, UncapturedFact):
        return CapturedCode(tree)
    code, top, configured = describe_code(project, tree, own), tree.head.top, tree.remotes
    clean = {name: without_secrets(url) for name, url in sorted(configured.items())}
    submodules, unknown = _submodules(top)
    patch, left_out = _patch(top, code) if code.dirty else (None, ())
    complete = replace(
        code,
        kept_patch=sha256_bytes(patch) if patch else "",
        remotes=clean if clean.keys() - {"origin"} else {},
        submodules=submodules,
    )
    findings = (*_logins(configured), *_inside_submodules(top, submodules), *unknown, *left_out)
    return CapturedCode(complete, patch, tuple(sorted(findings)))


def _logins(configured: Mapping[str, str]) -> Iterator[Finding]:
    for name, url in configured.items():
        if holds_login(url):
            detail = f"its URL holds a login or token, which is not recorded: {without_secrets(url)}"
            yield Finding(kind="secret-left-out", subject=f"git remote {name}", detail=detail)


def _submodules(top: Path) -> tuple[tuple[Submodule, ...], tuple[Finding, ...]]:
    try:
        listed = git.submodules(top)
    except CaptureError as error:
        return (), (Finding(kind="unreadable", subject=".gitmodules", detail=str(error)),)
    return tuple(_submodule(top, *row) for row in listed), ()


def _submodule(top: Path, state: str, commit: str, path: str) -> Submodule:
    if state == "-":
        return Submodule(path=path)
    folder = top / path
    return Submodule(
        path=path,
        commit=commit,
        remote=without_secrets(git.ask(folder, "remote", "get-url", "origin") or ""),
        dirty=bool(git.changed_files(folder, (":/", NOT_CODE))),
        moved=state == "+",
    )


def _inside_submodules(top: Path, submodules: Iterable[Submodule]) -> Iterator[Finding]:
    for submodule in submodules:
        if submodule.commit:
            for finding in _logins(git.remotes(top / submodule.path)):
                yield replace(finding, subject=f"submodule {submodule.path}, {finding.subject}")
        if submodule.dirty:
            yield _left_out(
                f"submodule {submodule.path}", "what differs from its own commit is not kept; commit it there"
            )


def _patch(top: Path, code: Code) -> tuple[bytes | None, tuple[Finding, ...]]:
    """Return the patch, and what is not in it; None where it is not kept at all."""
    names = [file.path for file in code.changed]
    if len(names) == CHANGED_FILES:
        return None, (_left_out(WHOLE, f"{CHANGED_FILES} files or more differ; ignore data in git"),)
    unfit = tuple(_left_out(name, reason) for name in names if (reason := _unfit(top, name)))
    fit = sorted(set(names) - {finding.subject for finding in unfit})
    if sum(_size(top / name) for name in fit) > CHANGED_LIMIT:
        return None, (*unfit, _left_out(WHOLE, "the changed files have more than 16 MiB; ignore data in git"))
    try:
        patch = git.whole_patch(top, fit, PATCH_LIMIT)
    except CaptureError as error:
        return None, (*unfit, _left_out(WHOLE, str(error)))
    if patch is None:
        return None, (*unfit, _left_out(WHOLE, "the patch is longer than 1 MiB; commit the changes"))
    secrets = (*_secrets(patch.decode("utf-8", "replace")), *_secrets_in_binaries(top, fit))
    if secrets:
        return None, (*unfit, _left_out(WHOLE, "a secret stands in them"), *secrets[:MOST_SECRETS])
    return patch or None, unfit


def _unfit(top: Path, name: str) -> str:
    """Say why a changed file is not in the patch; "" where it is."""
    if is_secret_file(name):
        return "by its name it holds keys or logins; ignore it in git"
    if name.endswith("/"):
        return "a repository inside of this one, which does not know it"
    return "larger than 1 MiB; commit it, or ignore it in git" if _size(top / name) > PATCH_LIMIT else ""


def _left_out(subject: str, reason: str) -> Finding:
    return Finding(kind="patch-left-out", subject=subject, detail=reason)


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


def _secrets_in_binaries(top: Path, names: Iterable[str]) -> Iterator[Finding]:
    """Look into the files that a patch holds compressed; without NUL, text of two bytes a letter can be read too."""
    for name in names:
        data = _contents(top / name)
        if b"\0" in data:
            kinds = sorted({secret.kind for secret in find_secrets(data.replace(b"\0", b"").decode("latin-1"))})
            if kinds:
                yield Finding(
                    kind="secret-left-out", subject=name, detail=f"{', '.join(kinds)} in an uncommitted change"
                )


def _contents(path: Path) -> bytes:
    try:
        return path.read_bytes() if path.is_file() and not path.is_symlink() else b""
    except OSError:
        return b""  # git cannot read it either, and says so


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
