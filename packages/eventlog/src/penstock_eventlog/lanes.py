"""What waits to be handled, in lanes: within a lane one after the other, lanes beside each other."""

from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from penstock_contracts.event import Event
from penstock_contracts.facts import Fact
from penstock_contracts.flow import TOPIC_BY_NAME, Key
from penstock_eventlog.answers import is_request
from penstock_eventlog.ports import Partition
from penstock_store.rows import Place, RawRecord


@dataclass(slots=True, eq=False)
class Held:
    """A record that was polled and is not finished."""

    record: RawRecord
    event: Event[Fact]
    counted: bool = False
    suspect: bool = False
    tries: int = 0
    dropped: bool = False
    """Its partition was lost: whatever becomes of it here is no longer ours to say."""
    partition: Partition = field(init=False)
    place: Place = field(init=False)

    def __post_init__(self) -> None:
        self.partition = (self.record.topic, self.record.partition)
        self.place = Place(self.record.topic, self.record.partition, self.record.position)

    @property
    def asks(self) -> bool:
        """It is a request, and whoever asked waits for the answer."""
        return is_request(self.record.topic, self.event.envelope.type)


LaneOf = Callable[[Held], Hashable]


def by_key(held: Held) -> Hashable:
    """One lane per key of a partition. Topics that are spread have no order to keep: each record has its own."""
    record = held.record
    topic = TOPIC_BY_NAME.get(record.topic)
    if topic is not None and topic.key is Key.SPREAD:
        return record.topic, record.partition, record.position
    return record.topic, record.partition, record.key


def all_in_one(_: Held) -> Hashable:
    """For a handler of batches: everything in the order in which it came."""
    return None


class Lanes:
    """Gives units: some records of one lane, which stays busy until they are finished or put back."""

    def __init__(self, lane_of: LaneOf, longest: int) -> None:
        self._lane_of = lane_of
        self._longest = longest
        self._waiting: dict[Hashable, deque[Held]] = {}
        self._idle: deque[Hashable] = deque()
        self._busy: set[Hashable] = set()

    def add(self, held: Held) -> None:
        lane = self._lane_of(held)
        queue = self._waiting.get(lane)
        if queue is None:
            queue = self._waiting[lane] = deque()
            if lane not in self._busy:
                self._idle.append(lane)
        queue.append(held)

    def next_is_suspect(self) -> bool | None:
        """Whether the next unit is a suspect, which is always alone in its unit; None: nothing can start."""
        return self._waiting[self._idle[0]][0].suspect if self._idle else None

    def take(self) -> list[Held]:
        lane = self._idle.popleft()
        queue = self._waiting[lane]
        unit = [queue.popleft()]
        while queue and len(unit) < self._longest and not unit[0].suspect and not queue[0].suspect:
            unit.append(queue.popleft())
        if not queue:
            del self._waiting[lane]
        self._busy.add(lane)
        return unit

    def finish(self, unit: list[Held]) -> None:
        self._free(self._lane_of(unit[0]))

    def put_back(self, unit: list[Held]) -> None:
        """To the head of its lane, without what was dropped meanwhile."""
        lane = self._lane_of(unit[0])
        kept = [held for held in unit if not held.dropped]
        if kept:
            self._waiting.setdefault(lane, deque()).extendleft(reversed(kept))
        self._free(lane)

    def drop(self, lost: frozenset[Partition]) -> list[Held]:
        """What waits of these partitions, no longer."""
        dropped: list[Held] = []
        for lane, queue in list(self._waiting.items()):
            if not any(held.partition in lost for held in queue):
                continue
            dropped.extend(held for held in queue if held.partition in lost)
            left = deque(held for held in queue if held.partition not in lost)
            if left:
                self._waiting[lane] = left
            else:
                del self._waiting[lane]
        self._idle = deque(lane for lane in self._idle if lane in self._waiting)
        return dropped

    def _free(self, lane: Hashable) -> None:
        self._busy.discard(lane)
        if lane in self._waiting:
            self._idle.append(lane)
