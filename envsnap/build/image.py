"""A folder with a Dockerfile becomes an image: with BuildKit if it is there, else the classic builder."""

import contextlib
import csv
import io
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import assert_never

from envsnap.build.builder_log import BuildKitLog, ClassicLog
from envsnap.errors import BuildError
from envsnap.host import process
from envsnap.host.container.docker_cli import Builder, BuildKit, ClassicBuilder, build_command, build_variables
from envsnap.host.container.engine import Engine
from envsnap.host.output import ignore_line

SECRETS_FOLDER = "secrets"
"""Where the classic builder finds the secrets in the build context; only a builder stage may copy them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageBuild:
    """What to build.

    Args:
        context: folder with the Dockerfile and all that it copies.
        tag: name of the image.
        secrets: files by the id under which the Dockerfile mounts or copies them; none is in the image.
        network: network of the RUN steps: "default", "host" or "none".
    """

    context: Path
    tag: str
    secrets: Mapping[str, Path] = field(default_factory=dict)
    network: str = "default"


def build_image(
    engine: Engine, builder: Builder, build: ImageBuild, on_progress: Callable[[str], None] = ignore_line
) -> str:
    """Build an image and return its ID; ``on_progress`` gets lines for people.

    Raises:
        BuildError: a step failed; the message names it and ends with its log.
        MissingToolError: the engine or the command line does not answer.
    """
    for name, path in build.secrets.items():
        if not path.is_file():
            raise BuildError(f"the secret '{name}' cannot be given to the build: {path} is not a file")
    match builder:
        case BuildKit():
            _build_with_buildkit(engine, builder, build, on_progress)
        case ClassicBuilder():
            _build_classic(engine, build, on_progress)
        case _:
            assert_never(builder)
    image = engine.image(build.tag)
    if image is None:
        raise BuildError(f"the builder made image '{build.tag}', but not in the engine at {engine.info.address}")
    return image.id


def _build_with_buildkit(
    engine: Engine, builder: BuildKit, build: ImageBuild, on_progress: Callable[[str], None]
) -> None:
    log = BuildKitLog()

    def follow(line: str) -> None:
        for told in log.feed(line):
            on_progress(told)

    ended = process.run(
        (*build_command(builder), *_options(build), str(build.context.absolute())),
        cwd=build.context,
        env=engine.cli_environment | build_variables(builder),
        on_output=follow,
    )
    if ended.exit_code:
        raise BuildError(f"image '{build.tag}' could not be built: {log.failure()}")


def _options(build: ImageBuild) -> Iterator[str]:
    yield "--progress=plain"
    yield from ("--network", build.network, "--tag", build.tag)
    for name, path in sorted(build.secrets.items()):
        yield from ("--secret", _csv_line(f"id={name}", f"src={path.absolute()}"))


def _csv_line(*fields: str) -> str:
    """Return what the client parses as one CSV record: a comma in a path must not begin another option."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow(fields)
    return buffer.getvalue()


def _build_classic(engine: Engine, build: ImageBuild, on_progress: Callable[[str], None]) -> None:
    log = ClassicLog()
    with _forgotten_steps(engine, build, log), _secrets_in_context(build):
        for message in engine.build(build.context, tag=build.tag, network=build.network):
            for line in log.feed(message):
                on_progress(line)
    for line in log.finish():
        on_progress(line)
    if log.failed:
        raise BuildError(f"image '{build.tag}' could not be built: {log.failure()}")


@contextlib.contextmanager
def _secrets_in_context(build: ImageBuild) -> Iterator[None]:
    """Keep the secrets in the build context for the time of the build.

    The folder is there without secrets too, though empty: the Dockerfile's COPY needs it.
    """
    folder = build.context / SECRETS_FOLDER
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError as error:
        raise BuildError(f"{folder} is in the way of the build's secrets: remove it") from error
    try:
        for name, path in build.secrets.items():
            copy = folder / name
            copy.touch(mode=0o600)
            shutil.copyfile(path, copy)
        yield
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def _forgotten_steps(engine: Engine, build: ImageBuild, log: ClassicLog) -> Iterator[None]:
    """Remove the images of a builder stage that held secrets: the classic builder keeps each step as one.

    Newest first, and only images that this build made: what a tag or a later image needs, the engine keeps.
    """
    if not build.secrets:
        yield
        return
    before = engine.image_ids()
    try:
        yield
    finally:
        made = engine.image_ids() - before
        final = engine.image(build.tag)
        for short in reversed(log.images):
            for image in made:
                if image.removeprefix("sha256:").startswith(short) and (final is None or image != final.id):
                    engine.remove_unused_image(image)
