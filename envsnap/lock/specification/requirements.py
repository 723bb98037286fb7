"""requirements.in and requirements.txt: https://pip.pypa.io/en/stable/reference/requirements-file-format/."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from envsnap.errors import InvalidFileError, UsageError
from envsnap.host.credentials import mask_credentials
from envsnap.host.index.config import IndexConfig
from envsnap.host.index.uv import ResolutionRequest
from envsnap.lock.specification.parsed import Line, Requirements
from envsnap.lock.specification.specification_file import SourceFile, read_source

DEEPEST = 16
"""Levels of ``-r``: nobody nests them deeper."""
COMMENT = re.compile(r"(^|\s+)#.*\Z")
VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
FIRST_OPTION = re.compile(r"\s+(?=--?[A-Za-z])")
HASH = re.compile(r"(sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})")
SHORT = {"-r": "--requirement", "-c": "--constraint", "-e": "--editable", "-f": "--find-links", "-i": "--index-url"}
SWITCHES = frozenset({"--no-index", "--pre", "--require-hashes"})
LISTS = ("--extra-index-url", "--find-links", "--trusted-host")
IGNORED = frozenset({"--use-feature", "--prefer-binary", "--only-binary"})
"""They change how pip works, not what a lock of wheels alone resolves to."""
KNOWN = frozenset({"--requirement", "--constraint", "--editable", "--index-url", *LISTS, *SWITCHES, *IGNORED})
LOCAL = re.compile(r"(\.{0,2}/|\.\Z|\.\[|file:|~/)|.*\.(whl|zip|tar\.gz|tar\.bz2|tar\.xz)(\[[^\]]*\])?\Z", re.DOTALL)
REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://.+", re.DOTALL)


@dataclass(slots=True)
class _Draft:
    """What was read so far."""

    files: dict[Path, SourceFile] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    indexes: IndexConfig = field(default_factory=IndexConfig)
    switches: set[str] = field(default_factory=set)


def read_requirements(source: SourceFile, env: Mapping[str, str]) -> Requirements:
    """Read a requirements file and those that it brings in; ``env`` fills ``${VARIABLES}`` in.

    Raises:
        InvalidFileError: names file and line.
    """
    return _gather(source, _logical_lines(source.text), env)


def read_requirement_lines(source: SourceFile, lines: Mapping[str, str], env: Mapping[str, str]) -> Requirements:
    """Read lines that stand in another kind of file, such as the pip section of environment.yml.

    Args:
        source: the file; relative paths start from its folder.
        lines: each by where it stands in the file.
        env: fills ``${VARIABLES}`` in.
    """
    return _gather(source, ((place, _without_comment(text)) for place, text in lines.items()), env)


def _gather(source: SourceFile, lines: Iterator[tuple[str, str]], env: Mapping[str, str]) -> Requirements:
    draft = _Draft(files={source.path.resolve(): source})
    _Reader(draft, env, source, constraints=False, depth=0).read(lines)
    return Requirements(
        files=tuple(draft.files.values()),
        lines=tuple(draft.lines),
        indexes=replace(draft.indexes, no_index="--no-index" in draft.switches),
        hash_mode="--require-hashes" in draft.switches or any(line.hashes for line in draft.lines),
        request=ResolutionRequest(prereleases="--pre" in draft.switches),
    )


def _logical_lines(text: str) -> Iterator[tuple[str, str]]:
    """Join continued lines and drop comments; give each with the number of its first physical line."""
    parts: list[str] = []
    first = 0
    for number, line in enumerate(text.splitlines(), start=1):
        first = first if parts else number
        if line.lstrip().startswith("#"):
            continue
        if line.endswith("\\"):
            parts.append(line[:-1])
            continue
        yield str(first), _without_comment("".join((*parts, line)))
        parts = []
    if parts:
        yield str(first), _without_comment("".join(parts))


def _without_comment(line: str) -> str:
    return COMMENT.sub("", line).strip()


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one file into the draft."""

    draft: _Draft
    env: Mapping[str, str]
    source: SourceFile
    constraints: bool
    depth: int

    def read(self, lines: Iterator[tuple[str, str]]) -> None:
        for place, raw in lines:
            line = VARIABLE.sub(lambda match: self.env.get(match[1], match[0]), raw)
            where = f"{self.source.name}:{place}"
            if not line:
                continue
            if line.startswith("-"):
                self._options(line, where)
            else:
                self._requirement(line, where)

    def _options(self, line: str, where: str) -> None:
        words = iter(_words(line, where))
        for word in words:
            name, equals, value = word.partition("=")
            if not word.startswith("--") and len(word) > len("-r"):
                name, equals, value = word[:2], "=", word[2:]  # -rfile
            name = SHORT.get(name, name)
            if name not in KNOWN:
                raise InvalidFileError(
                    f"{where}: envsnap does not know the option {name}; remove it, or lock an environment that pip made"
                )
            if name not in (*SWITCHES, "--prefer-binary") and not equals:
                value = next(words, "")
                if not value:
                    raise InvalidFileError(f"{where}: {name} names nothing; write its value behind it")
            self._option(name, value, where)

    def _option(self, name: str, value: str, where: str) -> None:
        draft = self.draft
        match name:
            case "--requirement" | "--constraint":
                self._include(value, where, constraints=self.constraints or name == "--constraint")
            case "--editable":
                draft.lines.append(Line(text=f"-e {_locate(value, self._folder, where)}", where=where))
            case "--index-url":
                draft.indexes = replace(draft.indexes, index_url=value)
            case "--extra-index-url":
                draft.indexes = replace(draft.indexes, extra_index_urls=(*draft.indexes.extra_index_urls, value))
            case "--find-links":
                draft.indexes = replace(draft.indexes, find_links=(*draft.indexes.find_links, self._links(value)))
            case "--trusted-host":
                draft.indexes = replace(draft.indexes, trusted_hosts=(*draft.indexes.trusted_hosts, value))
            case _ if name in SWITCHES:
                draft.switches.add(name)

    @property
    def _folder(self) -> Path:
        return self.source.path.parent

    def _links(self, value: str) -> str:
        beside = self._folder / value
        return str(beside) if "://" not in value and beside.exists() else value

    def _include(self, value: str, where: str, *, constraints: bool) -> None:
        if REMOTE.fullmatch(value):
            raise InvalidFileError(f"{where}: {value.partition('://')[0]} is not followed: keep a copy beside it")
        if self.depth >= DEEPEST:
            raise InvalidFileError(f"{where}: files are included more than {DEEPEST} levels deep")
        path = (self._folder / value).resolve()
        if path in self.draft.files:
            return  # pip reads it once too; a circle ends here
        try:
            source = read_source(path, str(Path(self.source.name).parent / value))
        except UsageError as error:
            raise InvalidFileError(f"{where}: {value} is not there; correct the path") from error
        self.draft.files[path] = source
        _Reader(self.draft, self.env, source, constraints=constraints, depth=self.depth + 1).read(
            _logical_lines(source.text)
        )

    def _requirement(self, line: str, where: str) -> None:
        text, *options = FIRST_OPTION.split(line)
        hashes = frozenset(_hash(option, where) for option in options if not option.startswith("--config-setting"))
        requirement = _parse(text, self._folder, where)
        spelled = str(requirement) if requirement else _locate(text, self._folder, where)
        if requirement is None and self.constraints:
            raise InvalidFileError(f"{where}: a constraint needs a name; write 'name @ {text}'")
        self.draft.lines.append(
            Line(
                text=spelled,
                where=where,
                requirement=requirement,
                hashes=hashes,
                is_constraint=self.constraints,
            )
        )


