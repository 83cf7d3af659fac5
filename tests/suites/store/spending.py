"""What models are asked: reserved, settled, and never more than the caps."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from penstock_store.ports import Store
from penstock_store.spending import Amount, Caps, ModelCall, Refusal, Reservation, Scope
from tests.suites.store.worlds import Later

CALL = ModelCall("run-1", "files_review", "0", 1, "s:1", "small")
LONG = timedelta(minutes=5)
THOUSAND = Amount(1000, 10**9)


def caps(scope: Scope = Scope.RUN, cap: Amount = THOUSAND, settles_within: timedelta = LONG) -> Caps:
    return Caps({scope: cap}, settles_within)


async def reserved(store: Store, call: ModelCall, tokens: int, limits: Caps | None = None) -> Reservation:
    granted = await store.spending.reserve(call, Amount(tokens, tokens), limits or caps())
    assert isinstance(granted, Reservation), granted
    return granted


async def tokens_of(store: Store, run_id: str = "run-1") -> int:
    found = await store.spending.of_run(run_id)
    return found.spent.tokens if found else 0


class SpendingSuite:
    async def test_what_was_settled_counts_in_place_of_what_was_reserved(self, store: Store) -> None:
        assert await store.spending.of_run("run-1") is None
        reservation = await reserved(store, CALL, 900)
        assert await tokens_of(store) == 900

        await store.spending.settle(reservation, tokens_in=100, tokens_out=20, cost=7)
        await store.spending.settle(reservation, tokens_in=1, tokens_out=1, cost=1)

        found = await store.spending.of_run("run-1")
        assert found is not None
        assert (found.stream, found.calls, found.unsettled, found.spent) == ("s:1", 1, 0, Amount(120, 7))
        await reserved(store, CALL, 880)

    async def test_calls_of_one_attempt_are_numbered(self, store: Store) -> None:
        numbers = [(await reserved(store, CALL, 1)).number for _ in range(3)]
        again = await reserved(store, replace(CALL, attempt=2), 1)
        assert (numbers, again.number) == ([1, 2, 3], 1)

    async def test_what_was_reserved_by_someone_who_died_counts_as_spent(self, store: Store, later: Later) -> None:
        limits = caps(settles_within=timedelta(seconds=0.01))
        await reserved(store, CALL, 900, limits)
        await later(0.02)

        refused = await store.spending.reserve(CALL, Amount(200, 200), limits)

        assert refused == Refusal(Scope.RUN, Amount(900, 900), THOUSAND, for_good=True)
        found = await store.spending.of_run("run-1")
        assert found is not None
        assert (found.calls, found.unsettled, found.spent.tokens) == (1, 1, 900)

    async def test_what_calls_under_way_hold_may_become_free_again(self, store: Store) -> None:
        reservation = await reserved(store, CALL, 900)

        refused = await store.spending.reserve(CALL, Amount(200, 200), caps())
        assert isinstance(refused, Refusal)
        assert not refused.for_good

        await store.spending.settle(reservation, tokens_in=50, tokens_out=50, cost=0)
        await reserved(store, CALL, 200)

    async def test_more_than_the_whole_cap_is_refused_for_good(self, store: Store) -> None:
        refused = await store.spending.reserve(CALL, Amount(1001, 1), caps())
        assert isinstance(refused, Refusal)
        assert refused.for_good
        assert await store.spending.of_run("run-1") is None

    async def test_money_has_a_cap_of_its_own(self, store: Store) -> None:
        refused = await store.spending.reserve(CALL, Amount(1, 11), caps(cap=Amount(10**9, 10)))
        assert isinstance(refused, Refusal)
        await reserved(store, CALL, 10, caps(cap=Amount(10**9, 10)))

    @pytest.mark.parametrize(
        ("scope", "other", "counts"),
        [
            (Scope.RUN, replace(CALL, run_id="run-2"), False),
            (Scope.STREAM, replace(CALL, run_id="run-2"), True),
            (Scope.STREAM, replace(CALL, run_id="run-2", stream="s:2"), False),
            (Scope.DAY, replace(CALL, run_id="run-2", stream="s:2"), True),
        ],
    )
    async def test_a_cap_counts_what_lies_within_its_scope(
        self, store: Store, scope: Scope, other: ModelCall, counts: bool
    ) -> None:
        await reserved(store, CALL, 900, caps(scope))
        asked = await store.spending.reserve(other, Amount(200, 200), caps(scope))
        assert isinstance(asked, Refusal) is counts
        if isinstance(asked, Refusal):
            assert asked.scope is scope

    async def test_without_a_cap_everything_is_granted_and_recorded(self, store: Store) -> None:
        await reserved(store, CALL, 10**12, Caps())
        assert await tokens_of(store) == 10**12

    @pytest.mark.parametrize("scope", list(Scope))
    async def test_of_many_at_once_no_more_are_granted_than_the_cap_allows(self, store: Store, scope: Scope) -> None:
        calls = [replace(CALL, part=str(number)) for number in range(24)]

        asked = await asyncio.gather(*(store.spending.reserve(call, Amount(130, 130), caps(scope)) for call in calls))

        granted = [one for one in asked if isinstance(one, Reservation)]
        assert len(granted) == 7
        assert await tokens_of(store) == 7 * 130

    async def test_many_at_once_of_one_attempt_are_numbered_without_gaps(self, store: Store) -> None:
        granted = await asyncio.gather(*(reserved(store, CALL, 1) for _ in range(12)))
        assert sorted(one.number for one in granted) == list(range(1, 13))

    async def test_every_run_can_be_compared_with_its_cap(self, store: Store) -> None:
        for run_id in ("run-2", "run-1", "run-3"):
            await reserved(store, replace(CALL, run_id=run_id, stream=f"s:{run_id}"), 5)

        assert [row.run_id for row in await store.spending.runs()] == ["run-1", "run-2", "run-3"]
        assert [row.run_id for row in await store.spending.runs(after="run-1", limit=1)] == ["run-2"]
        assert all(row.spent.within(THOUSAND) for row in await store.spending.runs())
