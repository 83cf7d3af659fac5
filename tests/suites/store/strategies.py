"""Stored states under each strategy, and from one to another."""

from itertools import permutations

import pytest

from penstock_contracts.ids import run_id
from penstock_store.encoding import StateEncoding
from penstock_store.ports import Store
from penstock_store.rows import Verdict
from tests.suites.store.worlds import Reopen
from tests.support.toy_fold import ToyFold, received, resolved

CONSUMER = "orchestrator"
STREAM = "toy:host:1:7"
MANY = 20
"""Runs enough for a state that is worth compressing, and for deltas that are worth keeping."""


class EncodingSuite:
    @pytest.mark.parametrize("strategy", StateEncoding)
    async def test_a_stream_goes_on_under_each_strategy(
        self, store: Store, reopen: Reopen, strategy: StateEncoding
    ) -> None:
        chosen = await reopen(encoding=strategy)
        await _receive(chosen, MANY)
        await chosen.streams.apply(CONSUMER, [resolved("last", run_id(STREAM, "e0"))], ToyFold())

        row = await chosen.streams.load(STREAM)
        assert row is not None
        assert row.encoding == strategy
        assert len(await chosen.streams.facts(STREAM)) == row.sequence == 2 * MANY + 1
        assert await chosen.streams.refold_all(ToyFold()) == []
        answered = await chosen.jobs.job(run_id(STREAM, "e0"))
        assert answered is not None
        assert answered.status == "COMPLETED"

    @pytest.mark.parametrize(("before", "after"), list(permutations(StateEncoding, 2)))
    async def test_any_strategy_reads_what_another_wrote(
        self, store: Store, reopen: Reopen, before: StateEncoding, after: StateEncoding
    ) -> None:
        first, second = await reopen(encoding=before), await reopen(encoding=after)
        await _receive(first, MANY)
        timers = await first.timers.next_due()

        await second.streams.apply(CONSUMER, [resolved("last", run_id(STREAM, "e5"))], ToyFold())

        row = await second.streams.load(STREAM)
        assert row is not None
        assert row.encoding == after
        assert await second.streams.refold_all(ToyFold()) == []
        assert await first.streams.refold_all(ToyFold()) == []
        assert await second.timers.next_due() == timers
        assert await first.streams.apply(CONSUMER, [received("more")], ToyFold()) == [Verdict.APPLIED]

    @pytest.mark.parametrize("strategy", StateEncoding)
    async def test_a_state_that_was_scribbled_on_is_folded_again_from_its_facts(
        self, store: Store, reopen: Reopen, strategy: StateEncoding
    ) -> None:
        chosen = await reopen(encoding=strategy)
        await _receive(chosen, MANY)
        await chosen.streams.apply(CONSUMER, [received("scribbled")], ToyFold(scribbles=True))
        (found,) = await chosen.streams.refold_all(ToyFold())
        assert not found.equal

        verdicts = await chosen.streams.apply(CONSUMER, [received("after")], ToyFold())

        assert list(verdicts) == [Verdict.APPLIED]
        assert await chosen.streams.refold_all(ToyFold()) == []
        assert len(await chosen.jobs.history(run_id(STREAM, "scribbled"))) == 1

    async def test_the_first_delta_is_whole_and_the_next_keep_its_base(self, store: Store, reopen: Reopen) -> None:
        chosen = await reopen(encoding=StateEncoding.DELTA)
        await _receive(chosen, MANY)
        whole = await chosen.streams.load(STREAM)

        await chosen.streams.apply(CONSUMER, [resolved("last", run_id(STREAM, "e3"))], ToyFold())

        row = await chosen.streams.load(STREAM)
        assert whole is not None
        assert row is not None
        assert row.base == whole.base
        assert len(row.state) < len(row.base) / 4

    async def test_a_minimal_state_leads_to_no_more_writing_than_another(self, store: Store, reopen: Reopen) -> None:
        """What is known from its facts is not doubted: a duplicate writes nothing."""
        chosen = await reopen(encoding=StateEncoding.MINIMAL)
        await _receive(chosen, 2)
        full = await reopen(encoding=StateEncoding.FULL)

        await full.streams.apply(CONSUMER, [received("e1")], ToyFold())

        row = await full.streams.load(STREAM)
        assert row is not None
        assert (row.encoding, len(row.state)) == (StateEncoding.MINIMAL, 32)


async def _receive(store: Store, count: int) -> None:
    await store.streams.apply(CONSUMER, [received(f"e{number}") for number in range(count)], ToyFold())
