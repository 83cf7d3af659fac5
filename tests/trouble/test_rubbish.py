"""Records that nobody can read: each is put aside and told, what is right goes on, and a flood stops the loop."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import cycle
from secrets import token_hex
from typing import Any

import httpx

from penstock.local.ports import free_ports
from penstock_contracts.codec import Codec
from penstock_contracts.envelope import Envelope, to_headers
from penstock_contracts.examples import examples
from penstock_contracts.facts import DeadLettered
from penstock_contracts.flow import DLQ_TOPIC, EVENTS_TOPIC, TOPICS, Topic
from penstock_contracts.ids import deterministic_id
from penstock_eventlog.budget import FEWEST
from penstock_eventlog.kafka.config import KafkaAddress
from penstock_eventlog.kafka.log import KafkaLog
from penstock_eventlog.ports import NewRecord
from penstock_store.rows import RawRecord
from tests.support.waiting import eventually
from tests.trouble.page import quoted
from tests.trouble.remedies import carry_out, explained
from tests.trouble.stage import Stage, all_but

HEARD = [topic for topic in TOPICS if topic.name not in (DLQ_TOPIC, EVENTS_TOPIC)]


async def test_rubbish_on_every_topic_is_put_aside_and_told_and_a_pull_request_gets_its_review(place: Stage) -> None:
    log = log_of(place)
    rubbish = [NewRecord(topic.name, "k", (), b"\x00rubbish", "k") for topic in HEARD]
    disguised = [disguise(topic) for topic in HEARD]
    await say(log, rubbish + disguised)
    async with all_but(place):
        await place.pull_request(await place.repository())
        (run,) = await place.over()
        assert (run["outcome"], place.reviews()) == ("reviewed", 1), (place.summary(), await place.history(run, "ast"))

        async def one_for_each() -> Sequence[dict[str, Any]]:
            letters = await place.dead_letters()
            return letters if len(letters) == 2 * len(HEARD) else ()

        letters = await eventually(one_for_each, within=20, what="a dead letter for each record")
        assert Counter(letter["event_type"] for letter in letters) == {
            "": len(HEARD),
            **{topic.types[0].TYPE: 1 for topic in HEARD},
        }
        assert {letter["reason"] for letter in letters if not letter["event_id"]} == {"undecodable"}
        for letter in letters:
            assert explained(letter["remedy"], letter)
        told = await told_of(log, len(letters))
        assert {fact.dead_letter_id for fact in told} == {letter["id"] for letter in letters}
        assert {fact.topic for fact in told} == {topic.name for topic in HEARD}
    await log.close()


async def test_names_that_no_index_takes_end_no_process_and_each_is_put_aside_for_good(place: Stage) -> None:
    """Longer than what PostgreSQL's indexes take, and of characters that do not compress."""
    log = log_of(place)
    await say(log, overlong(token_hex(4_000)))
    async with all_but(place, "orchestrator", "ast"):
        processes = [place.start("penstock_orchestrator"), place.start("penstock_ast")]
        await place.pull_request(await place.repository())
        (run,) = await place.over()
        assert (run["outcome"], place.reviews()) == ("reviewed", 1)

        async def one_for_each() -> Sequence[dict[str, Any]]:
            letters = await place.dead_letters()
            return letters if len(letters) == 2 * len(HEARD) else ()

        letters = await eventually(one_for_each, within=20, what="a dead letter for each record")
        assert {(letter["reason"], letter["stream"], letter["event_id"]) for letter in letters} == {
            ("undecodable", "", "")
        }
        assert [process.process.poll() for process in processes] == [None, None]
        said = place.rows("select distinct octet_length(key), octet_length(headers) > 8000 from workflow.dead_letters")
        assert sorted(said) == [(8_000, True)]
        assert {fact.dead_letter_id for fact in await told_of(log, len(letters))} == {one["id"] for one in letters}

        first, *others = letters
        assert explained(first["remedy"], first)
        assert "discarded" in await carry_out(place, first["remedy"])
        async with httpx.AsyncClient(trust_env=False, base_url=f"{place.console_url}/workflow-queue/") as client:
            for letter in others:
                answer = await client.post(f"dead-letters/{letter['id']}/discard", json={"reason": "not ours"})
                assert answer.status_code == 202, answer.text
        assert await place.dead_letters() == []
    await log.close()


