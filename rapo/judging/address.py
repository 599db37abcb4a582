"""Where a chat server is, what of that may be told, and to whom a key goes."""

import ipaddress
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

OPENAI = "https://api.openai.com/v1"
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SECRET = re.compile(  # a key or a token ends its name: what another word follows counts them, or says where they are
    r"(secret|passw(or)?d|passphrase|cookie|credential)s?\b|\b(o?auth|authori[sz]ation|bearer|signature|jwt|pwd)\b"
    r"|\b(\w*(api|access|secret|private))?keys?$|token$|\b(api|access|refresh) tokens$|^(sig|code)$"
)
_SETTING = re.compile(r"\b(cache|public) keys?$|\b(bos|eos|pad|unk|mask|start|end|stop) token$")
_SHORT = 8  # characters: what is shorter is no secret, and would be found in any text


@dataclass(frozen=True)
class Address:
    """A server's address.

    Attributes:
        url: with everything that it needs, its parameters left out.
        shown: what files and messages may hold: no user, no password, no parameters.
        query: parameters of every request.
    """

    url: str
    shown: str
    query: Mapping[str, str]

    @classmethod
    def of(cls, base_url: str | None = None) -> "Address":
        """The address that is given, else ``$OPENAI_BASE_URL``, else OpenAI's own.

        Raises:
            ValueError: it is no address of a web server.

        >>> Address.of("http://me:word@localhost:8000/v1/?api_key=x").shown
        'http://localhost:8000/v1'
        """
        parts = urlsplit((base_url or os.environ.get("OPENAI_BASE_URL") or OPENAI).strip())
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("the server's address is none; write, for example, http://localhost:8000/v1")
        host = parts.netloc.rpartition("@")[2]
        path = parts.path.rstrip("/")
        url, shown = (urlunsplit((parts.scheme, at, path, "", "")) for at in (parts.netloc, host))
        return cls(url, shown, dict(parse_qsl(parts.query, keep_blank_values=True)))

    @property
    def parameters(self) -> dict[str, str]:
        """Parameters that are no secrets."""
        return without_secrets(self.query)

    @property
    def is_openai(self) -> bool:
        """Whether it is OpenAI's own."""
        return self.shown == OPENAI

    @property
    def is_here(self) -> bool:
        """Whether it is on this machine."""
        host = urlsplit(self.shown).hostname or ""
        try:
            return host == "localhost" or ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False

    @property
    def is_safe(self) -> bool:
        """Whether nobody on the way can read what is sent: https, or a server on this machine."""
        return self.is_here or urlsplit(self.shown).scheme == "https"

    @property
    def secrets(self) -> list[str]:
        """User, password, and parameters that are called as secrets are."""
        parts = urlsplit(self.url)
        given = [part for part in (parts.username, parts.password) if part]
        return [*given, *map(unquote, given), *secrets_of(self.query)]


def is_secret(name: str) -> bool:
    """Whether a header, a parameter or a field of this name holds a secret; whole words tell.

    >>> is_secret("X-Api-Key"), is_secret("accessToken"), is_secret("OpenAI-Beta"), is_secret("stop_token_ids")
    (True, True, False, False)
    """
    words = " ".join(_WORD.findall(name)).lower()
    return bool(_SECRET.search(words)) and not _SETTING.search(words)


def without_secrets(named: Mapping[str, Any]) -> dict[str, Any]:
    """Those whose names are not those of secrets, also within mappings and lists that they hold.

    >>> without_secrets({"n": 1, "route": [{"at": "here", "api_key": "sk-1"}]})
    {'n': 1, 'route': [{'at': 'here'}]}
    """
    return {name: _told(value) for name, value in named.items() if not is_secret(str(name))}


def _told(value: Any) -> Any:
    if isinstance(value, Mapping):
        return without_secrets(value)
    return [_told(one) for one in value] if isinstance(value, list | tuple) else value


def secrets_of(value: Any, *, hidden: bool = False) -> list[str]:
    """What `without_secrets` leaves out, as texts; all that there is, where it is ``hidden``."""
    if isinstance(value, Mapping):
        parts = [secrets_of(held, hidden=hidden or is_secret(str(name))) for name, held in value.items()]
    elif isinstance(value, list | tuple):
        parts = [secrets_of(one, hidden=hidden) for one in value]
    else:
        return [str(value)] if hidden else []
    return [text for part in parts for text in part]


def without(text: str, secrets: Iterable[str]) -> str:
    """A text with stars in place of secrets.

    >>> without("Bearer abcdefgh is not known", ["abcdefgh"])
    'Bearer *** is not known'
    """
    for secret in sorted({one for one in secrets if len(one) >= _SHORT}, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text
