"""One client per platform, for all its repositories."""

from collections.abc import Mapping
from dataclasses import dataclass

from penstock_contracts.facts import PullRequestRef
from penstock_platforms.ports import Platform, Reader
from penstock_prepare.errors import NoAccess
from penstock_runtime.names import token_name


@dataclass(frozen=True, slots=True)
class PlatformReaders:
    platforms: Mapping[str, Platform]

    def of(self, ref: PullRequestRef) -> Reader:
        try:
            return self.platforms[ref.platform]
        except KeyError:
            raise NoAccess(ref.platform, f"set {token_name(ref.platform)}") from None

    async def close(self) -> None:
        for platform in self.platforms.values():
            await platform.aclose()