def _words(line: str, where: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise InvalidFileError(f"{where}: {error}") from error


def _hash(option: str, where: str) -> str:
    name, _, value = option.replace(" ", "=", 1).partition("=")
    if name != "--hash":
        raise InvalidFileError(f"{where}: envsnap does not know the option {name} of a requirement; remove it")
    if not HASH.fullmatch(value):
        raise InvalidFileError(f"{where}: {value!r} is no hash like sha256:… of 64 hexadecimal digits")
    return value


def _parse(text: str, folder: Path, where: str) -> Requirement | None:
    """Read a named requirement; None for a path or URL alone."""
    if LOCAL.match(text) and " @" not in text:
        return None  # demo-1.0-py3-none-any.whl would do as a project's name too
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        if REMOTE.fullmatch(text):
            return None
        raise InvalidFileError(
            f"{where}: {mask_credentials(text)!r} is no requirement: {mask_credentials(str(error).splitlines()[0])}"
        ) from error
    if requirement.url and not REMOTE.fullmatch(requirement.url):
        requirement.url = _locate(requirement.url, folder, where)
    return requirement


def _locate(text: str, folder: Path, where: str) -> str:
    """Make the path of a source tree or archive absolute; a URL stays as it is."""
    if REMOTE.fullmatch(text):
        return text
    plain, bracket, extras = text.removeprefix("file:").partition("[")
    path = (folder / Path(plain).expanduser()).resolve()
    if not path.exists():
        raise InvalidFileError(f"{where}: {plain} is not there; correct the path")
    return f"{path.as_uri()}{bracket}{extras}"
