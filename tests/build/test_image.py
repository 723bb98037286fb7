"""An image is built with either builder; secrets reach the build and never stay behind."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from envsnap.build.image import SECRETS_FOLDER, ImageBuild, _options, build_image
from envsnap.errors import BuildError
from envsnap.host.container.docker_cli import BuildKit, ClassicBuilder, find_builder
from envsnap.host.container.engine import Engine
from envsnap.host.container.info import EngineInfo, ImageInfo


class FakeEngine(Engine):
    """A classic builder that leaves one image a step and notes what it saw in the context."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        super().__init__(None, EngineInfo(address="fake", version="0"), {})
        self.messages = messages
        self.images = {"sha256:" + "a" * 64}
        self.seen: dict[str, tuple[str, int]] = {}
        self.removed: list[str] = []
        self.has_folder = False

    def build(self, context: Path, *, tag: str, network: str) -> Iterator[Mapping[str, Any]]:
        """Make an image for each letter b, c and d, the last one being the result."""
        assert (tag, network) == ("t:1", "default")
        folder = context / SECRETS_FOLDER
        self.has_folder = folder.is_dir()
        self.seen = {file.name: (file.read_text(), file.stat().st_mode & 0o777) for file in folder.glob("*")}
        self.images |= {"sha256:" + letter * 64 for letter in "bcd"}
        yield from self.messages

    def image(self, name: str) -> ImageInfo | None:
        """Hold the result."""
        assert name == "t:1"
        return ImageInfo(id="sha256:" + "d" * 64, repo_digests=())

    def image_ids(self) -> frozenset[str]:
        """Return all images."""
        return frozenset(self.images)

    def remove_unused_image(self, name: str) -> bool:
        """Note what is removed."""
        self.removed.append(name)
        return True


STEPS = (
    {"stream": f"Step 1/4 : FROM base\n ---> {'a' * 12}\n"},
    {"stream": f"Step 2/4 : COPY secrets/ /s/\n ---> {'b' * 12}\n"},
    {"stream": f"Step 3/4 : RUN use\n ---> {'c' * 12}\n"},
    {"stream": f"Step 4/4 : COPY --from=b /x /x\n ---> {'d' * 12}\n"},
)


@pytest.fixture
def wanted(tmp_path: Path) -> ImageBuild:
    """A build with one secret, outside of the context."""
    (tmp_path / "context").mkdir()
    (tmp_path / "a,b").write_text("hush")
    secrets = {"token": tmp_path / "a,b"}
    return ImageBuild(context=tmp_path / "context", tag="t:1", secrets=secrets)


def test_classic_build_sees_the_secrets_and_leaves_none(wanted: ImageBuild) -> None:
    """The files are private, gone afterwards, and the steps that held them are removed, newest first."""
    engine = FakeEngine(*STEPS)

    image = build_image(engine, ClassicBuilder(), wanted)

    assert "sha256:" + "d" * 64 == image
    assert {"token": ("hush", 0o600)} == engine.seen
    assert list(wanted.context.iterdir()) == []
    assert ["sha256:" + "c" * 64, "sha256:" + "b" * 64] == engine.removed


def test_classic_build_without_secrets_has_the_empty_folder(wanted: ImageBuild) -> None:
    """The Dockerfile copies the folder in any case; the engine's images are left alone."""
    engine = FakeEngine(*STEPS)

    build_image(engine, ClassicBuilder(), replace(wanted, secrets={}))

    assert engine.has_folder
    assert list(wanted.context.iterdir()) == []
    assert engine.removed == []


def test_failed_classic_build_leaves_no_secrets(wanted: ImageBuild) -> None:
    """A failure cleans up as well, and names its step."""
    engine = FakeEngine(*STEPS[:2], {"stream": "Step 3/4 : RUN use\nwhy\n"}, {"error": "code 1"})

    with pytest.raises(BuildError) as caught:
        build_image(engine, ClassicBuilder(), wanted)

    assert "image 't:1' could not be built: step 3 of 4 'RUN use' failed: code 1\n    why" == str(caught.value)
    assert list(wanted.context.iterdir()) == []
    assert ["sha256:" + "b" * 64] == engine.removed


