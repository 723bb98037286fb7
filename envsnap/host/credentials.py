"""Logins and tokens taken out of URLs, before one is printed, recorded or sent.

Of text of any kind, host/secrets.py knows what is secret.
"""

import re
from urllib.parse import SplitResult, urlsplit, urlunsplit

REMOTE_LIMIT = 2048
CHANNEL_TOKEN = re.compile(r"/t/[^/]+(/|\Z)")
"""A private conda channel's token stands in its path, as ``/t/TOKEN/``:
https://www.anaconda.com/docs/tools/anaconda-org/user-guide/howto#tokens"""

_IN_TEXT = re.compile(r"//[^/\s'\"]+@")
_LOGIN = re.compile(r"^([a-z][a-z0-9+.-]*://)[^/?#]*@", re.IGNORECASE)
_UNENCODED = re.compile(r"^([a-z][a-z0-9+.-]*://)[^/?#:@\[]*:(?!\d{1,5}(?:[/?#]|\Z)).*@", re.IGNORECASE | re.DOTALL)
"""A password with ``/``, ``?`` or ``#`` in it, which ends the host too early: what follows the colon is no port."""
_USER_OF_SSH = re.compile(r"^(?:git\+)?ssh://[^/?#:@]*@", re.IGNORECASE)
_QUERY = re.compile(r"^(https?://[^?#]*)[?#].*$", re.IGNORECASE | re.DOTALL)


def mask_credentials(text: str) -> str:
    """Replace the user and password of every URL in ``text`` by ``***``: a reader sees that there was a login."""
    return _IN_TEXT.sub("//***@", text)


def without_login(url: str) -> str:
    """Return a URL to be asked, without user name and password; what else it holds, the server may need."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if "@" in parts.netloc else url


def without_credentials(url: str) -> str:
    """Return the URL of an index, or of a file on one, to be recorded: without login, query and fragment.

    Its path stays as it is, whatever it looks like: the file must be found there again.
    """
    parts = split_url(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def without_channel_token(url: str) -> str:
    """Return the URL of a conda channel, or of a package on one, to be recorded; a name of one stays as it is."""
    return CHANNEL_TOKEN.sub("/", without_credentials(url)) if "://" in url else url


def without_secrets(url: str) -> str:
    """Return a URL that a person wrote, as git takes it, to be recorded: without login, query and tokens in its path.

    ``git@host:path`` names no secret and stays; nobody checks that a password in it is encoded as a URL demands.
    """
    from envsnap.host.secrets import redact  # loads msgspec, which a process that is started does not wait for

    bare, logins = _LOGIN.subn(r"\1", url)
    return redact(_QUERY.sub(r"\1", bare if logins else _UNENCODED.sub(r"\1", url)))[:REMOTE_LIMIT]


def holds_login(url: str) -> bool:
    """Whether a URL that a person wrote has a password, a token or a query; the user name of ssh is public."""
    plain = _USER_OF_SSH.sub("ssh://", url)
    return without_secrets(plain) != plain[:REMOTE_LIMIT]


def split_url(url: str) -> SplitResult:
    """Split a URL; one whose host makes no sense has only a path, and nobody will get an answer from it."""
    try:
        return urlsplit(url)
    except ValueError:
        return SplitResult("", "", url.rpartition("@")[2], "", "")
