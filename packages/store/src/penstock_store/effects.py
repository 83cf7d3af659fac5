"""The ledger of what is done to platforms: the port, with a memory and a Postgres adapter that pass one suite."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from penstock_store.rows import EffectRow, EffectState, Lease


class Effects(Protocol):
    """The ledger of what is done to platforms."""

    async def marker_key(self, first: bytes) -> bytes:
        """The key of the marks in what is said: the one that is kept, and this one from now on where none is kept. It
        is the same for all who ask, and outlasts what the first one was made from."""
        ...

    async def plan(self, effects: Sequence[EffectRow]) -> None:
        """Inserts those not known. A known one with lower (epoch, rank) is planned anew, keeping its external id;
        one with the same or higher (epoch, rank) is left alone. Planned anew it keeps external id, url and sent_at:
        a sent_at on a planned effect says that an earlier write may still land."""
        ...

    async def of_stream(self, stream: str) -> Sequence[EffectRow]: ...

    async def get(self, effect_id: str) -> EffectRow | None: ...

    async def begin(self, effect_id: str, lease: Lease) -> EffectRow:
        """Marks it `sending` with the store's clock and the lease's fence. Raises FenceLost."""
        ...

    async def settle(
        self, effect_id: str, lease: Lease, state: EffectState, *, external_id: str, url: str, note: str
    ) -> None:
        """Raises FenceLost. Where the effect was planned anew meanwhile it stays planned, and only external id and url
        are taken."""
        ...

    async def streams_sent_since(self, since: datetime, limit: int) -> Sequence[str]:
        """On which a write was begun after this moment, whatever became of it; where it was latest comes first."""
        ...
