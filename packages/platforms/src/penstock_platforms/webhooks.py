"""What ingest needs of every platform: a signature that fits, and one form for what was said.

Nothing here or in a platform's `webhook` module may import an HTTP client: ingest stays small.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from penstock_contracts.enums import PullRequestKind
from penstock_contracts.facts import PrReceived


@dataclass(frozen=True, slots=True)
class Ignored:
    """A valid webhook that asks nothing of us; it is answered 2xx with the reason."""

    delivery_id: str
    reason: str
    kind: str = "other"


class Webhook(Protocol):
    """The `webhook` module of a platform."""

    def delivery_id(self, headers: Mapping[str, str]) -> str:
        """The platform's id of this delivery, the same when it is sent again; empty where it sent none."""
        ...

    def verify(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[bytes]) -> None:
        """Raises SignatureMissing or SignatureInvalid unless one of the secrets signed the body."""
        ...

    def normalise(self, headers: Mapping[str, str], body: bytes, instance: str) -> PrReceived | Ignored:
        """Raises Malformed for anything the platform would not send."""
        ...


_ANSWER_KINDS: Mapping[PullRequestKind, str] = {
    PullRequestKind.COMMAND: "command",
    PullRequestKind.FEEDBACK: "feedback",
}


def answer_kind(said: PrReceived | Ignored) -> str:
    """The `kind` of ingest's answer body, stable from the first release."""
    if isinstance(said, Ignored):
        return said.kind
    return _ANSWER_KINDS.get(said.kind, f"pr_{said.kind.value}")
