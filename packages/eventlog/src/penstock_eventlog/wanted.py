"""Whether the work of a request is still wanted: asked before it starts and before each costly call."""

from dataclasses import dataclass
from typing import TypeVar

from penstock_contracts.enums import Stage
from penstock_contracts.event import Event
from penstock_contracts.facts import Fact
from penstock_eventlog.outcomes import Skip
from penstock_store.ports import Executions

F = TypeVar("F", bound=Fact)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The only reason for which a worker may leave a request without an answer. Its not_after is the orchestrator's to
    act on: a worker whose clock is ahead would leave work undone that everybody waits for."""

    executions: Executions

    async def skip(self, event: Event[F]) -> Skip | None:
        """Why nothing is to be said, or None while the work is wanted. May raise StoreUnavailable."""
        envelope = event.envelope
        stage = Stage(envelope.stage)
        if await self.executions.still_wanted(envelope.workflow_id, stage, envelope.part, envelope.attempt):
            return None
        return Skip("no longer wanted")
