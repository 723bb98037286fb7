"""A specification's format is told by its name, and its text is bounded."""

from pathlib import Path

import pytest

from envsnap.cli.freeze import FORMATS
from envsnap.errors import InvalidFileError, UsageError
from envsnap.lock.specification import specification_file
from envsnap.lock.specification.specification_file import detect_format, read_source
from envsnap.manifest.specification import SpecificationFormat


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("requirements.in", "requirements"),
        ("dev-requirements.txt", "requirements"),
        ("pyproject.toml", "pyproject"),
        ("pylock.toml", "pylock"),
        ("pylock.gpu.toml", "pylock"),
        ("uv.lock", "uv-lock"),
        ("Pipfile.lock", "pipfile-lock"),
        ("environment.yml", "environment-yml"),
        ("environment-gpu.yaml", "environment-yml"),
        ("conda-lock.yml", "conda-lock"),
        ("gpu.conda-lock.yml", "conda-lock"),
    ],
)
def test_the_name_tells_the_format(name: str, expected: str) -> None:
    """In any folder."""
    assert expected == detect_format(Path("some") / name)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("notes.md", "--from-format"),
        ("pylock.a.b.toml", "--from-format"),
        ("Pipfile", "pipenv lock"),
        ("poetry.lock", "poetry export"),
        ("setup.py", "requirements.in"),
    ],
)
def test_another_name_is_refused_with_advice(name: str, advice: str) -> None:
    """What a known tool writes names that tool's way out."""
    with pytest.raises(UsageError, match=advice):
        detect_format(Path(name))


def test_the_command_line_knows_every_format() -> None:
    """It keeps its own copy, because it imports nothing."""
    assert SpecificationFormat.__args__ == FORMATS  # type: ignore[attr-defined]


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not there, not text, or too large."""
    path = tmp_path / "requirements.in"
    with pytest.raises(UsageError, match="there is no file"):
        read_source(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidFileError, match="cannot be read"):
        read_source(path)
    monkeypatch.setattr(specification_file, "LARGEST", 1)
    with pytest.raises(InvalidFileError, match="is larger than"):
        read_source(path)
