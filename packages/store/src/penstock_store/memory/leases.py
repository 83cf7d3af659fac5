"""Leases, deliveries and dead letters in memory."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from penstock_store.errors import StoreUnavailable
from penstock_store.memory.streams import write_letters
from penstock_store.memory.tables import Tables
from penstock_store.ports import LEASE_TTL
from penstock_store.rows import (
    OPEN_LETTERS,
    DeadLetterRow,
    Lease,
    LetterFilter,
    LetterState,
    NewOutboxRow,
    Place,
)


class MemoryLeases:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def acquire(self, key: str, holder: str, ttl: timedelta = LEASE_TTL) -> Lease | None:
        tables = self._tables
        with tables.transaction() as transaction:
            known = tables.leases.get(key)
            if known and known.holder != holder and known.expires_at > tables.now():
                return None
            lease = Lease(key, holder, (known.fence if known else 0) + 1, tables.now() + ttl)
            transaction.put(tables.leases, key, lease)
            return lease

    async def renew(self, lease: Lease, ttl: timedelta) -> Lease | None:
        tables = self._tables
        with tables.transaction() as transaction:
            if not tables.lease_held(lease):
                return None
            renewed = replace(lease, expires_at=tables.now() + ttl)
            transaction.put(tables.leases, lease.key, renewed)
            return renewed

    async def release(self, lease: Lease) -> None:
        tables = self._tables
        with tables.transaction() as transaction:
            if tables.lease_held(lease):
                transaction.put(tables.leases, lease.key, replace(lease, expires_at=tables.now()))

    async def is_locked(self, key: str) -> bool:
        try:
            self._tables.ask()
        except StoreUnavailable:
            return True
        known = self._tables.leases.get(key)
        return known is not None and known.expires_at > self._tables.now()


class MemoryDeliveries:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def count(self, consumer: str, places: Sequence[Place]) -> Mapping[Place, int]:
        return self._add(consumer, places, 1)

    async def forget(self, consumer: str, places: Sequence[Place]) -> None:
        with self._tables.transaction() as transaction:
            for place in places:
                transaction.drop(self._tables.deliveries, _key(consumer, place))

    async def take_back(self, consumer: str, places: Sequence[Place]) -> None:
        self._add(consumer, places, -1)

    def _add(self, consumer: str, places: Sequence[Place], number: int) -> Mapping[Place, int]:
        table = self._tables.deliveries
        counts: dict[Place, int] = {}
        with self._tables.transaction() as transaction:
            for place in dict.fromkeys(places):
                key = _key(consumer, place)
                counts[place] = table.get(key, 0) + number
                if counts[place] > 0:
                    transaction.put(table, key, counts[place])
                else:
                    transaction.drop(table, key)
        return counts


class MemoryDeadLetters:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def put(self, letter: DeadLetterRow, outbox: Sequence[NewOutboxRow]) -> None:
        with self._tables.transaction() as transaction:
            if letter.id in self._tables.letters:
                return
            created = letter.created_at or self._tables.now()
            write_letters(transaction, self._tables, [replace(letter, created_at=created)])
            for row in outbox:
                transaction.publish(row)

    async def get(self, letter_id: str) -> DeadLetterRow | None:
        self._tables.ask()
        return self._tables.letters.get(letter_id)

    async def letters(self, wanted: LetterFilter = OPEN_LETTERS) -> Sequence[DeadLetterRow]:
        self._tables.ask()
        in_order = sorted(self._tables.letters.values(), key=_age)
        last = self._tables.letters.get(wanted.after)
        following = [letter for letter in in_order if last is None or _age(letter) > _age(last)]
        return [letter for letter in following if _is_wanted(letter, wanted)][: wanted.limit]

    async def counts(self) -> Mapping[str, int]:
        return Counter(letter.reason for letter in await self.letters(LetterFilter(limit=len(self._tables.letters))))

    async def settle(self, letter_id: str, resolution: str, said: Sequence[NewOutboxRow] = ()) -> bool:
        with self._tables.transaction() as transaction:
            letter = self._tables.letters.get(letter_id)
            if letter is None or letter.resolved_at is not None:
                return False
            resolved = replace(letter, resolved_at=self._tables.now(), resolution=resolution)
            transaction.put(self._tables.letters, letter_id, resolved)
            for row in said:
                transaction.publish(row)
        return True


def _age(letter: DeadLetterRow) -> tuple[datetime, str]:
    return (letter.created_at or datetime.min.replace(tzinfo=UTC), letter.id)


def _is_wanted(letter: DeadLetterRow, wanted: LetterFilter) -> bool:
    states = {LetterState.OPEN: letter.resolved_at is None, LetterState.RESOLVED: letter.resolved_at is not None}
    pairs = (
        (wanted.stream, letter.stream),
        (wanted.run_id, letter.run_id),
        (wanted.reason, letter.reason),
        (wanted.event_type, letter.event_type),
        (wanted.topic, letter.record.topic),
    )
    return states.get(wanted.state, True) and all(found == asked for asked, found in pairs if asked)


def _key(consumer: str, place: Place) -> tuple[str, str, int, int]:
    return (consumer, place.topic, place.partition, place.position)
