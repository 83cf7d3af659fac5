"""PURE and total: what each stored fact does to the state of its stream. It decides nothing."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from msgspec.structs import replace

from penstock_contracts.enums import (
    AnswerOutcome,
    Command,
    CommentsKind,
    PullRequestKind,
    RunOutcome,
    Stage,
)
from penstock_contracts.envelope import Envelope
from penstock_contracts.event import Event
from penstock_contracts.facts import (
    Answer,
    AstCompleted,
    AttemptScheduled,
    CommentsPublished,
    CommentsRequested,
    ConfigResolved,
    EpochGrown,
    Fact,
    FilesReviewCompleted,
    HeadAdopted,
    PrReceived,
    PrReviewCompleted,
    PullRequestRef,
    StageGivenUp,
    StageReleased,
    StageSkipped,
    StallCleared,
    WorkflowCancelled,
    WorkflowControl,
    WorkflowFailed,
    WorkflowFinished,
    WorkflowOpened,
    WorkflowPaused,
    WorkflowResumed,
    WorkflowSkipped,
    WorkflowStalled,
    WorkflowSuperseded,
)
from penstock_contracts.flow import STAGE_OF_REQUEST
from penstock_contracts.ids import subject_of
from penstock_orchestrator.state import (
    TRUSTED,
    Part,
    PartState,
    Phase,
    Reviewed,
    Run,
    StreamState,
    part_key,
    remember,
)

F = TypeVar("F", bound=Fact)
ALL_PARTS = "*"
REVIEWED_MEMORY = 50
CLOSING_WINDOW = timedelta(hours=1)


def evolve(state: StreamState, stored: Event[Fact]) -> StreamState:
    envelope, fact = stored.envelope, stored.fact
    change = _CHANGES.get(fact.TYPE)
    if change is not None:
        state = change(state, envelope, fact)
    elif fact.TYPE in STAGE_OF_REQUEST:
        state = _asked(state, envelope, fact)
    elif isinstance(fact, Answer):
        state = _answered(state, envelope, fact)
    return replace(state, sequence=envelope.sequence)


# --- from outside -----------------------------------------------------------------------------------------------


_OPENS_NOTHING = (PullRequestKind.COMMAND, PullRequestKind.FEEDBACK, PullRequestKind.CLOSED, PullRequestKind.MERGED)
"""Whatever head these name: they open no run on its account."""


def _received(state: StreamState, envelope: Envelope, fact: PrReceived) -> StreamState:
    reference = PullRequestRef(fact.platform, fact.instance, fact.repository_id, fact.repository, fact.number)
    paused = state.automatic_paused
    if fact.sender_association in TRUSTED and fact.command in (Command.PAUSE, Command.RESUME):
        paused = fact.command == Command.PAUSE
    opens = fact.kind not in _OPENS_NOTHING
    told = fact.hint_head if opens else ""
    pushed = (told or state.pushed) if paused else ""
    reopened = state.reopened
    if fact.kind in (PullRequestKind.REOPENED, PullRequestKind.CLOSED, PullRequestKind.MERGED):
        reopened = fact.kind is PullRequestKind.REOPENED
    runs = state.runs
    if fact.hint_head:  # a run that has read nothing yet is to read this one
        head, at = fact.hint_head, envelope.sequence
        runs = {key: replace(run, hint_head=head, told=at) if run.unread else run for key, run in runs.items()}
    return replace(
        state,
        subject=subject_of(fact),
        pull_request=reference,
        automatic_paused=paused,
        pushed=pushed,
        reopened=reopened,
        ready=not fact.draft if opens else state.ready,
        base_ref=(fact.hint_base_ref if opens else "") or state.base_ref,
        runs=runs,
    )


def _controlled(state: StreamState, _: Envelope, __: WorkflowControl) -> StreamState:
    return state


# --- runs -------------------------------------------------------------------------------------------------------


def _opened(state: StreamState, envelope: Envelope, fact: WorkflowOpened) -> StreamState:
    run = Run(
        id=fact.run_id,
        cause_id=fact.cause_id,
        kind=fact.kind,
        correlation_id=envelope.correlation_id,
        opened_at=envelope.time,
        due=fact.due,
        hint_head=fact.hint_head,
        told=envelope.sequence,
        sender=fact.sender,
        command=fact.command,
        command_argument=fact.command_argument,
        forced=fact.forced,
        full=fact.full,
    )
    kept = {key: known for key, known in state.runs.items() if not known.finished}
    return replace(state, runs={**kept, run.id: run})


def _adopted(state: StreamState, _: Envelope, fact: HeadAdopted) -> StreamState:
    state = replace(state, epoch=fact.epoch)
    return _with_run(
        state,
        fact.run_id,
        lambda run: replace(run, epoch=fact.epoch, head=fact.head, base=fact.base, phase=Phase.REVIEWING),
    )


def _epoch_grown(state: StreamState, _: Envelope, fact: EpochGrown) -> StreamState:
    return replace(state, epoch=fact.epoch)


def _superseded(state: StreamState, envelope: Envelope, fact: WorkflowSuperseded) -> StreamState:
    return _ended(state, envelope, fact.run_id, RunOutcome.SUPERSEDED, fact.reason)


def _cancelled(state: StreamState, envelope: Envelope, fact: WorkflowCancelled) -> StreamState:
    return _ended(state, envelope, fact.run_id, RunOutcome.CANCELLED, fact.reason)


def _skipped(state: StreamState, envelope: Envelope, fact: WorkflowSkipped) -> StreamState:
    return _ended(state, envelope, fact.run_id, RunOutcome.SKIPPED, fact.reason)


def _failed(state: StreamState, envelope: Envelope, fact: WorkflowFailed) -> StreamState:
    state = _ended(state, envelope, fact.run_id, RunOutcome.FAILED, fact.reason)
    return _with_run(state, fact.run_id, lambda run: replace(run, error_class=fact.error_class))


def _ended(state: StreamState, envelope: Envelope, run_id: str, outcome: RunOutcome, reason: str) -> StreamState:
    """The outcome is decided: what was asked is withdrawn, also a review that the commenter has not begun. The closing
    follows it in the commenter's order, so whatever was begun has been said and answered before the closing is."""

    def end(run: Run) -> Run:
        parts = {
            key: part if part.resolved else replace(part, state=PartState.WITHDRAWN) for key, part in run.parts.items()
        }
        due = max(run.due, envelope.time + CLOSING_WINDOW)
        return replace(run, phase=Phase.CLOSING, parts=parts, outcome=outcome, reason=reason, paused_at=None, due=due)

    return _with_run(state, run_id, end)


