"""Puts templates/ into the wheel as envsnap/templates.

An editable install reads the source tree itself; a plain force-include would leave a stale copy behind there.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class TemplatesHook(BuildHookInterface):  # type: ignore[type-arg, misc]
    """Ships the templates with standard builds only."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the folder to what goes into the wheel; ``version`` is "standard" or "editable"."""
        if version == "standard" and self.target_name == "wheel":
            build_data["force_include"][str(Path(self.root) / "templates")] = "envsnap/templates"
