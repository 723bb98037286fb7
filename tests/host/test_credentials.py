"""No login leaves this machine, and nothing else of a URL is lost."""

import pytest

from envsnap.host.credentials import (
    holds_login,
    mask_credentials,
    without_channel_token,
    without_credentials,
    without_login,
    without_secrets,
)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://user:pass@host.example/a.git", "https://host.example/a.git"),
        ("https://user:p@ss@host.example/a.git", "https://host.example/a.git"),
        ("HTTPS://t0ken@host.example/a", "HTTPS://host.example/a"),
        ("ssh://git@host.example:22/a", "ssh://host.example:22/a"),
        ("https://host.example/a?private_token=t#x", "https://host.example/a"),
        ("https://host.example/@scope/a", "https://host.example/@scope/a"),
        ("git@host.example:a/b.git", "git@host.example:a/b.git"),
        ("/srv/git/a.git", "/srv/git/a.git"),
        ("https://oauth2:t0ken@host.example/a.git", "https://host.example/a.git"),
        ("https://user:p/a?s#s@host.example/a.git", "https://host.example/a.git"),
        ("https://host.example:8080/@scope/a", "https://host.example:8080/@scope/a"),
        ("https://user:pass@host.example/a@v1", "https://host.example/a@v1"),
        (f"https://host.example/hf_{'aB' * 17}/a.git", "https://host.example/***/a.git"),
    ],
)
def test_logins_are_removed_from_remotes(url: str, expected: str) -> None:
    """A password in a remote must not reach a lock; ``git@`` of an scp-like address is no secret."""
    assert expected == without_secrets(url)


@pytest.mark.parametrize(
    ("url", "holds"),
    [
        ("https://t0ken@host.example/a", True),
        ("https://host.example/a?private_token=t", True),
        ("ssh://git:pass@host.example/a", True),
        ("ssh://git@host.example/a", False),
        ("git@host.example:a/b.git", False),
        ("https://host.example/a.git", False),
        ("/srv/" + "a" * 3000, False),
    ],
)
def test_a_user_name_of_ssh_is_no_login(url: str, holds: bool) -> None:
    """Everyone clones as ``git``: a finding for it would be noise."""
    assert holds == holds_login(url)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://u:p@host.example:8080/simple/?token=t#f", "https://host.example:8080/simple/"),
        ("https://u:p@[bad/simple", "[bad/simple"),
    ],
)
def test_urls_lose_their_secrets(url: str, expected: str) -> None:
    """Login, query and fragment; a URL that makes no sense loses its login too."""
    assert expected == without_credentials(url)


def test_credentials_are_masked() -> None:
    """User and password of a URL never show; an address without them stays."""
    text = "from https://me:s3@cret@index.example/simple and https://index.example/a@b"

    assert "from https://***@index.example/simple and https://index.example/a@b" == mask_credentials(text)


def test_a_url_that_is_asked_keeps_its_query() -> None:
    """A signed address is one by its query."""
    assert "https://host.example/a?signed=1#f" == without_login("https://u:p@host.example/a?signed=1#f")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://u:p@conda.example/t/t0ken/main/linux-64", "https://conda.example/main/linux-64"),
        ("https://conda.example/t/t0ken", "https://conda.example/"),
        ("conda-forge", "conda-forge"),
    ],
)
def test_a_channel_loses_its_token(url: str, expected: str) -> None:
    """It stands in the path; a channel may also be named."""
    assert expected == without_channel_token(url)
