"""Leases, counted deliveries and dead letters."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from penstock_contracts.facts import DeadLettered
from penstock_store.ports import Store
from penstock_store.rows import DeadLetterRow, LetterFilter, LetterState, NewOutboxRow, Place, RawRecord
from tests.suites.store.worlds import Later

LONG = timedelta(minutes=5)
SHORT = timedelta(seconds=0.01)


class LeaseSuite:
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
