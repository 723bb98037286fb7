"""Makes text from outputs and manifests safe to show: it may hold anything, terminal commands included."""

import unicodedata
from io import StringIO

TYPE_CHECKING = False  # rich costs a command that draws nothing its start-up time
if TYPE_CHECKING:
    from rich.console import RenderableType

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that draw nothing or steer the display: https://www.unicode.org/reports/tr44/#General_Category_Values"""


def printable(text: str) -> str:
    r"""Escape every character that draws nothing or steers the display, as in ``\x1b``."""
    return "".join(
        character.encode("unicode_escape").decode() if unicodedata.category(character) in _HIDDEN else character
        for character in text
    )


def render(parts: "list[RenderableType]", *, color: bool, width: int) -> str:
    """Draw with rich into a string; without colour the text holds no escape sequence at all."""
    from rich.console import Console

    console = Console(
        file=StringIO(),
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        no_color=not color,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    with console.capture() as captured:
        for part in parts:
            console.print(part, soft_wrap=isinstance(part, str))
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"
