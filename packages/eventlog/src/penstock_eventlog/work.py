"""The two ways of handling that the loop knows: one record after the other, or a batch at a time."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from penstock_contracts.event import Event
from penstock_contracts.facts import Fact
from penstock_contracts.flow import EVENTS_TOPIC
from penstock_eventlog.lanes import Held, LaneOf, all_in_one, by_key
from penstock_eventlog.letters import stall_remedy
from penstock_eventlog.outcomes import DeadLetter, Emit, Outcome, Skip
from penstock_store.letters import letter_id
from penstock_store.ports import Fold, S, Streams
from penstock_store.rows import Delivered

Handler = Callable[[Event[Fact]], Awaitable[Outcome]]
BatchHandler = Callable[[Sequence[Delivered]], Awaitable[Sequence[Outcome]]]
Stall = Callable[[Delivered, DeadLetter], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class OneByOne:
    """A handler per type of fact; `concurrency` records at once, those of one key in order. Only on workflow.events,
    where everything travels, may types come that have none."""

    handles: Mapping[str, Handler]
    concurrency: int = 8
    longest_unit: int = 1
    lane_of: LaneOf = by_key
    stall: Stall | None = None

    async def handle(self, unit: Sequence[Held]) -> Sequence[Outcome]:
        handler = self.handles.get(unit[0].event.envelope.type)
        if handler is None and unit[0].record.topic == EVENTS_TOPIC:
            return (Skip("not listened for"),)
        if handler is None:
            return (DeadLetter("no handler", f"nobody here handles {unit[0].event.envelope.type}"),)
        return (await handler(unit[0].event),)


@dataclass(frozen=True, slots=True)
class InBatches:
    """One batch at a time, in the order in which it came. `stall` says in the stream that an event of it was given up:
    it writes the dead letter itself."""

    handler: BatchHandler
    stall: Stall | None = None
    longest_unit: int = 500
    concurrency: int = 1
    lane_of: LaneOf = all_in_one

    async def handle(self, unit: Sequence[Held]) -> Sequence[Outcome]:
        outcomes = await self.handler([Delivered(held.event, held.record) for held in unit])
        if len(outcomes) != len(unit):
            raise ValueError(f"the batch handler gave {len(outcomes)} outcomes for {len(unit)} events")
        return outcomes


Work = OneByOne | InBatches


def stalling(streams: Streams, consumer: str, fold: Fold[S]) -> Stall:
    """How the orchestrator gives an event up: workflow.stalled in its stream, in one transaction with the letter."""

    async def stall(delivered: Delivered, why: DeadLetter) -> Outcome:
        error = f"{why.reason}: {why.error}".rstrip(": ")
        remedy = stall_remedy(why.reason, letter_id(consumer, delivered.event.envelope.id))
        await streams.stall(consumer, delivered, fold, error, remedy)
        return Emit()

    return stall
