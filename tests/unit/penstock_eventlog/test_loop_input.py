"""What the loop does with what it cannot read: rubbish, half envelopes, schemas of newer processes."""

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from secrets import token_hex

import fastavro
import msgspec
import pytest

from penstock_contracts.codec import Codec
from penstock_contracts.enums import AnswerOutcome, ErrorClassification
from penstock_contracts.event import Event
from penstock_contracts.facts import AstCompleted, AstRequested, Fact
from penstock_contracts.flow import DLQ_TOPIC
from penstock_contracts.schemas import Schema, canonical_text, schema_id, schema_of
from penstock_eventlog.letters import stall_remedy
from penstock_eventlog.outcomes import DeadLetter, Emit, Outcome
from penstock_eventlog.work import InBatches
from penstock_store.errors import RowRefused
from penstock_store.ports import DeadLetters
from penstock_store.rows import DeadLetterRow, Delivered, NewOutboxRow
from tests.trouble.page import quoted
from tests.unit.penstock_eventlog.events import ast_requested, garbage, noise, pr_received, record
from tests.unit.penstock_eventlog.rig import Rig


class Picky:
    """Dead letters of which some are refused: those that name a stream."""

    def __init__(self, kept: DeadLetters) -> None:
        self.letters = kept.letters
        self.get = kept.get
        self.counts = kept.counts
        self.settle = kept.settle
        self._kept = kept

    async def put(self, letter: DeadLetterRow, outbox: Sequence[NewOutboxRow]) -> None:
        if letter.stream:
            raise RowRefused("index row size")
        await self._kept.put(letter, outbox)


async def never_asked(_: Sequence[Delivered]) -> Sequence[Outcome]:
    raise AssertionError("this is not for the handler")


async def ok(_: Event[Fact]) -> Outcome:
    return Emit((AstCompleted(),))


def the_answer(rig: Rig) -> AstCompleted:
    (answer,) = rig.answers()
    assert isinstance(answer.fact, AstCompleted)
    return answer.fact


async def dead_topics(rig: Rig) -> list[str]:
    return [row.topic for row in await rig.store.outbox.unsent(range(8), 100)]


async def test_bytes_that_cannot_be_decoded_become_a_dead_letter_and_a_failed_answer() -> None:
    rig = Rig()
    await rig.log.producer().send([garbage(ast_requested("run"))])
    await rig.say(ast_requested("other"))
    await rig.run(rig.loop(ok), lambda: rig.committed() == 2)
    (letter,) = await rig.store.dead_letters.letters()
    assert (letter.reason, letter.run_id, letter.record.value) == ("undecodable", "run", b"\x00not avro")
    rows = await rig.store.outbox.unsent(range(8), 10)
    assert {row.topic for row in rows} == {DLQ_TOPIC, "ast.completed"}
    answer = next(Codec().decode(row.headers, row.value) for row in rows if row.topic == "ast.completed")
    assert isinstance(answer.fact, AstCompleted)
    assert (answer.fact.error_class, answer.envelope.stream) == (ErrorClassification.POISON, "stream of run")
    assert len(rig.answers()) == 1, "the other one"


async def test_a_record_without_an_envelope_becomes_a_dead_letter_alone() -> None:
    rig = Rig()
    await rig.log.producer().send([noise("ast.requested")])
    await rig.run(rig.loop(ok), lambda: rig.committed() == 1)
    (letter,) = await rig.store.dead_letters.letters()
    assert (letter.stream, letter.event_id) == ("", "")
    assert await dead_topics(rig) == [DLQ_TOPIC]


@pytest.mark.parametrize("event", [ast_requested("run"), pr_received("stream")], ids=["a request", "a webhook"])
async def test_what_belongs_on_another_topic_is_undecodable_here_so_its_remedy_is_to_put_it_aside(
    event: Event[Fact],
) -> None:
    rig = Rig()
    stalled: list[DeadLetter] = []

    async def stall(_: Delivered, why: DeadLetter) -> Outcome:
        stalled.append(why)
        return Emit()

    await rig.log.producer().send([replace(record(event), topic="ast.completed")])
    loop = rig.loop(InBatches(never_asked, stall), topics=("ast.completed",))
    await rig.run(loop, lambda: rig.committed() == 1)
    assert stalled == [DeadLetter("undecodable", f"{event.envelope.type} has no place on ast.completed")]
    assert "`penstock dlq discard l-1 --reason" in stall_remedy(stalled[0].reason, "l-1")


