"""What this service needs from outside, beside blobs, repositories and the platforms' own ports."""

from typing import Protocol

from penstock_contracts.facts import PullRequestRef
from penstock_platforms.ports import Reader


class Readers(Protocol):
    """The platforms that can be read here."""

    def of(self, ref: PullRequestRef) -> Reader:
        """Raises NoAccess where no credential is configured."""
        ...
