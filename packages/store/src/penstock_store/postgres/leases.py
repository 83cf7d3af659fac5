"""Leases on PostgreSQL. Giving one back leaves its row, so that its fence grows with each holder.

Retention deletes rows that expired 30 days ago, and `forget` those that name a stream, held or not; then a key begins
at fence 1 again. Who held it before does not pass for the new holder, since writes compare the holder too, which is a
process by its name. One of the same name, frozen since, would have to sleep for 30 days; or it finds no row of the
forgotten stream to change, as its ledger of effects went in the same transaction as its leases.
"""

from datetime import timedelta

from penstock_store.errors import StoreError
from penstock_store.ports import LEASE_TTL
from penstock_store.postgres.database import Database
from penstock_store.rows import Lease

_ACQUIRE = """
insert into workflow.leases as l (key, holder, fence, expires_at) values (%s, %s, 1, clock_timestamp() + %s)
on conflict (key) do update set holder = excluded.holder, fence = l.fence + 1, expires_at = excluded.expires_at
where l.expires_at <= clock_timestamp() or l.holder = excluded.holder
returning key, holder, fence, expires_at
"""
_RENEW = """
update workflow.leases set expires_at = clock_timestamp() + %s
where key = %s and holder = %s and fence = %s and expires_at > clock_timestamp()
returning key, holder, fence, expires_at
"""
_RELEASE = """
update workflow.leases set expires_at = clock_timestamp()
where key = %s and holder = %s and fence = %s and expires_at > clock_timestamp()
"""
_LOCKED = "select exists (select 1 from workflow.leases where key = %s and expires_at > clock_timestamp())"


class PostgresLeases:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def acquire(self, key: str, holder: str, ttl: timedelta = LEASE_TTL) -> Lease | None:
        found = await self._database.rows(Lease, _ACQUIRE, (key, holder, ttl))
        return found[0] if found else None

    async def renew(self, lease: Lease, ttl: timedelta) -> Lease | None:
        found = await self._database.rows(Lease, _RENEW, (ttl, lease.key, lease.holder, lease.fence))
        return found[0] if found else None

    async def release(self, lease: Lease) -> None:
        await self._database.execute(_RELEASE, (lease.key, lease.holder, lease.fence))

    async def is_locked(self, key: str) -> bool:
        try:
            return bool(await self._database.value(_LOCKED, (key,)))
        except StoreError:
            return True
