"""Puts the Jinja templates of templates/ into the wheel as envsnap/templates.

GitLab wants its component in that folder too (templates/verify/template.yml), and the wheel does without it. An
editable install reads the source tree itself; a plain force-include would leave a stale copy behind there.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class TemplatesHook(BuildHookInterface):  # type: ignore[type-arg, misc]
    """Ships the templates with standard builds only."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the folder to what goes into the wheel; ``version`` is "standard" or "editable"."""
        if version == "standard" and self.target_name == "wheel":
            for template in sorted((Path(self.root) / "templates").glob("*.j2")):
                build_data["force_include"][str(template)] = f"envsnap/templates/{template.name}"
