"""PURE: what people ask of what is stuck. A redriven event is applied by the store right after the request, in the same
transaction; of an unblocked stream only that it was asked is stored, and by whom."""

from penstock_contracts.enums import AnswerOutcome, ErrorClassification, RepairAction, Stage
from penstock_contracts.facts import RepairRequested, StallCleared
from penstock_contracts.flow import STAGE_OF_ANSWER
from penstock_orchestrator.answering import failed
from penstock_orchestrator.decision import Decision
from penstock_orchestrator.state import PartState


def decide_repair(decision: Decision, fact: RepairRequested) -> None:
    decision.record()
    if fact.action is not RepairAction.DISCARD:
        return
    if fact.event_id in decision.state.stalled:
        decision.say(StallCleared(fact.event_id))
    if fact.event_type in STAGE_OF_ANSWER:
        _answer_lost(decision, fact)


def _answer_lost(decision: Decision, fact: RepairRequested) -> None:
    """Nobody will answer this attempt any more, so it counts as failed, and its part is asked again or given up."""
    envelope = decision.cause.envelope
    run = decision.state.runs.get(envelope.workflow_id)
    part = run.part(Stage(envelope.stage), envelope.part) if run and envelope.stage in set(Stage) else None
    if run is None or run.finished or part is None:
        return
    if part.state is not PartState.OPEN or part.attempt != envelope.attempt:
        return
    lost = STAGE_OF_ANSWER[fact.event_type].answer(
        outcome=AnswerOutcome.FAILED,
        error_class=ErrorClassification.UNKNOWN,
        error=f"its answer was put aside by {fact.actor}: {fact.reason}",
    )
    decision.answer(run, part, lost)
    failed(decision, decision.run(run.id), part, lost)
