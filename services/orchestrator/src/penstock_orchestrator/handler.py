"""Everything the orchestrator hears is applied to its stream, in batches; what follows is in the outbox by then."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from penstock_contracts.enums import RepairAction
from penstock_contracts.facts import ANSWERS, CONTROLS, PrReceived, RepairRequested
from penstock_eventlog.outcomes import Emit, Outcome
from penstock_orchestrator.fold import OrchestratorFold
from penstock_runtime.metrics import Metrics
from penstock_store.errors import NotRedrivable
from penstock_store.ports import Streams
from penstock_store.rows import Delivered, Verdict

CONSUMER = "orchestrator"


@dataclass(frozen=True, slots=True)
class Orchestrator:
    streams: Streams
    fold: OrchestratorFold
    metrics: Metrics

    async def apply(self, delivered: Sequence[Delivered]) -> Sequence[Outcome]:
        """Nothing is emitted: requests leave through the outbox, in the transaction that stored them."""
        for redrives, following in groupby(delivered, _asks_for_redrive):
            unit = list(following)
            if redrives:
                verdicts: Sequence[Verdict] = [await self._redrive(request) for request in unit]
            else:
                verdicts = await self.streams.apply(CONSUMER, unit, self.fold)
            for each, verdict in zip(unit, verdicts, strict=True):
                self.metrics.events_folded.labels(each.event.envelope.type, str(verdict)).inc()
        return tuple(Emit() for _ in delivered)

    async def _redrive(self, request: Delivered) -> Verdict:
        """One alone, in its order. Of what cannot be redriven any more it is only stored that somebody asked."""
        try:
            return await self.streams.redrive(CONSUMER, request, self.fold)
        except NotRedrivable:
            (verdict,) = await self.streams.apply(CONSUMER, [request], self.fold)
            return verdict


def _asks_for_redrive(delivered: Delivered) -> bool:
    fact = delivered.event.fact
    return isinstance(fact, RepairRequested) and fact.action is RepairAction.REDRIVE


HANDLES = {fact: Orchestrator.apply for fact in (PrReceived, *CONTROLS, *ANSWERS)}
