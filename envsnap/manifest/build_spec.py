"""What the user, or capture, wants of the rebuilt container."""

from typing import Annotated

import msgspec

from envsnap.manifest.model import Model

AptName = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9+.-]+(=[A-Za-z0-9.+:~-]+)?$")]
"""Debian policy 5.6.1, with an optional ``=version`` (5.6.12)."""

ImageName = Annotated[
    str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/:-]*(@sha256:[0-9a-f]{64})?$", max_length=512)
]
"""An image reference: https://pkg.go.dev/github.com/distribution/reference."""

IndexUrl = Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s'\"\\$`]+$", max_length=2048)]


class BuildSpec(Model, frozen=True):
    """``[build]``: base image, Debian packages to add, and the indexes that served the packages at freeze.

    ``index_url`` and ``extra_index_urls`` carry no credentials; the ones that the building machine is configured
    with come first.
    """

    base_image: ImageName | None = None
    apt: tuple[AptName, ...] = ()
    index_url: IndexUrl | None = None
    extra_index_urls: tuple[IndexUrl, ...] = ()