def test_folder_in_the_way_is_not_touched(wanted: ImageBuild) -> None:
    """A user's own folder of that name is neither overwritten nor removed."""
    mine = wanted.context / SECRETS_FOLDER / "mine"
    mine.parent.mkdir()
    mine.touch()

    with pytest.raises(BuildError, match="is in the way"):
        build_image(FakeEngine(), ClassicBuilder(), wanted)

    assert mine.exists()


def test_missing_secret_is_named(tmp_path: Path) -> None:
    """Nothing is built without it."""
    build = ImageBuild(context=tmp_path, tag="t:1", secrets={"token": tmp_path / "none"})

    with pytest.raises(BuildError, match="the secret 'token' cannot be given"):
        build_image(FakeEngine(), ClassicBuilder(), build)


def test_comma_in_a_path_is_quoted(wanted: ImageBuild) -> None:
    """The client reads the option as CSV: an unquoted comma would begin another key."""
    options = list(_options(wanted))

    assert f'id=token,"src={wanted.secrets["token"]}"' == options[options.index("--secret") + 1]


@pytest.fixture
def tag(engine: Engine) -> Iterator[str]:
    """A name for one image, which is removed afterwards."""
    name = f"envsnap-test/build:{uuid.uuid4().hex}"
    yield name
    if engine.image(name) is not None:
        engine._client.remove_image(name)


def real_build(folder: Path, tag: str, dockerfile: str) -> ImageBuild:
    """Write the Dockerfile; return the build, with one secret."""
    context = folder / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(dockerfile)
    (folder / "a,b").write_text("hush")
    return ImageBuild(context=context, tag=tag, secrets={"token": folder / "a,b"})


def buildkit(engine: Engine) -> BuildKit:
    """Return a BuildKit builder, or skip."""
    builder = find_builder(engine.cli_environment, podman=engine.info.podman)
    if not isinstance(builder, BuildKit):
        pytest.skip("no docker command line with BuildKit")
    return builder


@pytest.mark.docker
def test_buildkit_builds_with_a_mounted_secret(engine: Engine, tag: str, python_image: str, tmp_path: Path) -> None:
    """The step reads the secret, and progress is live."""
    dockerfile = f"FROM {python_image}\nRUN --mount=type=secret,id=token cat /run/secrets/token && echo {tag}\n"
    told: list[str] = []

    image = build_image(engine, buildkit(engine), real_build(tmp_path, tag, dockerfile), told.append)

    found = engine.image(tag)
    assert found is not None
    assert image == found.id
    assert f"    hush{tag}" in told
    assert {"step 1 of 2", "step 2 of 2"} <= {line.partition(" '")[0] for line in told}


@pytest.mark.docker
def test_buildkit_failure_shows_why(engine: Engine, tag: str, python_image: str, tmp_path: Path) -> None:
    """The failing step and its output are in the error."""
    build = real_build(tmp_path, tag, f"FROM {python_image}\nRUN echo because; exit 3\n")

    with pytest.raises(BuildError, match=r"(?s)step 2 of 2 'RUN echo because; exit 3' failed: .*3\n    because"):
        build_image(engine, buildkit(engine), build)


@pytest.mark.docker
def test_classic_builder_leaves_no_image_with_a_secret(
    engine: Engine, tag: str, python_image: str, tmp_path: Path
) -> None:
    """The step that copied the secret is gone from the engine; the final image has the result only."""
    builder = f"FROM {python_image} AS b\nCOPY secrets/ /s/\nRUN wc -c < /s/token > /n\n"
    dockerfile = f"{builder}FROM {python_image}\nCOPY --from=b /n /n\n"
    before = engine.image_ids()
    told: list[str] = []

    image = build_image(engine, ClassicBuilder(), real_build(tmp_path, tag, dockerfile), told.append)

    history = {layer["Id"] for layer in engine._client.history(tag)}
    assert any(line.endswith("'COPY secrets/ /s/'") for line in told)
    assert image in history
    assert engine.image_ids() - before <= history


@pytest.mark.docker
def test_classic_builder_explains_a_bad_dockerfile(engine: Engine, tag: str, tmp_path: Path) -> None:
    """The engine refuses before any step."""
    with pytest.raises(BuildError, match="unknown instruction: FORM"):
        build_image(engine, ClassicBuilder(), real_build(tmp_path, tag, "FORM x\n"))
