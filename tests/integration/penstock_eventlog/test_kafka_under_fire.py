"""Kafka brokers and members killed under load: nothing is missing, keys keep their order."""

import asyncio
import json
import signal
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType  # type: ignore[attr-defined]

from penstock_contracts.flow import TOPICS
from penstock_eventlog.errors import LogUnavailable
from penstock_eventlog.kafka import KafkaAddress, KafkaLog, consumer, sessions
from penstock_eventlog.ports import Log, NewRecord
from penstock_store.rows import Place, RawRecord
from tests.suites.log import TOPIC, Member, join, poll_together, record
from tests.support.kafka import KafkaForTest, MortalKafka
from tests.support.processes import Processes, StartedProcess
from tests.support.waiting import eventually

pytestmark = pytest.mark.kafka
KEYS = 20


class Desk:
    def __init__(self, log: KafkaLog) -> None:
        self.log: Log = log

    async def settle(self) -> None:
        """What is acknowledged is there."""


async def prepared(kafka: KafkaForTest) -> Desk:
    log = KafkaLog(KafkaAddress(kafka.bootstrap, kafka.prefix))
    await log.prepare()
    return Desk(log)


def batch(start: int, size: int) -> list[NewRecord]:
    return [record(f"key-{number % KEYS}", number) for number in range(start, start + size)]


def of_keys(records: Sequence[RawRecord]) -> dict[bytes | None, list[int]]:
    order: dict[bytes | None, list[int]] = defaultdict(list)
    for one in records:
        order[one.key].append(int(one.value or b"-1"))
    return order


async def test_a_broker_killed_twice_under_load_loses_nothing_doubles_nothing_and_keeps_the_order(
    mortal_kafka: MortalKafka,
) -> None:
    desk = await prepared(mortal_kafka)
    producer = desk.log.producer()
    total, size = 20_000, 200
    sent = asyncio.Event()

    async def produce() -> None:
        for start in range(0, total, size):
            await producer.send(batch(start, size))
            if start == 4_000:
                sent.set()

    producing = asyncio.create_task(produce())
    await sent.wait()
    for _ in range(2):
        await asyncio.to_thread(mortal_kafka.cluster.kill)
        await asyncio.to_thread(mortal_kafka.cluster.start)
    async with asyncio.timeout(120):
        await producing
    await producer.close()
    member = join(desk, "group")
    async with asyncio.timeout(90):
        while len(member.records) < total:
            await member.poll()
    order = of_keys(member.records)
    assert all(order[b"key-%d" % key] == list(range(key, total, KEYS)) for key in range(KEYS))
    await member.consumer.close()


async def test_a_consumer_goes_on_after_its_broker_was_killed_and_restarted(mortal_kafka: MortalKafka) -> None:
    desk = await prepared(mortal_kafka)
    producer = desk.log.producer()
    member = join(desk, "group")
    await producer.send(batch(0, 100))
    await member.poll_until(lambda: len(member.records) == 100)
    await member.commit_all()
    await asyncio.to_thread(mortal_kafka.cluster.kill)
    await asyncio.to_thread(mortal_kafka.cluster.start)
    async with asyncio.timeout(60):
        await producer.send(batch(100, 100))
        while len(set(member.values())) < 200:
            await member.poll()
    assert sorted(set(member.values())) == list(range(200))
    await producer.close()
    await member.consumer.close()


MEMBER = Path(__file__).with_name("member.py")


async def test_what_a_member_killed_held_comes_to_the_other_within_the_session(
    kafka: KafkaForTest, processes: Processes
) -> None:
    desk = await prepared(kafka)
    producer = desk.log.producer()
    survivor = join(desk, "group")
    await survivor.poll_until(lambda: len(survivor.consumer.assigned()) == 12)
    environment = {"PYTHONPATH": str(Path(__file__).parents[3])}
    victim = processes.start("python", MEMBER, kafka.bootstrap, kafka.prefix, "group", TOPIC, environment=environment)
    await poll_together([survivor], lambda: len(survivor.consumer.assigned()) == 6)
    await producer.send(batch(0, 400))
    await survivor.poll_until(lambda: "took" in victim.output())
    victim.send(signal.SIGKILL)
    killed_at = asyncio.get_running_loop().time()
    await survivor.poll_until(lambda: len(survivor.consumer.assigned()) == 12)
    assert asyncio.get_running_loop().time() - killed_at < 12
    await survivor.poll_until(lambda: len(set(survivor.values())) == 400)
    for key, numbers in of_keys(survivor.records).items():
        assert list(dict.fromkeys(numbers)) == sorted(set(numbers)), f"{key!r} keeps its order"
    taken = json.loads(victim.output().strip().splitlines()[-1].removeprefix("took "))
    assert set(taken) <= set(survivor.values()), "what it took without committing came again"
    await producer.close()
    await survivor.consumer.close()


