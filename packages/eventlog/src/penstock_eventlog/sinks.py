"""Where the relay publishes to: a log with a producer of its own, or the log table of the store."""

from collections.abc import Callable, Collection, Mapping, Sequence

from penstock_eventlog.errors import RecordRefused
from penstock_eventlog.ports import Producer, Published
from penstock_eventlog.records import record_of_row
from penstock_store.ports import Outbox
from penstock_store.rows import Lease, OutboxRow


class ProducerSink:
    """Kafka, or the log in memory. Published and marked are two things: a crash between them repeats records."""

    def __init__(self, producer: Producer, outbox: Outbox) -> None:
        self._producer = producer
        self._outbox = outbox

    async def publish(self, rows: Sequence[OutboxRow], *leases: Lease) -> Published:
        try:
            await self._producer.send([record_of_row(row) for row in rows])
        except RecordRefused as error:
            refused = {rows[index].id: reason for index, reason in error.refused.items()}
            return Published(tuple(row.id for row in rows if row.id not in refused), refused)
        return Published(tuple(row.id for row in rows), {})

    async def mark(self, ids: Sequence[int], *leases: Lease) -> None:
        await self._outbox.mark_sent(ids, *leases)


class LogTableSink:
    """The Postgres log: rows get their positions and are marked in one transaction that checks the fence of its one
    lease."""

    def __init__(self, outbox: Outbox, partitions: Mapping[str, int], grown: Callable[[Collection[str]], None]) -> None:
        """`grown` is told the topics that there is more of."""
        self._outbox = outbox
        self._partitions = partitions
        self._grown = grown

    async def publish(self, rows: Sequence[OutboxRow], *leases: Lease) -> Published:
        (lease,) = leases
        refused: dict[int, str] = {}
        streams: set[str] = set()
        for row in rows:
            if row.topic not in self._partitions or row.stream in streams:
                refused[row.id] = f"there is no topic {row.topic}"
                streams.add(row.stream)
        taken = [row for row in rows if row.id not in refused]
        if taken:
            await self._outbox.publish(taken, self._partitions, lease)
            self._grown({row.topic for row in taken})
        return Published(tuple(row.id for row in taken), refused)

    async def mark(self, ids: Sequence[int], *leases: Lease) -> None:
        """Publishing has marked them."""
