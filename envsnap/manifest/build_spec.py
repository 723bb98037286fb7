"""What the user, or capture, wants of the rebuilt container."""

from typing import Annotated, Literal

import msgspec

from envsnap.manifest.model import Model

BuildTarget = Literal["docker", "venv"]
"""What is rebuilt: a container image, or a virtual environment of this machine."""

AptName = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9+.-]+(=[A-Za-z0-9.+:~-]+)?\Z")]
"""Debian policy 5.6.1, with an optional ``=version`` (5.6.12)."""

ImageName = Annotated[
    str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/:-]*(@sha256:[0-9a-f]{64})?\Z", max_length=512)
]
"""An image reference: https://pkg.go.dev/github.com/distribution/reference."""

IndexUrl = Annotated[
    str,
    msgspec.Meta(pattern=r"^https?://[^/@\s\x00-\x1f\x7f'\"\\$`]+(/[^\s\x00-\x1f\x7f'\"\\$`]*)?\Z", max_length=2048),
]
"""An index without credentials: a manifest is shared, and this stands in an image's build context."""


class BuildSpec(Model, frozen=True):
    """What the rebuilt container stands on, and where its packages come from.

    The indexes carry no credentials; the ones that the building machine is configured with come first.

    Args:
        base_image: the image to build on.
        apt: Debian packages to add.
        index_url: the index that served the packages at freeze.
        extra_index_urls: further ones that did.
    """

    base_image: ImageName | None = None
    apt: tuple[AptName, ...] = ()
    index_url: IndexUrl | None = None
    extra_index_urls: tuple[IndexUrl, ...] = ()
