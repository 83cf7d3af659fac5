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
from penstock_store.encoding import Packed, StateEncoding, check, pack, unpack
from penstock_store.errors import BrokenFold, CorruptState
from penstock_store.letters import Trouble, dead_lettered_row, kept_letter, letter_id, stalled_letter
from penstock_store.ports import Fold
from penstock_store.rows import Delivered, Projection, StreamRow
from penstock_store.texts import is_printable

S = TypeVar("S")


@dataclass(slots=True)
class _Held(Generic[S]):
    """A locked stream: its state and the rows that follow from it."""

    state: S
    projected: S | None
    """The state whose rows are written, or about to be; None where that is not known."""
    before: Packed | None = None
    unwritten: bool = False
    unprojected: bool = False


def read_state(fold: Fold[S], row: StreamRow | None, stream: str) -> S | None:
    """The state of a stored row; None when it has to be folded again, being of another version, unreadable, or left to
    its facts."""
    if row is None or row.sequence == 0:
        return fold.initial(stream)
    if row.fold_version != fold.version:
        return None
    try:
        state = unpack(row.packed())
        return None if state is None else fold.decode(state)
    except CorruptState:
        return None


def refolded(fold: Fold[S], stream: str, facts: Iterable[Event[Fact]]) -> S:
    """Raises BrokenFold where a fact is missing."""
    state = fold.initial(stream)
    for number, fact in enumerate(facts, 1):
        if fact.envelope.sequence != number:
            raise BrokenFold(stream, f"among the stored facts comes {fact.envelope.sequence}", number)
        state = fold.evolve(state, fact)
    return state


def is_as_stored(fold: Fold[S], row: StreamRow | None, state: S) -> bool:
    """Whether a state folded again is the one that the row was written with, and with it the other rows."""
    if row is None or row.fold_version != fold.version:
        return False
    try:
        check(row.packed(), fold.encode(state))
    except CorruptState:
        return False
    return True


def stored(fold: Fold[S], stream: str, state: S, strategy: StateEncoding, before: Packed | None = None) -> StreamRow:
    packed = pack(strategy, fold.encode(state), before)
    return StreamRow(
        stream=stream,
        subject=fold.subject(state),
        state=packed.data,
        encoding=packed.encoding,
        fold_version=fold.version,
        sequence=fold.sequence(state),
        base=packed.base,
    )


class Folding(Generic[S]):
    """One transaction's work on the streams it has locked. Raises what decide, evolve, project and the codec raise."""

    def __init__(self, fold: Fold[S], codec: Codec, steps: Steps, now: datetime, strategy: StateEncoding) -> None:
        self._fold = fold
        self._codec = codec
        self._strategy = strategy
        self._steps = steps
        self._now = now
        self._held: dict[str, _Held[S]] = {}
        self._changes = Changes()

    def hold(self, stream: str, state: S, row: StreamRow | None = None) -> None:
        """A stream whose stored state was read."""
        before = row.packed() if row else None
        self._held[stream] = _Held(state, state, before)

    def hold_refolded(self, stream: str, facts: Iterable[Event[Fact]], row: StreamRow | None = None) -> None:
        """A stream whose state has to be folded from its facts. Where it is not known to be the one that is stored, it
        is written, also where no fact follows; what rows the stored one led to is not known then, so all are
        written."""
        state = refolded(self._fold, stream, facts)
        if is_as_stored(self._fold, row, state):
            self.hold(stream, state, row)
            return
        self._held[stream] = _Held(state, None, unwritten=True, unprojected=True)
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
        self.bury(consumer, delivered, trouble)
        self.say_stalled(delivered.event, trouble)
        self.drop_fired(delivered.event)

    def say_stalled(self, event: Event[Fact], trouble: Trouble) -> None:
        """The facts alone: for an event that has its letter."""
        stream = event.envelope.stream
        held = self._held[stream]
        facts = self._fold.stall(held.state, event, trouble.error, trouble.remedy, self._now)
        self._evolve(stream, held, facts)
        self._project(held)

    def bury(self, consumer: str, delivered: Delivered, trouble: Trouble) -> None:
        """The dead letter alone."""
        letter = stalled_letter(consumer, delivered, trouble, self._now, self._codec)
        self._changes.letters.append(letter)
        subject = delivered.event.envelope.subject
        self._changes.outbox.append(dead_lettered_row(letter, subject, self._now, self._codec))

    def keep(self, consumer: str, delivered: Delivered, error: str) -> None:
        """The last resort: the dead letter under names of ours."""
        letter = kept_letter(
            letter_id(consumer, delivered.event.envelope.id), consumer, delivered.record, error, self._now
        )
        self._changes.letters.append(letter)
        self._changes.outbox.append(dead_lettered_row(letter, "", self._now, self._codec))
        self.drop_fired(delivered.event)

    def drop_fired(self, event: Event[Fact]) -> None:
        """A timer fires once: its row goes, unless the new state has set it anew. No row has an id that no column
        takes."""
        fact = event.fact
        if isinstance(fact, TimerFired) and fact.timer_id not in self._changes.timers and is_printable(fact.timer_id):
            self._changes.drop_timer(fact.timer_id)

    def changes(self) -> Changes:
        for stream, held in self._held.items():
            self._project(held)
            if held.unwritten:
                row = stored(self._fold, stream, held.state, self._strategy, held.before)
                self._changes.states[stream] = row
                if row.base and held.before and row.base == held.before.base:
                    self._changes.bases_kept.add(stream)
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
            before = held.projected
            old = Projection() if before is None else self._fold.project(before, held.state)
            self._changes.project(old, self._fold.project(held.state, before))
            held.projected = held.state
            held.unprojected = False
