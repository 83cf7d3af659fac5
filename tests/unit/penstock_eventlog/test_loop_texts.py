"""Texts that no schema and no column takes: whoever wrote them, nothing ends and everything is answered."""

from dataclasses import replace
from typing import cast

from penstock_contracts.enums import ErrorClassification
from penstock_contracts.event import Event
from penstock_contracts.facts import AstCompleted, Fact, PrReceived
from penstock_contracts.flow import DLQ_TOPIC
from penstock_eventlog.delivery import UNENCODABLE
from penstock_eventlog.outcomes import Emit, Failed, Outcome
from tests.unit.penstock_eventlog.events import ast_requested, noise, pr_received
from tests.unit.penstock_eventlog.rig import Rig

BROKEN = "half an emoji \ud83d, a zero \0 and an escape \x1b[2J"
MENDED = "half an emoji ?, a zero ? and an escape ?[2J"


async def ok(_: Event[Fact]) -> Outcome:
    return Emit((AstCompleted(),))


def the_answer(rig: Rig) -> AstCompleted:
    (answer,) = rig.answers()
    assert isinstance(answer.fact, AstCompleted)
    return answer.fact


async def test_a_failure_whose_text_no_schema_takes_is_answered_with_a_text_that_is_taken() -> None:
    rig = Rig()

    async def handler(_: Event[Fact]) -> Outcome:
        return Failed(ErrorClassification.RATE_LIMITED, BROKEN, 30.0)

    await rig.say(ast_requested("run"))
    await rig.run(rig.loop(handler), lambda: rig.committed() == 1)
    fact = the_answer(rig)
    assert (fact.error_class, fact.error, fact.retry_after) == (ErrorClassification.RATE_LIMITED, MENDED, 30.0)


async def test_an_exception_whose_text_no_schema_takes_is_answered_too() -> None:
    rig = Rig()

    async def handler(_: Event[Fact]) -> Outcome:
        raise ValueError(BROKEN)

    await rig.say(ast_requested("run"))
    await rig.run(rig.loop(handler), lambda: rig.committed() == 1)
    assert the_answer(rig).error == f"ValueError: {MENDED}"


async def test_a_handlers_own_answer_gives_its_reason_in_a_text_that_is_taken() -> None:
    rig = Rig()

    async def handler(_: Event[Fact]) -> Outcome:
        return Emit((AstCompleted(symbols=3, reason=BROKEN, error=BROKEN),))

    await rig.say(ast_requested("run"))
    await rig.run(rig.loop(handler), lambda: rig.committed() == 1)
    fact = the_answer(rig)
    assert (fact.symbols, fact.reason, fact.error) == (3, MENDED, MENDED)


async def test_an_answer_that_cannot_be_encoded_becomes_a_permanent_failure() -> None:
    rig = Rig()

    async def handler(_: Event[Fact]) -> Outcome:
        return Emit((AstCompleted(blob="\ud83d"),))

    await rig.say(ast_requested("run"))
    await rig.run(rig.loop(handler), lambda: rig.committed() == 1)
    fact = the_answer(rig)
    assert fact.error_class is ErrorClassification.PERMANENT
    assert "ast.completed" in fact.error


async def test_a_failure_that_cannot_be_encoded_at_all_becomes_a_dead_letter_and_is_answered() -> None:
    rig = Rig()

    async def handler(_: Event[Fact]) -> Outcome:
        return Failed(ErrorClassification.TRANSIENT, "later", cast(float, "soon"))

    await rig.say(ast_requested("run"))
    await rig.run(rig.loop(handler), lambda: rig.committed() == 1)
    (letter,) = await rig.store.dead_letters.letters()
    assert (letter.reason, letter.run_id) == (UNENCODABLE, "run")
    said = await rig.store.outbox.unsent(range(8), 100)
    assert sorted(row.topic for row in said) == ["ast.completed", DLQ_TOPIC]


async def test_what_follows_from_a_fact_and_cannot_be_encoded_is_a_dead_letter() -> None:
    rig = Rig()

    async def handler(event: Event[Fact]) -> Outcome:
        assert isinstance(event.fact, PrReceived)
        return Emit((replace(event.fact, title="\ud83d"),))

    await rig.say(pr_received("stream"))
    loop = rig.loop({"pr.received": handler}, topics=("pr.received",))
    await rig.run(loop, lambda: rig.committed() == 1)
    (letter,) = await rig.store.dead_letters.letters()
    assert letter.reason == UNENCODABLE


async def test_a_dead_letter_holds_a_text_that_every_column_and_schema_takes() -> None:
    rig = Rig()

    async def handler(_: Event[Fact]) -> Outcome:
        raise ValueError(BROKEN)

    await rig.say(pr_received("stream"))
    loop = rig.loop({"pr.received": handler}, topics=("pr.received",))
    await rig.run(loop, lambda: rig.committed() == 1)
    (letter,) = await rig.store.dead_letters.letters()
    assert letter.error == f"ValueError: {MENDED}"


async def test_a_record_whose_key_no_column_takes_is_put_aside() -> None:
    rig = Rig()
    await rig.log.producer().send([noise("ast.requested", key="a\0b")])
    await rig.run(rig.loop(ok), lambda: rig.committed() == 1)
    (row,) = await rig.store.outbox.unsent(range(8), 100)
    assert (row.topic, row.key) == (DLQ_TOPIC, "a?b")
