"""Which records of a partition are finished without a gap: only that far may be committed."""

from collections import deque
from collections.abc import Iterable, Sequence

from penstock_eventlog.ports import Partition
from penstock_store.rows import Place, RawRecord


class FinishedPrefix:
    """Per partition the positions that were polled, in order, and which of them are finished."""

    def __init__(self) -> None:
        self._open: dict[Partition, deque[int]] = {}
        self._finished: dict[Partition, set[int]] = {}
        self._next: dict[Partition, int] = {}
        self._places: list[Place] = []

    def polled(self, records: Iterable[RawRecord]) -> None:
        for record in records:
            self._open.setdefault((record.topic, record.partition), deque()).append(record.position)

    def finished(self, partition: Partition, position: int) -> None:
        if position in self._finished.setdefault(partition, set()):
            return
        positions, finished = self._open.get(partition, deque()), self._finished[partition]
        finished.add(position)
        while positions and positions[0] in finished:
            first = positions.popleft()
            finished.discard(first)
            self._next[partition] = first + 1
            self._places.append(Place(*partition, first))
        if not positions:
            # What is finished and was not polled belongs to a time before the partition was lost.
            finished.clear()

    def held(self) -> int:
        return sum(len(positions) for positions in self._open.values())

    def held_of(self, partition: Partition) -> int:
        return len(self._open.get(partition, ()))

    def take_places(self) -> Sequence[Place]:
        """What has joined the finished prefix, each place once."""
        places, self._places = self._places, []
        return places

    def committable(self) -> Sequence[Place]:
        """The next positions to read, where they have moved since the last `committed`."""
        return [Place(*partition, position) for partition, position in self._next.items()]

    def standing(self, places: Iterable[Place]) -> Sequence[Place]:
        """Of places that were committable those still to be committed. A partition that was lost meanwhile may be back,
        and somebody else may have gone on in it: committing the old place would take that back."""
        return [place for place in places if self._next.get((place.topic, place.partition), -1) >= place.position]

    def committed(self, places: Sequence[Place]) -> None:
        for place in places:
            if self._next.get((place.topic, place.partition)) == place.position:
                del self._next[place.topic, place.partition]

    def drop(self, lost: frozenset[Partition]) -> None:
        for partition in lost:
            self._open.pop(partition, None)
            self._finished.pop(partition, None)
            self._next.pop(partition, None)
        self._places = [place for place in self._places if (place.topic, place.partition) not in lost]
