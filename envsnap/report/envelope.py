"""The one JSON document that every command prints under ``--json``: strict JSON, one shape, one version."""

import json
import math
from typing import Final

import msgspec

SCHEMA: Final = "envsnap/1"
"""Changes when a field is renamed or removed; a new field leaves it as it is."""


def envelope(command: str, exit_code: int, result: object | None = None, error: str | None = None) -> str:
    """Wrap a command's result, or what it failed with, on one line that ends in a newline.

    Keys of ``result`` stand as its types declare them. JSON has no NaN or infinity (RFC 8259, section 6): they become
    the strings "NaN", "Infinity" and "-Infinity". Half a surrogate pair becomes U+FFFD, for UTF-8 cannot hold it.
    """
    document = {
        "schema": SCHEMA,
        "command": command,
        "exit-code": exit_code,
        "result": _strict(msgspec.to_builtins(result, str_keys=True, enc_hook=str)),
        "error": _strict(error),
    }
    return json.dumps(document, allow_nan=False, ensure_ascii=False) + "\n"


def _strict(value: object) -> object:
    match value:
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case dict():
            return {_strict(key): _strict(member) for key, member in value.items()}
        case list() | tuple():
            return [_strict(member) for member in value]
        case _:
            return value
