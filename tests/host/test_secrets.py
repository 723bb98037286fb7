"""Secrets are found by form and by name, placeholders are not, and no answer holds a value."""

import base64
import hashlib
import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsnap.host.secrets import find_secrets, is_secret_file, redact, secret_variables

HEX = hashlib.sha256(b"a test").hexdigest()
LETTERS = string.ascii_letters + string.digits


def token(length: int, alphabet: str = LETTERS) -> str:
    """Make up a token: a real one, or one that a scanner takes for real, must not stand in this file."""
    return "".join(random.Random(length).choices(alphabet, k=length))  # noqa: S311 - the same one each time


JWT = ".".join(
    base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (b'{"alg":"HS256"}', b'{"sub":"1234"}', b"x" * 32)
)
TOKENS = {
    "AWS access key": "AKIA" + token(16, string.ascii_uppercase),
    "GitHub token": "ghp_" + token(36),
    "GitLab token": "glpat-" + token(20),
    "Slack token": f"xoxb-{token(12, string.digits)}-{token(24)}",
    "Google key": "AIza" + token(35),
    "Hugging Face token": "hf_" + token(34, string.ascii_letters),
    "Anthropic key": "sk-ant-api03-" + token(40),
    "OpenAI key": "sk-proj-A1" + token(40),
    "package index token": "pypi-AgE" + token(80),
    "web token": JWT,
    "private key": "-----BEGIN OPENSSH PRIVATE " + "KEY-----",
    "authorization header": "Bearer 1" + token(30),
}


@pytest.mark.parametrize(("kind", "value"), TOKENS.items())
def test_tokens_are_told_by_their_form(kind: str, value: str) -> None:
    """Whatever the name beside it; the answer is line and kind alone."""
    found = find_secrets(f"first line\nclient = connect('{value}')\n")

    assert [(2, kind)] == [(secret.line, secret.kind) for secret in found]
    assert value not in redact(f"error: {value} was refused")
    assert ("HARMLESS",) == secret_variables({"HARMLESS": value})


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (f"AWS_SECRET_ACCESS_KEY={token(40)}", "AWS_SECRET_ACCESS_KEY"),
        (f'wandb.api_key = "{HEX[:40]}"', "wandb.api_key"),
        (f'  "client_secret": "{token(32)}",', "client_secret"),
        (f"export MLFLOW_TRACKING_TOKEN='{token(24)}'", "MLFLOW_TRACKING_TOKEN"),
        ("db_password = 'hunter22'", "db_password"),
    ],
)
def test_values_are_told_by_their_name(line: str, name: str) -> None:
    """A random value needs a secret's name; a password needs none of a token's randomness."""
    assert [f"value of {name}"] == [secret.kind for secret in find_secrets(line)]
    assert redact(line).count("***") == 1
    assert redact(line).startswith(line.partition("=")[0].partition(":")[0])


@pytest.mark.parametrize(
    "line",
    [
        "token = os.environ['HF_TOKEN']",
        'password = os.getenv("DB_PASSWORD")',
        "password: ${{ secrets.PASSWORD_OF_2026 }}",
        'api_key = "your-api-key-2026-goes-here"',
        "eos_token = '<|endoftext|>'",
        'pad_token="[PAD]"',
        "max_tokens = 4096",
        "next_token = tokenizerVersion2FromPretrained(model)",
        "token = self.tokenizer_v2.decode_single_id12",
        f"sha256 = '{HEX}'",
        f"index {HEX[:40]}..{HEX[:40]} 100644",
        "postgresql://user:{password}@host.example/db",
        "git clone ssh://git@host.example/a.git",
        ".sk-toggleable__content-2026-and-more {color: red}",
        "secret_name = 'model-registry'",
    ],
)
def test_code_that_only_speaks_of_secrets_has_none(line: str) -> None:
    """References, placeholders and checksums: a check that cries wolf would keep no patch at all."""
    assert () == find_secrets(line)


def test_logins_in_urls_are_found_and_masked() -> None:
    """A user name alone, as of ssh, is masked too where text is shown: it may be a token."""
    line = "remote: https://someone:s3cret@git.example/a.git refused, see postgresql://me:pw@db.example/x"

    assert [(1, "login in a URL")] == [(secret.line, secret.kind) for secret in find_secrets(line)]
    assert "remote: https://***@git.example/a.git refused, see postgresql://***@db.example/x" == redact(line)
    assert "https://***@git.example" == redact("https://s3cret@git.example")


def test_a_private_key_is_masked_to_its_end() -> None:
    """The lines between are the key itself; one that is cut short is masked to the end of the text."""
    begin, end = ("-----" + word + " RSA PRIVATE KEY-----" for word in ("BEGIN", "END"))

    assert "a\n***\nb" == redact(f"a\n{begin}\nMIIE\nabcd\n{end}\nb")
    assert "a\n***" == redact(f"a\n{begin}\nMIIE")


def test_variables_are_named_and_never_shown() -> None:
    """By name, or by the form of their value; a counter or a placeholder is none, nor is the folder in PWD."""
    env = {
        "AWS_SECRET_ACCESS_KEY": token(40),
        "AWS_ACCESS_KEY_ID": "AKIA" + token(16, string.ascii_uppercase),
        "HF_TOKEN": "made-up",
        "WANDB_API_KEY": HEX[:40],
        "PGPASSWORD": "pw",
        "DATABASE_URL": "postgresql://me:pw@db.example/x",
    }
    harmless = {
        "PWD": "/home", "OLDPWD": "/home", "MAX_TOKENS": "4096", "TOKENIZERS_PARALLELISM": "false", "API_KEY": "",
        "SSH_AUTH_SOCK": "/run/agent", "GPG_KEY": HEX[:40].upper(), "MASTER_ADDR": "localhost", "SECRET": "***",
    }  # fmt: skip

    assert tuple(sorted(env)) == secret_variables(env | harmless)


@pytest.mark.parametrize("name", [".env", "a/.env.local", ".netrc", "keys/id_ed25519", "kaggle.json", "server.key"])
def test_files_that_hold_secrets_by_convention(name: str) -> None:
    """Their values need not look like any token."""
    assert is_secret_file(name)


@pytest.mark.parametrize("name", [".env.example", "environment.py", "keys.py", "id_rsa.pub", "data.json"])
def test_other_files_are_judged_by_their_text(name: str) -> None:
    """A template is meant to be shared."""
    assert not is_secret_file(name)


@given(st.text(alphabet=st.sampled_from("ab01 \n:/@=\"'_-.sktoen"), max_size=200))
def test_masking_is_done_at_once(text: str) -> None:
    """What was masked holds nothing that a second pass would mask."""
    assert redact(text) == redact(redact(text))


@pytest.mark.parametrize("part", ["a_", "://", "sk-", "eyJ", "-----BEGIN ", "token", "Bearer ", "token=\n", "http:"])
def test_hostile_text_takes_no_longer_than_other_text(part: str) -> None:
    """Each pattern is bounded: a text of 256 KiB that nearly fits all the way ends."""
    text = part * (2**18 // len(part))

    assert () == find_secrets(text)
    assert len(redact(text)) <= len(text)
