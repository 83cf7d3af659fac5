"""PURE: a run begins."""

from datetime import datetime

from penstock_contracts.enums import PullRequestKind, Stage
from penstock_contracts.facts import AttemptScheduled, PrReceived, WorkflowOpened
from penstock_contracts.ids import run_id
from penstock_orchestrator.decision import Decision


def open_run(decision: Decision, cause_id: str, fact: PrReceived, full: bool = False) -> None:
    """What the platform tells soon after something else waits a moment, and what comes meanwhile is read with it: a
    storm of pushes is two readings, its first and its last. People's commands wait for nothing."""
    forced = fact.kind is PullRequestKind.COMMAND
    if not forced and any(run.unread for run in decision.state.open_runs()):
        decision.ignore("a review is about to begin, and reads the newest head")
        return
    start(
        decision,
        cause_id,
        kind=fact.kind,
        hint_head=fact.hint_head,
        sender=fact.sender,
        command=fact.command,
        command_argument=fact.command_argument,
        forced=forced,
        full=full,
        not_before=None if forced else _not_before(decision),
    )


def catch_up(decision: Decision, sender: str, hint_head: str) -> None:
    """Reads a head that was told while nothing was to be opened. One that is reviewed already is not reviewed again."""
    if not any(run.unread for run in decision.state.open_runs()):
        cause, kind = decision.cause.envelope.id, PullRequestKind.UPDATED
        start(decision, cause, kind=kind, hint_head=hint_head, sender=sender, not_before=_not_before(decision))


def _not_before(decision: Decision) -> datetime | None:
    """When enough time has passed since the last reading was asked for. Where runs wait for their turn, the first of a
    pull request stands back until it is given one; what follows takes the place of what is under way."""
    asked = [
        part.asked_at
        for run in decision.state.open_runs()
        for part in run.of_stage(Stage.PREPARE)
        if part.asked_at is not None
    ]
    if asked:
        return max(asked) + decision.rules.debounce
    return decision.now + decision.rules.run_deadline if decision.rules.in_turn else None


def start(
    decision: Decision,
    cause_id: str,
    *,
    kind: PullRequestKind,
    hint_head: str = "",
    sender: str = "",
    command: str = "",
    command_argument: str = "",
    forced: bool = False,
    full: bool = False,
    replays: str = "",
    not_before: datetime | None = None,
) -> None:
    """One cause opens one run, however often it is told."""
    state = decision.state
    reference = state.pull_request
    new = run_id(state.stream, cause_id)
    if reference is None or new in state.runs or new in state.ended:
        decision.ignore("this cause has its run already" if reference else "no pull request is known here yet")
        return
    opened = WorkflowOpened(
        run_id=new,
        cause_id=cause_id,
        kind=kind,
        pull_request=reference,
        hint_head=hint_head,
        due=decision.now + decision.rules.run_deadline,
        sender=sender,
        command=command,
        command_argument=command_argument,
        forced=forced,
        full=full,
        replays=replays,
    )
    decision.say(opened, new)
    if not_before is not None and not_before > decision.now:
        decision.say(AttemptScheduled(new, Stage.PREPARE, "", 1, not_before, "it waits for its turn"), new)
    else:
        decision.ask(decision.run(new), Stage.PREPARE)