def _finished(state: StreamState, envelope: Envelope, fact: WorkflowFinished) -> StreamState:
    state = _with_run(
        state,
        fact.run_id,
        lambda run: replace(
            run,
            phase=Phase.FINISHED,
            outcome=fact.outcome,
            reason=fact.reason,
            error_class=fact.error_class,
            finished_at=envelope.time,
        ),
    )
    return replace(state, ended=remember(state.ended, fact.run_id))


def _paused(state: StreamState, envelope: Envelope, fact: WorkflowPaused) -> StreamState:
    return _with_run(state, fact.run_id, lambda run: replace(run, paused_at=envelope.time))


def _resumed(state: StreamState, envelope: Envelope, fact: WorkflowResumed) -> StreamState:
    def resume(run: Run) -> Run:
        waited = envelope.time - (run.paused_at or envelope.time)
        asked_at = None if run.analysis_asked_at is None else envelope.time
        return replace(run, paused_at=None, analysis_asked_at=asked_at, due=run.due + waited)

    return _with_run(state, fact.run_id, resume)


def _stalled(state: StreamState, _: Envelope, fact: WorkflowStalled) -> StreamState:
    return replace(state, stalled=remember(state.stalled, fact.event_id))


def _stall_cleared(state: StreamState, _: Envelope, fact: StallCleared) -> StreamState:
    return replace(state, stalled=tuple(event for event in state.stalled if event != fact.event_id))


# --- stages -----------------------------------------------------------------------------------------------------


def _asked(state: StreamState, envelope: Envelope, fact: Fact) -> StreamState:
    stage = STAGE_OF_REQUEST[envelope.type].stage

    def ask(run: Run) -> Run:
        known = run.part(stage, envelope.part)
        withdrawn = known.attempt if known is not None and known.state is PartState.OPEN else 0
        part = Part(
            stage=stage,
            part=envelope.part,
            state=PartState.OPEN,
            attempt=envelope.attempt,
            asked_at=envelope.time,
            not_after=envelope.not_after or envelope.time + CLOSING_WINDOW,
            withdrawn_attempt=withdrawn,
        )
        publishing = isinstance(fact, CommentsRequested) and fact.kind is CommentsKind.REVIEW
        phase = Phase.PUBLISHING if publishing and not run.ending else run.phase
        asked_at = run.analysis_asked_at
        if stage is Stage.AST and asked_at is None:
            asked_at = envelope.time
        parts = {**run.parts, part_key(stage, part.part): part}
        return replace(run, phase=phase, analysis_asked_at=asked_at, parts=parts)

    return _with_run(state, envelope.workflow_id, ask)


def _answered(state: StreamState, envelope: Envelope, fact: Answer) -> StreamState:
    stage = Stage(envelope.stage)
    if isinstance(fact, ConfigResolved):
        state = replace(state, seen_heads=remember(state.seen_heads, fact.head))
    if isinstance(fact, CommentsPublished):
        state = _remembered(state, envelope, fact)
    run = state.runs.get(envelope.workflow_id)
    known = run.part(stage, envelope.part) if run else None
    if run is None or known is None:
        return state
    part = _answered_part(known, envelope, fact)
    run = replace(run, parts={**run.parts, part_key(stage, envelope.part): part})
    if isinstance(fact, ConfigResolved) and part.state is PartState.DONE:
        run = _read(run, fact)
    return replace(state, runs={**state.runs, run.id: run})


