"""Who died of which record, as seen from outside: the only excuse for calling one poison (ADR 0037).

A process has a record in hand from when it tells the store that it begins with it until it tells that it is done with
it. A blow to a process is one to what it has in hand then, and to nothing else.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from penstock_store.rows import DeadLetterRow, Place

IN_COMPANY, ALONE = 2, 3
"""So many of each make a record poison."""
Begun = tuple[str, Place]
"""A count of the store: of a group, and of those of its records that are handled alone."""
Method = Callable[[str, Sequence[Place]], Awaitable[object]]


@dataclass(slots=True)
class Deaths:
    of: Counter[Begun] = field(default_factory=Counter)
    doubtful: Counter[Begun] = field(default_factory=Counter)
    """Counted once more by one who had it in hand already, since it never learnt that it was counted."""

    def excuse(self, letter: DeadLetterRow, *, answers_lost: bool) -> bool:
        """Whether enough of those who had this very record in hand were struck."""
        record = letter.record
        place = Place(record.topic, record.partition, record.position)
        seen = self.of + self.doubtful if answers_lost else self.of
        return seen[letter.consumer, place] >= IN_COMPANY and seen[f"{letter.consumer} alone", place] >= ALONE

    def left_alone(self, key: tuple[str, str, int, int], count: int) -> bool:
        """Whether this count is of deaths alone only. Nobody takes it back where somebody else, who knew of no suspect,
        had the record meanwhile and finished it beside others."""
        consumer, topic, partition, position = key
        return consumer.endswith(" alone") and self.of[consumer, Place(topic, partition, position)] >= count


@dataclass(slots=True)
class InHand:
    """Of one life of a process."""

    deaths: Deaths
    begun: set[Begun] = field(default_factory=set)

    def struck(self) -> None:
        """It died, or others go on in its place."""
        self.deaths.of.update(self.begun)
        self.begun.clear()

    def beginning(self, count: Method) -> Method:
        async def call(consumer: str, places: Sequence[Place]) -> object:
            counted = await count(consumer, places)
            told = {(consumer, place) for place in places}
            self.deaths.doubtful.update(told & self.begun)
            self.begun |= told
            return counted

        return call

    def ending(self, settle: Method) -> Method:
        async def call(consumer: str, places: Sequence[Place]) -> object:
            settled = await settle(consumer, places)
            self.begun -= {(consumer, place) for place in places}
            return settled

        return call
