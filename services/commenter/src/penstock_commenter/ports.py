"""What the commenter needs from outside, beside the store."""

from typing import Protocol

from penstock_contracts.facts import PullRequestRef
from penstock_platforms.ports import Platform


class Platforms(Protocol):
    """The platforms this installation has a writing credential for."""

    def of(self, ref: PullRequestRef) -> Platform:
        """Raises UnknownPlatform."""
        ...

    async def account(self, ref: PullRequestRef) -> str:
        """The name our own comments carry there. Raises UnknownPlatform or a PlatformError."""
        ...

    async def close(self) -> None: ...
