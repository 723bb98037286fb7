"""What the engine's SDK raises, told in this package's own errors."""

import contextlib
from collections.abc import Iterator
from typing import Any

from envsnap.errors import MissingToolError
from envsnap.host.credentials import mask_credentials


def sdk_errors() -> tuple[type[Exception], ...]:
    """Return what the SDK raises: its own errors, those of requests (OSError), urllib3's from streams."""
    import docker.errors
    import urllib3.exceptions

    return docker.errors.DockerException, OSError, urllib3.exceptions.HTTPError


@contextlib.contextmanager
def explained(what: str) -> Iterator[None]:
    """Tell what could not be done, in the engine's own words and with what to do.

    Raises:
        MissingToolError: the SDK raised.
    """
    try:
        yield
    except sdk_errors() as error:
        raise MissingToolError(f"{what}: {reason_of(error)}{_advice(error)}") from error


def each_message(stream: Iterator[Any], what: str) -> Iterator[Any]:
    """Iterate over a stream of the engine's; errors of whoever reads it are not taken for the engine's."""
    while True:
        with explained(what):
            try:
                item = next(stream)
            except StopIteration:
                return
        yield item


@contextlib.contextmanager
def closing_stream(stream: Any) -> Iterator[None]:  # noqa: ANN401  the SDK is untyped
    """Close a stream of the engine's, and the connection below it."""
    try:
        yield
    finally:
        stream.close()
        stream._response.close()  # noqa: SLF001  the SDK shuts the socket down and leaves its file open


def reason_of(error: Exception) -> str:
    """Return the engine's own words where it sent some: the SDK's message leads with an internal address."""
    return mask_credentials(str(getattr(error, "explanation", None) or error))


def _advice(error: Exception) -> str:
    words = str(error).lower()
    if "no such image" in words:
        return "; build or pull the image first"
    if "could not select device driver" in words:
        return '; the engine offers no GPU: install the NVIDIA Container Toolkit, or ask for gpus = "none"'
    return ""
