"""Blobs, effects and schemas."""

import asyncio
import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest

from penstock_contracts.schemas import Schema
from penstock_store.errors import BlobMissing, EffectUnknown, FenceLost
from penstock_store.ports import Store
from penstock_store.rows import EffectKind, EffectRow, EffectState, Lease
from tests.suites.store.worlds import Later

SUMMARY = EffectRow("e1", "s", "r1", EffectKind.SUMMARY, epoch=1, rank=1, state=EffectState.PLANNED, digest="d1")


async def lease_of(store: Store, holder: str = "c1", seconds: float = 60) -> Lease:
    lease = await store.leases.acquire("effects:s", holder, timedelta(seconds=seconds))
    assert lease is not None
    return lease


class EffectSuite:
    async def test_the_first_key_of_marks_is_kept_for_all_who_ask(self, store: Store) -> None:
        asked = await asyncio.gather(*(store.effects.marker_key(bytes([0, number])) for number in range(4)))

        (kept,) = set(asked)
        assert await store.effects.marker_key(b"later") == kept

    async def test_a_planned_effect_is_sent_and_settled(self, store: Store) -> None:
        lease = await lease_of(store)
        await store.effects.plan([SUMMARY])

        begun = await store.effects.begin("e1", lease)
        await store.effects.settle("e1", lease, EffectState.SENT, external_id="42", url="u", note="n")

        assert (begun.state, begun.fence) == (EffectState.SENDING, lease.fence)
        assert begun.sent_at is not None
        settled = await store.effects.get("e1")
        assert settled is not None
        assert (settled.state, settled.external_id, settled.url, settled.note) == (EffectState.SENT, "42", "u", "n")
        assert settled.sent_at == begun.sent_at

    async def test_a_lower_or_equal_write_is_left_alone(self, store: Store) -> None:
        await store.effects.plan([replace(SUMMARY, epoch=2, rank=3)])
        for epoch, rank in ((2, 3), (2, 2), (1, 9)):
            await store.effects.plan([replace(SUMMARY, epoch=epoch, rank=rank, digest="lower")])

        kept = await store.effects.get("e1")
        assert kept is not None
        assert (kept.epoch, kept.rank, kept.digest) == (2, 3, "d1")

    async def test_a_higher_write_is_planned_anew_and_keeps_what_is_out_there(self, store: Store) -> None:
        lease = await lease_of(store)
        await store.effects.plan([SUMMARY])
        begun = await store.effects.begin("e1", lease)
        await store.effects.settle("e1", lease, EffectState.SENT, external_id="42", url="u", note="")

        await store.effects.plan([replace(SUMMARY, epoch=2, rank=0, digest="d2", run_id="r2")])

        kept = await store.effects.get("e1")
        assert kept is not None
        assert (kept.state, kept.digest, kept.run_id, kept.fence) == (EffectState.PLANNED, "d2", "r2", 0)
        assert (kept.external_id, kept.url, kept.sent_at) == ("42", "u", begun.sent_at)

    async def test_settling_what_was_planned_anew_meanwhile_keeps_it_planned(self, store: Store) -> None:
        lease = await lease_of(store)
        await store.effects.plan([SUMMARY])
        await store.effects.begin("e1", lease)
        await store.effects.plan([replace(SUMMARY, rank=2)])

        await store.effects.settle("e1", lease, EffectState.SENT, external_id="42", url="u", note="sent")

        kept = await store.effects.get("e1")
        assert kept is not None
        assert (kept.state, kept.external_id, kept.note) == (EffectState.PLANNED, "42", "")

    async def test_of_several_plans_of_one_effect_the_highest_stands(self, store: Store) -> None:
        await store.effects.plan([SUMMARY, replace(SUMMARY, rank=5, digest="top"), replace(SUMMARY, rank=3)])
        kept = await store.effects.get("e1")
        assert kept is not None
        assert (kept.rank, kept.digest) == (5, "top")

    async def test_who_lost_the_lease_can_neither_begin_nor_settle(self, store: Store, later: Later) -> None:
        lost = await lease_of(store, seconds=0.01)
        await store.effects.plan([SUMMARY])
        await later(0.02)
        await lease_of(store, "c2")

        with pytest.raises(FenceLost):
            await store.effects.begin("e1", lost)
        with pytest.raises(FenceLost):
            await store.effects.settle("e1", lost, EffectState.SENT, external_id="", url="", note="")

    async def test_an_expired_lease_is_lost_also_when_nobody_took_it(self, store: Store, later: Later) -> None:
        lost = await lease_of(store, seconds=0.01)
        await store.effects.plan([SUMMARY])
        await later(0.02)
        with pytest.raises(FenceLost):
            await store.effects.begin("e1", lost)

    async def test_an_effect_has_to_be_planned_first(self, store: Store) -> None:
        with pytest.raises(EffectUnknown):
            await store.effects.begin("nothing", await lease_of(store))

    async def test_an_effect_is_found_by_its_stream(self, store: Store) -> None:
        await store.effects.plan([SUMMARY, replace(SUMMARY, id="e2", stream="other")])
        assert [effect.id for effect in await store.effects.of_stream("s")] == ["e1"]
        assert await store.effects.get("nothing") is None

    async def test_where_something_was_sent_lately_is_found_again(self, store: Store, later: Later) -> None:
        lease = await lease_of(store)
        rows = [replace(SUMMARY, id=f"e{n}", stream=stream) for n, stream in enumerate(["a", "b", "a", "never"])]
        await store.effects.plan(rows)
        start = await store.now()
        await later(0.01)
        for effect_id in ("e0", "e1", "e2"):
            await store.effects.begin(effect_id, lease)
            await later(0.01)
        await store.effects.settle("e1", lease, EffectState.SENT, external_id="42", url="", note="")

        assert await store.effects.streams_sent_since(start, 10) == ["a", "b"]
        assert await store.effects.streams_sent_since(start, 1) == ["a"]
        assert await store.effects.streams_sent_since(await store.now(), 10) == []


class BlobSuite:
    @pytest.mark.parametrize("data", [b"", b"\x00\xff" * 10, b"x" * 300_000])
    async def test_a_blob_is_found_by_its_hash(self, store: Store, data: bytes) -> None:
        blob = await store.blobs.put(data)
        assert await store.blobs.put(data) == blob == hashlib.sha256(data).hexdigest()
        assert await store.blobs.get(blob) == data

    async def test_a_missing_blob_is_named(self, store: Store) -> None:
        with pytest.raises(BlobMissing, match="abc"):
            await store.blobs.get("abc")


class SchemaSuite:
    async def test_schemas_are_upserted_and_looked_up(self, store: Store) -> None:
        schema = Schema("a.b", '{"type": "record"}', 2**31 - 1)
        await store.schemas.upsert([schema, Schema("c.d", "{}", 7)])
        await store.schemas.upsert([schema])
        await store.schemas.upsert([])

        assert await store.schemas.text(schema.id) == schema.text
        assert await store.schemas.text(1) is None
