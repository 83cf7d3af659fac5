"""Stored states, refolding and timers."""

from datetime import timedelta

from penstock_contracts.ids import run_id
from penstock_store.ports import Store
from penstock_store.rows import Verdict
from tests.suites.store.worlds import Later
from tests.support.toy_fold import ToyFold, ToyState, fired, received, resolved, timer_id, toy_state

CONSUMER = "orchestrator"
STREAM = "toy:host:1:7"
RUN = run_id(STREAM, "e1")


class FoldSuite:
    async def test_refold_finds_every_stored_state_again(self, store: Store) -> None:
        for number in range(3):
            await store.streams.apply(CONSUMER, [received(f"e{number}", f"toy:host:1:{number}")], ToyFold())
        await store.streams.apply(CONSUMER, [received("bad", command="raise")], ToyFold())

        assert await store.streams.refold_all(ToyFold()) == []
        assert (await store.streams.refold(STREAM, ToyFold())).equal

    async def test_refold_tells_when_the_facts_lead_elsewhere(self, store: Store) -> None:
        await store.streams.apply(CONSUMER, [received("e1")], ToyFold())

        (found,) = await store.streams.refold_all(ToyFold(forgets_runs=True))

        assert (found.stream, found.equal) == (STREAM, False)
        assert "another state" in found.found

    async def test_a_state_of_another_fold_version_is_folded_again_first(self, store: Store) -> None:
        await store.streams.apply(CONSUMER, [received("e1")], ToyFold(version=1, forgets_runs=True))
        assert await store.timers.next_due() is None

        await store.streams.apply(CONSUMER, [resolved("e2", "nobody")], ToyFold(version=2))

        row = await store.streams.load(STREAM)
        assert row is not None
        assert (row.fold_version, row.sequence) == (2, 3)
        assert [run.id for run in toy_state(row).runs] == [RUN]
        assert await store.timers.next_due() is not None
        assert await store.streams.refold_all(ToyFold(version=2)) == []

    async def test_a_state_that_cannot_be_read_is_folded_again_first(self, store: Store) -> None:
        await store.streams.apply(CONSUMER, [received("e1")], ToyFold(scribbles=True))

        verdicts = await store.streams.apply(CONSUMER, [received("e2")], ToyFold())

        assert list(verdicts) == [Verdict.APPLIED]
        assert await store.streams.refold_all(ToyFold()) == []

    async def test_when_decide_finds_the_state_corrupt_it_is_folded_again(self, store: Store) -> None:
        await store.streams.apply(CONSUMER, [received("e1")], ToyFold(forgets_runs=True))

        verdicts = await store.streams.apply(CONSUMER, [received("e2", command="needs run")], ToyFold())

        assert list(verdicts) == [Verdict.APPLIED]
        assert await store.streams.refold_all(ToyFold()) == []

    async def test_refolding_replaces_timers_that_should_not_be(self, store: Store) -> None:
        await store.streams.apply(CONSUMER, [received("e1")], ToyFold(version=1))

        await store.streams.apply(CONSUMER, [received("e2", command="nothing")], ToyFold(version=2, forgets_runs=True))

        assert await store.timers.next_due() is None

    async def test_a_timer_stands_until_the_state_drops_it(self, store: Store, later: Later) -> None:
        await store.streams.apply(CONSUMER, [received("e1")], ToyFold(deadline=0.01))
        await later(0.02)
        (timer,) = await store.timers.due(10)
        assert (timer.id, timer.stream, timer.run_id) == (timer_id(RUN), STREAM, RUN)

        await store.streams.apply(CONSUMER, [resolved("e2", RUN)], ToyFold())

        assert await store.timers.due(10) == []
        assert await store.timers.next_due() is None

    async def test_timers_come_due_oldest_first_and_not_before(self, store: Store, later: Later) -> None:
        await store.streams.apply(CONSUMER, [received("e0", "toy:host:1:9")], ToyFold(deadline=3600))
        for number in (3, 1, 2):
            fold = ToyFold(deadline=number / 1000)
            await store.streams.apply(CONSUMER, [received(f"e{number}", f"toy:host:1:{number}")], fold)
        await later(0.02)

        due = await store.timers.due(10)

        assert len(due) == 3
        assert [timer.due for timer in due] == sorted(timer.due for timer in due)
        assert len(await store.timers.due(2)) == 2

    async def test_a_fired_timer_is_applied_once_and_gone(self, store: Store) -> None:
        await store.streams.apply(CONSUMER, [received("e1")], ToyFold())
        (timer,) = ToyFold().project(await _state(store)).timers

        assert list(await store.streams.apply("timers", [fired(timer)], ToyFold())) == [Verdict.APPLIED]

        assert await store.timers.next_due() is None
        assert [row.state for row in await store.jobs.history(RUN)] == ["given_up"]
        assert list(await store.streams.apply("timers", [fired(timer)], ToyFold())) == [Verdict.DUPLICATE]

    async def test_a_timer_that_is_set_anew_moves(self, store: Store) -> None:
        await store.streams.apply(CONSUMER, [received("e1")], ToyFold())
        before = await store.timers.next_due()

        await store.streams.apply(CONSUMER, [received("e2", command="rearm")], ToyFold())

        after = await store.timers.next_due()
        assert before is not None
        assert after is not None
        assert after > before

    async def test_a_timer_that_is_delivered_again_leaves_nothing_that_fires_for_ever(self, store: Store) -> None:
        await store.streams.apply(CONSUMER, [received("e1")], ToyFold())
        (timer,) = ToyFold().project(await _state(store)).timers
        stubborn = ToyFold(ignores_timers=True)

        await store.streams.apply("timers", [fired(timer)], stubborn)
        await store.streams.apply("timers", [fired(timer)], stubborn)

        assert await store.timers.next_due() is None

    async def test_a_run_that_waits_for_a_moment_long_past_is_stuck(self, store: Store, later: Later) -> None:
        await store.streams.apply(CONSUMER, [received("e1")], ToyFold(deadline=0.01))
        await store.streams.apply(CONSUMER, [received("e2", "toy:host:1:8")], ToyFold(deadline=3600))
        assert await store.jobs.stuck(timedelta(minutes=1)) == []
        await later(0.02)

        assert [row.id for row in await store.jobs.stuck(timedelta(milliseconds=5))] == [RUN]
        await store.streams.apply(CONSUMER, [resolved("e3", RUN)], ToyFold())
        assert await store.jobs.stuck(timedelta()) == []

    async def test_a_run_without_timers_is_stuck_at_once_and_mending_sets_them_again(self, store: Store) -> None:
        await store.streams.apply(CONSUMER, [received("e1")], ToyFold())
        due = await store.timers.next_due()
        await _lose_the_timer(store)
        assert await store.timers.next_due() is None
        assert [row.id for row in await store.jobs.stuck(timedelta(hours=9))] == [RUN]
        assert await store.jobs.stuck(timedelta(hours=9), after=RUN) == []

        assert await store.streams.mend(STREAM, ToyFold())

        assert await store.timers.next_due() == due
        (timer,) = ToyFold().project(await _state(store)).timers
        assert list(await store.streams.apply("timers", [fired(timer)], ToyFold())) == [Verdict.APPLIED]
        assert await store.timers.next_due() is None
        assert await store.jobs.stuck(timedelta(hours=9)) == []
        assert await store.streams.refold_all(ToyFold()) == []

    async def test_what_cannot_be_folded_is_not_mended_and_nothing_changes(self, store: Store) -> None:
        await store.streams.apply(CONSUMER, [received("e1")], ToyFold())
        before = await store.streams.load(STREAM)

        mended = await store.streams.mend(STREAM, ToyFold(raises=True))

        assert not mended
        assert await store.streams.load(STREAM) == before


async def _lose_the_timer(store: Store) -> None:
    """As a person's hand in the database would: the row goes, and the state knows nothing of it."""
    (timer,) = ToyFold().project(await _state(store)).timers
    await store.streams.apply("timers", [fired(timer)], ToyFold(ignores_timers=True))


async def _state(store: Store) -> ToyState:
    row = await store.streams.load(STREAM)
    assert row is not None
    return toy_state(row)
