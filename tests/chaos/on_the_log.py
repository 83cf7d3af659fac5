"""The judgement of the log: what was published, how often, and how far each group has read."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Message, TopicPartition
from confluent_kafka.admin import AdminClient

from penstock_contracts.flow import TOPICS
from penstock_eventlog.kafka.config import KafkaAddress, client_log
from penstock_store.postgres.headers import unpack_headers
from tests.chaos.duplicator import COPY, GROUP
from tests.chaos.in_the_store import StoreView
from tests.chaos.verdict import Verdict, none_of

_SECONDS = 20.0
_JUDGE = "chaos-judge"
Place = tuple[str, int]


@dataclass(slots=True)
class LogView:
    ends: dict[Place, int] = field(default_factory=dict)
    committed: dict[str, dict[Place, int]] = field(default_factory=dict)
    """By group."""
    records: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """By topic: how often each event lies there, copies not counted."""
    schemas: dict[str, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    """By topic: those that its records were written with."""
    copies: int = 0
    texts: list[tuple[str, bytes]] = field(default_factory=list)
    """By topic: keys, headers and values."""

    @property
    def total(self) -> int:
        return sum(self.ends.values())


def look(address: KafkaAddress) -> LogView:
    view = LogView(ends=ends(address), committed=committed(address))
    consumer = Consumer(address.consumer(_JUDGE), logger=client_log)
    consumer.assign([TopicPartition(topic, partition, 0) for topic, partition in view.ends])
    left = sum(view.ends.values())
    try:
        while left > 0:
            messages = consumer.consume(min(left, 1000), _SECONDS)  # it waits for so many, or the time
            if not messages:
                raise AssertionError(f"{left} records cannot be read")
            for message in messages:
                if message.error() is None:
                    left -= 1
                    _count(view, address, message.topic() or "", message.headers() or [])
                    view.schemas[address.inside(message.topic() or "")].add((message.value() or b"")[1:5])
                    view.texts.append((message.topic() or "", _text(message)))
    finally:
        consumer.close()
    return view


def _text(message: Message) -> bytes:
    headers: list[tuple[str, Any]] = list(dict(message.headers() or []).items())
    said = (each for name, value in headers for each in (name.encode(), value or b""))
    return b"\0".join((message.key() or b"", *said, message.value() or b""))


def _count(view: LogView, address: KafkaAddress, topic: str, headers: Any) -> None:
    known = dict(headers)
    if COPY in known:
        view.copies += 1
    else:
        view.records[address.inside(topic)][known["ce_id"].decode()] += 1


def ends(address: KafkaAddress) -> dict[Place, int]:
    consumer = Consumer(address.consumer(_JUDGE), logger=client_log)
    try:
        topics = [(address.on_wire(topic.name), topic.partitions) for topic in TOPICS]
        places = [(name, partition) for name, count in topics for partition in range(count)]
        return {place: consumer.get_watermark_offsets(TopicPartition(*place), _SECONDS)[1] for place in places}
    finally:
        consumer.close()


def committed(address: KafkaAddress) -> dict[str, dict[Place, int]]:
    admin = AdminClient(address.admin(), logger=client_log)
    listed = admin.list_consumer_groups().result(_SECONDS).valid
    found = {}
    for each in listed:
        if each.group_id.startswith(address.prefix):
            asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(each.group_id)])
            places = asked[each.group_id].result(_SECONDS).topic_partitions
            found[address.inside(each.group_id)] = {(p.topic, p.partition): p.offset for p in places if p.offset >= 0}
    return found


def unread(address: KafkaAddress) -> dict[str, int]:
    """How many records lie before groups that have not finished them, by group and place."""
    reached, last = committed(address), ends(address)
    heard = {topic for places in reached.values() for topic, _ in places}
    behind = {
        f"{group} {topic}/{partition}": last[topic, partition] - at
        for group, places in reached.items()
        for (topic, partition), at in _all_places(places, last)
    }
    unheard = {f"nobody {t}/{p}": end for (t, p), end in last.items() if t not in heard and _is_work(address, t)}
    return {where: count for where, count in (behind | unheard).items() if count}


def _all_places(places: Mapping[Place, int], last: Mapping[Place, int]) -> Iterator[tuple[Place, int]]:
    """Every partition of the topics a group hears; where it has committed nothing it has finished nothing."""
    topics = {topic for topic, _ in places}
    return ((place, places.get(place, 0)) for place in last if place[0] in topics)


def _is_work(address: KafkaAddress, topic: str) -> bool:
    """A topic that some service hears in every campaign; a group without any commit has not begun."""
    return address.inside(topic) not in {"workflow.events", "penstock.dlq"}


def judge(view: LogView, store: StoreView, *, twice: bool) -> list[Verdict]:
    rows: dict[str, set[str]] = defaultdict(set)
    for row in store.outbox:
        rows[row["topic"]].add(dict(unpack_headers(row["headers"]))["ce_id"].decode())
    total = sum(counter.total() for counter in view.records.values())
    verdicts = [
        none_of("N6 every row of the outbox is on the log", _unsaid(view, rows), f"{len(store.outbox)} rows"),
        none_of("N6 every record was in the outbox", _unheard_of(view, rows), f"{total} records"),
        none_of("N9 no group is beyond the end", _beyond(view), f"{len(view.committed)} groups"),
        none_of("N9 no group left anything unfinished", _behind(view), f"{len(view.committed)} groups"),
    ]
    found, enough = f"{total} records, {view.copies} copies", view.copies >= total
    once = Verdict("N8 every record was there twice", True, "each was there once: --twice looks", looked=False)
    verdicts.append(Verdict("N8 every record was there twice", enough, found) if twice else once)
    return verdicts


def _unsaid(view: LogView, rows: Mapping[str, set[str]]) -> Iterator[str]:
    for topic, ids in rows.items():
        yield from (f"{topic} {event}" for event in ids - set(view.records[topic]))


def _unheard_of(view: LogView, rows: Mapping[str, set[str]]) -> Iterator[str]:
    """Answers are said by the loops themselves; all else comes from the outbox and from there alone."""
    for topic in TOPICS:
        if set(topic.said_by) <= {"orchestrator", "ingest", "console"}:
            yield from (f"{topic.name} {event}" for event in set(view.records[topic.name]) - rows[topic.name])


def _beyond(view: LogView) -> Iterator[str]:
    for group, places in view.committed.items():
        yield from (f"{group} {place} at {at}" for place, at in places.items() if at > view.ends[place])


def _behind(view: LogView) -> Iterator[str]:
    for group, places in view.committed.items():
        if group != GROUP:
            for place, at in _all_places(places, view.ends):
                if at < view.ends[place]:
                    yield f"{group} {place} at {at} of {view.ends[place]}"
