"""Hints."""

import asyncio

from penstock_runtime.steps import NO_STEPS
from penstock_store.hints import Hint
from penstock_store.ports import Store
from penstock_store.rows import NewOutboxRow
from tests.suites.store.worlds import Reopen
from tests.support.toy_fold import ToyFold, received

ROW = NewOutboxRow("s", "t", "s", None, (), b"v")


class HintSuite:
    async def test_whoever_waits_for_the_outbox_is_woken_by_its_own_process(self, store: Store) -> None:
        outbox = asyncio.Event()
        store.hints.subscribe(Hint.OUTBOX, outbox)

        await store.streams.apply("orchestrator", [received("e1")], ToyFold())

        assert outbox.is_set()

    async def test_another_process_wakes_as_well(self, store: Store, reopen: Reopen) -> None:
        other = await reopen(NO_STEPS)
        wake = asyncio.Event()
        store.hints.subscribe(Hint.OUTBOX, wake)

        async with asyncio.timeout(10):
            while not wake.is_set():
                await other.outbox.put([ROW])
                await asyncio.sleep(0)

    async def test_who_unsubscribed_is_left_alone(self, store: Store) -> None:
        wake = asyncio.Event()
        store.hints.subscribe(Hint.OUTBOX, wake)
        store.hints.unsubscribe(Hint.OUTBOX, wake)
        await store.outbox.put([ROW])
        assert not wake.is_set()

    async def test_a_timer_wakes_who_waits_for_timers(self, store: Store) -> None:
        wake = asyncio.Event()
        store.hints.subscribe(Hint.TIMERS, wake)
        await store.streams.apply("orchestrator", [received("e1")], ToyFold())
        assert wake.is_set()
