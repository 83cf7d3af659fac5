"""What every store tells its listeners: what it has stored, all of it, once and in order."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from penstock_contracts.event import Event
from penstock_contracts.facts import Fact
from penstock_runtime.steps import CrashAt, Crashed
from penstock_store.points import APPLY_POINTS
from penstock_store.ports import Store
from penstock_store.rows import DeadLetterRow
from tests.suites.store.worlds import Reopen
from tests.support.toy_fold import ToyFold, received, redrive_of

CONSUMER = "orchestrator"
STREAM = "toy:host:1:7"
OTHER = "toy:host:1:8"


@dataclass(slots=True)
class Heard:
    facts: list[Event[Fact]] = field(default_factory=list)
    calls: int = 0

    def hear(self, stored: Sequence[Event[Fact]]) -> None:
        self.facts.extend(stored)
        self.calls += 1

    def types(self) -> list[str]:
        return [fact.envelope.type for fact in self.facts]


class ListeningSuite:
    @pytest.fixture
    def heard(self, store: Store) -> Heard:
        listener = Heard()
        store.streams.subscribe(listener.hear)
        return listener

    async def test_a_listener_hears_what_was_stored_in_its_order_and_in_one_call(
        self, store: Store, heard: Heard
    ) -> None:
        await store.streams.apply(CONSUMER, [received("e1"), received("e2", OTHER), received("e3")], ToyFold())

        assert heard.calls == 1
        for stream in (STREAM, OTHER):
            of_stream = [fact for fact in heard.facts if fact.envelope.stream == stream]
            assert of_stream == list(await store.streams.facts(stream))

    async def test_a_duplicate_is_not_heard(self, store: Store, heard: Heard) -> None:
        await store.streams.apply(CONSUMER, [received("e1")], ToyFold())
        await store.streams.apply(CONSUMER, [received("e1"), received("e1")], ToyFold())
        await store.streams.stall(CONSUMER, received("e1"), ToyFold(), "poison", "look")

        assert heard.types() == ["pr.received", "prepare.requested"]

    async def test_what_was_rolled_back_is_heard_once_it_is_stored_and_no_earlier(
        self, store: Store, heard: Heard
    ) -> None:
        """The batch is undone for the sake of the bad event, and its good ones are applied alone."""
        await store.streams.apply(CONSUMER, [received("e1"), received("bad", command="raise")], ToyFold())

        assert heard.facts == list(await store.streams.facts(STREAM))
        assert heard.types() == ["pr.received", "prepare.requested", "workflow.stalled"]

    @pytest.mark.parametrize("healed", [True, False])
    async def test_a_redrive_is_heard_however_it_ends(self, store: Store, heard: Heard, healed: bool) -> None:
        letter = await _stalled(store)

        await store.streams.redrive(CONSUMER, redrive_of(letter), ToyFold(healed=healed))

        following = ["pr.received", "prepare.requested"] if healed else ["workflow.stalled"]
        assert heard.types() == ["workflow.stalled", "repair.requested", *following]
        assert heard.facts == list(await store.streams.facts(STREAM))

    async def test_a_redrive_that_is_delivered_again_is_not_heard_again(self, store: Store, heard: Heard) -> None:
        letter = await _stalled(store)
        for _ in range(2):
            await store.streams.redrive(CONSUMER, redrive_of(letter), ToyFold())

        assert heard.types() == ["workflow.stalled", "repair.requested", "workflow.stalled"]

    async def test_a_stream_that_is_mended_says_nothing_new(self, store: Store, heard: Heard) -> None:
        await store.streams.apply(CONSUMER, [received("e1")], ToyFold())

        assert await store.streams.mend(STREAM, ToyFold())

        assert heard.calls == 1

    async def test_an_event_that_leads_to_nothing_is_not_worth_a_call(self, store: Store, heard: Heard) -> None:
        await store.streams.apply(CONSUMER, [received("e1", command="nothing")], ToyFold())

        assert heard.calls == 0

    async def test_what_another_process_stored_is_not_heard_here(
        self, store: Store, heard: Heard, reopen: Reopen
    ) -> None:
        other = await reopen()
        await other.streams.apply(CONSUMER, [received("e1")], ToyFold())

        assert heard.calls == 0

    @pytest.mark.parametrize("point", APPLY_POINTS)
    async def test_who_dies_in_apply_has_told_nobody_and_what_is_done_again_is_told_once(
        self, store: Store, heard: Heard, reopen: Reopen, point: str
    ) -> None:
        dying, last_words = await reopen(CrashAt(point)), Heard()
        dying.streams.subscribe(last_words.hear)
        with pytest.raises(Crashed):
            await dying.streams.apply(CONSUMER, [received("e1")], ToyFold())
        stored_by_then = len(await store.streams.facts(STREAM))

        await store.streams.apply(CONSUMER, [received("e1")], ToyFold())

        assert last_words.calls == 0
        assert len(heard.facts) + stored_by_then == 2


async def _stalled(store: Store) -> DeadLetterRow:
    await store.streams.apply(CONSUMER, [received("bad", command="raise")], ToyFold())
    (letter,) = await store.dead_letters.letters()
    return letter
