"""What the loop makes of a handler's outcome, and what it says about it in its log. Pure."""

from collections.abc import Sequence

from penstock_contracts.enums import ErrorClassification
from penstock_eventlog.lanes import Held
from penstock_eventlog.outcomes import DeadLetter, Failed, Outcome
from penstock_store.texts import describe

TRIES = 5
AGAIN = (ErrorClassification.TRANSIENT, ErrorClassification.RATE_LIMITED)


def worth_another_try(held: Held, outcome: Outcome) -> bool:
    """A request's failure is the orchestrator's to retry; nobody else would retry anything else."""
    if held.dropped or not isinstance(outcome, Failed) or held.asks:
        return False
    return outcome.error_class in AGAIN and held.tries < TRIES


def raised(held: Held, error: Exception) -> Outcome:
    if held.asks:
        return Failed(ErrorClassification.UNKNOWN, describe(error))
    return DeadLetter("handler raised", describe(error))


def log_ids(unit: Sequence[Held]) -> dict[str, object]:
    if len(unit) > 1:
        return {"batch": len(unit)}
    envelope = unit[0].event.envelope
    return {
        "event": envelope.id,
        "type": envelope.type,
        "stream": envelope.stream,
        "workflow": envelope.workflow_id or None,
        "stage": envelope.stage or None,
        "part": envelope.part or None,
        "attempt": envelope.attempt or None,
    }
