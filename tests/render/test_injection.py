"""A manifest is untrusted: no text in it adds an instruction to a Dockerfile or a command to a script."""

import copy
import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import tomli_w
from hypothesis import example, given
from hypothesis import strategies as st

from envsnap.errors import InvalidFileError
from envsnap.manifest.lockfile import contents_digest, parse_manifest, plain
from envsnap.manifest.manifest import Manifest
from envsnap.render.docker import render_docker

Path = tuple[str | int, ...]
INSTRUCTION = re.compile(r"[A-Z]+")
REQUIREMENT = re.compile(r"\S+(==\S+| @ https?://\S+)( --hash=sha(256|384|512):[0-9a-f]+)+")

PIECES = (
    "\n",
    "\r",
    "\r\n",
    "\u2028",
    "\x85",
    "\x0b",
    "\x00",
    " ",
    "\t",
    "\\",
    "\\\n",
    "'",
    '"',
    "`",
    "$",
    "#",
    ";",
    "&",
    "|",
)
WORDS = (
    "RUN touch x",
    "FROM scratch",
    "COPY / /",
    "$(touch x)",
    "${HOME}",
    "--index-url",
    "-r /etc/passwd",
    "@",
    "# escape=`",
)
hostile = st.builds(
    "".join, st.lists(st.sampled_from([*PIECES, *WORDS, "python:3.11", "https://index.example/", "a", "1"]), max_size=5)
)


def texts_in(value: Any, path: Path = ()) -> Iterator[Path]:
    """Give the place of every text and of every key of the user's own."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from texts_in(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from texts_in(item, (*path, index))


def replaced(document: dict[str, Any], path: Path, text: str, *, keep: bool) -> dict[str, Any]:
    """Put a text in another's place, or behind it."""
    changed = copy.deepcopy(document)
    place: Any = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = place[path[-1]] + text if keep else text
    return changed


def renamed(document: dict[str, Any], path: Path, text: str) -> dict[str, Any]:
    """Put a text in the place of a key."""
    changed = copy.deepcopy(document)
    place: Any = changed
    for step in path[:-1]:
        place = place[step]
    place[text] = place.pop(path[-1])
    return changed


def rendered(document: dict[str, Any], *, buildkit: bool) -> dict[str, str]:
    """Read these contents from a lock whose digest fits them, and render what the build would."""
    snapshot = {"created-by": "", "created-at": "", "digest": contents_digest(document)}
    text = tomli_w.dumps({"schema-version": "1.0", "snapshot": snapshot} | document)
    manifest, _ = parse_manifest(text, source="envsnap.lock")
    base = manifest.contents.build.base_image
    assert base is not None
    return dict(render_docker(manifest, base_image=base, buildkit=buildkit).texts)


def instructions(dockerfile: str) -> list[str]:
    """List the instructions as a builder reads them: comments go, continued lines are joined, the first word counts."""
    lines = re.split(r"[\r\n]", dockerfile)
    joined = re.sub(
        r"\\\n", " ", "\n".join(line for line in lines if line.strip() and not line.lstrip().startswith("#"))
    )
    return [line.split()[0] for line in joined.split("\n")]


def shell_words(script: str) -> list[str]:
    """Split as a shell does; the values between quotes become one word each and are blanked."""
    lexer = shlex.shlex(script, posix=True, punctuation_chars=True)
    return [re.sub(r"^(UV_INDEX|UV_DEFAULT_INDEX)=.*", r"\1=", word, flags=re.DOTALL) for word in lexer]


def assert_same_shape(benign: dict[str, str], found: dict[str, str]) -> None:
    assert instructions(benign["Dockerfile"]) == instructions(found["Dockerfile"])
    assert all(INSTRUCTION.fullmatch(word) for word in instructions(found["Dockerfile"]))
    assert shell_words(benign["install.sh"]) == shell_words(found["install.sh"])
    for path in ("requirements/heavy.txt", "requirements/light.txt"):
        lines = found[path].split("\n")
        assert len(benign[path].split("\n")) == len(lines)
        assert all(REQUIREMENT.fullmatch(line) for line in lines[:-1])


@pytest.fixture(scope="module")
def document(manifests: dict[str, Manifest]) -> dict[str, Any]:
    """Plain contents in which every value that is rendered is there."""
    return plain(manifests["everything"].contents)


@given(data=st.data(), text=hostile | st.text(max_size=6), keep=st.booleans(), buildkit=st.booleans())
def test_no_text_of_a_manifest_adds_an_instruction(
    document: dict[str, Any], *, data: st.DataObject, text: str, keep: bool, buildkit: bool
) -> None:
    """Wherever it stands, it is refused, or the rendered files have the shape that they have with harmless text."""
    path = data.draw(st.sampled_from(sorted(texts_in(document), key=str)))
    try:
        found = rendered(replaced(document, path, text, keep=keep), buildkit=buildkit)
    except InvalidFileError:
        return

    assert_same_shape(rendered(document, buildkit=buildkit), found)


@pytest.mark.parametrize(
    "path",
    [
        ("interpreter", "version"),
        ("build", "base-image"),
        ("build", "apt", 0),
        ("build", "index-url"),
        ("build", "extra-index-urls", 1),
        ("packages", 0, "name"),
        ("packages", 0, "version"),
        ("packages", 4, "wheels", 0, "url"),
        ("packages", 5, "installed", "version"),
        ("packages", 5, "installed", "wheel", "name"),
        ("packages", 5, "installed", "wheel", "path"),
        ("packages", 5, "installed", "wheel", "hashes", "sha256"),
    ],
    ids=lambda path: ".".join(map(str, path)),
)
def test_each_text_that_is_rendered_is_held_to_its_pattern(document: dict[str, Any], path: Path) -> None:
    """Not left to chance: each field that reaches a file, with each hostile text behind a good value."""
    benign = rendered(document, buildkit=False)
    for text in (*PIECES, *WORDS, *(f"{piece}RUN x" for piece in PIECES)):
        try:
            found = rendered(replaced(document, path, text, keep=True), buildkit=False)
        except InvalidFileError:
            continue
        assert_same_shape(benign, found)


@given(text=hostile)
@example(text="sha256:00 --index-url https://evil.example\n")
def test_name_of_a_hash_is_held_to_its_pattern(document: dict[str, Any], text: str) -> None:
    """A key of a table is written into the requirements too."""
    with pytest.raises(InvalidFileError):
        rendered(renamed(document, ("packages", 0, "wheels", 0, "hashes", "sha256"), text), buildkit=True)


def test_the_reading_of_a_dockerfile_is_a_builders() -> None:
    """The law is only as good as the eyes it looks with."""
    text = "# RUN a\nFROM a \\\n# comment\n  RUN b\nRUN c\rRUN d\n\nENV A=1 \\\n    B=2\n"

    assert ["FROM", "RUN", "RUN", "ENV"] == instructions(text)


def test_the_reading_of_a_script_is_a_shells() -> None:
    """A value that closes its quote shows."""
    assert ["export", "UV_INDEX="] == shell_words("export UV_INDEX='a b\nc'")
    assert ["export", "UV_INDEX=", ";", "x"] == shell_words("export UV_INDEX='a'; x ''")[:4]
