"""Leases, counted deliveries and dead letters."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from penstock_contracts.facts import DeadLettered
from penstock_contracts.routing import SHARDS
from penstock_store.errors import FenceLost
from penstock_store.ports import Store
from penstock_store.rows import (
    DeadLetterRow,
    EffectKind,
    EffectRow,
    EffectState,
    Lease,
    LetterFilter,
    LetterState,
    NewOutboxRow,
    Place,
    RawRecord,
)
from tests.suites.store.worlds import Later

LONG = timedelta(minutes=5)
SHORT = timedelta(seconds=0.01)


Write = Callable[[Store, Lease], Awaitable[None]]


async def _mark_sent(store: Store, lease: Lease) -> None:
    await store.outbox.mark_sent([row.id for row in await store.outbox.unsent(range(SHARDS), 10)], lease)


async def _publish(store: Store, lease: Lease) -> None:
    await store.outbox.publish(await store.outbox.unsent(range(SHARDS), 10), {"t": 1}, lease)


async def _block(store: Store, lease: Lease) -> None:
    (row,) = await store.outbox.unsent(range(SHARDS), 10)
    await store.outbox.block(row.id, "refused", lease)


async def _move(store: Store, lease: Lease) -> None:
    await store.log.move("g", [Place("t", 0, 5)], lease)


async def _begin(store: Store, lease: Lease) -> None:
    await store.effects.begin("e", lease)


async def _settle(store: Store, lease: Lease) -> None:
    await store.effects.settle("e", lease, EffectState.SENT, external_id="x", url="", note="")


FENCED: list[Write] = [_mark_sent, _publish, _block, _move, _begin, _settle]
"""Every write that asks whether its writer still holds the lease."""


async def _prepare(store: Store) -> None:
    """Something for each of them to write on."""
    await store.outbox.put([NewOutboxRow("s", "t", "s", None, (), b"v")])
    await store.effects.plan([EffectRow("e", "s", "r", EffectKind.STATUS, 1, 1, EffectState.PLANNED)])


async def _seen(store: Store) -> object:
    return (
        await store.outbox.unsent(range(SHARDS), 10),
        await store.outbox.blocked(),
        await store.log.read([Place("t", 0, 0)], 10),
        await store.log.positions("g"),
        await store.effects.get("e"),
    )


class LeaseSuite:
    async def test_acquire_gives_it_for_five_minutes_where_nothing_else_is_said(self, store: Store) -> None:
        before = await store.now()

        lease = await store.leases.acquire("k", "a")

        assert lease is not None
        assert timedelta(minutes=4) < lease.expires_at - before < timedelta(minutes=6)

    async def test_none_is_given_while_it_is_held(self, store: Store) -> None:
        await store.leases.acquire("k", "a", LONG)
        assert await store.leases.acquire("k", "b", LONG) is None

    async def test_after_its_release_somebody_else_gets_it(self, store: Store) -> None:
        lease = await store.leases.acquire("k", "a", LONG)
        assert lease is not None

        await store.leases.release(lease)

        assert not await store.leases.is_locked("k")
        assert await store.leases.acquire("k", "b", LONG) is not None

    async def test_it_is_released_by_itself_after_its_ttl(self, store: Store, later: Later) -> None:
        await store.leases.acquire("k", "a", SHORT)
        await later(0.02)
        assert await store.leases.acquire("k", "b", LONG) is not None

    @pytest.mark.parametrize("write", FENCED)
    async def test_a_holder_that_was_frozen_and_woke_up_writes_nothing(
        self, store: Store, later: Later, write: Write
    ) -> None:
        frozen = await store.leases.acquire("k", "a", SHORT)
        assert frozen is not None
        await _prepare(store)
        await later(0.02)
        await store.leases.acquire("k", "b", LONG)
        before = await _seen(store)

        with pytest.raises(FenceLost):
            await write(store, frozen)

        assert await _seen(store) == before

    @pytest.mark.parametrize("write", FENCED)
    async def test_a_holder_that_was_started_again_does_not_let_its_old_self_write(
        self, store: Store, write: Write
    ) -> None:
        """As where a process id comes back: the name is the same, the fence is not."""
        old = await store.leases.acquire("k", "a", LONG)
        new = await store.leases.acquire("k", "a", LONG)
        assert old is not None
        assert new is not None
        await _prepare(store)
        before = await _seen(store)

        with pytest.raises(FenceLost):
            await write(store, old)
        assert await _seen(store) == before

    async def test_one_holder_at_a_time(self, store: Store) -> None:
        lease = await store.leases.acquire("k", "a", LONG)

        assert lease is not None
        assert (lease.key, lease.holder, lease.fence) == ("k", "a", 1)
        assert await store.leases.acquire("k", "b", LONG) is None
        assert await store.leases.acquire("other", "b", LONG) is not None

    async def test_of_many_at_once_one_gets_it(self, store: Store) -> None:
        got = await asyncio.gather(*(store.leases.acquire("k", f"h{number}", LONG) for number in range(8)))
        assert len([lease for lease in got if lease is not None]) == 1

    async def test_the_same_holder_gets_it_again_with_a_new_fence(self, store: Store) -> None:
        first = await store.leases.acquire("k", "a", LONG)
        second = await store.leases.acquire("k", "a", LONG)

        assert first is not None
        assert second is not None
        assert second.fence == first.fence + 1
        assert await store.leases.renew(first, LONG) is None

    async def test_released_it_is_free_and_its_fence_goes_on_growing(self, store: Store) -> None:
        first = await store.leases.acquire("k", "a", LONG)
        assert first is not None
        await store.leases.release(first)

        second = await store.leases.acquire("k", "b", LONG)

        assert second is not None
        assert second.fence == 2

    async def test_only_its_holder_can_release_it(self, store: Store, later: Later) -> None:
        lost = await store.leases.acquire("k", "a", SHORT)
        assert lost is not None
        await later(0.02)
        await store.leases.acquire("k", "b", LONG)

        await store.leases.release(lost)

        assert await store.leases.is_locked("k")
        assert await store.leases.acquire("k", "c", LONG) is None

    async def test_it_expires_by_the_clock_of_the_store(self, store: Store, later: Later) -> None:
        lease = await store.leases.acquire("k", "a", SHORT)
        assert lease is not None
        await later(0.02)

        assert not await store.leases.is_locked("k")
        assert await store.leases.renew(lease, LONG) is None
        assert await store.leases.acquire("k", "b", LONG) is not None

    async def test_renewed_it_lasts_longer_with_the_same_fence(self, store: Store) -> None:
        lease = await store.leases.acquire("k", "a", LONG)
        assert lease is not None

        renewed = await store.leases.renew(lease, 2 * LONG)

        assert renewed is not None
        assert renewed.fence == lease.fence
        assert renewed.expires_at > lease.expires_at

    async def test_looking_does_not_take_it(self, store: Store) -> None:
        assert not await store.leases.is_locked("k")
        assert await store.leases.acquire("k", "a", LONG) is not None
        assert await store.leases.is_locked("k")


class DeliverySuite:
    async def test_each_handing_over_is_counted(self, store: Store) -> None:
        places = [Place("t", 0, 5), Place("t", 1, 5)]

        assert await store.deliveries.count("c", places) == {places[0]: 1, places[1]: 1}
        assert await store.deliveries.count("c", places[:1]) == {places[0]: 2}
        assert await store.deliveries.count("other", places[:1]) == {places[0]: 1}
        assert await store.deliveries.count("c", []) == {}

    async def test_what_was_handled_is_forgotten(self, store: Store) -> None:
        place = Place("t", 0, 5)
        await store.deliveries.count("c", [place])
        await store.deliveries.forget("c", [place])
        await store.deliveries.forget("c", [])
        assert await store.deliveries.count("c", [place]) == {place: 1}

    async def test_an_orderly_end_takes_its_count_back(self, store: Store) -> None:
        place = Place("t", 0, 5)
        await store.deliveries.count("c", [place])
        await store.deliveries.count("c", [place])

        await store.deliveries.take_back("c", [place, Place("t", 0, 6)])
        assert await store.deliveries.count("c", [place]) == {place: 2}
        await store.deliveries.take_back("c", [place])
        await store.deliveries.take_back("c", [place])
        await store.deliveries.take_back("c", [place])
        assert await store.deliveries.count("c", [place]) == {place: 1}


def letter(id_: str = "l1") -> DeadLetterRow:
    record = RawRecord("t", 2, 17, b"\x00k", (("ce_id", b"\xff"),), None)
    return DeadLetterRow(id_, "ast", record, "", "", "", "", "undecodable", "what it was", "what to do")


class DeadLetterSuite:
    async def test_a_letter_keeps_the_record_as_it_was(self, store: Store) -> None:
        said = NewOutboxRow("s", "penstock.dlq", "k", None, (), b"v")
        await store.dead_letters.put(letter(), [said])
        await store.dead_letters.put(letter(), [said])

        kept = await store.dead_letters.get("l1")

        assert kept is not None
        assert kept.record == letter().record
        assert kept.created_at is not None
        assert len(await store.outbox.unsent(range(8), 10)) == 1
        assert DeadLettered.TYPE not in kept.event_type
        assert await store.dead_letters.get("nothing") is None

    async def test_a_resolved_letter_is_not_open_and_says_how(self, store: Store) -> None:
        await store.dead_letters.put(letter("l1"), [])
        await store.dead_letters.put(letter("l2"), [])

        said = NewOutboxRow("s", "workflow.control", "k", None, (), b"v")
        assert await store.dead_letters.settle("l1", "discarded by ada", [said])
        assert not await store.dead_letters.settle("l1", "again", [said])
        assert not await store.dead_letters.settle("nothing", "again", [said])

        assert len(await store.outbox.unsent(range(8), 10)) == 1
        assert [one.id for one in await store.dead_letters.letters()] == ["l2"]
        kept = await store.dead_letters.get("l1")
        assert kept is not None
        assert kept.resolution == "discarded by ada"
        assert kept.resolved_at is not None

    async def test_letters_are_filtered_counted_and_paged_oldest_first(self, store: Store) -> None:
        for number in range(5):
            await store.dead_letters.put(replace(letter(f"l{number}"), stream=f"s{number % 2}", run_id="r"), [])
        await store.dead_letters.put(replace(letter("other"), reason="poison", event_type="ast.requested"), [])
        await store.dead_letters.settle("l0", "sent back")
        letters = store.dead_letters.letters

        assert await store.dead_letters.counts() == {"undecodable": 4, "poison": 1}
        assert [one.id for one in await letters(LetterFilter(stream="s0"))] == ["l2", "l4"]
        assert [one.id for one in await letters(LetterFilter(reason="poison", event_type="ast.requested"))] == ["other"]
        assert [one.id for one in await letters(LetterFilter(topic="t", run_id="r", limit=2))] == ["l1", "l2"]
        assert [one.id for one in await letters(LetterFilter(run_id="r", after="l2"))] == ["l3", "l4"]
        assert [one.id for one in await letters(LetterFilter(state=LetterState.RESOLVED))] == ["l0"]
        assert len(await letters(LetterFilter(state=LetterState.ANY))) == 6
