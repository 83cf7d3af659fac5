"""The platforms, each through one client of its own, kept for the life of the process."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from penstock_commenter.errors import UnknownPlatform
from penstock_contracts.facts import PullRequestRef
from penstock_platforms.ports import Platform

Connect = Callable[[str], Platform]


@dataclass(slots=True)
class ConnectedPlatforms:
    """Implements `ports.Platforms`. `connect` opens a client for an instance of a platform, on first use."""

    connect: Mapping[str, Connect]
    _clients: dict[tuple[str, str], Platform] = field(default_factory=dict)
    _accounts: dict[tuple[str, str], str] = field(default_factory=dict)

    def of(self, ref: PullRequestRef) -> Platform:
        known = self._clients.get((ref.platform, ref.instance))
        if known is not None:
            return known
        connect = self.connect.get(ref.platform)
        if connect is None:
            raise UnknownPlatform(ref.platform, ref.instance)
        client = self._clients[ref.platform, ref.instance] = connect(ref.instance)
        return client

    async def account(self, ref: PullRequestRef) -> str:
        """Asked once: the account of a credential does not change while the process has it."""
        key = (ref.platform, ref.instance)
        if key not in self._accounts:
            self._accounts[key] = await self.of(ref).account()
        return self._accounts[key]

    async def close(self) -> None:
        clients, self._clients = tuple(self._clients.values()), {}
        for client in clients:
            await client.aclose()
