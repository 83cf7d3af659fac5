"""Everything the orchestrator hears is applied to its stream, in batches; what follows is in the outbox by then."""

from collections.abc import Sequence
from dataclasses import dataclass

from penstock_contracts.facts import ANSWERS, PrReceived, WorkflowControl
from penstock_eventlog.outcomes import Emit, Outcome
from penstock_orchestrator.fold import OrchestratorFold
from penstock_runtime.metrics import Metrics
from penstock_store.ports import Streams
from penstock_store.rows import Delivered

CONSUMER = "orchestrator"


@dataclass(frozen=True, slots=True)
class Orchestrator:
    streams: Streams
    fold: OrchestratorFold
    metrics: Metrics

    async def apply(self, delivered: Sequence[Delivered]) -> Sequence[Outcome]:
        """Nothing is emitted: requests leave through the outbox, in the transaction that stored them."""
        verdicts = await self.streams.apply(CONSUMER, delivered, self.fold)
        for each, verdict in zip(delivered, verdicts, strict=True):
            self.metrics.events_folded.labels(each.event.envelope.type, str(verdict)).inc()
        return tuple(Emit() for _ in verdicts)


HANDLES = {fact: Orchestrator.apply for fact in (PrReceived, WorkflowControl, *ANSWERS)}
