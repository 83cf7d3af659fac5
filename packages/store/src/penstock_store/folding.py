"""The middle of `apply`, pure: locked streams and delivered events in, Changes out. Both adapters use it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from penstock_contracts.codec import Codec
from penstock_contracts.event import Event
from penstock_contracts.facts import Fact, TimerFired
from penstock_runtime.steps import Steps
from penstock_store import points
from penstock_store.changes import Changes
from penstock_store.encoding import pack, unpack
from penstock_store.errors import BrokenFold, CorruptState
from penstock_store.letters import Trouble, dead_lettered_row, stalled_letter
from penstock_store.ports import Fold
from penstock_store.rows import Delivered, Projection, StreamRow

S = TypeVar("S")


@dataclass(slots=True)
class _Held(Generic[S]):
    """A locked stream: its state and the rows that follow from it."""

    state: S
    projection: Projection
    unwritten: bool = False
    unprojected: bool = False


def read_state(fold: Fold[S], row: StreamRow | None, stream: str) -> S | None:
    """The state of a stored row; None when it has to be folded again, being of another version or unreadable."""
    if row is None or row.sequence == 0:
        return fold.initial(stream)
    if row.fold_version != fold.version:
        return None
    try:
        return fold.decode(unpack(row.encoding, row.state))
    except CorruptState:
        return None


def refolded(fold: Fold[S], stream: str, facts: Iterable[Event[Fact]]) -> S:
    state = fold.initial(stream)
    for fact in facts:
        state = fold.evolve(state, fact)
    return state


def stored(fold: Fold[S], stream: str, state: S) -> StreamRow:
    encoding, data = pack(fold.encode(state))
    return StreamRow(
        stream=stream,
        subject=fold.subject(state),
        state=data,
        encoding=encoding,
        fold_version=fold.version,
        sequence=fold.sequence(state),
    )


class Folding(Generic[S]):
    """One transaction's work on the streams it has locked. Raises what decide, evolve, project and the codec raise."""

    def __init__(self, fold: Fold[S], codec: Codec, steps: Steps, now: datetime) -> None:
        self._fold = fold
        self._codec = codec
        self._steps = steps
        self._now = now
        self._held: dict[str, _Held[S]] = {}
        self._changes = Changes()

    def hold(self, stream: str, state: S) -> None:
        """A stream whose stored state was read."""
        self._held[stream] = _Held(state, self._fold.project(state))

    def hold_refolded(self, stream: str, state: S) -> None:
        """A stream whose state was folded from its facts: it is written, also where no fact follows. What rows the
        stored state led to is not known, so all rows of the new one are written."""
        self._held[stream] = _Held(state, Projection(), unwritten=True, unprojected=True)
        self._changes.timers_reset.add(stream)

    def apply(self, delivered: Delivered) -> None:
        event = delivered.event
        held = self._held[event.envelope.stream]
        facts = self._fold.decide(held.state, event, self._now)
        self._steps.reach(points.APPLY_DECIDED)
        self._evolve(event.envelope.stream, held, facts)
        self._steps.reach(points.APPLY_EVOLVED)
        self._project(held)
        self.drop_fired(event)

    def stall(self, consumer: str, delivered: Delivered, trouble: Trouble) -> None:
        """The fallback: the facts that say so, the bytes as a dead letter."""
        stream = delivered.event.envelope.stream
        self.bury(consumer, delivered, trouble)
        held = self._held[stream]
        facts = self._fold.stall(held.state, delivered.event, trouble.error, trouble.remedy, self._now)
        self._evolve(stream, held, facts)
        self._project(held)
        self.drop_fired(delivered.event)

    def bury(self, consumer: str, delivered: Delivered, trouble: Trouble) -> None:
        """The dead letter alone."""
        letter = stalled_letter(consumer, delivered, trouble, self._now, self._codec)
        self._changes.letters.append(letter)
        subject = delivered.event.envelope.subject
        self._changes.outbox.append(dead_lettered_row(letter, subject, self._now, self._codec))

    def drop_fired(self, event: Event[Fact]) -> None:
        """A timer fires once: its row goes, unless the new state has set it anew."""
        fact = event.fact
        if isinstance(fact, TimerFired) and fact.timer_id not in self._changes.timers:
            self._changes.drop_timer(fact.timer_id)

    def changes(self) -> Changes:
        for stream, held in self._held.items():
            self._project(held)
            if held.unwritten:
                self._changes.states[stream] = stored(self._fold, stream, held.state)
        return self._changes

    def _evolve(self, stream: str, held: _Held[S], facts: Sequence[Event[Fact]]) -> None:
        for fact in facts:
            expected = self._fold.sequence(held.state) + 1
            if fact.envelope.sequence != expected or fact.envelope.stream != stream:
                raise BrokenFold(stream, f"{fact.envelope.type} has number {fact.envelope.sequence}", expected)
            held.state = self._fold.evolve(held.state, fact)
            if self._fold.sequence(held.state) != expected:
                raise BrokenFold(stream, f"evolve({fact.envelope.type}) did not count it", expected)
            self._changes.store(fact, self._codec)
            held.unwritten = held.unprojected = True

    def _project(self, held: _Held[S]) -> None:
        if held.unprojected:
            projection = self._fold.project(held.state)
            self._changes.project(held.projection, projection)
            held.projection = projection
            held.unprojected = False
