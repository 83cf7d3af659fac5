"""What `penstock db after-restore` does: makes a log and a store that no longer belong together go on together.

What came from outside after the backup lies on the log still: it is read again, and the inbox knows what it knows. What
followed from it (requests, answers) is passed over: the texts that answers point to were lost with the database, so
the work is asked for again, under the same ids.

1. nobody may be at work
2. topics that are missing are made
3. positions are moved
4. requests without an answer, and what was never heard, are put into the outbox again; the restoration is remembered

It can be done again: until 4 has happened the store is as it was, and afterwards there is nothing left to do twice.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TextIO

from penstock.operating.ending import DONE
from penstock.operating.errors import NotUnderstood, StillAtWork
from penstock.operating.settings import Brokers
from penstock.operating.waiting import say
from penstock.services import BOOTSTRAPS
from penstock_contracts.facts import ANSWERS
from penstock_contracts.flow import TOPIC_BY_NAME
from penstock_eventlog.groups import group_of, groups_of
from penstock_eventlog.kafka import KafkaAddress, KafkaLog, read_properties
from penstock_eventlog.kafka.positions import KafkaPositions, Move, Since
from penstock_eventlog.ports import Log
from penstock_store.ports import Store
from penstock_store.restoring import REMEMBERED
from penstock_store.rows import NewOutboxRow

ORCHESTRATOR = "orchestrator"
_PATIENCE = 45.0
"""Longer than the longest lease, that of a commenter on a pull request."""
_LOOK = 0.5


class Positions(Protocol):
    """Of the groups of a log whose positions do not lie in the database; see KafkaPositions."""

    async def at_work(self, groups: Sequence[str]) -> Sequence[str]: ...

    async def plan(self, wanted: Mapping[str, Mapping[str, Since]]) -> Sequence[Move]: ...

    async def move(self, moves: Sequence[Move]) -> None: ...


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A log apart from the database."""

    log: Log
    positions: Positions


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is to be done; on a log that lies in the database itself there is next to nothing."""

    moment: datetime | None
    since: datetime | None
    missing: tuple[str, ...] = ()
    moves: tuple[Move, ...] = ()
    asked: tuple[NewOutboxRow, ...] = ()
    unheard: tuple[NewOutboxRow, ...] = ()


def inputs() -> tuple[str, ...]:
    """The topics that bring to the orchestrator what comes from outside."""
    heard = groups_of(ORCHESTRATOR)[group_of(ORCHESTRATOR)]
    return tuple(name for name in heard if not set(TOPIC_BY_NAME[name].types) & set(ANSWERS))


def wanted(since: datetime | None) -> Mapping[str, Mapping[str, Since]]:
    """What comes from outside is read again from this moment on; requests and answers are passed over."""
    again = inputs()
    return {
        group: {topic: since if topic in again else None for topic in topics}
        for service in BOOTSTRAPS
        if service != "console"
        for group, topics in groups_of(service).items()
        if topics
    }


def elsewhere_of(brokers: Brokers) -> Elsewhere | None:
    """None where the log lies in the database. Raises LogMisconfigured."""
    if not brokers.bootstrap:
        return None
    address = KafkaAddress(brokers.bootstrap, brokers.prefix, read_properties(brokers.config))
    return Elsewhere(KafkaLog(address), KafkaPositions(address))


async def after_restore(
    store: Store, elsewhere: Elsewhere | None, margin: timedelta, out: TextIO, *, dry_run: bool, forced: bool
) -> int:
    """Says what is to be done, and does it unless it shall only be said; the exit code."""
    if not dry_run:
        say("looking whether services are at work")
        await nobody_at_work(store, elsewhere, forced=forced)  # 1
    say("reading what is stored" + (", and where each group stands on Kafka" if elsewhere else ""))
    plan = await planned(store, elsewhere, margin)
    for line in told(plan, apart=elsewhere is not None):
        out.write(f"{line}\n")
    out.flush()
    if not dry_run:
        await carried_out(store, elsewhere, plan)
    out.write("nothing was changed, since this is a dry run\n" if dry_run else "done: start the services\n")
    if elsewhere is not None:
        await elsewhere.log.close()
    return DONE


async def planned(store: Store, elsewhere: Elsewhere | None, margin: timedelta) -> Plan:
    moment = await store.restoring.moment()
    since = moment - margin if moment else None
    if elsewhere is None:
        if moment is not None and not await store.log.positions(group_of(ORCHESTRATOR)):
            raise NotUnderstood(
                "PENSTOCK_KAFKA_BOOTSTRAP is missing: nothing of this database was ever read from the log inside it, "
                "so its services speak over Kafka; name the brokers"
            )
        return Plan(moment, since)
    existing = await elsewhere.log.partitions()
    return Plan(
        moment,
        since,
        tuple(name for name in TOPIC_BY_NAME if name not in existing),
        tuple(await elsewhere.positions.plan(wanted(since))),
        tuple(await store.restoring.outstanding()),
        tuple(await store.restoring.unheard(ORCHESTRATOR, inputs())),
    )


async def carried_out(store: Store, elsewhere: Elsewhere | None, plan: Plan) -> None:
    if elsewhere is not None:
        say("making topics that are missing, moving the groups' positions")
        await elsewhere.log.prepare()  # 2
        await elsewhere.positions.move(plan.moves)  # 3
    say("putting requests into the outbox")
    await store.restoring.begin_again((*plan.unheard, *plan.asked), plan.moment)  # 4


async def nobody_at_work(
    store: Store, elsewhere: Elsewhere | None, *, forced: bool, patience: float = _PATIENCE
) -> None:
    """Waits for what expires by itself, as leases and members of who was killed do. Raises StillAtWork. Forced: leases
    do not count; members of a group always do, since Kafka moves nothing under them."""
    deadline, known = time.monotonic() + patience, list[str]()
    while True:
        found = [] if forced else [f"lease {lease.key} ({lease.holder})" for lease in await store.restoring.holders()]
        if elsewhere is not None:
            found += [f"group {group}" for group in await elsewhere.positions.at_work(list(wanted(None)))]
        if not found:
            return
        left = deadline - time.monotonic()
        if left < 0:
            raise StillAtWork(found)
        if found != known:
            say(f"at work: {', '.join(found)}; what the dead left expires by itself, so waiting up to {left:.0f} s")
            known = found
        await asyncio.sleep(_LOOK)


def told(plan: Plan, *, apart: bool) -> Iterator[str]:
    """The plan in words, the same before and after it was carried out."""
    if plan.moment is None:
        yield "nothing is stored here: there is nothing to go on with"
    else:
        yield f"the newest row of the store is of {plan.moment.isoformat(timespec='seconds')}"
    if not apart:
        yield "the log is part of this database: its positions and its requests came back with it"
    if plan.missing:
        yield f"topics to make: {', '.join(plan.missing)}"
    yield from _moves(plan)
    if apart:
        yield f"from outside, published and never heard: {len(plan.unheard)} to say again"
        topics = Counter(row.topic for row in plan.asked)
        listed = ", ".join(f"{count} {topic}" for topic, count in sorted(topics.items())) or "none"
        yield f"requests that nobody has answered, to ask again under the same ids: {listed}"
    yield (
        f"for {REMEMBERED.days} days the commenter asks the platform what stands there before it says something for "
        "the first time"
    )


def _moves(plan: Plan) -> Iterator[str]:
    again, over = inputs(), Counter[str]()
    for topic in again:
        moves = [move for move in plan.moves if move.place.topic == topic]
        count = sum((move.before or 0) - move.place.position for move in moves)
        if moves and plan.since:
            yield f"{topic}: read again since {plan.since.isoformat(timespec='seconds')}, {count} records"
    for move in plan.moves:
        if move.place.topic not in again:
            over[move.group] += move.place.position - (move.before or 0)
    for group, count in sorted(over.items()):
        yield f"{group}: {count} records of before are passed over"
