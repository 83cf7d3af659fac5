"""Which effect is which: their ids, their order, and the hidden marks that tell them at the platform. Pure."""

import hashlib
import hmac
import re

from penstock_contracts.enums import CLOSINGS, CommentsKind
from penstock_contracts.ids import deterministic_id

MARKER_START = "<!-- penstock:"
_MARKED = re.compile(r"<!-- penstock:([0-9a-f]{32}) -->\s*\Z")

_RANKS = {CommentsKind.PENDING: 1, **dict.fromkeys(CLOSINGS, 2), CommentsKind.REVIEW: 3}


def rank_of(kind: CommentsKind) -> int:
    """The order of what may be said in one effect within an epoch: a note, then a closing, then a review's result."""
    return _RANKS[kind]


REVIEW_RANK = rank_of(CommentsKind.REVIEW)
ABANDONED_RANK = 4
"""Of a closing that is said in the place of its own run's result, which was planned and will not be said any more."""


def summary_id(stream: str) -> str:
    return deterministic_id("effect", "summary", stream)


def status_id(stream: str, head: str) -> str:
    """With the stream: two pull requests may have one head, and their epochs cannot be compared."""
    return deterministic_id("effect", "status", stream, head)


def review_id(run: str) -> str:
    return deterministic_id("effect", "review", run)


def forgotten_id(stream: str) -> str:
    """Of the row that tells that something was said here of which nothing is known any more."""
    return deterministic_id("effect", "forgotten", stream)


def inline_id(stream: str, fingerprint: str) -> str:
    return deterministic_id("effect", "inline", stream, fingerprint)


def digest(text: str) -> str:
    """Of a text as a platform gives it back: line ends and outer blanks are not told apart."""
    return hashlib.sha256("\n".join(text.split("\r\n")).strip().encode()).hexdigest()


class Markers:
    """Keyed marks. Who does not have the key cannot make a text that is taken for ours, nor guess an effect's id."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def of(self, effect_id: str) -> str:
        return f"{MARKER_START}{self._key(effect_id)} -->"

    def sign(self, body: str, effect_id: str, limit: int) -> str:
        """The body with its mark as last line, cut so that both fit."""
        mark = self.of(effect_id)
        room = limit - len(mark) - 2
        kept = body if len(body) <= room else body[: room - 2].rstrip() + "\n…"
        return f"{kept}\n\n{mark}"

    def marks(self, body: str, effect_id: str) -> bool:
        """Whether this text ends with the mark of this effect; a mark that is quoted in the middle does not count."""
        found = _MARKED.search(body)
        return found is not None and hmac.compare_digest(found[1], self._key(effect_id))

    def signed(self, body: str) -> bool:
        """Whether this text ends with a mark as ours look; whose it is stays open."""
        return _MARKED.search(body) is not None

    def _key(self, effect_id: str) -> str:
        return hmac.digest(self._secret, effect_id.encode(), "sha256").hex()[:32]
