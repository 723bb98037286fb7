"""Which text is a secret: tokens of known form, logins in URLs, private keys, and values with a secret's name.

The forms are those that the services document themselves, among them https://docs.github.com/authentication,
https://docs.gitlab.com/security/tokens and https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html.
A library with more of them, detect-secrets, was measured: 0.11 s to import, 6 s for a text of 1 MiB, no form for
Hugging Face, and checksums in notebooks taken for keys.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

MASK = "***"
ENTROPY_BITS = 3.0
"""Bits a character, by Shannon: random hexadecimal digits have 3.3 to 4, base64 4 to 6, words and names below 3.

At 20 characters; see :func:`_is_random`, which asks for a digit too.
"""

_FORMS = (
    ("AWS access key", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b"),
    ("GitHub token", r"(?:gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{22,255})\b"),
    ("GitLab token", r"gl(?:pat|ptt|rt|dt|cbt|ft|soat|imt|agent|oas|ffct)-[A-Za-z0-9_.-]{20,}"),
    ("Slack token", r"xox[abeoprs](?:-[A-Za-z0-9]+){2,}\b|xapp-\d-[A-Za-z0-9-]{20,}"),
    ("Slack webhook", r"hooks\.slack\.com/services/T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]+"),
    ("Google key", r"AIza[A-Za-z0-9_-]{35}|GOCSPX-[A-Za-z0-9_-]{28}|ya29\.[A-Za-z0-9_-]{30,}"),
    ("Hugging Face token", r"(?:hf|api_org)_[A-Za-z0-9]{30,}\b"),
    ("Anthropic key", r"sk-ant-[A-Za-z0-9_-]{20,}"),
    ("OpenRouter key", r"sk-or-v1-[0-9a-f]{32,}"),
    ("OpenAI key", r"sk-(?=[a-z0-9_-]{0,99}[A-Z])(?=[A-Za-z_-]{0,99}[0-9])[A-Za-z0-9_-]{20,256}"),
    ("Weights & Biases key", r"wandb_v\d_[A-Za-z0-9_]{20,}"),
    ("package index token", r"pypi-AgE[A-Za-z0-9_-]{40,}|npm_[A-Za-z0-9]{36}\b"),
    ("Stripe key", r"[rs]k_(?:live|test)_[A-Za-z0-9]{20,}\b"),
    ("Azure storage key", r"AccountKey=[A-Za-z0-9+/=]{40,}"),
    ("web token", r"eyJ[A-Za-z0-9_-]{8,999}\.eyJ[A-Za-z0-9_-]{8,9999}\.[A-Za-z0-9_-]{8,}"),
    ("authorization header", r"(?i:bearer|basic)[ ]{1,4}(?=[A-Za-z._~+/-]{0,99}[0-9])[A-Za-z0-9._~+/=-]{20,}"),
)
_PRIVATE_KEY = r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
_KINDS = ("private key", *(kind for kind, _ in _FORMS))
_FORM = re.compile(
    rf"(?P<k0>{_PRIVATE_KEY})|(?<![A-Za-z0-9])(?:"
    + "|".join(f"(?P<k{index}>{form})" for index, (_, form) in enumerate(_FORMS, start=1))
    + ")"
)

_LOGIN = re.compile(r"(?<=://)[^/\s'\"<>]{1,2048}@")
_PASSWORD = re.compile(r"(?<=://)[^/\s:@'\"<>]{0,256}:(?P<value>[^/\s@'\"<>]{1,2048})@")
_KEY_BLOCK = re.compile(rf"{_PRIVATE_KEY}.*?(?:-----END [A-Z0-9 ]*-----|\Z)", re.DOTALL)

_NAME = (
    r"(?i:passw(?:or)?d|passphrase|pwd|secret|credentials?"
    r"|(?:secret|api|auth|access|private|signing|encryption|account|master|session)[_.-]?key(?:[_.-]?id)?"
    r"|(?:auth|access|api|secret|session|bearer|refresh|private)?[_.-]?token|apikey)"
)
_ASSIGNED = re.compile(
    rf"(?P<name>{_NAME})[\"']?\s{{0,4}}(?:=|:|=>)\s{{0,4}}"
    r"(?:[bru]?(?P<quote>[\"'])(?P<quoted>[^\"'\s]{6,512})(?P=quote)|(?P<plain>[A-Za-z0-9+/_=-]{16,512})(?![\w(\[.{]))"
)
_NAME_BEFORE = re.compile(r"[A-Za-z0-9_.-]*\Z")
_LONGEST_NAME = 64
_LONGEST_COUNT = 6
_IS_PASSWORD = re.compile(r"(?i)(?:passw(?:or)?d|passphrase|pwd)\Z")
_VARIABLE = re.compile(
    rf"(?!PWD\Z)(?:\A|.*[_.-]){_NAME}s?(?:_[0-9]+)?\Z|.*(?i:password|passwd|_pat|_pw|_dsn|_credentials_json)\Z"
)
_NO_SECRET = re.compile(
    r"(?i)[$<{%*(]|your|example|change|placeholder|dummy|redacted|(.)\1*\Z|x{4}|\.\.\.|none|null|true|false|password\Z"
)

_FILES = re.compile(
    r"(?i)\.env(?:\.(?!example|sample|template|dist).*)?|\.netrc|_netrc|\.pypirc|\.npmrc|\.git-credentials|\.htpasswd"
    r"|id_(?:rsa|dsa|ecdsa|ed25519)|kaggle\.json|.*\.(?:key|p12|pfx|jks|kdbx|keystore)"
)


@dataclass(frozen=True, order=True, slots=True)
class Secret:
    """Where a secret stands, counted from line 1, and of what kind it is; never its value."""

    line: int
    kind: str


def find_secrets(text: str) -> tuple[Secret, ...]:
    """Return the secrets in a text, in order of line, one of a kind a line."""
    found = {
        *((match.start(), _KINDS[int((match.lastgroup or "k0")[1:])]) for match in _FORM.finditer(text)),
        *((match.start(), "login in a URL") for match in _PASSWORD.finditer(text) if _may_be_secret(match["value"])),
        *((match.start(), f"value of {_whole_name(match)}") for match in _ASSIGNED.finditer(text) if _is_kept(match)),
    }
    return tuple(sorted(set(_with_lines(sorted(found), text))))


def secret_variables(env: Mapping[str, str]) -> tuple[str, ...]:
    """Name the variables whose name or value looks like a secret, sorted."""
    return tuple(sorted(name for name, value in env.items() if value and _is_secret_variable(name, value)))


def redact(text: str) -> str:
    """Replace what is secret by ``***``: tokens of known form, logins in URLs, private keys, values so named."""
    without_keys = _KEY_BLOCK.sub(MASK, text)
    without_logins = _LOGIN.sub(f"{MASK}@", without_keys)
    return _ASSIGNED.sub(_mask_value, _FORM.sub(MASK, without_logins))


def is_secret_file(path: str) -> bool:
    """Whether a file of this name holds logins or keys by convention: ``.env``, ``id_rsa``, ``kaggle.json``."""
    return _FILES.fullmatch(PurePosixPath(path).name) is not None


def _is_secret_variable(name: str, value: str) -> bool:
    if _VARIABLE.match(name) is not None:
        return _may_be_secret(value) and not (value.isdecimal() and len(value) <= _LONGEST_COUNT)
    return _FORM.search(value) is not None or _PASSWORD.search(value) is not None


def _is_kept(match: re.Match[str]) -> bool:
    value = match["quoted"] or match["plain"]
    if not _may_be_secret(value):
        return False
    return _is_random(value) or (match["quoted"] is not None and _IS_PASSWORD.search(match["name"]) is not None)


def _whole_name(match: re.Match[str]) -> str:
    """Return the name with what stands before its last words; a pattern for both would go back at each letter."""
    start = match.start()
    before = _NAME_BEFORE.search(match.string[max(0, start - _LONGEST_NAME) : start])
    return f"{before[0] if before else ''}{match['name']}"


def _mask_value(match: re.Match[str]) -> str:
    if not _is_kept(match):
        return match[0]
    group = "quoted" if match["quoted"] else "plain"
    start, end = (place - match.start() for place in match.span(group))
    return f"{match[0][:start]}{MASK}{match[0][end:]}"


def _may_be_secret(value: str) -> bool:
    """Tell a value from a placeholder, or from a reference to one: ``$TOKEN``, ``<token>``, ``{password}``."""
    return _NO_SECRET.match(value) is None


def _is_random(value: str) -> bool:
    letters, digits = re.search(r"[A-Za-z]", value), re.search(r"[0-9]", value)
    if len(value) < 16 or letters is None or digits is None:  # noqa: PLR2004 - shorter ones are words and numbers
        return False
    shares = [count / len(value) for count in Counter(value).values()]
    return -sum(share * math.log2(share) for share in shares) >= ENTROPY_BITS


def _with_lines(found: list[tuple[int, str]], text: str) -> Iterator[Secret]:
    line, counted = 1, 0
    for place, kind in found:
        line += text.count("\n", counted, place)
        counted = place
        yield Secret(line, kind)
