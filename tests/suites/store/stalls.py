"""What every store does with an event that cannot be applied."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from secrets import token_hex

import pytest

from penstock_contracts.envelope import Headers, to_headers
from penstock_contracts.event import Event
from penstock_contracts.facts import DeadLettered, Fact, TimerFired, WorkflowStalled
from penstock_contracts.ids import run_id
from penstock_store.errors import NotRedrivable, RowRefused
from penstock_store.ports import Store
from penstock_store.rows import DeadLetterRow, Delivered, RawRecord, Verdict
from tests.support.toy_fold import ToyFold, ToyState, fired, received, redrive_of, toy_state

CONSUMER = "orchestrator"
STREAM = "toy:host:1:7"


class _Refused(ToyFold):
    """What it says is refused by a column."""

    def decide(self, state: ToyState, event: Event[Fact], now: datetime) -> Sequence[Event[Fact]]:
        raise RowRefused("UntranslatableCharacter: unsupported Unicode escape sequence")


class StallSuite:
    @pytest.mark.parametrize("command", ["raise", "huge", "misread"])
    async def test_an_event_that_cannot_be_applied_is_stalled_visibly(self, store: Store, command: str) -> None:
        verdicts = await store.streams.apply(CONSUMER, [received("bad", command=command)], ToyFold())

        assert list(verdicts) == [Verdict.STALLED]
        (fact,) = await store.streams.facts(STREAM)
        assert isinstance(fact.fact, WorkflowStalled)
        assert (fact.fact.event_id, fact.fact.event_type) == ("bad", "pr.received")
        (letter,) = await store.dead_letters.letters()
        assert (letter.event_id, letter.stream, letter.consumer) == ("bad", STREAM, CONSUMER)
        assert letter.record.value
        topics = [row.topic for row in await store.outbox.unsent(range(8), 10)]
        assert sorted(topics) == ["penstock.dlq", "workflow.events"]
        assert list(await store.streams.apply(CONSUMER, [received("bad", command=command)], ToyFold())) == [
            Verdict.DUPLICATE
        ]

    async def test_one_bad_event_does_not_stop_the_rest_of_its_batch(self, store: Store) -> None:
        batch = [received("e1"), received("bad", command="raise"), received("e2"), received("e3", "toy:host:1:8")]

        verdicts = await store.streams.apply(CONSUMER, batch, ToyFold())

        assert list(verdicts) == [Verdict.APPLIED, Verdict.STALLED, Verdict.APPLIED, Verdict.APPLIED]
        types = [fact.envelope.type for fact in await store.streams.facts(STREAM)]
        assert types == [
            "pr.received", "prepare.requested", "workflow.stalled", "pr.received", "prepare.requested",
        ]  # fmt: skip

    async def test_a_redrive_applies_the_event_and_resolves_its_letter_saying_who_asked(self, store: Store) -> None:
        letter = await _stalled(store)

        assert await store.streams.redrive(CONSUMER, redrive_of(letter), ToyFold(healed=True)) is Verdict.APPLIED

        assert await store.dead_letters.letters() == []
        kept = await store.dead_letters.get(letter.id)
        assert kept is not None
        assert (kept.resolution, kept.resolved_at is None) == ("redriven by ada", False)
        assert await _types(store) == ["workflow.stalled", "repair.requested", "pr.received", "prepare.requested"]
        with pytest.raises(NotRedrivable, match="redriven by ada"):
            await store.streams.redrive(CONSUMER, redrive_of(letter, "again"), ToyFold(healed=True))
        assert len(await store.streams.facts(STREAM)) == 4

    async def test_a_redrive_that_fails_again_says_so_in_the_stream_and_on_the_letter(self, store: Store) -> None:
        letter = await _stalled(store)

        verdict = await store.streams.redrive(CONSUMER, redrive_of(letter), ToyFold(complaint="nor can it now"))

        assert verdict is Verdict.STALLED
        assert await store.dead_letters.letters() == [replace(letter, error="ToyError: nor can it now")]
        assert await _types(store) == ["workflow.stalled", "repair.requested", "workflow.stalled"]
        facts = [event.fact for event in await store.streams.facts(STREAM)]
        assert isinstance(facts[-1], WorkflowStalled)
        assert (facts[-1].event_id, facts[-1].error) == ("bad", "ToyError: nor can it now")
        assert await store.streams.redrive(CONSUMER, redrive_of(letter, "later"), ToyFold(healed=True)) is (
            Verdict.APPLIED
        )

    @pytest.mark.parametrize("healed", [True, False])
    async def test_a_redrive_is_carried_out_once_however_often_it_is_delivered(
        self, store: Store, healed: bool
    ) -> None:
        letter = await _stalled(store)
        await store.streams.redrive(CONSUMER, redrive_of(letter), ToyFold())
        facts = await store.streams.facts(STREAM)

        again = await store.streams.redrive(CONSUMER, redrive_of(letter), ToyFold(healed=healed))

        assert again is Verdict.DUPLICATE
        assert await store.streams.facts(STREAM) == facts

    async def test_a_letter_whose_bytes_nobody_can_read_stays_and_says_so(self, store: Store) -> None:
        unreadable = replace(received("bad"), record=RawRecord("pr.received", 0, 0, None, _headers("bad"), b"rubbish"))
        await store.streams.stall(CONSUMER, unreadable, ToyFold(), "undecodable", "look")
        (letter,) = await store.dead_letters.letters()

        assert await store.streams.redrive(CONSUMER, redrive_of(letter), ToyFold()) is Verdict.STALLED

        (kept,) = await store.dead_letters.letters()
        assert kept.error.startswith("its bytes cannot be decoded")
        assert await _types(store) == ["workflow.stalled", "repair.requested", "workflow.stalled"]

    async def test_where_no_state_can_be_had_a_failed_redrive_is_told_by_the_letter_alone(self, store: Store) -> None:
        letter = await _stalled(store)
        fold = ToyFold(refuses_to_stall=True, complaint="still not")

        assert await store.streams.redrive(CONSUMER, redrive_of(letter), fold) is Verdict.STALLED

        (kept,) = await store.dead_letters.letters()
        assert kept.error == "ToyError: still not"
        assert await _types(store) == ["workflow.stalled"]

    async def test_a_letter_that_is_not_there_or_of_another_stream_is_not_redriven(self, store: Store) -> None:
        letter = await _stalled(store)
        for wrong in (replace(letter, id="nothing"), replace(letter, stream="toy:host:1:8")):
            with pytest.raises(NotRedrivable, match="no such letter"):
                await store.streams.redrive(CONSUMER, redrive_of(wrong), ToyFold())

    async def test_what_was_put_aside_is_not_redriven(self, store: Store) -> None:
        letter = await _stalled(store)
        await store.dead_letters.settle(letter.id, "discarded by ada: old")
        with pytest.raises(NotRedrivable, match="discarded by ada"):
            await store.streams.redrive(CONSUMER, redrive_of(letter), ToyFold(healed=True))
        assert await _types(store) == ["workflow.stalled"]

    async def test_where_even_the_stall_fails_the_bytes_are_kept(self, store: Store) -> None:
        fold = ToyFold(refuses_to_stall=True)

        verdicts = await store.streams.apply(CONSUMER, [received("bad", command="raise")], fold)

        assert list(verdicts) == [Verdict.STALLED]
        (letter,) = await store.dead_letters.letters()
        assert "the stall could not be stored" in letter.error
        assert await store.streams.facts(STREAM) == []

    async def test_what_is_refused_even_as_a_letter_is_kept_under_names_of_ours_and_the_rest_goes_on(
        self, store: Store
    ) -> None:
        """No record of a log holds these any more; whatever else is refused ends here, too."""
        batch = [
            received("e1"),
            _with_bytes(received(incompressible(4_000), command="raise")),
            _with_bytes(received("e2", incompressible(8_000))),
            received("e3"),
        ]

        for _ in range(2):
            verdicts = list(await store.streams.apply(CONSUMER, batch, ToyFold()))
            assert verdicts[1:3] == [Verdict.STALLED, Verdict.STALLED]

        assert await _types(store) == ["pr.received", "prepare.requested"] * 2
        letters = await store.dead_letters.letters()
        assert {letter.record for letter in letters} == {batch[1].record, batch[2].record}
        for letter in letters:
            assert (letter.stream, letter.event_id, letter.reason) == ("", "", "refused")
            assert f"`penstock dlq discard {letter.id} --reason" in letter.remedy
        told = [row for row in await store.outbox.unsent(range(8), 100) if row.topic == "penstock.dlq"]
        assert {row.stream for row in told} == {letter.id for letter in letters}
        assert {row.key for row in told} == {"k" * 500}

    async def test_poison_is_stalled_without_being_applied(self, store: Store) -> None:
        verdict = await store.streams.stall(CONSUMER, received("e1"), ToyFold(), "it killed three processes", "look")

        assert verdict is Verdict.STALLED
        (fact,) = await store.streams.facts(STREAM)
        assert isinstance(fact.fact, WorkflowStalled)
        assert fact.fact.remedy == "look"
        again = await store.streams.stall(CONSUMER, received("e1"), ToyFold(), "", "")
        assert again is Verdict.DUPLICATE

    async def test_an_event_is_given_up_for_whatever_reason_is_said(self, store: Store) -> None:
        await store.streams.stall(CONSUMER, received("e1"), ToyFold(), "half an emoji \ud83d, a zero \0", "look")

        (fact,) = await store.streams.facts(STREAM)
        assert isinstance(fact.fact, WorkflowStalled)
        (letter,) = await store.dead_letters.letters()
        assert fact.fact.error == letter.error == "half an emoji ?, a zero ?"

    async def test_where_the_event_itself_is_refused_the_remedy_is_to_put_it_aside(self, store: Store) -> None:
        await store.streams.apply(CONSUMER, [received("bad")], _Refused())

        (letter,) = await store.dead_letters.letters()
        assert f"`penstock dlq discard {letter.id} --reason" in letter.remedy
        assert f"`penstock dlq redrive {letter.id}`" in letter.remedy

    async def test_why_an_event_stalls_is_logged_once_with_where_it_was_raised(
        self, store: Store, caplog: pytest.LogCaptureFixture
    ) -> None:
        batch = [received("e1"), received("bad", command="raise")]

        await store.streams.apply(CONSUMER, batch, ToyFold())

        (line,) = [record for record in caplog.records if record.name == "penstock_store.fallback"]
        told = vars(line)
        assert (line.levelname, line.message) == ("ERROR", "an event cannot be applied")
        assert (told["event"], told["type"], told["stream"]) == ("bad", "pr.received", STREAM)
        assert line.exc_info is not None
        assert "decide cannot do this" in str(line.exc_info[1])
        assert line.exc_info[2] is not None

    async def test_a_redrive_that_fails_again_is_logged_with_where_it_was_raised(
        self, store: Store, caplog: pytest.LogCaptureFixture
    ) -> None:
        letter = await _stalled(store)
        caplog.clear()

        await store.streams.redrive(CONSUMER, redrive_of(letter), ToyFold(complaint="nor can it now"))

        (line,) = [record for record in caplog.records if record.name == "penstock_store.fallback"]
        assert vars(line)["event"] == "bad"
        assert line.exc_info is not None
        assert "nor can it now" in str(line.exc_info[1])

    async def test_a_fired_timer_that_stalls_is_gone_and_can_be_redriven(self, store: Store) -> None:
        await store.streams.apply(CONSUMER, [received("e1")], ToyFold())
        run = run_id(STREAM, "e1")
        timer = ToyFold().project(await _state(store)).timers[0]

        await store.streams.stall("timers", fired(timer), ToyFold(), "poison", "redrive")

        assert await store.timers.next_due() is None
        (letter,) = await store.dead_letters.letters()
        assert await store.streams.redrive(CONSUMER, redrive_of(letter), ToyFold()) is Verdict.APPLIED
        assert [row.state for row in await store.jobs.history(run)] == ["given_up"]

    async def test_the_remedy_of_a_timer_whose_rows_are_refused_is_a_redrive(self, store: Store) -> None:
        letter = await _stalled_timer(store)

        assert letter.remedy == f"correct the cause, then: `penstock dlq redrive {letter.id}`"
        assert await store.streams.redrive(CONSUMER, redrive_of(letter), ToyFold()) is Verdict.APPLIED

    async def test_a_timer_that_was_put_aside_and_still_stands_is_mended_and_acts(self, store: Store) -> None:
        letter = await _stalled_timer(store)
        await store.dead_letters.settle(letter.id, "discarded")

        assert await store.streams.mend(STREAM, ToyFold())

        assert await _fire(store, ToyFold()) is Verdict.APPLIED
        assert [row.state for row in await store.jobs.history(run_id(STREAM, "e1"))] == ["given_up"]
        assert await store.dead_letters.letters() == []

    async def test_a_timer_that_was_put_aside_too_early_stalls_again_and_its_letter_is_open_again(
        self, store: Store
    ) -> None:
        letter = await _stalled_timer(store)
        await store.dead_letters.settle(letter.id, "discarded")
        await store.streams.mend(STREAM, ToyFold())

        assert await _fire(store, _Refused()) is Verdict.STALLED

        (again,) = await store.dead_letters.letters()
        assert (again.id, again.resolution, again.error) == (letter.id, "", letter.error)
        assert await store.streams.redrive(CONSUMER, redrive_of(again), ToyFold()) is Verdict.APPLIED

    async def test_mending_leaves_a_stalled_timer_to_its_letter(self, store: Store) -> None:
        await _stalled_timer(store)

        assert await store.streams.mend(STREAM, ToyFold())

        assert await _fire(store, ToyFold()) is Verdict.DUPLICATE

    async def test_a_timer_of_an_id_that_no_row_can_have_stalls_like_any_other(self, store: Store) -> None:
        await store.streams.apply(CONSUMER, [received("e1")], ToyFold())
        timer = ToyFold().project(await _state(store)).timers[0]
        event = fired(timer).event
        assert isinstance(event.fact, TimerFired)
        strange = replace(fired(timer), event=replace(event, fact=replace(event.fact, timer_id="\0", kind="")))

        assert list(await store.streams.apply("timers", [strange], ToyFold())) == [Verdict.APPLIED]
        assert await store.streams.stall("poisoned", strange, ToyFold(), "poison", "redrive") is Verdict.STALLED

        (letter,) = await store.dead_letters.letters()
        assert (letter.stream, letter.event_type) == (STREAM, "timer.fired")

    async def test_what_is_said_of_a_letter_points_to_it(self, store: Store) -> None:
        await store.streams.apply(CONSUMER, [received("bad", command="raise")], ToyFold())
        (letter,) = await store.dead_letters.letters()
        rows = await store.outbox.unsent(range(8), 10)
        (said,) = [row for row in rows if row.topic == "penstock.dlq"]
        headers = dict(said.headers)
        assert headers["ce_type"] == DeadLettered.TYPE.encode()
        assert said.key == STREAM
        assert letter.id.encode() in said.value


def incompressible(length: int) -> str:
    return token_hex(length // 2)


def _with_bytes(one: Delivered) -> Delivered:
    """And with a key that is far longer than any of ours."""
    return replace(one, record=RawRecord("pr.received", 0, 0, b"k" * 100_000, (("ce_id", b"x"),), b"bytes"))


async def _stalled(store: Store) -> DeadLetterRow:
    await store.streams.apply(CONSUMER, [received("bad", command="raise")], ToyFold())
    (letter,) = await store.dead_letters.letters()
    return letter


async def _stalled_timer(store: Store) -> DeadLetterRow:
    """The database refuses what follows from it."""
    await store.streams.apply(CONSUMER, [received("e1")], ToyFold())
    assert await _fire(store, _Refused()) is Verdict.STALLED
    (letter,) = await store.dead_letters.letters()
    return letter


async def _fire(store: Store, fold: ToyFold) -> Verdict:
    (timer,) = ToyFold().project(await _state(store)).timers
    (verdict,) = await store.streams.apply("timers", [fired(timer)], fold)
    return verdict


async def _types(store: Store) -> list[str]:
    return [fact.envelope.type for fact in await store.streams.facts(STREAM)]


def _headers(event_id: str) -> Headers:
    return to_headers(received(event_id).event.envelope)


async def _state(store: Store) -> ToyState:
    row = await store.streams.load(STREAM)
    assert row is not None
    return toy_state(row)
