"""Who may ask: bearer tokens, compared in constant time, each with a name for the audit."""

import base64
import binascii
import hmac
from dataclasses import dataclass
from urllib.parse import urlsplit

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
NOBODY = "nobody"
_UNNAMED = "api"


@dataclass(frozen=True, slots=True)
class Tokens:
    """Pairs of name and token. None at all: everybody on this host may ask, which is why only this host is listened
    to then."""

    pairs: tuple[tuple[str, bytes], ...] = ()

    @classmethod
    def read(cls, text: str) -> "Tokens":
        """One token a line, `name token` or a token alone."""
        lines = [line.split() for line in text.splitlines() if line.strip()]
        return cls(tuple((words[0] if len(words) > 1 else _UNNAMED, words[-1].encode()) for words in lines))

    def trusts(self, host: str, origin: str) -> bool:
        """Without tokens: whether this is no page of somebody else, asking through a browser on this host."""
        if self.pairs:
            return True
        same = not origin or urlsplit(origin).netloc == host
        return same and urlsplit(f"//{host}").hostname in LOOPBACK

    def actor(self, authorization: str) -> str | None:
        """The name of who asks; None: a token is needed and this is none."""
        if not self.pairs:
            return NOBODY
        given = _credential(authorization)
        found: str | None = None
        for name, token in self.pairs:
            # No early end: the time taken must not tell which token fitted.
            if hmac.compare_digest(token, given):
                found = name
        return found


def _credential(authorization: str) -> bytes:
    """A bearer token, or the password of basic authentication, which is what registry clients can send."""
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip().encode("utf-8", "surrogateescape")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(rest.strip(), validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return b""
    return b""