async def test_groups_of_kip_848_notice_a_dead_member_as_soon_as_classic_ones(kafka: KafkaForTest) -> None:
    await KafkaLog(KafkaAddress(kafka.bootstrap, kafka.prefix, {"group.protocol": "consumer"})).prepare()
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    for group in ("penstock-ast", "penstock-llm-review-pr.review.requested"):
        resource = ConfigResource(ResourceType.GROUP, kafka.topic(group))

        def kept(resource: ConfigResource = resource) -> bool:
            (future,) = admin.describe_configs([resource]).values()
            told = future.result(10)
            return {name: told[name].value for name in sessions.SETTINGS} == sessions.SETTINGS

        await eventually(kept, 10, f"the session of {group}")


async def test_brokers_that_allow_no_shorter_session_are_named_and_the_topics_are_there(
    kafka: KafkaForTest, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sessions, "SETTINGS", {"consumer.session.timeout.ms": "10"})
    log = KafkaLog(KafkaAddress(kafka.bootstrap, kafka.prefix, {"group.protocol": "consumer"}))
    await log.prepare()
    assert "set group.consumer.min.session.timeout.ms" in caplog.text
    assert len(await log.partitions()) == len(TOPICS)


def named_member(kafka: KafkaForTest, processes: Processes) -> StartedProcess:
    return processes.start("python", MEMBER, kafka.bootstrap, kafka.prefix, "group", TOPIC, "member-0")


async def test_a_member_with_a_lasting_name_has_its_records_back_long_before_its_session_is_over(
    kafka: KafkaForTest, processes: Processes
) -> None:
    desk = await prepared(kafka)
    producer = desk.log.producer()
    await producer.send(batch(0, 50))
    await producer.close()
    victim = named_member(kafka, processes)
    await eventually(lambda: "took" in victim.output(), 20)
    victim.send(signal.SIGKILL)
    again = named_member(kafka, processes)
    await eventually(lambda: "took" in again.output(), 4, "its records, before the session of 6 s ends")


async def test_a_member_whose_name_another_took_ends_and_says_what_to_do(
    kafka: KafkaForTest, processes: Processes
) -> None:
    desk = await prepared(kafka)
    producer = desk.log.producer()
    await producer.send(batch(0, 50))
    await producer.close()
    first = named_member(kafka, processes)
    await eventually(lambda: "took" in first.output(), 20)
    second = named_member(kafka, processes)
    await eventually(lambda: "took" in second.output(), 20)
    assert await asyncio.to_thread(first.wait) == 1
    assert "LogMisconfigured: another process of this service has the same PENSTOCK_INSTANCE" in first.output()


async def test_a_member_that_loses_its_name_after_a_while_joins_again_and_the_newcomer_ends(
    kafka: KafkaForTest, processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that is lost makes a member ask twice, and the broker takes it for two; nobody has to end for that."""
    monkeypatch.setattr(consumer, "RIVAL", 0.0)
    await prepared(kafka)
    old = join(Desk(KafkaLog(KafkaAddress(kafka.bootstrap, kafka.prefix, instance="member-0"))), "group")
    await old.poll_until(lambda: len(old.consumer.assigned()) == 12)
    newcomer = named_member(kafka, processes)
    await old.poll_until(lambda: newcomer.process.poll() == 1)
    await old.poll_until(lambda: len(old.consumer.assigned()) == 12)
    assert len(old.lost) == 1
    await old.consumer.close()


async def test_a_log_that_cannot_be_reached_says_so_and_does_not_hang() -> None:
    log = KafkaLog(KafkaAddress("127.0.0.1:1"))
    with pytest.raises(LogUnavailable):
        await log.check()


async def test_positions_can_be_committed_again_and_again(kafka: KafkaForTest) -> None:
    desk = await prepared(kafka)
    producer = desk.log.producer()
    await producer.send(batch(0, 50))
    member: Member = join(desk, "group")
    await member.poll_until(lambda: len(member.records) == 50)
    for one in member.records:
        await member.consumer.commit([Place(one.topic, one.partition, one.position + 1)])
    assert all(lag == 0 for lag in member.consumer.lag().values())
    await member.consumer.close()
    await producer.close()
    again = join(desk, "group")
    await again.poll_until(lambda: len(again.consumer.assigned()) == 12)
    for _ in range(3):
        assert not await again.poll()
    await again.consumer.close()
