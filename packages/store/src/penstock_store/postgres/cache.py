"""The cache on PostgreSQL: one row for an entry, or for the claim of whoever finds it out."""

from datetime import timedelta

from penstock_store.cache import CachePlace
from penstock_store.postgres.database import Database

# When it was last used is written at most once a minute: reading shall stay a read.
_GET = """
with used as (
  update workflow.cache_entries set used_at = clock_timestamp()
  where cache = %(cache)s and key = %(key)s and value is not null and used_at < clock_timestamp() - interval '1 minute'
)
select value from workflow.cache_entries
where cache = %(cache)s and key = %(key)s and value is not null and expires_at > clock_timestamp()
"""
_CLAIM = """
insert into workflow.cache_entries as e (cache, key, organisation, repository, token, expires_at)
values (%s, %s, %s, %s, %s, clock_timestamp() + %s)
on conflict (cache, key) do update set organisation = excluded.organisation, repository = excluded.repository,
  token = excluded.token, value = null, expires_at = excluded.expires_at, used_at = clock_timestamp()
where e.expires_at <= clock_timestamp() or (e.value is null and e.token = excluded.token)
"""
_RENEW = """
update workflow.cache_entries set expires_at = clock_timestamp() + %s
where cache = %s and key = %s and token = %s and value is null
"""
_PUT = """
update workflow.cache_entries set value = %s, expires_at = clock_timestamp() + %s, used_at = clock_timestamp()
where cache = %s and key = %s and token = %s and value is null
"""
_TRIM = """
delete from workflow.cache_entries where cache = %(cache)s and key in (
  select key from workflow.cache_entries where cache = %(cache)s order by used_at
  limit least(100, greatest(0, (select count(*) from workflow.cache_entries where cache = %(cache)s) - %(most)s))
  for update skip locked
)
"""
_RELEASE = "delete from workflow.cache_entries where cache = %s and key = %s and token = %s and value is null"
_DROP = "delete from workflow.cache_entries where cache = %s and key = %s"
_FORGET = """
with gone as (
  delete from workflow.cache_entries
  where cache = %(cache)s and (%(organisation)s = '' or organisation = %(organisation)s)
    and (%(repository)s = '' or repository = %(repository)s)
  returning value is not null as kept
)
select count(*) filter (where kept) from gone
"""
_CLEAN = """
delete from workflow.cache_entries where (cache, key) in (
  select cache, key from workflow.cache_entries where expires_at <= clock_timestamp() order by expires_at limit %s
  for update skip locked
)
"""


class PostgresCache:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, place: CachePlace) -> bytes | None:
        async with self._database.connection() as connection:
            found = await (await connection.execute(_GET, {"cache": place.cache, "key": place.key})).fetchone()
        return None if found is None else bytes(found[0])

    async def claim(self, place: CachePlace, token: str, ttl: timedelta) -> bool:
        values = (place.cache, place.key, place.organisation, place.repository, token, ttl)
        return await self._database.execute(_CLAIM, values) > 0

    async def renew(self, place: CachePlace, token: str, ttl: timedelta) -> bool:
        return await self._database.execute(_RENEW, (ttl, place.cache, place.key, token)) > 0

    async def put(self, place: CachePlace, token: str, value: bytes, ttl: timedelta, most: int) -> bool:
        async with self._database.connection() as connection:
            cursor = await connection.execute(_PUT, (value, ttl, place.cache, place.key, token))
            if cursor.rowcount == 0:
                return False
            await connection.execute(_TRIM, {"cache": place.cache, "most": most})
        return True

    async def release(self, place: CachePlace, token: str) -> None:
        await self._database.execute(_RELEASE, (place.cache, place.key, token))

    async def drop(self, place: CachePlace) -> None:
        await self._database.execute(_DROP, (place.cache, place.key))

    async def forget(self, cache: str, *, organisation: str = "", repository: str = "") -> int:
        values = {"cache": cache, "organisation": organisation, "repository": repository}
        async with self._database.connection() as connection:
            found = await (await connection.execute(_FORGET, values)).fetchone()
        return found[0] if found else 0

    async def clean(self, limit: int) -> int:
        return await self._database.execute(_CLEAN, (limit,))
