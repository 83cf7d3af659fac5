"""What a person's wish comes to: an event for the orchestrator, or why there is none. Pure."""

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime

from penstock_console.errors import JobOver, NothingToRetry
from penstock_contracts.enums import ControlAction, JobStatus, RepairAction
from penstock_contracts.envelope import Envelope
from penstock_contracts.event import Event
from penstock_contracts.facts import RepairRequested, WorkflowControl
from penstock_contracts.ids import deterministic_id

SOURCE = "console"
_OVER = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED})


@dataclass(frozen=True, slots=True)
class Run:
    """What is known of the run. `given_up` are its (stage, part) that nobody will try again by themselves."""

    id: str
    stream: str
    subject: str
    correlation_id: str
    status: JobStatus
    given_up: Set[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks of a run. `key` makes a wish that is sent twice the same one."""

    action: ControlAction
    actor: str
    key: str
    reason: str = ""
    stage: str = ""
    part: str = ""


@dataclass(frozen=True, slots=True)
class Stuck:
    """What a repair is about: the event of a dead letter, or of a blocked stream nothing but its name."""

    stream: str
    subject: str = ""
    run_id: str = ""
    stage: str = ""
    part: str = ""
    attempt: int = 0
    correlation_id: str = ""
    letter_id: str = ""
    event_id: str = ""
    event_type: str = ""


@dataclass(frozen=True, slots=True)
class Repair:
    """What somebody asks of it. `key` makes a repair that is sent twice the same one."""

    action: RepairAction
    actor: str
    key: str
    reason: str = ""


def repair_event(stuck: Stuck, repair: Repair, now: datetime) -> Event[RepairRequested]:
    fact = RepairRequested(
        repair.action, repair.actor, repair.reason, stuck.letter_id, stuck.event_id, stuck.event_type
    )
    return Event(
        Envelope(
            id=deterministic_id("repair", stuck.letter_id or stuck.stream, repair.action.value, repair.key),
            type=RepairRequested.TYPE,
            source=SOURCE,
            time=now,
            stream=stuck.stream,
            subject=stuck.subject,
            workflow_id=stuck.run_id,
            stage=stuck.stage,
            part=stuck.part,
            attempt=stuck.attempt,
            correlation_id=stuck.correlation_id,
        ),
        fact,
    )


def control_event(run: Run, wish: Wish, now: datetime) -> Event[WorkflowControl]:
    """Raises JobOver or NothingToRetry."""
    if wish.action is not ControlAction.RE_REVIEW and run.status in _OVER:
        raise JobOver(run.id, run.status.value)
    stage, part = _retried(run, wish) if wish.action is ControlAction.RETRY else ("", "")
    return Event(
        Envelope(
            id=deterministic_id("control", run.id, wish.action.value, wish.key),
            type=WorkflowControl.TYPE,
            source=SOURCE,
            time=now,
            stream=run.stream,
            subject=run.subject,
            workflow_id=run.id,
            correlation_id=run.correlation_id,
        ),
        WorkflowControl(wish.action, run.id, wish.actor, wish.reason, stage, part),
    )


def _retried(run: Run, wish: Wish) -> tuple[str, str]:
    """The only one of those given up that fits what was named: a stage, a part, both or nothing."""
    fitting = {(stage, part) for stage, part in run.given_up if wish.stage in ("", stage) and wish.part in ("", part)}
    if len(fitting) == 1:
        return next(iter(fitting))
    if fitting:
        raise NothingToRetry(f"several parts were given up, name one by stage and part: {_named(fitting)}")
    if run.given_up:
        raise NothingToRetry(f"no such part was given up; these were: {_named(run.given_up)}")
    raise NothingToRetry("no part of this run was given up")


def _named(parts: Set[tuple[str, str]]) -> str:
    return ", ".join(sorted(f"{stage}/{part}" if part else stage for stage, part in parts))