@pytest.mark.parametrize("header", ["ce_id", "ce_stream", "ce_workflowid", "ce_stage", "ce_part", "traceparent"])
async def test_a_record_of_which_a_header_is_far_too_long_is_put_aside_like_one_without_an_envelope(
    header: str,
) -> None:
    rig = Rig()
    good = record(ast_requested("run"))
    headers = tuple({**dict(good.headers), header: token_hex(4_000).encode()}.items())
    await rig.log.producer().send([replace(good, headers=headers)])
    await rig.say(ast_requested("other"))
    await rig.run(rig.loop(ok), lambda: rig.committed() == 2)
    (letter,) = await rig.store.dead_letters.letters()
    assert (letter.stream, letter.run_id, letter.event_id, letter.reason) == ("", "", "", "undecodable")
    assert f"{header} is 8000 bytes long" in letter.error
    assert letter.record.headers == headers
    assert [answer.envelope.workflow_id for answer in rig.answers()] == ["other"]


async def test_a_letter_that_the_store_refuses_is_kept_under_names_of_ours_and_the_loop_goes_on() -> None:
    rig = Rig()
    bad = garbage(ast_requested("run"))
    rig.store.dead_letters = Picky(rig.store.dead_letters)
    await rig.log.producer().send([bad])
    await rig.say(ast_requested("other"))
    await rig.run(rig.loop(ok), lambda: rig.committed() == 2)
    (letter,) = await rig.store.dead_letters.letters()
    assert (letter.stream, letter.run_id, letter.event_id, letter.reason) == ("", "", "", "refused")
    assert letter.error.startswith("RowRefused: index row size; before that: undecodable: ")
    assert (letter.record.headers, letter.record.value) == (bad.headers, bad.value)
    assert quoted(letter.remedy.replace(letter.id, "ID"))
    (said,) = await rig.store.outbox.unsent(range(8), 10)
    assert (said.topic, said.stream) == (DLQ_TOPIC, letter.id)


async def test_where_the_work_can_stall_a_stream_it_is_told_instead() -> None:
    rig = Rig()
    stalled: list[tuple[str, str]] = []

    async def handler(batch: Sequence[Delivered]) -> Sequence[Outcome]:
        return [Emit() for _ in batch]

    async def stall(delivered: Delivered, why: DeadLetter) -> Outcome:
        stalled.append((delivered.event.envelope.stream, why.reason))
        return Emit()

    await rig.log.producer().send([garbage(pr_received("stream")), noise("pr.received")])
    loop = rig.loop(InBatches(handler, stall), topics=("pr.received",))
    await rig.run(loop, lambda: rig.committed() == 2)
    assert stalled == [("stream", "undecodable")]
    (letter,) = await rig.store.dead_letters.letters()
    assert letter.stream == "", "only what has no envelope has nobody to tell"


def newer_ast_requested() -> tuple[Schema, bytes]:
    """What a newer process writes: the same type with one field more."""
    known = schema_of(AstRequested)
    definition = json.loads(known.text)
    definition["fields"].append({"name": "later", "type": "string", "default": ""})
    text = canonical_text(definition)
    buffer = io.BytesIO()
    buffer.write(b"\x00" + schema_id(text).to_bytes(4, "big"))
    fact = ast_requested("run").fact
    fastavro.schemaless_writer(
        buffer, fastavro.parse_schema(definition, named_schemas={}), {**msgspec.to_builtins(fact), "later": "x"}
    )
    return Schema(known.type_name, text, schema_id(text)), buffer.getvalue()


async def say_newer(rig: Rig) -> Schema:
    schema, value = newer_ast_requested()
    await rig.log.producer().send([replace(record(ast_requested("run")), value=value)])
    return schema


async def test_an_unknown_schema_is_looked_up_and_learnt() -> None:
    rig = Rig()
    schema = await say_newer(rig)
    await rig.store.schemas.upsert([schema])
    await rig.run(rig.loop(ok), lambda: rig.committed() == 1)
    assert the_answer(rig).outcome is AnswerOutcome.OK


async def test_a_schema_that_nobody_knows_makes_a_dead_letter() -> None:
    rig = Rig()
    await say_newer(rig)
    await rig.run(rig.loop(ok), lambda: rig.committed() == 1)
    (letter,) = await rig.store.dead_letters.letters()
    assert letter.reason == "undecodable"


async def test_a_schema_that_cannot_be_asked_for_waits_for_the_store() -> None:
    rig = Rig()
    schema = await say_newer(rig)
    await rig.store.schemas.upsert([schema])
    rig.store.go_away()
    loop = rig.loop(ok)
    await rig.step(loop, 20)
    assert rig.committed() == 0
    rig.store.come_back()
    await rig.run(loop, lambda: rig.committed() == 1)
    assert the_answer(rig).outcome is AnswerOutcome.OK
