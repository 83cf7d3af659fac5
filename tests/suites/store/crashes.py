"""All or nothing, wherever a process dies, and two processes at once."""

import asyncio

import pytest

from penstock_contracts.ids import run_id
from penstock_runtime.steps import NO_STEPS, CrashAt, Crashed
from penstock_store.points import APPLY_COMMITTED, APPLY_POINTS, RECEIVE_COMMITTED, RECEIVE_POINTS
from penstock_store.ports import Store
from penstock_store.rows import NewOutboxRow, Verdict
from tests.suites.store.worlds import Reopen
from tests.support.toy_fold import ToyFold, received

CONSUMER = "orchestrator"
STREAM = "toy:host:1:7"
OTHER = "toy:host:1:8"
ROW = NewOutboxRow(STREAM, "pr.received", STREAM, None, (("ce_id", b"e1"),), b"value")


class CrashSuite:
    @pytest.mark.parametrize("point", APPLY_POINTS)
    async def test_a_crash_in_apply_leaves_all_or_nothing(self, store: Store, reopen: Reopen, point: str) -> None:
        dying = await reopen(CrashAt(point))
        with pytest.raises(Crashed):
            await dying.streams.apply(CONSUMER, [received("e1"), received("e2", OTHER)], ToyFold())

        done = point == APPLY_COMMITTED
        assert len(await store.outbox.unsent(range(8), 100)) == (6 if done else 0)
        assert len(await store.streams.facts(STREAM)) == (2 if done else 0)
        assert ((await store.jobs.job(run_id(STREAM, "e1"))) is not None) == done
        assert (await store.timers.next_due() is not None) == done
        again = await store.streams.apply(CONSUMER, [received("e1"), received("e2", OTHER)], ToyFold())
        assert set(again) == {Verdict.DUPLICATE if done else Verdict.APPLIED}
        assert await store.streams.refold_all(ToyFold()) == []

    @pytest.mark.parametrize("point", RECEIVE_POINTS)
    async def test_a_crash_in_receive_leaves_both_rows_or_none(self, store: Store, reopen: Reopen, point: str) -> None:
        dying = await reopen(CrashAt(point))
        with pytest.raises(Crashed):
            await dying.receipts.receive("e1", ROW)

        done = point == RECEIVE_COMMITTED
        assert len(await store.outbox.unsent(range(8), 10)) == done
        assert await store.receipts.receive("e1", ROW) is not done

    async def test_two_processes_apply_the_same_event_once(self, store: Store, reopen: Reopen) -> None:
        other = await reopen(NO_STEPS)
        verdicts = await asyncio.gather(
            *(each.streams.apply(CONSUMER, [received("e1")], ToyFold()) for each in (store, other, store, other))
        )

        assert sorted(verdict for (verdict,) in verdicts) == ["applied", "duplicate", "duplicate", "duplicate"]
        assert len(await store.streams.facts(STREAM)) == 2

    async def test_batches_of_the_same_streams_in_opposite_orders_do_not_block_each_other(
        self, store: Store, reopen: Reopen
    ) -> None:
        other = await reopen(NO_STEPS)
        streams = [f"toy:host:1:{number}" for number in range(8)]
        forth = [[received(f"f{turn}{stream}", stream) for stream in streams] for turn in range(5)]
        back = [[received(f"b{turn}{stream}", stream) for stream in reversed(streams)] for turn in range(5)]

        verdicts = await asyncio.gather(
            *(store.streams.apply(CONSUMER, batch, ToyFold()) for batch in forth),
            *(other.streams.apply(CONSUMER, batch, ToyFold()) for batch in back),
        )

        assert {verdict for batch in verdicts for verdict in batch} == {Verdict.APPLIED}
        for stream in streams:
            numbers = [fact.envelope.sequence for fact in await store.streams.facts(stream)]
            assert numbers == list(range(1, 21))

    async def test_what_one_stream_says_lies_in_the_outbox_in_its_order(self, store: Store, reopen: Reopen) -> None:
        other = await reopen(NO_STEPS)
        await asyncio.gather(
            *(each.streams.apply(CONSUMER, [received(f"{i}")], ToyFold()) for i, each in enumerate([store, other] * 5))
        )

        rows = await store.outbox.unsent(range(8), 100)
        said = [int(dict(row.headers)["ce_sequence"]) for row in rows if row.topic == "workflow.events"]
        assert said == list(range(1, 21))
