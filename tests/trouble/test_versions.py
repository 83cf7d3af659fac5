"""Two versions at once during a roll: neither loses or puts aside what the other says."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from penstock_contracts.codec import Codec
from penstock_contracts.event import Event
from penstock_contracts.facts import AstCompleted, Fact
from penstock_contracts.routing import SHARDS
from penstock_eventlog.kafka.config import KafkaAddress
from penstock_eventlog.kafka.log import KafkaLog
from penstock_eventlog.postgres import PostgresLog
from penstock_eventlog.records import outbox_row_of, record_of
from penstock_eventlog.sinks import LogTableSink
from penstock_eventlog.workbench import workbench
from penstock_eventlog.worker import publish_schemas, worker_loops
from penstock_store.postgres import PostgresStore
from tests.support.assembling import context_of
from tests.support.waiting import eventually
from tests.trouble.stage import Stage, ended, started
from tests.trouble.versions import DEFAULT, NEWER, OLDER, REQUESTS, codec_of, of_version, work_of
from tests.unit.penstock_eventlog.events import REF, ast_requested


def requests(version: str, urgency: str, runs: Sequence[str]) -> list[Event[Fact]]:
    """Of a newer process they have an urgency."""
    kind = REQUESTS[version]
    more = {"urgency": urgency} if version == NEWER else {}
    return [replace(ast_requested(run), fact=kind(REF, "head", "base", "", "", "", **more)) for run in runs]


class Talk:
    """What is asked by orchestrators of both versions, and what the analysis answers; the first answer counts, since
    a member that loses a partition may have answered what the next one answers again."""

    def __init__(self, place: Stage, store: PostgresStore) -> None:
        self._place = place
        self._log = KafkaLog(
            KafkaAddress(place.environment["PENSTOCK_KAFKA_BOOTSTRAP"], place.environment["PENSTOCK_TOPIC_PREFIX"])
        )
        self._store = store
        self._consumer = self._log.consumer("test", ["ast.completed"], lambda _: None)
        self._producer = self._log.producer()
        self.answers: dict[str, str] = {}

    async def ask(self, version: str, runs: Sequence[str]) -> None:
        codec = codec_of(version)
        await publish_schemas(self._store, codec)
        await self._producer.send([record_of(event, codec) for event in requests(version, "high", runs)])

    async def answered(self, runs: Sequence[str]) -> Sequence[str]:
        codec = codec_of(NEWER)

        async def all_of_them() -> bool:
            for record in await self._consumer.poll(500, 0.2):
                event = codec.decode(record.headers, record.value)
                assert isinstance(event.fact, AstCompleted)
                self.answers.setdefault(event.envelope.workflow_id, f"{event.fact.outcome}:{event.fact.blob}")
            return set(runs) <= set(self.answers)

        await eventually(all_of_them, within=20, what=f"an answer to each of {len(runs)} requests")
        return sorted({self.answers[run] for run in runs})

    async def close(self) -> None:
        await self._consumer.close()
        await self._producer.close()
        await self._log.close()


def names(what: str, number: int = 24) -> list[str]:
    return [f"{what}-{n}" for n in range(number)]


@pytest.fixture
async def store(postgres_database: str) -> AsyncIterator[PostgresStore]:
    store = await PostgresStore.open(postgres_database)
    yield store
    await store.close()


@pytest.fixture
async def talk(place: Stage, store: PostgresStore) -> AsyncIterator[Talk]:
    talk = Talk(place, store)
    yield talk
    await talk.close()


async def test_during_a_roll_on_kafka_each_version_reads_what_the_other_asks(
    place: Stage, store: PostgresStore, talk: Talk
) -> None:
    older = place.start("tests.trouble.versions", OLDER)
    await talk.ask(NEWER, names("new to old"))
    assert await talk.answered(names("new to old")) == [f"ok:{OLDER}:"]

    newer = place.start("tests.trouble.versions", NEWER)
    await started(newer)

    async def both_answer() -> bool:
        mixed = names(f"mixed {len(talk.answers)}")
        await talk.ask(OLDER, mixed[::2])
        await talk.ask(NEWER, mixed[1::2])
        return {answer.split(":")[1] for answer in await talk.answered(mixed)} == {OLDER, NEWER}

    await eventually(both_answer, within=20, what="both members of the group to be given requests")

    older.process.terminate()
    assert await ended(older) == 0
    await talk.ask(OLDER, names("old to new"))
    assert await talk.answered(names("old to new")) == [f"ok:{NEWER}:{DEFAULT}"]
    await talk.ask(NEWER, names("new to new"))
    assert await talk.answered(names("new to new")) == [f"ok:{NEWER}:high"]
    assert not await store.dead_letters.letters()


async def test_on_the_postgres_log_a_standby_of_another_version_reads_what_it_takes_over(store: PostgresStore) -> None:
    """One process at a time works there, so a roll is one version after the other, and a rollback the reverse."""
    lease = await store.leases.acquire("penstock:up", "test", timedelta(hours=1))
    assert lease is not None
    bench = workbench(context_of({}), store, PostgresLog(store, lambda: lease), Codec())
    sink = LogTableSink(store.outbox, await bench.log.partitions(), lambda _: None)

    async def answered_by(version: str, asked: Sequence[Event[Fact]], writer: str) -> Sequence[str]:
        """Asked by a process of one version, which then ends; read by one of another."""
        codec = codec_of(writer)
        await publish_schemas(store, codec)
        await store.outbox.put([outbox_row_of(event, codec) for event in asked])
        await sink.publish(await store.outbox.unsent(range(SHARDS), 1_000), lease)
        (loop,) = worker_loops("ast", work_of(version), of_version(bench, version).tools)
        answers: list[str] = []
        consumer = PostgresLog(store, lambda: lease).consumer(
            f"after {version} {writer}", ["ast.completed"], lambda _: None
        )
        runs = {event.envelope.workflow_id for event in asked}

        async def all_of_them() -> bool:
            await loop.step()
            await sink.publish(await store.outbox.unsent(range(SHARDS), 1_000), lease)
            for record in await consumer.poll(500, 0.0):
                event = codec.decode(record.headers, record.value)
                assert isinstance(event.fact, AstCompleted)
                if event.envelope.workflow_id in runs:
                    answers.append(f"{event.fact.outcome}:{event.fact.blob}")
            return len(answers) >= len(runs)

        await eventually(all_of_them, within=20, what="an answer to each request")
        await loop.stop()
        return answers

    new_to_old = await answered_by(OLDER, requests(NEWER, "high", names("new to old")), NEWER)
    assert new_to_old == [f"ok:{OLDER}:"] * 24
    old_to_new = await answered_by(NEWER, requests(OLDER, "", names("old to new")), OLDER)
    assert old_to_new == [f"ok:{NEWER}:{DEFAULT}"] * 24
    assert not await store.dead_letters.letters()