async def test_a_flood_of_rubbish_stops_the_loop_visibly_instead_of_being_eaten(place: Stage) -> None:
    log = log_of(place)
    await say(log, [NewRecord("ast.requested", f"k{n}", (), b"rubbish", f"k{n}") for n in range(100)])
    (port,) = free_ports(1)
    process = place.start("penstock_ast", PENSTOCK_OPS_PORT=str(port))

    async def halted() -> str:
        try:
            async with httpx.AsyncClient(trust_env=False) as client:
                answer = await client.get(f"http://127.0.0.1:{port}/readyz")
        except httpx.TransportError:
            return ""
        found = answer.json().get("dependencies", {}).get("loop.penstock-ast", {})
        return str(found.get("reason", "")) if answer.status_code == 503 else ""

    why = await eventually(halted, within=30, what="readiness to say that the loop halted")
    assert quoted("most records end as dead letters, so the fault is rather ours than theirs") in why
    assert process.process.poll() is None
    ((letters,),) = place.rows("select count(*) from workflow.dead_letters")
    assert letters == FEWEST - 1
    left = await take(log, "penstock-ast", "ast.requested", 100 - letters)
    assert len(left) == 100 - letters
    await log.close()


def disguise(topic: Topic) -> NewRecord:
    """Headers that can be read, of a type of this topic and of a run that nobody knows, around a value that cannot."""
    envelope = Envelope(
        id=deterministic_id("rubbish", topic.name),
        type=topic.types[0].TYPE,
        source="somebody",
        time=datetime(2026, 1, 1, tzinfo=UTC),
        stream=f"github:nowhere:1:{len(topic.name)}",
        subject="github:no/where#1",
        workflow_id="" if topic.types[0].TYPE in ("pr.received", "workflow.control") else "no-run",
        attempt=1,
    )
    return NewRecord(topic.name, envelope.stream, to_headers(envelope), b"\x00\x00\x00\x00\x01rubbish", envelope.stream)


def overlong(text: str) -> Sequence[NewRecord]:
    """For every topic a right event and one that nobody can read; of each another name is this text, and the key is."""
    right = {event.envelope.type: event for event in examples()}
    names = cycle(
        ("ce_id", "ce_stream", "ce_workflowid", "ce_stage", "ce_part", "ce_causationid", "ce_correlationid",
         "traceparent", "ce_subject", "ce_type", "ce_source", "tracestate", "ce_attempt")
    )  # fmt: skip
    records = []
    for topic in HEARD:
        event = right[topic.types[0].TYPE]
        for value in (Codec().encode_fact(event.fact), b"\x00\xff\xff\xff\xffrubbish"):
            headers = {**dict(to_headers(event.envelope)), next(names): text.encode()}
            records.append(NewRecord(topic.name, text, tuple(headers.items()), value, text))
    return records


def log_of(place: Stage) -> KafkaLog:
    return KafkaLog(
        KafkaAddress(place.environment["PENSTOCK_KAFKA_BOOTSTRAP"], place.environment["PENSTOCK_TOPIC_PREFIX"])
    )


async def say(log: KafkaLog, records: Sequence[NewRecord]) -> None:
    producer = log.producer()
    await producer.send(records)
    await producer.close()


async def take(log: KafkaLog, group: str, topic: str, number: int) -> Sequence[RawRecord]:
    """So many records of a group, which may be more than there are."""
    consumer = log.consumer(group, [topic], lambda _: None)
    taken: list[RawRecord] = []

    async def enough() -> bool:
        taken.extend(await consumer.poll(500, 0.2))
        return len(taken) >= number

    await eventually(enough, within=20, what=f"{number} records of {topic}")
    await consumer.close()
    return taken


async def told_of(log: KafkaLog, number: int) -> Sequence[DeadLettered]:
    codec = Codec()
    facts = [codec.decode(one.headers, one.value).fact for one in await take(log, "reader", DLQ_TOPIC, number)]
    return [fact for fact in facts if isinstance(fact, DeadLettered)]
