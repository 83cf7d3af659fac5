"""The cache: claims, values, forgetting, and its bounds."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from penstock_store.cache import CachePlace
from penstock_store.ports import Store
from tests.suites.store.worlds import Later

LONG = timedelta(minutes=5)
SHORT = timedelta(seconds=0.01)
SHOP = CachePlace("configuration", "k1", "acme", "acme/shop")


async def kept(store: Store, place: CachePlace, value: bytes = b"v", *, ttl: timedelta = LONG, most: int = 100) -> None:
    assert await store.cache.claim(place, "t", LONG)
    assert await store.cache.put(place, "t", value, ttl, most)


class CacheSuite:
    async def test_what_was_put_is_got_again(self, store: Store) -> None:
        assert await store.cache.get(SHOP) is None
        await kept(store, SHOP, b"\x00\xff")

        assert await store.cache.get(SHOP) == b"\x00\xff"
        assert await store.cache.get(replace(SHOP, key="k2")) is None
        assert await store.cache.get(replace(SHOP, cache="answers")) is None

    async def test_of_many_at_once_one_may_find_it_out(self, store: Store) -> None:
        claims = await asyncio.gather(*(store.cache.claim(SHOP, f"t{number}", LONG) for number in range(8)))

        assert claims.count(True) == 1
        assert await store.cache.get(SHOP) is None

    async def test_what_is_there_cannot_be_claimed(self, store: Store) -> None:
        await kept(store, SHOP)
        assert not await store.cache.claim(SHOP, "other", LONG)
        assert not await store.cache.claim(SHOP, "t", LONG)

    async def test_a_claim_that_is_not_renewed_goes_to_the_next_and_the_late_value_is_not_kept(
        self, store: Store, later: Later
    ) -> None:
        await store.cache.claim(SHOP, "frozen", SHORT)
        await later(0.02)

        assert await store.cache.claim(SHOP, "next", LONG)
        assert not await store.cache.put(SHOP, "frozen", b"old", LONG, 100)
        assert await store.cache.put(SHOP, "next", b"new", LONG, 100)
        assert await store.cache.get(SHOP) == b"new"

    async def test_a_renewed_claim_stands(self, store: Store, later: Later) -> None:
        await store.cache.claim(SHOP, "t", SHORT)
        assert await store.cache.renew(SHOP, "t", LONG)
        await later(0.02)
        assert not await store.cache.claim(SHOP, "other", LONG)

    async def test_a_claim_that_is_gone_cannot_be_renewed(self, store: Store) -> None:
        await store.cache.claim(SHOP, "t", LONG)
        assert not await store.cache.renew(SHOP, "other", LONG)
        await store.cache.forget("configuration")
        assert not await store.cache.renew(SHOP, "t", LONG)
        await kept(store, SHOP)
        assert not await store.cache.renew(SHOP, "t", LONG)

    async def test_a_released_claim_is_free_at_once_but_only_its_holder_can_release_it(self, store: Store) -> None:
        await store.cache.claim(SHOP, "t", LONG)
        await store.cache.release(SHOP, "other")
        assert not await store.cache.claim(SHOP, "other", LONG)

        await store.cache.release(SHOP, "t")
        assert await store.cache.claim(SHOP, "other", LONG)

    async def test_a_release_that_comes_late_takes_no_value_away(self, store: Store) -> None:
        await kept(store, SHOP)
        await store.cache.release(SHOP, "t")
        assert await store.cache.get(SHOP) == b"v"

    async def test_what_is_too_old_by_the_store_s_clock_is_not_got_and_may_be_found_out_again(
        self, store: Store, later: Later
    ) -> None:
        await kept(store, SHOP, ttl=SHORT)
        await later(0.02)

        assert await store.cache.get(SHOP) is None
        await kept(store, SHOP, b"again")
        assert await store.cache.get(SHOP) == b"again"

    async def test_what_nobody_can_read_is_dropped(self, store: Store) -> None:
        await kept(store, SHOP)
        await store.cache.drop(SHOP)
        assert await store.cache.claim(SHOP, "t", LONG)

    async def test_forgotten_by_repository_or_by_organisation_and_nothing_else(self, store: Store) -> None:
        blog = CachePlace("configuration", "k2", "acme", "acme/blog")
        other = CachePlace("configuration", "k3", "umbrella", "umbrella/lab")
        answer = CachePlace("answers", "k1", "acme", "acme/shop")
        for place in (SHOP, blog, other, answer):
            await kept(store, place)

        assert await store.cache.forget("configuration", repository="acme/shop") == 1
        assert [await store.cache.get(place) is not None for place in (SHOP, blog, other)] == [False, True, True]
        assert await store.cache.forget("configuration", organisation="acme") == 1
        assert [await store.cache.get(place) is not None for place in (blog, other)] == [False, True]
        assert await store.cache.forget("configuration") == 1
        assert await store.cache.get(other) is None
        assert await store.cache.get(answer) is not None

    async def test_what_was_read_before_it_was_forgotten_is_not_kept_afterwards(self, store: Store) -> None:
        await store.cache.claim(SHOP, "t", LONG)

        assert await store.cache.forget("configuration", repository="acme/shop") == 0

        assert not await store.cache.put(SHOP, "t", b"stale", LONG, 100)
        assert await store.cache.get(SHOP) is None

    async def test_beyond_its_bound_what_was_used_longest_ago_goes(self, store: Store, later: Later) -> None:
        places = [replace(SHOP, key=f"k{number}") for number in range(4)]
        for place in places:
            await kept(store, place, most=3)
            await later(0.001)

        found = [await store.cache.get(place) is not None for place in places]

        assert found == [False, True, True, True]

    async def test_the_bound_of_one_cache_is_not_another_s(self, store: Store) -> None:
        await kept(store, replace(SHOP, cache="answers"))
        await kept(store, SHOP, most=1)
        assert await store.cache.get(replace(SHOP, cache="answers")) is not None

    async def test_cleaning_takes_away_what_is_too_old_and_no_more_than_it_may(
        self, store: Store, later: Later
    ) -> None:
        for number in range(2):
            await kept(store, replace(SHOP, key=f"old{number}"), ttl=SHORT)
        await store.cache.claim(replace(SHOP, key="of a killed one"), "t", SHORT)
        await kept(store, SHOP)
        await later(0.02)

        assert [await store.cache.clean(2), await store.cache.clean(2), await store.cache.clean(2)] == [2, 1, 0]
        assert await store.cache.get(SHOP) == b"v"
