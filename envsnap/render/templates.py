"""The templates: logic-free text, found beside the package in a wheel and at the top of a source tree."""

from pathlib import Path
from typing import Any

import jinja2

PACKAGE = Path(__file__).parent.parent


def render_template(name: str, **values: Any) -> str:  # noqa: ANN401 - a template takes values of any kind
    """Fill in one template; a value that it needs and does not get is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([PACKAGE / "templates", PACKAGE.parent / "templates"]),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - plain text; values are held to patterns when the manifest is read
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(name).render(**values)