def _answered_part(part: Part, envelope: Envelope, fact: Answer) -> Part:
    failed = fact.outcome is AnswerOutcome.FAILED
    return replace(
        part,
        state=PartState.WAITING if failed else PartState.DONE,
        due=None,
        answered_at=envelope.time,
        completed_by=envelope.attempt,
        outcome=str(fact.outcome),
        error_class=fact.error_class,
        error=fact.error,
        reason=fact.reason,
        blob=fact.blob if isinstance(fact, AstCompleted | PrReviewCompleted | FilesReviewCompleted) else "",
        started_at=fact.started_at,
        duration=fact.duration,
    )


def _read(run: Run, fact: ConfigResolved) -> Run:
    return replace(
        run,
        head=fact.head,
        base=fact.base,
        config_blob=fact.config_blob,
        change_blob=fact.change_blob,
        manifest_blob=fact.manifest_blob,
        manifest=fact.manifest,
        pending_comment=fact.pending_comment,
        announce=fact.announce,
        ast_wait=fact.ast_wait,
    )


def _remembered(state: StreamState, envelope: Envelope, fact: CommentsPublished) -> StreamState:
    """Even a run that was superseded, finished or forgotten meanwhile has said what it said."""
    if fact.kind is not CommentsKind.REVIEW or fact.outcome not in (AnswerOutcome.OK, AnswerOutcome.PARTIAL):
        return state
    outcome = RunOutcome.PARTIAL if fact.outcome is AnswerOutcome.PARTIAL else RunOutcome.REVIEWED
    reviewed = Reviewed(fact.head, fact.base, envelope.workflow_id, outcome, envelope.epoch, fact.missed_blob)
    return replace(state, reviewed=(*state.reviewed, reviewed)[-REVIEWED_MEMORY:])


def _scheduled(state: StreamState, _: Envelope, fact: AttemptScheduled) -> StreamState:
    def schedule(run: Run) -> Run:
        part = run.part(fact.stage, fact.part)
        if part is None:
            part = Part(fact.stage, fact.part, PartState.WAITING)
        part = replace(part, state=PartState.WAITING, due=fact.due)
        return replace(run, parts={**run.parts, part_key(fact.stage, fact.part): part})

    return _with_run(state, fact.run_id, schedule)


def _stage_skipped(state: StreamState, _: Envelope, fact: StageSkipped) -> StreamState:
    part = Part(fact.stage, "", PartState.SKIPPED, reason=fact.reason, outcome=str(AnswerOutcome.SKIPPED))
    return _with_run(state, fact.run_id, lambda run: replace(run, parts={**run.parts, part_key(fact.stage): part}))


def _stage_released(state: StreamState, _: Envelope, fact: StageReleased) -> StreamState:
    return _with_run(state, fact.run_id, lambda run: replace(run, released=True))


def _given_up(state: StreamState, envelope: Envelope, fact: StageGivenUp) -> StreamState:
    def give_up(run: Run) -> Run:
        parts = dict(run.parts)
        for part in _meant(run, fact):
            parts[part_key(part.stage, part.part)] = replace(
                part,
                state=PartState.GIVEN_UP,
                due=None,
                answered_at=envelope.time,
                reason=fact.reason,
                error_class=fact.error_class or part.error_class,
            )
        return replace(run, parts=parts)

    return _with_run(state, fact.run_id, give_up)


def _meant(run: Run, fact: StageGivenUp) -> list[Part]:
    """One part, or with `*` every unresolved one of the stage, those never asked included."""
    if fact.part != ALL_PARTS:
        known = run.part(fact.stage, fact.part)
        return [known or Part(fact.stage, fact.part, PartState.WAITING)]
    unresolved = [part for part in run.of_stage(fact.stage) if not part.resolved]
    if fact.stage is Stage.FILES_REVIEW:
        asked = {part.part for part in run.of_stage(fact.stage)}
        unresolved += [
            Part(fact.stage, str(batch.index), PartState.WAITING)
            for batch in run.manifest
            if str(batch.index) not in asked
        ]
    return unresolved


def _with_run(state: StreamState, run_id: str, change: Callable[[Run], Run]) -> StreamState:
    """Facts about a run the state has let go of change nothing."""
    run = state.runs.get(run_id)
    return state if run is None else replace(state, runs={**state.runs, run_id: change(run)})


_CHANGES: dict[str, Callable[[StreamState, Envelope, Any], StreamState]] = {
    PrReceived.TYPE: _received,
    WorkflowControl.TYPE: _controlled,
    WorkflowOpened.TYPE: _opened,
    HeadAdopted.TYPE: _adopted,
    EpochGrown.TYPE: _epoch_grown,
    WorkflowSuperseded.TYPE: _superseded,
    WorkflowCancelled.TYPE: _cancelled,
    WorkflowSkipped.TYPE: _skipped,
    WorkflowFailed.TYPE: _failed,
    WorkflowFinished.TYPE: _finished,
    WorkflowPaused.TYPE: _paused,
    WorkflowResumed.TYPE: _resumed,
    WorkflowStalled.TYPE: _stalled,
    StallCleared.TYPE: _stall_cleared,
    AttemptScheduled.TYPE: _scheduled,
    StageSkipped.TYPE: _stage_skipped,
    StageReleased.TYPE: _stage_released,
    StageGivenUp.TYPE: _given_up,
}
